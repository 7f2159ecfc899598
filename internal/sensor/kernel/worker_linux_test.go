//go:build linux && (amd64 || arm64)

package kernel

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// workers are what the test binary can do as another process.
var workers = map[string]func(args []string) error{
	"memfd": func([]string) error {
		fd, err := unix.MemfdCreate("payload", unix.MFD_CLOEXEC)
		if err != nil {
			return err
		}
		text, err := os.ReadFile("/bin/true")
		if err != nil {
			return err
		}
		if _, err := unix.Write(fd, text); err != nil {
			return err
		}
		return syscall.Exec(fmt.Sprintf("/proc/self/fd/%d", fd), []string{"true"}, nil)
	},
	"deleted": func(args []string) error {
		f, err := os.Open(args[0])
		if err != nil {
			return err
		}
		if err := os.Remove(args[0]); err != nil {
			return err
		}
		return syscall.Exec(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), []string{"true"}, nil)
	},
	"loop":                loop,
	"labour":              labour,
	"refused-userfaultfd": refusedUserfaultfd,
	"overlay":             func(args []string) error { return overlay(args[0]) },
	"files":               func(args []string) error { return files(args[0]) },
	"endings":             func(args []string) error { return endings(args[0]) },
	"open":                func(args []string) error { return touch(args[0]) },
	"opens": func(args []string) error {
		for range 3000 {
			if err := touch(args[0]); err != nil {
				return err
			}
		}
		return nil
	},
	"mem": func([]string) error {
		f, err := os.OpenFile("/proc/self/mem", os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return f.Close()
	},
	"handle": func(args []string) error {
		h, _, err := unix.NameToHandleAt(unix.AT_FDCWD, args[0], 0)
		if err != nil {
			return err
		}
		dir, err := os.Open(filepath.Dir(args[0]))
		if err != nil {
			return err
		}
		_, err = unix.OpenByHandleAt(int(dir.Fd()), h, unix.O_RDONLY)
		return err
	},
	"dup":         func(args []string) error { return dup(args[0], args[1]) },
	"connect":     func(args []string) error { return connectAll(args) },
	"credentials": func([]string) error { return credentials() },
	"namespaces": func([]string) error {
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWUTS); err != nil {
			return err
		}
		f, err := os.Open("/proc/self/ns/ipc")
		if err != nil {
			return err
		}
		if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWIPC); err != nil {
			return err
		}
		self, err := unix.PidfdOpen(os.Getpid(), 0)
		if err != nil {
			return err
		}
		return unix.Setns(self, unix.CLONE_NEWUTS)
	},
	"mounts": func(args []string) error { return mounts(args[0]) },
	"roots": func(args []string) error {
		if err := unix.Chroot(args[0]); err != nil {
			return err
		}
		return os.WriteFile("/authorized_keys", nil, 0o600) // its path begins at the new root
	},
	"system": func(args []string) error { return system(args[0]) },
	"ptrace": func([]string) error { return ptrace() },
	"vm":     func([]string) error { return vmWrite() },
	"compat": func(args []string) error { return exec.Command(args[0]).Run() },
	"protect": func([]string) error {
		b, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ, unix.MAP_ANON|unix.MAP_PRIVATE)
		if err != nil {
			return err
		}
		return unix.Mprotect(b, unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC)
	},
}

func touch(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// overlay lives in an overlay as a container does: it runs a program of the
// lower layer and one that it writes, and maps both.
func overlay(dir string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, ""); err != nil { // overlay wants no overlay below
		return err
	}
	for _, sub := range []string{"lower", "upper", "work", "root"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			return err
		}
	}
	text, err := os.ReadFile("/bin/true")
	if err != nil {
		return err
	}
	if err := os.WriteFile(dir+"/lower/old", text, 0o755); err != nil {
		return err
	}
	options := fmt.Sprintf("lowerdir=%[1]s/lower,upperdir=%[1]s/upper,workdir=%[1]s/work", dir)
	if err := unix.Mount("overlay", dir+"/root", "overlay", 0, options); err != nil {
		return err
	}
	if err := os.WriteFile(dir+"/root/new", text, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"old", "new"} {
		if err := exec.Command(filepath.Join(dir, "root", name)).Run(); err != nil {
			return err
		}
		f, err := os.Open(filepath.Join(dir, "root", name))
		if err != nil {
			return err
		}
		if _, err := unix.Mmap(int(f.Fd()), 0, 4096, unix.PROT_READ|unix.PROT_EXEC, unix.MAP_PRIVATE); err != nil {
			return err
		}
	}
	return nil
}

