package testbed

import (
	"os/exec"
	"testing"
)

// Promtool runs Prometheus's own tool on files, and fails the test with what it
// says if it finds a fault.
func Promtool(t testing.TB, args ...string) {
	t.Helper()
	bin, err := exec.LookPath("promtool")
	if err != nil {
		Lack(t, "promtool", "install Debian's package prometheus")
	}
	if out, err := exec.Command(bin, args...).CombinedOutput(); err != nil {
		t.Errorf("promtool %v: %v\n%s", args, err, out)
	}
}
