package soak

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// disk is a small file system of its own that can be filled. Where it cannot
// be mounted, the folder is an ordinary one and is never full.
type disk struct {
	t       *testing.T
	path    string
	mounted bool
}

const diskSize = "192m"

func newDisk(t *testing.T, path string) *disk {
	t.Helper()
	d := &disk{t: t, path: path}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	err := syscall.Mount("tmpfs", path, "tmpfs", 0, "size="+diskSize)
	if errors.Is(err, syscall.EPERM) && os.Getenv("CI") != "true" {
		t.Logf("the disk is never full: mounting one needs root (%v)", err)
		return d
	}
	if err != nil {
		t.Fatalf("mount a small disk: %v", err)
	}
	d.mounted = true
	t.Cleanup(func() {
		if err := syscall.Unmount(path, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return d
}

func (d *disk) ballast() string { return filepath.Join(d.path, "ballast") }

// fill takes all room there is.
func (d *disk) fill() {
	if !d.mounted {
		return
	}
	f, err := os.Create(d.ballast())
	if err != nil {
		return // full already
	}
	defer f.Close()
	for block := make([]byte, 1<<20); len(block) > 0; {
		if _, err := f.Write(block); err != nil {
			block = block[:len(block)/2]
		}
	}
}

func (d *disk) free() {
	if err := os.Remove(d.ballast()); err != nil && !errors.Is(err, os.ErrNotExist) {
		d.t.Errorf("make room again: %v", err)
	}
}