// files changes names in a directory in all the ways there are.
func files(dir string) error {
	if err := os.Chdir(dir); err != nil {
		return err
	}
	at, err := os.Open(dir)
	if err != nil {
		return err
	}
	fd := int(at.Fd())
	if err := os.Mkdir("cron.d", 0o755); err != nil {
		return err
	}
	if err := errors.Join(touch("plain"), touch("other")); err != nil {
		return err
	}
	return errors.Join(
		unix.Rename("plain", "cron.d/job"),
		unix.Renameat(fd, "other", unix.AT_FDCWD, dir+"/./cron.d//job2"),
		unix.Link("cron.d/job", "hard"),
		unix.Linkat(fd, "hard", fd, "sudoers", 0),
		unix.Symlink("/etc/passwd", "authorized_keys"),
		unix.Symlinkat("x", fd, "cron.d/soft"),
		unix.Chmod("cron.d/job", 0o600),
		unix.Fchmodat(fd, "hard", 0o4755, 0),
		unix.Fchmod(fd, 0o700), // of no interest
		unix.Truncate("sudoers", 0),
		unix.Unlink("authorized_keys"),
		unix.Unlinkat(fd, "cron.d/job2", 0),
		unix.Unlink("hard"), // of no interest
	)
}

// endings makes files, in a place for their endings and elsewhere.
func endings(dir string) error {
	if err := os.MkdirAll(dir+"/html/more/up/too/far", 0o755); err != nil {
		return err
	}
	if err := os.Chdir(dir); err != nil {
		return err
	}
	for _, name := range []string{
		"other.php", "html/.php.swp", "html/a.php", "html/again.php", "html/aphp", "html/page.html",
		"html/more/long-enough-a-name-for-all-of-the-table.phtml", "html/more/up/x.pth", "html/more/up/too/deep.php", "html/more/up/too/far/x.php",
	} {
		if err := touch(name); err != nil {
			return err
		}
	}
	if err := unix.Rename("html/page.html", dir+"/html/moved.php"); err != nil {
		return err
	}
	if err := unix.Rename("html/moved.php", "html/again-moved.php"); err != nil { // like the one before
		return err
	}
	at, err := os.Open("html")
	if err != nil {
		return err
	}
	return unix.Renameat2(int(at.Fd()), "aphp", int(at.Fd()), "up.php", 0)
}

func dup(addr, fifo string) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	f, err := c.(*net.TCPConn).File()
	if err != nil {
		return err
	}
	named, err := os.OpenFile(fifo, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	r, _, err := os.Pipe()
	if err != nil {
		return err
	}
	if err := errors.Join(unix.Dup3(int(f.Fd()), 0, 0), unix.Dup3(int(named.Fd()), 1, 0), unix.Dup3(int(r.Fd()), 1, 0)); err != nil {
		return err
	}
	if err := unix.Close(2); err != nil {
		return err
	}
	if _, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD, 0); err != nil { // becomes 2
		return err
	}
	return unix.Dup3(int(f.Fd()), 77, 0) // of no interest
}

func connectAll(paths []string) error {
	for _, path := range paths {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err != nil {
			return err
		}
		if err := unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
	}
	return nil
}

func credentials() error {
	runtime.LockOSThread()
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		return err
	}
	data[0].Effective &^= 1 << unix.CAP_NET_RAW
	if err := unix.Capset(&hdr, &data[0]); err != nil {
		return err
	}
	_, _, e := unix.RawSyscall(unix.SYS_SETRESUID, 65534, 65533, 0)
	if e != 0 {
		return e
	}
	return nil
}

