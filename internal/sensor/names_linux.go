package sensor

import (
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// errnoName is EPERM for 1.
func errnoName(n int) string {
	if name := unix.ErrnoName(syscall.Errno(n)); name != "" {
		return name
	}
	return "errno " + strconv.Itoa(n)
}

// signalName is SIGKILL for 9, and "" for none.
func signalName(n int) string {
	if n == 0 {
		return ""
	}
	if name := unix.SignalName(syscall.Signal(n)); name != "" {
		return name
	}
	return "SIGRTMIN+" + strconv.Itoa(n-32)
}
