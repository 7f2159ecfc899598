package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

type child struct{ *exec.Cmd }

func start(program string, args ...string) *child {
	return &child{exec.Command(program, args...)}
}

func (c *child) wait() error {
	if err := c.Run(); err != nil {
		return fmt.Errorf("run %q: %w", c.Path, err)
	}
	return nil
}

// self starts a copy of this program that waits, and calls f with its pid.
func self(f func(pid int) error) error {
	cmd := exec.Command("/proc/self/exe", "wait")
	cmd.Args[0] = "act"
	if err := cmd.Start(); err != nil {
		return err
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	return f(cmd.Process.Pid)
}

// traceMe keeps debuggers away.
func traceMe() error {
	runtime.LockOSThread()
	if _, _, e := unix.RawSyscall6(unix.SYS_PTRACE, unix.PTRACE_TRACEME, 0, 0, 0, 0, 0); e != 0 {
		return e
	}
	return nil
}

// trace starts a child that lets itself be traced, and looks into it or writes.
func trace(poke bool) error {
	runtime.LockOSThread()
	cmd := exec.Command("/bin/sleep", "0.1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	pid := cmd.Process.Pid
	var status unix.WaitStatus
	if _, err := unix.Wait4(pid, &status, 0, nil); err != nil {
		return err
	}
	if poke {
		var regs unix.PtraceRegs
		if err := unix.PtraceGetRegs(pid, &regs); err != nil {
			return err
		}
		word := make([]byte, 8)
		if _, err := unix.PtracePeekText(pid, uintptr(regs.PC()), word); err != nil {
			return err
		}
		if _, err := unix.PtracePokeText(pid, uintptr(regs.PC()), word); err != nil {
			return err
		}
	} else {
		const peekUser = 3
		var word uintptr
		if _, _, e := unix.RawSyscall6(unix.SYS_PTRACE, peekUser, uintptr(pid), 0, uintptr(unsafe.Pointer(&word)), 0, 0); e != 0 && runtime.GOARCH == "amd64" {
			return e
		}
	}
	if err := unix.PtraceDetach(pid); err != nil {
		return err
	}
	_, err := unix.Wait4(pid, &status, 0, nil)
	return err
}

// target is a word of this program that a copy of it has at the same place.
var target = [8]byte{1}

func vmWrite() error {
	return self(func(pid int) error {
		word := []byte("abcdefgh")
		local := unix.Iovec{Base: &word[0]}
		local.SetLen(len(word))
		_, err := unix.ProcessVMWritev(pid, []unix.Iovec{local}, []unix.RemoteIovec{{Base: uintptr(unsafe.Pointer(&target)), Len: len(word)}}, 0)
		return err
	})
}

func procMem() error {
	return self(func(pid int) error {
		f, err := os.OpenFile("/proc/"+strconv.Itoa(pid)+"/mem", os.O_RDWR, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = f.WriteAt([]byte("abcdefgh"), int64(uintptr(unsafe.Pointer(&target))))
		return err
	})
}

func memfdExec() error {
	fd, err := unix.MemfdCreate("", unix.MFD_CLOEXEC)
	if err != nil {
		return err
	}
	b, err := os.ReadFile("/bin/busybox")
	if err != nil {
		return err
	}
	if _, err := unix.Write(fd, b); err != nil {
		return err
	}
	return unix.Exec("/proc/self/fd/"+strconv.Itoa(fd), []string{"echo", "from memory"}, nil)
}

func deletedExec() error {
	b, err := os.ReadFile("/bin/busybox")
	if err != nil {
		return err
	}
	const file = "/tmp/.gone"
	if err := os.WriteFile(file, b, 0o755); err != nil {
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	if err := os.Remove(file); err != nil {
		return err
	}
	return unix.Exec("/proc/self/fd/"+strconv.Itoa(int(f.Fd())), []string{"echo", "from nowhere"}, nil)
}

// userfaultfd may be refused; the attempt is what counts.
func userfaultfd() error {
	_, _, e := unix.RawSyscall(unix.SYS_USERFAULTFD, unix.O_CLOEXEC, 0, 0)
	if e != 0 && e != unix.EPERM {
		return e
	}
	return nil
}

func ioUring() error {
	var params [120]byte
	_, _, e := unix.RawSyscall(unix.SYS_IO_URING_SETUP, 4, uintptr(unsafe.Pointer(&params)), 0)
	if e != 0 && e != unix.EPERM && e != unix.ENOSYS {
		return e
	}
	return nil
}

// initModule gives the kernel something that is no module.
func initModule() error {
	if err := unix.InitModule([]byte("no module at all"), ""); err == nil {
		return fmt.Errorf("the kernel took it")
	}
	return nil
}

func openHandle(file string) error {
	h, id, err := unix.NameToHandleAt(unix.AT_FDCWD, file, 0)
	if err != nil {
		return err
	}
	_ = id
	root, err := os.Open("/")
	if err != nil {
		return err
	}
	if fd, err := unix.OpenByHandleAt(int(root.Fd()), h, unix.O_RDONLY); err == nil {
		unix.Close(fd)
	}
	return nil
}

// mount tries to mount a folder of the node; it is not allowed to, mostly.
func mount(source, target string) error {
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(source, target, "", unix.MS_BIND, ""); err == nil {
		return unix.Unmount(target, 0)
	}
	return nil
}

// becomeRoot gives up root, but for the right to take it back, and takes it back.
func becomeRoot() error {
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
		return err
	}
	set := func(id uintptr) error {
		if _, _, e := unix.RawSyscall(unix.SYS_SETRESUID, id, id, id); e != 0 {
			return e
		}
		return nil
	}
	if err := set(1000); err != nil {
		return err
	}
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var caps [2]unix.CapUserData
	if err := unix.Capget(&head, &caps[0]); err != nil {
		return err
	}
	caps[0].Effective, caps[1].Effective = caps[0].Permitted, caps[1].Permitted
	if err := unix.Capset(&head, &caps[0]); err != nil {
		return err
	}
	return set(0)
}

// as runs a program as a user.
func as(user string, args []string) error {
	id, err := strconv.Atoi(user)
	if err != nil {
		return err
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(id), Gid: uint32(id)}}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}

func openForWriting(file string) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return nil // the attempt counts
	}
	return f.Close()
}
