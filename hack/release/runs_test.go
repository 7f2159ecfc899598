package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// containerd is a real one with the image, in a mount namespace of its own.
type containerd struct {
	t   *testing.T
	dir string
	cmd *exec.Cmd
	n   int
}

// begin starts one and imports the file that users import.
func begin(t *testing.T, image string) *containerd {
	t.Helper()
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		lack(t, "root on Linux", "run the test as root: it runs containers")
	}
	needs(t, "containerd", "containerd", "ctr", "containerd", "runc", "runc")
	dir, err := os.MkdirTemp("", "ctr") // names of sockets must be short
	if err != nil {
		t.Fatal(err)
	}
	c := &containerd{t: t, dir: dir}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	write(t, c.path("config.toml"), fmt.Sprintf("version = 2\nroot = %q\nstate = %q\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\n  address = %q\n",
		c.path("root"), c.path("state"), c.path("s")))
	// Shims and runc keep their state at a fixed place: in there, in memory.
	script := "mkdir -p /run/containerd && mount --make-rprivate / && mount -t tmpfs -o mode=711 tmpfs /run/containerd && exec containerd -c " + c.path("config.toml")
	c.cmd = exec.Command("/bin/sh", "-c", script)
	var log bytes.Buffer
	c.cmd.Stdout, c.cmd.Stderr = &log, &log
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.cmd.Process.Kill(); _ = c.cmd.Wait() }) // it was killed
	until(t, "containerd answers", func() bool { return c.try("version").Run() == nil })
	c.ctr("images", "import", image)
	return c
}

func (c *containerd) path(name string) string { return filepath.Join(c.dir, name) }

func (c *containerd) try(args ...string) *exec.Cmd {
	return exec.Command("ctr", append([]string{"-a", c.path("s"), "-n", "k8s.io"}, args...)...)
}

