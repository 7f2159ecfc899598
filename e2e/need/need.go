// Package need says what a machine must have for the end-to-end tests, and
// exactly what it lacks.
package need

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"testing"
)

// A Need is one thing that must be there.
type Need struct {
	What   string       // what it is
	Remedy string       // how to get it
	Have   func() error // nil when it is there
}

// Missing is the error of a need that is not met.
type Missing struct {
	Need Need
	Err  error
}

func (m *Missing) Error() string {
	return fmt.Sprintf("missing %s (%v): %s", m.Need.What, m.Err, m.Need.Remedy)
}

func (m *Missing) Unwrap() error { return m.Err }

// Check joins a *Missing for each need that is not met.
func Check(needs ...Need) error {
	var errs []error
	for _, n := range needs {
		if err := n.Have(); err != nil {
			errs = append(errs, &Missing{Need: n, Err: err})
		}
	}
	return errors.Join(errs...)
}

// OrSkip skips the test when a need is not met. On a CI machine, which is
// supposed to have everything, that is a failure: a test that never runs
// there protects nobody.
func OrSkip(t testing.TB, needs ...Need) {
	t.Helper()
	err := Check(needs...)
	if err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("CI lacks what this test needs:\n%v", err)
	}
	t.Skipf("this machine lacks what this test needs:\n%v", err)
}

// Cluster is what a cluster with a real node needs.
func Cluster() []Need {
	return []Need{
		{What: "Linux", Remedy: "run it on Linux", Have: func() error {
			if runtime.GOOS != "linux" {
				return fmt.Errorf("this is %s", runtime.GOOS)
			}
			return nil
		}},
		{What: "root", Remedy: "run as root; the test makes namespaces and runs containers", Have: func() error {
			if os.Geteuid() != 0 {
				return fmt.Errorf("user %d", os.Geteuid())
			}
			return nil
		}},
		program("etcd", "etcd-server"),
		program("containerd", "containerd"),
		program("runc", "runc"),
		program("ip", "iproute2"),
		program("iptables", "iptables"),
		Busybox(),
		file("/usr/lib/cni/ptp", "containernetworking-plugins"),
	}
}

// Busybox is the static program that test images are made of.
func Busybox() Need { return file("/bin/busybox", "busybox-static") }

// Ubuntu is what makes the workshop's image.
func Ubuntu() []Need {
	return []Need{program("mmdebstrap", "mmdebstrap"), program("dpkg-scanpackages", "dpkg-dev")}
}

// AWSCLI is Debian's AWS command line; another "aws" may come first in PATH.
func AWSCLI() Need { return file("/usr/bin/aws", "awscli") }

func program(name, pkg string) Need {
	return Need{What: name, Remedy: "apt-get install " + pkg, Have: func() error {
		_, err := exec.LookPath(name)
		return err
	}}
}

func file(path, pkg string) Need {
	return Need{What: path, Remedy: "apt-get install " + pkg, Have: func() error {
		_, err := os.Stat(path)
		return err
	}}
}
