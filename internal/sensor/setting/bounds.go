package setting

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/vedette-project/vedette/internal/event"
)

// What a sensor may use.
const (
	minCPU    = 0.01
	maxCPU    = 64
	minMemory = 64 << 20
)

// CheckCPU refuses a share of the CPU with which no sensor can work, or that no
// sensor needs.
func CheckCPU(cores float64) error {
	if cores >= minCPU && cores <= maxCPU {
		return nil
	}
	err := fmt.Errorf("%v CPUs: it must be from %v to %v", cores, minCPU, maxCPU)
	if cores > maxCPU { // the unit was forgotten
		err = fmt.Errorf("%w; for %v thousandths of a CPU write %vm", err, cores, cores)
	}
	return err
}

// CheckMemory refuses what is too little.
func CheckMemory(bytes int64) error {
	if bytes < minMemory {
		return fmt.Errorf("%d bytes of memory: it must be 64Mi or more", bytes)
	}
	return nil
}

// CheckKinds refuses what is no kind of record, or is always told.
func CheckKinds(kinds []event.RuntimeKind) error {
	w := Weights()
	for _, k := range kinds {
		if w[k] == 0 {
			return fmt.Errorf("%q is no kind of record to choose, such as exec or connect", k)
		}
	}
	return nil
}

// CheckContainers refuses what is no id of a container.
func CheckContainers(ids []string) error {
	for _, id := range ids {
		if id == "" {
			return errors.New("an empty id of a container")
		}
	}
	return nil
}

func checkStateDirs(dirs []string) error {
	for _, dir := range dirs {
		if !path.IsAbs(dir) {
			return fmt.Errorf("%q is no folder of the node; write the state folder of containerd, such as /run/containerd", dir)
		}
	}
	return nil
}

// cores reads a number of CPUs as Kubernetes writes it: 0.2 or 200m.
func cores(s string) (float64, error) {
	milli := 1.0
	digits, ok := strings.CutSuffix(s, "m")
	if ok {
		milli = 1000
	}
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || !(n > 0) || n > 1e6 {
		return 0, fmt.Errorf("%q is not a number of CPUs, such as 200m or 0.2", s)
	}
	return n / milli, CheckCPU(n / milli)
}

// byteSize reads a number of bytes as Kubernetes writes it: 200Mi.
func byteSize(s string) (int64, error) {
	digits, shift := s, 0
	for i, unit := range []string{"Ki", "Mi", "Gi", "Ti"} {
		if d, ok := strings.CutSuffix(s, unit); ok {
			digits, shift = d, 10*(i+1)
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n <= 0 || n > 1<<62>>shift {
		return 0, fmt.Errorf("%q is not a size, such as 256Mi", s)
	}
	return n << shift, nil
}

func memorySize(s string) (int64, error) {
	n, err := byteSize(s)
	if err != nil {
		return 0, err
	}
	return n, CheckMemory(n)
}