// mounts mounts in a namespace of its own, with the old calls and the new.
func mounts(dir string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := unix.Mount("/etc", filepath.Join(dir, "missing"), "", unix.MS_BIND, ""); err == nil {
		return errors.New("a mount where nothing is")
	}
	if err := unix.Mount("none", dir, "tmpfs", unix.MS_NOSUID, ""); err != nil {
		return err
	}
	if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
		return err
	}
	tree, err := unix.OpenTree(unix.AT_FDCWD, "/etc", unix.OPEN_TREE_CLONE)
	if err != nil {
		return err
	}
	if err := unix.MoveMount(tree, "", unix.AT_FDCWD, dir, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return err
	}
	fs, err := unix.Fsopen("tmpfs", 0)
	if err != nil {
		return err
	}
	return unix.FsconfigSetString(fs, "source", "from-here")
}

// system makes the calls that need no more than to be made.
func system(dir string) error {
	module := filepath.Join(dir, "module.ko")
	if err := os.WriteFile(module, []byte("no module"), 0o600); err != nil {
		return err
	}
	f, err := os.Open(module)
	if err != nil {
		return err
	}
	if err := unix.FinitModule(int(f.Fd()), "", 0); err == nil {
		return errors.New("a module that is none was loaded")
	}
	if _, _, e := unix.Syscall(unix.SYS_USERFAULTFD, 0, 0, 0); e != 0 {
		return e
	}
	var params [120]byte
	if _, _, e := unix.Syscall(unix.SYS_IO_URING_SETUP, 4, uintptr(unsafe.Pointer(&params)), 0); e != 0 {
		return e
	}
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name:         "test_prog",
		Type:         ebpf.SocketFilter,
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
		License:      "MIT",
	})
	if err != nil {
		return err
	}
	return prog.Close()
}

// ptrace is a child that lets itself be traced, is looked at and written to
// (with what was there) and let go.
func ptrace() error {
	runtime.LockOSThread()
	cmd := exec.Command("/bin/true")
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := cmd.Wait(); err == nil {
		return errors.New("the child was not stopped")
	}
	pid := cmd.Process.Pid
	var word [8]byte
	// arm64 knows no such request; it is refused there.
	if _, err := unix.PtracePeekUser(pid, 0, word[:]); err != nil && !errors.Is(err, unix.EIO) {
		return err
	}
	var regs syscall.PtraceRegs
	if err := syscall.PtraceGetRegs(pid, &regs); err != nil {
		return err
	}
	at := uintptr(regs.PC())
	if _, err := unix.PtracePeekData(pid, at, word[:]); err != nil {
		return err
	}
	if _, err := unix.PtracePokeData(pid, at, word[:]); err != nil {
		return err
	}
	return unix.PtraceDetach(pid)
}

func vmWrite() error {
	cmd := exec.Command("/bin/cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	// The first page of its stack is somewhere; that nothing is written does not
	// matter, that it is tried and taken does: a call of no bytes succeeds.
	for range 3 {
		if _, err := unix.ProcessVMWritev(cmd.Process.Pid, nil, nil, 0); err != nil {
			return err
		}
	}
	if err := in.Close(); err != nil {
		return err
	}
	return cmd.Wait()
}

// refusedUserfaultfd asks for what the kernel gives to nobody without rights
// unless it is told to.
func refusedUserfaultfd([]string) error {
	if _, _, e := unix.RawSyscall(unix.SYS_SETRESUID, 65534, 65534, 65534); e != 0 {
		return e
	}
	if _, _, e := unix.RawSyscall(unix.SYS_USERFAULTFD, 0, 0, 0); e != unix.EPERM {
		return fmt.Errorf("userfaultfd: %v; vm.unprivileged_userfaultfd should be 0", e)
	}
	return nil
}
