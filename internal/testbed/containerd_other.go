//go:build !linux

package testbed

import "testing"

// ContainerdServer is a real containerd; see the Linux build.
type ContainerdServer struct{}

// RunningContainer is a container; see the Linux build.
type RunningContainer struct{ ID, Namespace, Cgroup string }

// Containerd skips the test: only Linux has containers.
func Containerd(t testing.TB, _ map[string]string) *ContainerdServer {
	t.Helper()
	(&Missing{"Linux", "run the tests of containers there"}).skip(t)
	return nil
}

// State is the folder in which containerd keeps what runs.
func (*ContainerdServer) State() string { return "" }

// Pid is the number of its process.
func (*ContainerdServer) Pid() int { return 0 }

// Run starts a container.
func (*ContainerdServer) Run(ContainerOptions) *RunningContainer { return nil }

// NewContainerID is an id as Kubernetes has them.
func NewContainerID() string { return "" }

// Output is what the container's first process has printed.
func (*RunningContainer) Output() string { return "" }

// Exec runs a program in the container.
func (*RunningContainer) Exec(...string) (string, error) { return "", nil }

// Kill ends the container.
func (*RunningContainer) Kill() {}

// Pid is the number of the container's first process.
func (*RunningContainer) Pid() int { return 0 }
