package testbed

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// ContainerdServer is a real containerd with an image of busybox. It lives in a
// mount namespace of its own: when all in there have ended, its mounts are gone.
// Its processes have the numbers that they have on the node, as on any node.
type ContainerdServer struct {
	t     testing.TB
	dir   string
	group string // the control group that holds those of the containers
	pid   int
}

// Pid is the number of its process, from which all containers come.
func (c *ContainerdServer) Pid() int { return c.pid }

// Containerd starts one that ends with the test. programs are files of the
// machine that the image has, by their path in it. Without root, containerd
// and runc the test is skipped.
func Containerd(t testing.TB, programs map[string]string) *ContainerdServer {
	t.Helper()
	Root(t)
	need(t, "containerd", "containerd", "ctr", "containerd", "runc", "runc", busybox, "busybox-static")
	// The names of sockets must be short; the folder of a test is long.
	dir, err := os.MkdirTemp("", "ctr")
	if err != nil {
		t.Fatal(err)
	}
	c := &ContainerdServer{t: t, dir: dir, group: "vedette-" + filepath.Base(dir)}
	t.Cleanup(func() {
		c.removeGroups()
		_ = os.Remove(fixed) // if it is empty, it is ours
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	c.start()
	image := c.path("image.tar")
	if err := os.WriteFile(image, imageTar(t, ContainerImage, programs), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, namespace := range []string{"k8s.io", "default"} {
		c.ctr(namespace, "images", "import", image)
	}
	return c
}

func (c *ContainerdServer) path(name string) string { return filepath.Join(c.dir, name) }

// State is the folder in which containerd keeps what runs.
func (c *ContainerdServer) State() string { return c.path("state") }

const containerdConfig = `version = 2
root = %q
state = %q
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = %q
`

const fixed = "/run/containerd"

func (c *ContainerdServer) start() {
	c.t.Helper()
	config := fmt.Sprintf(containerdConfig, c.path("root"), c.State(), c.path("s"))
	if err := os.WriteFile(c.path("config.toml"), []byte(config), 0o600); err != nil {
		c.t.Fatal(err)
	}
	var log bytes.Buffer
	// runc and the shims keep their state at fixed places: in there, in memory.
	if err := os.MkdirAll(fixed, 0o711); err != nil {
		c.t.Fatal(err)
	}
	cmd := exec.Command("/bin/sh", "-c", "mount --make-rprivate / && mount -t tmpfs -o mode=711 tmpfs "+fixed+
		" && exec containerd -c "+c.path("config.toml"))
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	ended := make(chan error, 1)
	started := make(chan error)
	go func() {
		// The signal comes when the thread ends that started the child.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			ended <- cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		c.t.Fatal(err)
	}
	c.pid = cmd.Process.Pid
	c.t.Cleanup(func() {
		// While it is open its number is not given to a namespace of somebody else.
		held, err := os.Open("/proc/" + strconv.Itoa(c.pid) + "/ns/mnt")
		if err == nil {
			defer held.Close()
		}
		namespace, err := mountNamespace(c.pid)
		_ = cmd.Process.Kill()
		<-ended
		if err == nil {
			c.endShims(namespace)
		}
	})
	for deadline := time.Now().Add(30 * time.Second); ; {
		if err := c.try("default", "version").Run(); err == nil {
			return
		}
		select {
		case err := <-ended:
			ended <- err
			c.t.Fatalf("containerd ended: %v\n%s", err, log.String())
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			c.t.Fatal("containerd does not answer")
		}
	}
}

// mountNamespace names that of a process.
func mountNamespace(pid int) (string, error) {
	return os.Readlink("/proc/" + strconv.Itoa(pid) + "/ns/mnt")
}

// endShims ends what outlives its containerd: the containers, which are in the
// control group of the test, and their shims, which share its mount namespace.
func (c *ContainerdServer) endShims(namespace string) {
	for range 100 {
		left := false
		entries, _ := os.ReadDir("/proc")
		for _, e := range entries {
			pid, err := strconv.Atoi(e.Name())
			if err != nil {
				continue
			}
			in, err := mountNamespace(pid)
			groups, _ := os.ReadFile("/proc/" + e.Name() + "/cgroup")
			if err == nil && in == namespace || bytes.Contains(groups, []byte("/"+c.group+"/")) {
				left = true
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		if !left {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	c.t.Error("what containerd started does not end")
}

func (c *ContainerdServer) try(namespace string, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	cmd := exec.CommandContext(ctx, "ctr", append([]string{"-a", c.path("s"), "-n", namespace}, args...)...)
	cmd.Cancel = func() error { cancel(); return cmd.Process.Kill() }
	return cmd
}

func (c *ContainerdServer) ctr(namespace string, args ...string) string {
	c.t.Helper()
	out, err := c.try(namespace, args...).CombinedOutput()
	if err != nil {
		c.t.Fatalf("ctr %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// RunningContainer is a container that was started.
type RunningContainer struct {
	ID        string
	Namespace string
	Cgroup    string // its control group's path
	server    *ContainerdServer
}

// Run starts a container and does not wait for its end.
func (c *ContainerdServer) Run(o ContainerOptions) *RunningContainer {
	c.t.Helper()
	if o.ID == "" {
		o.ID = NewContainerID()
	}
	if o.Namespace == "" {
		o.Namespace = "k8s.io"
	}
	if o.Cgroup == "" {
		o.Cgroup = o.ID
	}
	r := &RunningContainer{ID: o.ID, Namespace: o.Namespace, Cgroup: filepath.Join("/", c.group, o.Cgroup), server: c}
	args := []string{"run", "--detach", "--log-uri", "file://" + r.log(), "--cgroup", r.Cgroup}
	for name, on := range map[string]bool{"--privileged": o.Privileged, "--net-host": o.HostNetwork, "--read-only": o.ReadOnly, "--allow-new-privs": o.NewPrivileges} {
		if on {
			args = append(args, name)
		}
	}
	for _, e := range o.Env {
		args = append(args, "--env", e)
	}
	for k, v := range o.Annotations {
		args = append(args, "--annotation", k+"="+v)
	}
	for _, b := range o.Binds {
		source, rest, _ := strings.Cut(b, ":")
		target, readOnly, _ := strings.Cut(rest, ":")
		options := "rbind:rw"
		if readOnly == "ro" {
			options = "rbind:ro"
		}
		args = append(args, "--mount", "type=bind,src="+source+",dst="+target+",options="+options)
	}
	args = append(append(args, ContainerImage, o.ID), o.Args...)
	c.ctr(o.Namespace, args...)
	return r
}

// NewContainerID is an id as Kubernetes has them.
func NewContainerID() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

func (r *RunningContainer) log() string { return r.server.path(r.ID + ".log") }

// Output is what the container's first process has printed.
func (r *RunningContainer) Output() string {
	b, _ := os.ReadFile(r.log())
	return string(b)
}

// Exec runs a program in the container, as kubectl exec does, and returns what
// it printed.
func (r *RunningContainer) Exec(args ...string) (string, error) {
	id := "exec-" + NewContainerID()[:8]
	out, err := r.server.try(r.Namespace, append([]string{"task", "exec", "--fifo-dir", r.server.dir, "--exec-id", id, r.ID}, args...)...).CombinedOutput()
	return string(out), err
}

// Kill ends the container.
func (r *RunningContainer) Kill() {
	_ = r.server.try(r.Namespace, "task", "kill", "--signal", "SIGKILL", r.ID).Run()
}

// Pid is the number of the container's first process, for this process.
func (r *RunningContainer) Pid() int {
	r.server.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		for _, h := range hierarchies() {
			b, err := os.ReadFile(filepath.Join(h, r.Cgroup, "cgroup.procs"))
			if pid, _, _ := strings.Cut(string(b), "\n"); err == nil && pid != "" {
				n, err := strconv.Atoi(pid)
				if err == nil {
					return n
				}
			}
		}
	}
	r.server.t.Fatalf("container %s has no process", r.ID)
	return 0
}

// removeGroups removes the control groups once the kernel has ended what was
// in them.
func (c *ContainerdServer) removeGroups() {
	for range 100 {
		left := false
		for _, h := range hierarchies() {
			left = !removeGroup(filepath.Join(h, c.group)) || left
		}
		if !left {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func removeGroup(dir string) (gone bool) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return os.IsNotExist(err)
	}
	for _, e := range entries {
		if e.IsDir() {
			removeGroup(filepath.Join(dir, e.Name()))
		}
	}
	return os.Remove(dir) == nil
}

// hierarchies are the roots of the control groups: one for each controller of
// version 1, and the one of version 2.
func hierarchies() []string {
	const root = "/sys/fs/cgroup"
	if _, err := os.Stat(root + "/cgroup.controllers"); err == nil {
		return []string{root}
	}
	entries, _ := os.ReadDir(root)
	var dirs []string
	for _, e := range entries {
		if e.IsDir() {
			dirs = append(dirs, filepath.Join(root, e.Name()))
		}
	}
	slices.Sort(dirs)
	return dirs
}
