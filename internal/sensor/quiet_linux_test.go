package sensor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/sensor/container"
	"github.com/vedette-project/vedette/internal/sensor/kernel"
	"github.com/vedette-project/vedette/internal/sensor/lru"
	"github.com/vedette-project/vedette/internal/sensor/proc"
	"github.com/vedette-project/vedette/internal/sensor/setting"
)

// quiet is a sensor without a kernel, to which records are given by hand.
func quiet(t testing.TB, hostRoot string, emit func([]byte, *event.Runtime) error) *Sensor {
	t.Helper()
	o, err := Options{HashRate: -1, CPU: 64, HostRoot: hostRoot}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	wait := proc.NewPatience(time.Second)
	s := &Sensor{
		opts: o, host: &host{node: event.Node{Name: "n", BootID: "b"}}, clock: proc.NewClock(proc.Now), table: proc.NewTable("b"),
		groups: container.ToldGroups(), store: container.NewStore(container.Options{HostRoot: o.HostRoot}, nil, time.Now),
		users: proc.NewUsers(wait, time.Now), hasher: proc.NewHasher("/proc", 1, wait, time.Now),
		budget: newBudget(64, time.Now, cpuTime), fold: newFold(), roots: lru.New[string, kernel.Device](maxRoots), weight: setting.Weights(), wanted: map[event.RuntimeKind]bool{}, tally: newTally(), emit: emit,
	}
	s.line.written = lru.New[*event.Process, []byte](maxWritten)
	for _, k := range o.Kinds {
		s.wanted[k] = true
	}
	return s
}

func actorOf(pid, parent uint32) kernel.Actor {
	return kernel.Actor{
		Process: kernel.Process{PID: pid, Start: time.Duration(pid) * time.Second}, Local: pid, NSPID: pid, Cgroup: 5, Comm: "true",
		Parent: kernel.Process{PID: parent, Start: time.Duration(parent) * time.Second},
	}
}

// TestBuild: what a builder's program starts in its container is a build; what
// else runs there is not, and a program that was put in its place is no builder.
func TestBuild(t *testing.T) {
	root := t.TempDir()
	id := strings.Repeat("ab", 32)
	bundle := filepath.Join(root, "run/containerd/io.containerd.runtime.v2.task/k8s.io", id)
	if err := os.MkdirAll(bundle, 0o755); err != nil {
		t.Fatal(err)
	}
	config := `{"annotations":{"io.kubernetes.cri.container-type":"container","io.kubernetes.cri.image-name":"gcr.io/kaniko-project/executor:v1.23.2"},"linux":{}}`
	if err := os.WriteFile(filepath.Join(bundle, "config.json"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	var last event.Container
	s := quiet(t, root, func(_ []byte, r *event.Runtime) error { last = *r.Container; return nil })
	run := func(pid, parent uint32, program string, upper bool) bool {
		t.Helper()
		a := actorOf(pid, parent)
		exec := &kernel.Exec{Path: kernel.Path{Name: program}, Cgroup: id, CgroupParent: "pod", Args: []string{program}, File: kernel.File{Inode: 1, Links: 1, Upper: upper}}
		for _, rec := range []kernel.Record{
			{Kind: kernel.KindFork, Actor: a, Fork: &kernel.Fork{By: a.Parent}},
			{Kind: kernel.KindExec, Actor: a, Exec: exec},
		} {
			if err := s.handle(&rec); err != nil {
				t.Fatal(err)
			}
		}
		if last.ID != id {
			t.Fatalf("container %+v", last)
		}
		return last.Build
	}
	const runtime = 900
	for _, c := range []struct {
		pid, parent uint32
		program     string
		upper, want bool
		why         string
	}{
		{1001, runtime, "/busybox/sh", false, false, "a shell in the image"},
		{1002, 1001, "/kaniko/executor", false, true, "the builder"},
		{1003, 1002, "/bin/sh", true, true, "a step of the build"},
		{1004, 1003, "/usr/bin/apt-get", true, true, "a step's child"},
		{1005, runtime, "/bin/sh", false, false, "a shell that somebody runs beside it"},
		{1006, 1005, "/kaniko/executor", true, false, "a program in the builder's place"},
		{1007, 1006, "/bin/sh", false, false, "and what it starts"},
	} {
		if got := run(c.pid, c.parent, c.program, c.upper); got != c.want {
			t.Errorf("%s: build %v, want %v", c.why, got, c.want)
		}
	}
}
