package sensor

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/sensor/proc"
)

// host is the machine.
type host struct {
	node   event.Node
	groups string   // the hierarchy of control groups that the kernel's records number
	root   proc.Dir // where the node's files begin
	// namespaces are the node's own, by inode number: mnt, pid, net, …
	namespaces map[uint64]string
}

func readHost(o Options) (*host, error) {
	h := &host{node: event.Node{Name: o.Node, Cluster: o.Cluster}}
	if h.node.Name == "" {
		name, err := os.Hostname()
		if err != nil {
			return nil, fmt.Errorf("sensor: the node's name: %w; give it as an option", err)
		}
		h.node.Name = name
	}
	boot, err := os.ReadFile(filepath.Join(o.Proc, "sys/kernel/random/boot_id"))
	if err != nil {
		return nil, fmt.Errorf("sensor: the boot's number: %w", err)
	}
	h.node.BootID = strings.TrimSpace(string(boot))
	if release, err := os.ReadFile(filepath.Join(o.Proc, "sys/kernel/osrelease")); err == nil {
		h.node.Kernel = strings.TrimSpace(string(release))
	}
	h.groups = hierarchy(o)
	if h.root, err = proc.DirOf(o.HostRoot); err != nil {
		return nil, fmt.Errorf("sensor: the node's root folder: %w", err)
	}
	h.readNamespaces(o)
	return h, nil
}

// firstNamespaces have the same numbers on every machine (the kernel's
// proc_ns.h); those of mounts and the network have not.
func firstNamespaces() map[uint64]string {
	return map[uint64]string{
		0xefffffff: "ipc", 0xeffffffe: "uts", 0xeffffffd: "user", 0xeffffffc: "pid", 0xeffffffb: "cgroup", 0xeffffffa: "time",
	}
}

// readNamespaces finds the node's own namespaces: those of its first process
// or, where that must not be asked, of the kernel's first thread or, where the
// sensor runs on the node itself, its own.
func (h *host) readNamespaces(o Options) {
	h.namespaces = firstNamespaces()
	for _, kind := range []string{"mnt", "net"} {
		for _, who := range []string{"1", "2", "self"} {
			if who == "self" && o.HostRoot != "/" {
				continue
			}
			if link, err := os.Readlink(filepath.Join(o.Proc, who, "ns", kind)); err == nil {
				h.namespaces[proc.NamespaceID(link)] = kind
				break
			}
		}
	}
}

// hierarchy is where the control groups are mounted whose numbers the kernel's
// records carry: a controller of version 1, if there is one, as the kernel's
// part chooses it, else version 2.
func hierarchy(o Options) string {
	root := filepath.Join(o.HostRoot, "sys/fs/cgroup")
	text, _ := os.ReadFile(filepath.Join(o.Proc, "cgroups"))
	if name := firstVersion(text); name != "" {
		return filepath.Join(root, name)
	}
	return unified(o.HostRoot)
}

// unified is where version 2 of the control groups is mounted: alone, or
// beside version 1.
func unified(hostRoot string) string {
	root := filepath.Join(hostRoot, "sys/fs/cgroup")
	if beside := filepath.Join(root, "unified"); !exists(filepath.Join(root, "cgroup.controllers")) && exists(beside) {
		return beside
	}
	return root
}

// onEC2 reports whether the machine's maker says that it is an instance.
func onEC2() bool {
	for _, path := range []string{"/sys/class/dmi/id/sys_vendor", "/sys/class/dmi/id/bios_vendor", "/sys/class/dmi/id/bios_version"} {
		if b, err := os.ReadFile(path); err == nil && strings.Contains(strings.ToLower(string(b)), "amazon") {
			return true
		}
	}
	return false
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// firstVersion picks from /proc/cgroups a controller that is mounted as version
// 1: its line has the number of a hierarchy other than 0.
func firstVersion(text []byte) string {
	mounted := map[string]bool{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		if f := strings.Fields(lines.Text()); len(f) == 4 && f[1] != "0" {
			mounted[f[0]] = true
		}
	}
	for _, name := range []string{"memory", "pids", "devices", "freezer", "cpu"} {
		if mounted[name] {
			return name
		}
	}
	return ""
}
