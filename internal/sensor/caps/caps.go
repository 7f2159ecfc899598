// Package caps is what the sensor may do of all that root may: it says which
// capabilities a process lacks, and gives up those that are needed no more.
package caps

import (
	"bufio"
	"bytes"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// Set is a set of capabilities, a bit for each, as the kernel has it.
type Set uint64

// The capabilities that the sensor knows, by the kernel's numbers.
const (
	DACReadSearch Set = 1 << 2
	SetPCap       Set = 1 << 8
	NetAdmin      Set = 1 << 12
	SysPtrace     Set = 1 << 19
	SysAdmin      Set = 1 << 21
	SysResource   Set = 1 << 24
	Perfmon       Set = 1 << 38
	BPF           Set = 1 << 39
)

const (
	// Load are those without which no program is loaded.
	Load = BPF | Perfmon
	// Setup are those that it takes to begin to watch, where they can be had.
	// CAP_SYS_RESOURCE is for Linux before 5.11, where programs count as locked
	// memory, CAP_SETPCAP to give up more later.
	Setup = Run | Load | NetAdmin | SysResource | SetPCap
	// Run are those that are needed from then on.
	Run = SysPtrace | DACReadSearch
)

// String lists the names: CAP_BPF, CAP_PERFMON.
func (s Set) String() string {
	var out []string
	for rest := uint64(s); rest != 0; rest &= rest - 1 {
		out = append(out, name(bits.TrailingZeros64(rest)))
	}
	return strings.Join(out, ", ")
}

func name(bit int) string {
	switch Set(1) << bit {
	case DACReadSearch:
		return "CAP_DAC_READ_SEARCH"
	case SetPCap:
		return "CAP_SETPCAP"
	case NetAdmin:
		return "CAP_NET_ADMIN"
	case SysPtrace:
		return "CAP_SYS_PTRACE"
	case SysAdmin:
		return "CAP_SYS_ADMIN"
	case SysResource:
		return "CAP_SYS_RESOURCE"
	case Perfmon:
		return "CAP_PERFMON"
	case BPF:
		return "CAP_BPF"
	}
	return "capability " + strconv.Itoa(bit)
}

// Lacks are those of want that a process with the set s has not. To the kernel
// CAP_SYS_ADMIN stands for what was once part of it.
func (s Set) Lacks(want Set) Set {
	if s&SysAdmin != 0 {
		s |= BPF | Perfmon | NetAdmin
	}
	return want &^ s
}

// Status is what /proc/PID/status says of a thread's rights.
type Status struct {
	Effective, Permitted, Inheritable, Bounding, Ambient Set
	NoNewPrivs                                           bool
}

// ParseStatus reads the text of /proc/PID/status.
func ParseStatus(text []byte) (Status, error) {
	var st Status
	sets := map[string]*Set{"CapEff": &st.Effective, "CapPrm": &st.Permitted, "CapInh": &st.Inheritable, "CapBnd": &st.Bounding, "CapAmb": &st.Ambient}
	found := 0
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimSpace(value)
		if set := sets[key]; set != nil {
			n, err := strconv.ParseUint(value, 16, 64)
			if err != nil {
				return Status{}, fmt.Errorf("status: %s: %w", key, err)
			}
			*set = Set(n)
			found++
		}
		if key == "NoNewPrivs" {
			st.NoNewPrivs = value == "1"
		}
	}
	if found < len(sets)-1 { // CapAmb is the newest
		return Status{}, fmt.Errorf("status has %d of the %d fields CapInh, CapPrm, CapEff, CapBnd, CapAmb", found, len(sets))
	}
	return st, nil
}
