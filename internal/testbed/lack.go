package testbed

import (
	"os"
	"testing"
)

// Lack skips the test for something that this machine does not have; with
// CI=true it fails it.
func Lack(t testing.TB, what, remedy string) {
	t.Helper()
	(&Missing{what, remedy}).skip(t)
}

// Root skips the test for anybody else.
func Root(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		Lack(t, "root", "run the tests as root: they load programs into the kernel, and make namespaces and containers")
	}
}
