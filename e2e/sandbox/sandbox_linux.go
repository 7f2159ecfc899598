package sandbox

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
)

// hidden lists folders that components write to at fixed places. Inside the
// sandbox each is an empty file system in memory.
func hidden() []string {
	return []string{"/var/lib/kubelet", "/run/containerd", "/var/log/pods", "/var/log/containers", "/var/lib/vedette-sensor"}
}

// Run runs this program again with args and extra environment inside new
// namespaces, with the caller's standard streams, and waits for it. When the
// caller dies, the sandbox and everything in it dies too.
func Run(ctx context.Context, args, env []string) error {
	name := fmt.Sprintf("vedette-e2e-%d", os.Getpid())
	for _, dir := range hidden() {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("make a mount point: %w", err)
		}
		// Takes away an empty folder only, so not one that is in use.
		defer os.Remove(dir)
	}
	defer removeCgroups(name)
	if err := makeCgroups(name); err != nil {
		return err
	}

	// Pdeathsig is sent when the parent *thread* ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, "/proc/self/exe", args...)
	cmd.Env = append(append(os.Environ(), env...), insideVar+"="+name)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | syscall.CLONE_NEWNS,
		Pdeathsig:  syscall.SIGKILL,
	}
	pid, tell, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("run in the sandbox: %w", err)
	}
	defer tell.Close()
	cmd.ExtraFiles = []*os.File{pid} // descriptor 3
	err = cmd.Start()
	pid.Close()
	if err != nil {
		return fmt.Errorf("run in the sandbox: %w", err)
	}
	fmt.Fprintln(tell, cmd.Process.Pid)
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("run in the sandbox: %w", err)
	}
	return nil
}

// OuterPID is the number that the sandbox's first process has outside, where a
// kernel's tracing counts. It can be asked once.
func OuterPID() (int, error) {
	f := os.NewFile(3, "pid")
	defer f.Close()
	var pid int
	if _, err := fmt.Fscanln(f, &pid); err != nil {
		return 0, fmt.Errorf("read the sandbox's process id: %w", err)
	}
	return pid, nil
}

// Setup prepares the namespaces from inside: mounts of its own, loopback, and
// a bridge without ports that carries the node's address. Call it first.
func Setup() error {
	// First cut the tree off from the host's, then make it shared again, as
	// kubelet expects it.
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("detach the mounts: %w", err)
	}
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_SHARED, ""); err != nil {
		return fmt.Errorf("share the mounts: %w", err)
	}
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount proc: %w", err)
	}
	for _, dir := range hidden() {
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=755"); err != nil {
			return fmt.Errorf("mount over %s: %w", dir, err)
		}
	}
	ctx := context.Background()
	for _, args := range [][]string{
		{"link", "set", "lo", "up"},
		{"link", "add", "node0", "type", "bridge"},
		{"addr", "add", NodeIP + "/24", "dev", "node0"},
		{"link", "set", "node0", "up"},
		// Nothing lies behind it; some components want a default route.
		{"route", "add", "default", "via", "10.77.0.254"},
	} {
		if err := ip(ctx, args...); err != nil {
			return err
		}
	}
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644); err != nil {
		return fmt.Errorf("switch forwarding on: %w", err)
	}
	return nil
}

// AddAddress gives the sandbox one more address, so that a client can come
// from it: the API server logs the real peer.
func AddAddress(ctx context.Context, addr string) error {
	return ip(ctx, "addr", "add", addr+"/32", "dev", "lo")
}

func ip(ctx context.Context, args ...string) error { return Command(ctx, "ip", args...) }

// Command runs a program that changes the sandbox's network.
func Command(ctx context.Context, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
