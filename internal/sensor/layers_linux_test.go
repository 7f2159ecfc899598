package sensor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/sensor/kernel"
	"github.com/vedette-project/vedette/internal/sensor/proc"
)

// handmade is a sensor with containers by hand, of one image.
type handmade struct {
	*Sensor
	t     *testing.T
	pids  uint32
	group uint64
}

func newHandmade(t *testing.T) *handmade {
	root := t.TempDir()
	s := quiet(t, root, func([]byte, *event.Runtime) error { return nil })
	return &handmade{Sensor: s, t: t, pids: 100, group: 10}
}

// container tells of a container, and returns the number of its control group.
func (s *handmade) container(image string) uint64 {
	s.group++
	id := strings.Repeat(string(rune('a'+s.group%6)), 60) + "0123"
	bundle := filepath.Join(s.opts.HostRoot, "run/containerd/io.containerd.runtime.v2.task/k8s.io", id)
	if err := os.MkdirAll(bundle, 0o755); err != nil {
		s.t.Fatal(err)
	}
	config := `{"annotations":{"io.kubernetes.cri.container-type":"container","io.kubernetes.cri.image-name":"` + image + `"},"linux":{}}`
	if err := os.WriteFile(filepath.Join(bundle, "config.json"), []byte(config), 0o644); err != nil {
		s.t.Fatal(err)
	}
	s.groups.Tell(s.group, "/kubepods/pod1/"+id, "")
	return s.group
}

// exec tells of a new process in a group that becomes a program, and returns it.
func (s *handmade) exec(group uint64, f kernel.File) *proc.Process {
	s.pids++
	a := actorOf(s.pids, 1)
	a.Cgroup = group
	if err := s.handle(&kernel.Record{Kind: kernel.KindFork, Actor: a, Fork: &kernel.Fork{By: a.Parent}}); err != nil {
		s.t.Fatal(err)
	}
	exec := kernel.Exec{Filename: "/bin/tool", Path: kernel.Path{Name: "/bin/tool"}, Args: []string{"tool"}, File: f}
	if err := s.handle(&kernel.Record{Kind: kernel.KindExec, Actor: a, Exec: &exec}); err != nil {
		s.t.Fatal(err)
	}
	return s.table.Get(keyOf(a.Process))
}

// TestFileOfAnImage: a file of an image has one hash in all of the image's
// containers, and no file that a container has from elsewhere shares it.
func TestFileOfAnImage(t *testing.T) {
	s := newHandmade(t)
	file := kernel.File{Device: 1, Inode: 7, Size: 10, Links: 1, FileSystem: kernel.MagicOverlay, Changed: time.Unix(5, 0)}
	on := func(d kernel.Device, change func(*kernel.File)) kernel.File {
		f := file
		f.Device = d
		if change != nil {
			change(&f)
		}
		return f
	}
	one, two, other := s.container("shop:1"), s.container("shop:1"), s.container("till:1")
	a, b, c := s.exec(one, on(1, nil)), s.exec(two, on(2, nil)), s.exec(other, on(3, nil))
	id := func(f kernel.File, p *proc.Process) proc.FileID { return s.fileID(&f, p) }
	want := id(on(1, nil), a)
	if want.Image == "" || id(on(2, nil), b) != want {
		t.Errorf("two containers have %+v and %+v", want, id(on(2, nil), b))
	}
	for name, got := range map[string]proc.FileID{
		"another image":           id(on(3, nil), c),
		"an overlay of its own":   id(on(9, nil), a),
		"another file":            id(on(1, func(f *kernel.File) { f.Inode++ }), a),
		"a newer file":            id(on(1, func(f *kernel.File) { f.Changed = f.Changed.Add(1) }), a),
		"its upper layer":         id(on(1, func(f *kernel.File) { f.Upper = true }), a),
		"another file system":     id(on(1, func(f *kernel.File) { f.FileSystem = kernel.MagicTmpfs }), a),
		"another process's upper": id(on(2, func(f *kernel.File) { f.Upper = true }), b),
	} {
		if got == want {
			t.Errorf("%s has the same hash: %+v", name, got)
		}
	}
}
