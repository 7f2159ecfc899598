package caps

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Own is the set of this process; of one thread, but here all are alike.
func Own() (Set, error) {
	text, err := os.ReadFile("/proc/thread-self/status")
	if err != nil {
		return 0, fmt.Errorf("caps: %w", err)
	}
	st, err := ParseStatus(text)
	if err != nil {
		return 0, fmt.Errorf("caps: %w", err)
	}
	return st.Effective, nil
}

// ErrCgo says that the threads of this binary cannot be reached: Go does it
// only where no C does.
var ErrCgo = errors.New("caps: this binary was built with cgo, so it keeps the rights that it was started with (build with CGO_ENABLED=0)")

// Keep gives up all capabilities but those in keep, in all threads and for good:
// also what this process starts, or becomes, cannot have them again.
func Keep(keep Set) error {
	own, err := Own()
	if err != nil {
		return err
	}
	if _, _, e := syscall.AllThreadsSyscall(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0); e != 0 {
		if e == syscall.ENOTSUP {
			return ErrCgo
		}
		return fmt.Errorf("caps: give up new privileges: %w", e)
	}
	if err := bound(keep); err != nil {
		return err
	}
	if _, _, e := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0, 0); e != 0 && e != syscall.EINVAL {
		return fmt.Errorf("caps: give up ambient capabilities: %w", e)
	}
	head, data := capset(own&keep, own&keep)
	_, _, e := syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(head)), uintptr(unsafe.Pointer(data)), 0)
	runtime.KeepAlive(head)
	runtime.KeepAlive(data)
	if e != 0 {
		return fmt.Errorf("caps: give up capabilities: %w", e)
	}
	return nil
}

// bound takes all but keep out of the bounding set, if the process may: who has
// not CAP_SETPCAP cannot get others anyway, having given up new privileges.
func bound(keep Set) error {
	const last = 63
	for bit := uintptr(0); bit <= last; bit++ {
		if keep>>bit&1 != 0 {
			continue
		}
		switch _, _, e := syscall.AllThreadsSyscall(unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, bit, 0); e {
		case 0:
		case syscall.EINVAL, syscall.EPERM: // past the kernel's last, or not allowed to
			return nil
		default:
			return fmt.Errorf("caps: give up capability %d: %w", bit, e)
		}
	}
	return nil
}

// Works reports whether f does, in one thread, without some capabilities. The
// thread has them again when f returns.
func Works(without Set, f func() error) (bool, error) {
	runtime.LockOSThread()
	own, err := Own()
	if err != nil {
		runtime.UnlockOSThread()
		return false, err
	}
	head, data := capset(own&^without, own)
	if err := unix.Capset(head, data); err != nil {
		runtime.UnlockOSThread()
		return false, fmt.Errorf("caps: %w", err)
	}
	failed := f()
	head, data = capset(own, own)
	if err := unix.Capset(head, data); err != nil {
		return false, fmt.Errorf("caps: %w", err) // the thread stays locked, and ends with its goroutine
	}
	runtime.UnlockOSThread()
	return failed == nil, nil
}

func capset(effective, permitted Set) (*unix.CapUserHeader, *unix.CapUserData) {
	data := &[2]unix.CapUserData{
		{Effective: uint32(effective), Permitted: uint32(permitted)},
		{Effective: uint32(effective >> 32), Permitted: uint32(permitted >> 32)},
	}
	return &unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &data[0]
}