func (c *containerd) ctr(args ...string) string {
	c.t.Helper()
	out, err := c.try(args...).CombinedOutput()
	if err != nil {
		c.t.Fatalf("ctr %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// noRights takes what ctr gives by default; a restricted pod has none of it.
func noRights() (out []string) {
	for _, name := range []string{"CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP", "SETPCAP", "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE"} {
		out = append(out, "--cap-drop", "CAP_"+name)
	}
	return out
}

// run starts a container of the image as a restricted pod has it: as the
// image's own user, with a root that cannot be written to, without rights.
func (c *containerd) run(options []string, args ...string) (id string, log func() string) {
	c.t.Helper()
	c.n++
	id = fmt.Sprintf("vedette-release-%d-%d", os.Getpid(), c.n)
	file := c.path(id + ".log")
	all := append([]string{"run", "--detach", "--read-only", "--cgroup", "/" + id, "--log-uri", "file://" + file}, noRights()...)
	all = append(append(append(all, options...), defaultName+":0.9.8", id), args...)
	c.ctr(all...)
	c.t.Cleanup(func() {
		_ = c.try("task", "kill", "--signal", "SIGKILL", id).Run() // it may have ended
		until(c.t, "the container ends", func() bool { return c.try("task", "delete", id).Run() == nil || c.status(id) == "" })
	})
	return id, func() string {
		b, _ := os.ReadFile(file) // not there before the first line
		return string(b)
	}
}

// status is RUNNING or STOPPED, "" for what is not there, and the process.
func (c *containerd) status(id string) string {
	s, _ := c.task(id)
	return s
}

func (c *containerd) task(id string) (status string, pid int) {
	out, _ := c.try("task", "ls").Output() // "" says that it is not there
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == id {
			pid, _ = strconv.Atoi(f[1])
			return f[2], pid
		}
	}
	return "", 0
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(90 * time.Second); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestImageRuns: the file that users import, in a real container.
func TestImageRuns(t *testing.T) {
	m := theImage(t)
	c := begin(t, filepath.Join(m.out, "vedette_0.9.8_image_linux_"+runtime.GOARCH+".tar"))

	id, log := c.run(nil, "/usr/local/bin/vedette", "version", "-o", "json")
	until(t, "vedette version ends", func() bool { return c.status(id) == "STOPPED" })
	var b struct {
		Version string
		Release bool
		Commit  string
	}
	if err := json.Unmarshal([]byte(log()), &b); err != nil || b.Version != testVersion || !b.Release || len(b.Commit) != 40 {
		t.Errorf("vedette version printed %q: %v", log(), err)
	}
	t.Run("serve", func(t *testing.T) { serveRuns(t, c) })
	t.Run("alone", func(t *testing.T) { aloneRuns(t, c) })
}

// serveRuns serves with a configuration and a volume that are mounted.
func serveRuns(t *testing.T, c *containerd) {
	volume, settings := t.TempDir(), t.TempDir()
	if err := errors.Join(os.Chown(volume, user, user), os.Chmod(volume, 0o700), os.Chmod(settings, 0o755)); err != nil {
		t.Fatal(err)
	}
	metrics := freeAddr(t)
	write(t, filepath.Join(settings, "vedette.yaml"), fmt.Sprintf("server: {listen: %q, metricsListen: %q}\nstore: {dataDir: /var/lib/vedette}\nintelligence: {feeds: {enabled: false}}\n", freeAddr(t), metrics))
	id, log := c.run([]string{
		"--net-host", "--mount", "type=bind,src=" + volume + ",dst=/var/lib/vedette,options=rbind:rw",
		"--mount", "type=bind,src=" + settings + ",dst=/etc/vedette,options=rbind:ro",
	}, "/usr/local/bin/vedette", "serve", "--config", "/etc/vedette/vedette.yaml")
	until(t, "the server is ready: "+log(), func() bool {
		if c.status(id) == "STOPPED" {
			t.Fatalf("it ended:\n%s", log())
		}
		res, err := http.Get("http://" + metrics + "/readyz")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	_, pid := c.task(id)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Uid:\t65532\t65532\t65532\t65532", "Gid:\t65532\t65532", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1"} {
		if !strings.Contains(string(status), want) {
			t.Errorf("the process has not %q:\n%s", want, status)
		}
	}
	if _, err := os.Stat(filepath.Join(volume, "vedette.db")); err != nil {
		t.Errorf("the data are not in the volume: %v", err)
	}
}

// aloneRuns starts the image with a volume and no more, as its own
// configuration says.
func aloneRuns(t *testing.T, c *containerd) {
	volume := t.TempDir()
	if err := errors.Join(os.Chown(volume, user, user), os.Chmod(volume, 0o700)); err != nil {
		t.Fatal(err)
	}
	id, log := c.run([]string{"--mount", "type=bind,src=" + volume + ",dst=/var/lib/vedette,options=rbind:rw"})
	until(t, "it serves", func() bool {
		if c.status(id) == "STOPPED" {
			t.Fatalf("it ended:\n%s", log())
		}
		return strings.Contains(log(), "serving")
	})
	if _, err := os.Stat(filepath.Join(volume, "vedette.db")); err != nil {
		t.Errorf("the data are not in the volume: %v\n%s", err, log())
	}
}

// TestSensorRuns: the sensor of the image, as root with the five rights that it
// needs and no other, in a root that cannot be written to.
func TestSensorRuns(t *testing.T) {
	m := theImage(t)
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		lack(t, "root on Linux", "run the test as root: it loads programs into the kernel")
	}
	needs(t, "runc", "runc")
	bundle := t.TempDir()
	extractImage(t, m, filepath.Join(bundle, "rootfs"))
	rights := []string{"CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN", "CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"}
	bind := func(from, to string, options ...string) map[string]any {
		return map[string]any{"destination": to, "source": from, "type": "bind", "options": append([]string{"rbind"}, options...)}
	}
	id := fmt.Sprintf("vedette-release-sensor-%d", os.Getpid())
	spec := map[string]any{
		"ociVersion": "1.0.2", "root": map[string]any{"path": "rootfs", "readonly": true},
		"process": map[string]any{
			"user": map[string]int{"uid": 0, "gid": 0}, "cwd": "/", "noNewPrivileges": true, "env": []string{"PATH=/usr/local/bin"},
			"args":         []string{"/usr/local/bin/vedette", "sensor", "--stdout", "--host-root=/host", "--no-metadata", "--pid", strconv.Itoa(os.Getpid())},
			"capabilities": map[string]any{"bounding": rights, "effective": rights, "permitted": rights},
		},
		"mounts": []any{
			map[string]any{"destination": "/proc", "type": "proc", "source": "proc"},
			map[string]any{"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": []string{"nosuid", "mode=755"}},
			bind("/sys", "/sys", "ro"), bind("/", "/host", "ro", "rslave"),
		},
		// The processes of the node, as with hostPID.
		"linux": map[string]any{"cgroupsPath": "/" + id, "namespaces": []any{map[string]string{"type": "mount"}, map[string]string{"type": "ipc"}, map[string]string{"type": "uts"}}},
	}
	text, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(bundle, "config.json"), string(text))
	state := t.TempDir()
	cmd := exec.Command("runc", "--root", state, "run", "--bundle", bundle, id)
	out, complaint := &growing{}, &growing{}
	cmd.Stdout, cmd.Stderr = out, complaint
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = exec.Command("runc", "--root", state, "kill", id, "KILL").Run()
		_ = cmd.Wait() // it was killed
		_ = exec.Command("runc", "--root", state, "delete", "--force", id).Run()
	})
	until(t, "the sensor tells of a program", func() bool {
		if err := exec.Command("/bin/true").Run(); err != nil {
			t.Fatal(err)
		}
		return strings.Contains(out.String(), `/true"`)
	})
	if said := complaint.String(); strings.Contains(said, "level=WARN") || strings.Contains(said, "level=ERROR") {
		t.Errorf("the sensor complains:\n%s", said)
	}
}

// extractImage unpacks what a node unpacks.
func extractImage(t *testing.T, m *madeImage, to string) {
	t.Helper()
	index, _ := pulled(t, m)
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range manifest.Manifests {
		if d.Platform.Architecture != runtime.GOARCH {
			continue
		}
		img, err := index.Image(d.Digest)
		if err != nil {
			t.Fatal(err)
		}
		root := mutate.Extract(img)
		defer root.Close()
		for name, e := range files(t, root) {
			path := filepath.Join(to, name)
			if e.FileInfo().IsDir() {
				if err := os.MkdirAll(path, 0o755); err != nil {
					t.Fatal(err)
				}
				continue
			}
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, e.data, e.FileInfo().Mode().Perm())); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, dir := range []string{"proc", "dev", "sys", "host"} {
		if err := os.MkdirAll(filepath.Join(to, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}
