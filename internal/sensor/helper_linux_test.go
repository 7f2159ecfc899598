package sensor

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// helperVar has this program be what a test needs to watch: a sensor does not
// watch its own process.
const helperVar = "VEDETTE_TEST_HELPER"

func TestMain(m *testing.M) {
	helpers := map[string]func() error{"service": service, "calls": makeCalls, "ask": ask, "storm": storm, "nested": nested}
	name := os.Getenv(helperVar)
	if name == "" {
		os.Exit(m.Run())
	}
	if err := helpers[name](); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// helped runs a helper and returns what it prints.
func helped(t testing.TB, name string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	// Without asynchronous preemption no signal comes to one that is traced.
	cmd.Env = []string{helperVar + "=" + name, "TMPDIR=" + t.TempDir(), "GODEBUG=asyncpreemptoff=1"}
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

// service listens, takes a connection and gives it to a program, as a shell is
// given. It prints the address of the other end.
func service() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return err
	}
	conn, err := l.Accept()
	if err != nil {
		return err
	}
	socket, err := conn.(*net.TCPConn).File()
	if err != nil {
		return err
	}
	cmd := exec.Command("/bin/echo", "served")
	cmd.Stdin, cmd.Stdout = socket, socket
	fmt.Println(client.LocalAddr())
	return cmd.Run()
}

// makeCalls makes one of each of the calls that are told, and prints its number.
func makeCalls() error {
	// The thread that lets itself be traced has to be the first one: any other
	// stays until its tracer asks for it, and the process with it.
	runtime.LockOSThread()
	if unix.Gettid() != os.Getpid() {
		return unix.Exec("/proc/self/exe", os.Args, os.Environ())
	}
	word := []byte("abcd")
	into := make([]byte, 4)
	local, remote := unix.Iovec{Base: &into[0]}, unix.RemoteIovec{Base: uintptr(unsafe.Pointer(&word[0])), Len: 4}
	local.SetLen(4)
	node, err := os.Open("/proc/self/ns/uts")
	if err != nil {
		return err
	}
	file := filepath.Join(os.TempDir(), "raised")
	steps := []func() error{
		func() error { _, err := unix.MemfdCreate("quiet", unix.MFD_CLOEXEC); return err },
		func() error { return unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_NEWUTS) },
		func() error {
			if unix.Mount("/nowhere", "/mnt", "ext4", unix.MS_RDONLY|unix.MS_BIND, "") != unix.ENOENT {
				return fmt.Errorf("mounted what is not there")
			}
			return nil
		},
		func() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") },
		func() error { return unix.Mount("tmpfs", "/mnt", "tmpfs", unix.MS_NOSUID, "") },
		func() error { return unix.Unmount("/mnt", unix.MNT_DETACH) },
		func() error { return unix.Setns(int(node.Fd()), 0) },
		func() error {
			_, err := unix.ProcessVMReadv(os.Getpid(), []unix.Iovec{local}, []unix.RemoteIovec{remote}, 0)
			return err
		},
		func() error { _, err := os.OpenFile("/proc/self/mem", os.O_RDWR, 0); return err },
		func() error { return os.WriteFile(file, nil, 0o755) },
		func() error { return unix.Chmod(file, 0o4755) },
		func() error { return unix.Chroot("/var") },
		func() error {
			head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
			var caps [2]unix.CapUserData
			if err := unix.Capget(&head, &caps[0]); err != nil {
				return err
			}
			caps[0].Effective &^= 1 << unix.CAP_SYS_BOOT
			return unix.Capset(&head, &caps[0])
		},
		func() error {
			_, _, e := unix.RawSyscall(unix.SYS_SETRESUID, 65534, 65534, 65534)
			if e != 0 {
				return e
			}
			return nil
		},
		// Last, and it ends here: any signal, the runtime's own among them, stops
		// for ever what nobody traces.
		func() error {
			_, _, e := unix.RawSyscall6(unix.SYS_PTRACE, unix.PTRACE_TRACEME, 0, 0, 0, 0, 0)
			if e != 0 {
				return e
			}
			_, _, e = unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
			return e
		},
	}
	fmt.Println(os.Getpid())
	for i, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
	}
	return nil
}

// ask sends a question to a name server that is not there.
func ask() error {
	c, err := net.Dial("udp", "127.0.0.1:53")
	if err != nil {
		return err
	}
	_, err = c.Write([]byte("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04Pool\x07example\x03com\x00\x00\x01\x00\x01"))
	fmt.Println(os.Getpid(), c.LocalAddr())
	return err
}

// stormOf is how many processes a storm is of.
const stormOf = 1500

func storm() error {
	for range stormOf {
		if err := exec.Command("/bin/true").Run(); err != nil {
			return err
		}
	}
	return nil
}
