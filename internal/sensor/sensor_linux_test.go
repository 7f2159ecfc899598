package sensor

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/sensor/kernel"
	"github.com/vedette-project/vedette/internal/sensor/proc"
	"github.com/vedette-project/vedette/internal/testbed"
)

func sumOf(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// TestProcesses: one sensor, many processes.
func TestProcesses(t *testing.T) {
	r := record(t, Options{Cluster: "c1", Node: "n1", Version: "v", Session: "s1"})
	t.Run("complete", func(t *testing.T) { complete(t, r) })
	t.Run("services", func(t *testing.T) { services(t, r) })
	t.Run("hostile names", func(t *testing.T) { hostileNames(t, r) })
	t.Run("calls", func(t *testing.T) { calls(t, r) })
	t.Run("dns", func(t *testing.T) { lookups(t, r) })
	t.Run("as in proc", func(t *testing.T) { asInProc(t, r) })
}

// complete: one program tells all of itself.
func complete(t *testing.T, r *recorder) {
	before := time.Now()
	script := filepath.Join(t.TempDir(), "tool")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nexec sleep 1.25 \n"), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(script, "the\nargument\xff")
	cmd.Dir, cmd.Env = "/var", []string{"PATH=/bin", "LD_LIBRARY_PATH=/nowhere", "SECRET=x"}
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	shell, _ := filepath.EvalSymlinks("/bin/sh")
	rec := r.want("the script", execOf("sh", "the\nargument\uefff"))
	p := rec.Process
	if rec.Version != event.RuntimeVersion || rec.Node.Name != "n1" || rec.Node.Cluster != "c1" || len(rec.Node.BootID) != 36 || rec.Node.Kernel == "" ||
		rec.Sensor.Name != "vedette" || rec.Sensor.Session != "s1" || rec.Sensor.Version != "v" {
		t.Errorf("envelope: %+v", rec)
	}
	if d := rec.Time.Sub(before); d < -time.Second || d > 10*time.Second {
		t.Errorf("it happened %v after the test began", d)
	}
	if p.Executable != shell || p.Script != script || p.Cwd != "/var" || p.SHA256 != sumOf(t, shell) || p.LibraryPath != "/nowhere" || p.UID != 0 || p.User != "root" || p.Name != "tool" {
		t.Errorf("process: %+v", p)
	}
	if rec.Exec.Path != script || rec.Exec.File.Path != shell || rec.Exec.File.Inode == 0 || rec.Exec.File.FileSystem == "" || rec.Exec.Setuid {
		t.Errorf("exec: %+v", rec.Exec)
	}
	if len(rec.Ancestors) == 0 || rec.Ancestors[0].PID != os.Getpid() || rec.Ancestors[0].UUID != p.ParentUUID || len(rec.Ancestors) > event.MaxAncestors {
		t.Errorf("ancestors: %+v", rec.Ancestors)
	}
	if rec.Container != nil || rec.Pod != nil {
		t.Errorf("container %+v", rec.Container)
	}
	// The same process as another program.
	sleep := r.want("the sleep", execOf("sleep", "1.25"))
	if sleep.Process.UUID != p.UUID || sleep.Process.Script != "" || sleep.Process.Executable == shell {
		t.Errorf("process: %+v", sleep.Process)
	}
	if strings.Contains(r.summary(), "SECRET") {
		t.Error("the environment is told")
	}
}

// TestSequenceHasNoGaps, and the first and last records say how the sensor is.
func TestSequenceHasNoGaps(t *testing.T) {
	before := &event.Session{ID: "s0", Sequence: 7}
	r := record(t, Options{Before: before, Discarded: func() int64 { return 3 }})
	sh(t, "for i in 1 2 3 4 5; do /bin/true; done; exec /bin/echo end")
	r.want("the end", execOf("echo", "end"))
	r.end()
	all := r.all()
	for i := range all {
		if all[i].Sensor.Sequence != uint64(i+1) || all[i].Sensor.Session != all[0].Sensor.Session || len(all[i].Sensor.Session) < 8 {
			t.Errorf("record %d is %+v", i, all[i].Sensor)
		}
	}
	first, last := all[0].Status, all[len(all)-1].Status
	if first == nil || first.Ending || first.Before == nil || *first.Before != *before || first.Discarded != 3 {
		t.Errorf("the first record's status is %+v", first)
	}
	if last == nil || !last.Ending || last.Sent != int64(len(all)) || last.Seen < 15 || last.RSS < 1<<20 || last.CPU <= 0 || last.Up <= 0 || last.Before != nil {
		t.Errorf("the last record's status is %+v", last)
	}
	if last.Filtered["fork"] < 5 || last.Filtered["exit"] < 5 || len(last.Lost) > 0 {
		t.Errorf("filtered %v, lost %v", last.Filtered, last.Lost)
	}
}

// TestStorm: of many short processes each is told, or said not to be.
func TestStorm(t *testing.T) {
	r := record(t, Options{})
	helped(t, "storm")
	sh(t, "exec /bin/echo calm")
	r.want("the calm after it", execOf("echo", "calm"))
	r.end()
	all := r.all()
	execs, statuses := 0, 0
	uuids := map[string]bool{}
	for i := range all {
		switch {
		case all[i].Kind == event.KindStatus:
			statuses++
		case execOf("true", "/bin/true")(&all[i]):
			execs++
			uuids[all[i].Process.UUID] = true
		}
	}
	st := all[len(all)-1].Status
	lost, told := accounted(st, statuses)
	if int64(execs)+lost < stormOf || len(uuids) != execs {
		t.Errorf("%d programs of %d processes are told, %d records lost: %v", execs, len(uuids), lost, st.Lost)
	}
	if told < st.Seen || st.Seen < 3*stormOf {
		t.Errorf("%d were seen, %d are accounted for: %+v", st.Seen, told, st)
	}
}

// accounted sums what became of all that was seen.
func accounted(st *event.Status, statuses int) (lost, all int64) {
	for _, n := range st.Lost {
		lost += n
	}
	all = st.Sent - int64(statuses) + lost
	for _, n := range st.Filtered {
		all += n
	}
	return lost, all
}

// TestEndLosesNothing: what the kernel has seen when a sensor is told to end is
// told. What there is no time for is counted.
func TestEndLosesNothing(t *testing.T) {
	lazy := Options{Kernel: kernel.Options{Poll: time.Second}} // the records wait in the ring
	t.Run("in time", func(t *testing.T) {
		r := record(t, lazy)
		r.want("the first status", func(rec *event.Runtime) bool { return rec.Kind == event.KindStatus })
		helped(t, "storm")
		r.end()
		all := r.all()
		execs, statuses := 0, 0
		for i := range all {
			switch {
			case all[i].Kind == event.KindStatus:
				statuses++
			case execOf("true", "/bin/true")(&all[i]):
				execs++
			}
		}
		st := all[len(all)-1].Status
		lost, told := accounted(st, statuses)
		if int64(execs)+lost < stormOf || st.Lost[lostEnding] != 0 || told < st.Seen || !st.Ending {
			t.Errorf("%d of %d programs are told; %d were seen, %d are accounted for: %+v", execs, stormOf, st.Seen, told, st)
		}
	})
	t.Run("too late", func(t *testing.T) {
		testbed.Root(t)
		o := lazy
		o.CPU, o.NoMetadata, o.Kernel.Only = 8, true, []uint32{uint32(syscall.Getpid())}
		s, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		var last event.Status
		s.emit = func(_ []byte, rec *event.Runtime) error {
			if rec.Status != nil {
				last = *rec.Status
			}
			return nil
		}
		helped(t, "storm")
		if err := errors.Join(s.drain(0), s.status(true)); err != nil {
			t.Fatal(err)
		}
		lost, told := accounted(&last, 1)
		if last.Lost[lostEnding] < stormOf || told < last.Seen {
			t.Errorf("%d were seen, %d are accounted for, %d of them lost: %+v", last.Seen, told, lost, last)
		}
	})
}

func TestUUIDOutlivesTheSensor(t *testing.T) {
	uuid := func(mark string) string {
		r := record(t, Options{})
		sh(t, "exec /bin/echo "+mark)
		rec := r.want("the echo", execOf("echo", mark))
		r.end()
		return rec.Ancestors[0].UUID
	}
	if first, second := uuid("one"), uuid("two"); first != second || first == "" {
		t.Errorf("this process is %s and then %s", first, second)
	}
}

// TestContainers: one sensor, a real containerd.
func TestContainers(t *testing.T) {
	server := testbed.Containerd(t, nil)
	o := Options{}
	o.Containers.StateDirs = []string{server.State()}
	o.Kernel.Only = []uint32{uint32(server.Pid())}
	r := record(t, o)
	t.Run("pod", func(t *testing.T) { inAPod(t, server, r) })
	t.Run("200 ms", func(t *testing.T) { shortPods(t, server, r) })
}

// inAPod: what happens in a container of a pod is told with both.
func inAPod(t *testing.T, server *testbed.ContainerdServer, r *recorder) {
	const uid = "9a1e6c1e-7a33-4d4b-9f0a-3c1d0d3a6c21"
	id := testbed.NewContainerID()
	server.Run(testbed.ContainerOptions{
		ID: id, Cgroup: "kubepods/pod" + uid + "/" + id, Annotations: testbed.Pod("shop", "web-1", uid, "app", "reg.local/shop:1"),
		Binds: []string{t.TempDir() + ":/data"},
		Args: []string{"sh", "-c", "cp /bin/busybox /tmp/tool; /tmp/tool echo fresh; su shop -c 'exec /bin/busybox echo asshop'; " +
			"echo x > /data/authorized_keys; while :; do sleep 1; done"},
	})
	inPod := func(rec *event.Runtime) {
		t.Helper()
		if rec.Container == nil || rec.Container.ID != id || rec.Container.Name != "app" || rec.Container.Image != "reg.local/shop:1" || rec.Container.Start.IsZero() || rec.Container.Build {
			t.Errorf("container %+v", rec.Container)
		}
		if rec.Pod == nil || rec.Pod.Name != "web-1" || rec.Pod.Namespace != "shop" || rec.Pod.UID != uid {
			t.Errorf("pod %+v", rec.Pod)
		}
	}
	fresh := r.want("the new binary", execOf("tool", "fresh"))
	inPod(fresh)
	f := fresh.Exec.File
	if f.Path != "/tmp/tool" || !f.Upper || f.FileSystem != "overlay" || f.Writer == nil || f.Writer.Name != "cp" || fresh.Process.User != "root" || fresh.Process.SHA256 != sumOf(t, "/bin/busybox") {
		t.Errorf("file %+v, written by %+v, of process %+v", f, f.Writer, fresh.Process)
	}
	if !f.CTime.After(fresh.Container.Start) || f.WrittenAt.Before(fresh.Container.Start) {
		t.Errorf("the container began %v, the file is of %v, written %v", fresh.Container.Start, f.CTime, f.WrittenAt)
	}
	if fresh.Process.NamespacePID == fresh.Process.PID || fresh.Process.NamespacePID == 0 {
		t.Errorf("number inside %d, outside %d", fresh.Process.NamespacePID, fresh.Process.PID)
	}
	user := r.want("the user's program", execOf("busybox", "asshop"))
	inPod(user)
	if user.Process.User != "shop" || user.Process.UID != 1000 || user.Exec.File.Upper {
		t.Errorf("process %+v", user.Process)
	}
	key := r.want("the host's file", func(r *event.Runtime) bool {
		return r.Kind == event.KindOpen && r.File.Path == "/data/authorized_keys"
	})
	inPod(key)
	if !key.File.Host || !key.File.Created {
		t.Errorf("file %+v", key.File)
	}
}

// shortPods: pods of 200 ms have their names, all of them.
func shortPods(t *testing.T, server *testbed.ContainerdServer, r *recorder) {
	const uid = "9a1e6c1e-7a33-4d4b-9f0a-3c1d0d3a6c2"
	for _, n := range []string{"1", "2", "3", "4"} {
		id := testbed.NewContainerID()
		server.Run(testbed.ContainerOptions{
			ID: id, Cgroup: "kubepods/pod" + uid + n + "/" + id, Annotations: testbed.Pod("jobs", "short-"+n, uid+n, "main", "x"),
			Args: []string{"/bin/busybox", "sleep", "0.20" + n},
		})
	}
	for _, n := range []string{"1", "2", "3", "4"} {
		rec := r.want("pod "+n, execOf("busybox", "0.20"+n))
		// The runtime's exec of the program comes in the container's group.
		if rec.Pod == nil || rec.Pod.Name != "short-"+n || rec.Container.Name != "main" {
			t.Errorf("pod %+v of container %+v", rec.Pod, rec.Container)
		}
	}
}

func TestChosenKinds(t *testing.T) {
	r := record(t, Options{Kinds: []event.RuntimeKind{event.KindFork, event.KindExit}})
	sh(t, "(exit 3); sh -c 'kill -9 $$'; true")
	r.want("the exit", func(r *event.Runtime) bool { return r.Exit != nil && r.Exit.Code == 3 })
	r.want("the signal", func(r *event.Runtime) bool { return r.Exit != nil && r.Exit.Signal == "SIGKILL" })
	r.want("a fork", func(r *event.Runtime) bool { return r.Kind == event.KindFork && r.Ancestors[0].PID == os.Getpid() })
	for _, rec := range r.all() {
		if rec.Kind != event.KindFork && rec.Kind != event.KindExit && rec.Kind != event.KindStatus {
			t.Errorf("a record of kind %s", rec.Kind)
		}
	}
}

// services: what a service starts is marked, and a connection that it serves.
func services(t *testing.T, r *recorder) {
	remote := netip.MustParseAddrPort(strings.TrimSpace(helped(t, "service")))
	rec := r.want("what the service ran", execOf("echo", "served"))
	if !rec.Process.Listens || !rec.Ancestors[0].Listens {
		t.Errorf("process %+v of %+v", rec.Process, rec.Ancestors[0])
	}
	if len(rec.Exec.FDs) < 2 {
		t.Fatalf("streams %+v", rec.Exec.FDs)
	}
	in := rec.Exec.FDs[0]
	if in.Kind != "socket" || in.Socket == nil || !in.Socket.Accepted || in.Socket.Remote != remote || in.Socket.Family != "AF_INET" || in.Inode != rec.Exec.FDs[1].Inode {
		t.Errorf("streams %+v, socket %+v", rec.Exec.FDs, in.Socket)
	}
	r.want("the connection", func(r *event.Runtime) bool {
		return r.Kind == event.KindConnect && r.Net.Established && r.Net.Socket.Local == remote
	})
	r.want("its other end", func(r *event.Runtime) bool {
		return r.Kind == event.KindAccept && r.Net.Socket.Accepted && r.Net.Socket.Remote == remote
	})
	r.want("the dup", func(r *event.Runtime) bool {
		return r.Kind == event.KindDup && r.Dup.FD == 0 && r.Dup.Socket != nil && r.Dup.Socket.Remote == remote && len(r.Dup.All) > 0
	})
}

// calls: each system call has its kind, its body and its names.
func calls(t *testing.T, r *recorder) {
	var pid int
	if _, err := fmt.Sscan(helped(t, "calls"), &pid); err != nil {
		t.Fatal(err)
	}
	kind := func(k event.RuntimeKind, what string, f func(*event.Runtime) bool) {
		t.Helper()
		r.want(string(k)+" of "+what, func(r *event.Runtime) bool { return r.Kind == k && r.Process.PID == pid && f(r) })
	}
	kind(event.KindMemfd, "a name", func(r *event.Runtime) bool {
		return r.Memory.Name == "quiet" && slices.Equal(r.Memory.Flags, []string{"MFD_CLOEXEC"})
	})
	kind(event.KindUnshare, "two", func(r *event.Runtime) bool { return slices.Equal(r.Namespace.Types, []string{"mnt", "uts"}) })
	kind(event.KindMount, "what is not there", func(r *event.Runtime) bool {
		return r.Mount.Source == "/nowhere" && r.Mount.Target == "/mnt" && r.Mount.FileSystem == "ext4" && r.Error == "ENOENT" &&
			slices.Equal(r.Mount.Flags, []string{"MS_RDONLY", "MS_BIND"})
	})
	kind(event.KindMount, "memory", func(r *event.Runtime) bool { return r.Mount.FileSystem == "tmpfs" && r.Error == "" })
	kind(event.KindUnmount, "it", func(r *event.Runtime) bool {
		return r.Mount.Target == "/mnt" && slices.Equal(r.Mount.Flags, []string{"MNT_DETACH"})
	})
	kind(event.KindSetns, "the node's", func(r *event.Runtime) bool {
		return r.Namespace.Host && slices.Equal(r.Namespace.Types, []string{"uts"})
	})
	kind(event.KindVMRead, "itself", func(r *event.Runtime) bool { return r.Target.Process.PID == pid && r.Target.Bytes == 4 })
	kind(event.KindPtrace, "its parent", func(r *event.Runtime) bool { return r.Target.Request == "PTRACE_TRACEME" })
	kind(event.KindProcMem, "its own memory", func(r *event.Runtime) bool { return r.Target.Process.PID == pid && r.File == nil })
	kind(event.KindChmod, "a setuid file", func(r *event.Runtime) bool { return r.File.Mode == 0o4755 && path.Base(r.File.Path) == "raised" })
	kind(event.KindChroot, "a folder", func(r *event.Runtime) bool { return r.File.Path == "/var" })
	kind(event.KindCapset, "fewer", func(r *event.Runtime) bool { return len(r.Creds.Added) == 0 })
	kind(event.KindSetuid, "nobody", func(r *event.Runtime) bool { return r.Process.UID == 65534 && r.Creds.OldUID == 0 })
}

// lookups: a question is told as it was sent.
func lookups(t *testing.T, r *recorder) {
	var pid int
	var local string
	if _, err := fmt.Sscan(helped(t, "ask"), &pid, &local); err != nil {
		t.Fatal(err)
	}
	rec := r.want("the question", func(r *event.Runtime) bool { return r.Kind == event.KindDNS && r.Process.PID == pid })
	want := event.Lookup{
		Transport: "UDP", Server: netip.MustParseAddrPort("127.0.0.1:53"), Local: netip.MustParseAddrPort(local), ID: 0x1234, Name: "pool.example.com", Type: "A",
	}
	if diff := cmp.Diff(want, *rec.DNS, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func hostileNames(t *testing.T, r *recorder) {
	name := filepath.Join(t.TempDir(), "a\x1b]0;owned\x07\n\xff.sh")
	if err := os.WriteFile(name, []byte("#!/bin/sh\n:\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := exec.Command(name, strings.Repeat("x", 100<<10)).Run(); err != nil {
		t.Fatal(err)
	}
	rec := r.want("the script", func(r *event.Runtime) bool { return r.Kind == event.KindExec && Bytes(r.Process.Script) == name })
	if !rec.Process.ArgsCut {
		t.Errorf("100 kB of arguments are not said to be cut: %d", len(strings.Join(rec.Process.Args, "")))
	}
}

// asInProc: the table knows, from the kernel's records alone, what /proc shows.
func asInProc(t *testing.T, r *recorder) {
	cmd := exec.Command("/bin/sleep", "30.5")
	cmd.Dir = "/"
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	rec := r.want("sleep", execOf("sleep", "30.5"))
	found, err := proc.Read("/proc", cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if found.Key.UUID(rec.Node.BootID) != rec.Process.UUID || found.Info.Executable != rec.Process.Executable || found.Info.Cwd != rec.Process.Cwd ||
		found.Info.NamespacePID != rec.Process.NamespacePID || found.Info.UID != rec.Process.UID || found.Info.Name != rec.Process.Name {
		t.Errorf("/proc %+v\nrecord %+v", found.Info, rec.Process)
	}
}
