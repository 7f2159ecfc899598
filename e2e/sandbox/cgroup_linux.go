package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const cgroupRoot = "/sys/fs/cgroup"

// makeCgroups makes a group of the given name in every hierarchy. The kubelet
// puts its pods below it, so that two clusters on one machine do not share
// theirs.
func makeCgroups(name string) error {
	for _, h := range hierarchies() {
		dir := filepath.Join(h, name)
		if h == cgroupRoot { // version 2 alone: pass the controllers down
			enable(h)
		}
		if err := os.Mkdir(dir, 0o755); err != nil && !os.IsExist(err) {
			return fmt.Errorf("make a control group: %w", err)
		}
		if h == cgroupRoot {
			enable(dir)
		}
		// A version 1 cpuset starts out empty and then takes no process.
		for _, f := range []string{"cpuset.cpus", "cpuset.mems"} {
			if b, err := os.ReadFile(filepath.Join(h, f)); err == nil && h != cgroupRoot {
				_ = os.WriteFile(filepath.Join(dir, f), b, 0o644)
			}
		}
	}
	return nil
}

// enable passes the controllers that kubelet needs on to a group's children.
// Those that the kernel lacks are left out.
func enable(dir string) {
	for _, c := range []string{"cpu", "cpuset", "memory", "pids", "io"} {
		_ = os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+"+c), 0o644)
	}
}

// hierarchies lists the roots: one folder for each version 1 controller and
// the unified one, or the single version 2 root.
func hierarchies() []string {
	if _, err := os.Stat(filepath.Join(cgroupRoot, "cgroup.controllers")); err == nil {
		return []string{cgroupRoot}
	}
	entries, err := os.ReadDir(cgroupRoot)
	if err != nil {
		return nil
	}
	var dirs []string
	for _, e := range entries {
		if e.IsDir() {
			dirs = append(dirs, filepath.Join(cgroupRoot, e.Name()))
		}
	}
	return dirs
}

// removeCgroups removes the groups again, from the leaves up. The processes
// in them were just killed and may take a moment to be gone.
func removeCgroups(name string) {
	for range 50 {
		left := false
		for _, h := range hierarchies() {
			left = !removeTree(filepath.Join(h, name)) || left
		}
		if !left {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func removeTree(dir string) (gone bool) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return os.IsNotExist(err)
	}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			removeTree(filepath.Join(dir, e.Name()))
		}
	}
	err = os.Remove(dir)
	return err == nil || os.IsNotExist(err)
}
