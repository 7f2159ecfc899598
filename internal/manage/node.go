package manage

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/kube"
)

// each reads the objects of a list one by one.
func each[T any](one func(*T) error) func(json.RawMessage) error {
	return func(raw json.RawMessage) error {
		var v T
		if err := json.Unmarshal(raw, &v); err != nil {
			return fmt.Errorf("read an object of a list: %w", err)
		}
		return one(&v)
	}
}

// node is the part of a Node that says whether a sensor can be there.
type node struct {
	Metadata struct {
		Name    string            `json:"name"`
		Created time.Time         `json:"creationTimestamp"`
		Labels  map[string]string `json:"labels"`
	} `json:"metadata"`
	Status struct {
		Conditions []condition `json:"conditions"`
		Info       struct {
			System       string `json:"operatingSystem"`
			Architecture string `json:"architecture"`
			Kernel       string `json:"kernelVersion"`
		} `json:"nodeInfo"`
	} `json:"status"`
}

type condition struct {
	Type    string `json:"type"`
	Status  string `json:"status"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// ready reports whether the kubelet reports, and says that it can work.
func (n *node) ready() bool {
	return slices.ContainsFunc(n.Status.Conditions, func(c condition) bool { return c.Type == "Ready" && c.Status == "True" })
}

// The oldest kernel with all that the sensor asks for.
const (
	kernelMajor = 5
	kernelMinor = 8
)

// excluded is why there can or shall be no sensor on the node; "" when there
// should be one.
func (n *node) excluded(selector map[string]string) string {
	info := &n.Status.Info
	switch {
	case n.Metadata.Labels["eks.amazonaws.com/compute-type"] == "fargate":
		return "a Fargate node: there is no node to see"
	case n.Metadata.Labels["type"] == "virtual-kubelet":
		return "a virtual node: there is no node to see"
	case info.System != "" && info.System != "linux":
		return "the operating system is " + kube.Plain(info.System, 40) + "; the sensor needs Linux"
	case info.Architecture != "" && info.Architecture != "amd64" && info.Architecture != "arm64":
		return "the architecture is " + kube.Plain(info.Architecture, 40) + "; the sensor needs amd64 or arm64"
	case oldKernel(info.Kernel):
		return fmt.Sprintf("the kernel %s is too old; the sensor needs Linux %d.%d", kube.Plain(info.Kernel, 80), kernelMajor, kernelMinor)
	}
	for _, key := range slices.Sorted(maps.Keys(selector)) {
		if n.Metadata.Labels[key] != selector[key] {
			return "it has not the label " + key + "=" + selector[key] + ", which kubernetes.clusters[].sensor.nodeSelector asks for"
		}
	}
	return ""
}

// oldKernel reports whether a version such as 5.4.0-150-generic is too old.
// What is no version is not.
func oldKernel(version string) bool {
	major, rest, ok := strings.Cut(version, ".")
	if !ok {
		return false
	}
	end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if end >= 0 {
		rest = rest[:end]
	}
	a, err1 := strconv.Atoi(major)
	b, err2 := strconv.Atoi(rest)
	return err1 == nil && err2 == nil && (a < kernelMajor || a == kernelMajor && b < kernelMinor)
}
