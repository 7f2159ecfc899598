package proc

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/vedette-project/vedette/internal/event"
)

const (
	maxCmdline = 64 << 10
	maxEnviron = 256 << 10
	maxStatus  = 64 << 10
	deleted    = " (deleted)"
)

// stat is /proc/PID/stat.
type stat struct {
	name   string
	parent int
	tty    bool
	start  uint64 // ticks
}

// parseStat reads the line of /proc/PID/stat. The name in it is the process's
// own choice and may hold brackets and spaces: the last bracket ends it.
func parseStat(b []byte) (stat, error) {
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 0 || end < open {
		return stat{}, fmt.Errorf("stat has no name in brackets: %.60q", b)
	}
	// From the third field on: state, parent, group, session, terminal, … and
	// the 22nd is the start.
	fields := strings.Fields(string(b[end+1:]))
	if len(fields) < 20 {
		return stat{}, fmt.Errorf("stat has %d fields after the name, want 20 or more", len(fields))
	}
	parent, err1 := strconv.Atoi(fields[1])
	tty, err2 := strconv.Atoi(fields[4])
	start, err3 := strconv.ParseUint(fields[19], 10, 64)
	for i, err := range []error{err1, err2, err3} {
		if err != nil {
			return stat{}, fmt.Errorf("stat: %s: %w", []string{"parent", "terminal", "start"}[i], err)
		}
	}
	return stat{name: string(b[open+1 : end]), parent: parent, tty: tty != 0, start: start}, nil
}

// status is what is used of /proc/PID/status.
type status struct {
	uid, euid, gid, egid uint32
	nspid                int
	tgid                 int
	caps                 uint64
}

// parseStatus reads /proc/PID/status.
func parseStatus(b []byte) (status, error) {
	var s status
	found := 0
	for line := range bytes.Lines(b) {
		key, value, _ := bytes.Cut(line, []byte(":"))
		fields := strings.Fields(string(value))
		var err error
		switch string(key) {
		case "Uid":
			s.uid, s.euid, err = realEffective(fields)
		case "Gid":
			s.gid, s.egid, err = realEffective(fields)
		case "Tgid", "NSpid":
			n := 0
			if len(fields) == 0 {
				return status{}, fmt.Errorf("status: %s is empty", key)
			}
			n, err = strconv.Atoi(fields[len(fields)-1]) // the innermost namespace is last
			if string(key) == "Tgid" {
				s.tgid = n
			} else {
				s.nspid = n
			}
		case "CapEff":
			s.caps, err = strconv.ParseUint(strings.Join(fields, ""), 16, 64)
		default:
			continue
		}
		if err != nil {
			return status{}, fmt.Errorf("status: %s: %w", key, err)
		}
		found++
	}
	if found < 4 {
		return status{}, fmt.Errorf("status has only %d of the fields Tgid, NSpid, Uid, Gid", found)
	}
	return s, nil
}

func realEffective(fields []string) (r, e uint32, err error) {
	if len(fields) < 2 {
		return 0, 0, fmt.Errorf("%d numbers, want 4", len(fields))
	}
	a, err := strconv.ParseUint(fields[0], 10, 32)
	if err != nil {
		return 0, 0, err
	}
	b, err := strconv.ParseUint(fields[1], 10, 32)
	return uint32(a), uint32(b), err
}

// Found is a process as /proc tells it.
type Found struct {
	Key    Key
	Parent int
	Info   event.Process
	Cgroup string // the path in the hierarchy that tells containers apart
	Kernel bool   // a thread of the kernel
	PIDNS  uint32 // inode number of its pid namespace
	Caps   uint64 // effective capabilities
}

// Read reads a process from a mounted proc file system. The process may end,
// and another take its number, while it is read: the key is read first and last.
func Read(root string, pid int) (*Found, error) {
	dir := filepath.Join(root, strconv.Itoa(pid))
	st, err := readStat(dir)
	if err != nil {
		return nil, err
	}
	text, err := readSome(dir+"/status", maxStatus)
	if err != nil {
		return nil, err
	}
	s, err := parseStatus(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	f := &Found{Key: Key{pid, st.start}, Parent: st.parent, Kernel: st.parent == 2 || pid == 2, Caps: s.caps}
	f.Info = event.Process{
		PID: pid, NamespacePID: s.nspid, Name: st.name, TTY: st.tty,
		UID: s.uid, GID: s.gid, EUID: s.euid, EGID: s.egid,
	}
	f.readRest(dir)
	again, err := readStat(dir)
	if err != nil || again.start != st.start {
		return nil, fmt.Errorf("%s ended while it was read", dir)
	}
	return f, nil
}

// readRest reads what a process may keep from us, or not have.
func (f *Found) readRest(dir string) {
	exe, _ := os.Readlink(dir + "/exe")
	f.Info.Executable = strings.TrimSuffix(exe, deleted)
	f.Info.Cwd, _ = os.Readlink(dir + "/cwd")
	if ns, err := os.Readlink(dir + "/ns/pid"); err == nil {
		f.PIDNS = uint32(NamespaceID(ns))
	}
	if b, err := readSome(dir+"/cmdline", maxCmdline); err == nil && len(b) > 0 {
		f.Info.ArgsCut = len(b) == maxCmdline
		f.Info.Args = strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
	}
	if b, err := readSome(dir+"/environ", maxEnviron); err == nil {
		f.Info.Preload, f.Info.LibraryPath = loaderVariables(b)
	}
	if b, err := readSome(dir+"/cgroup", maxStatus); err == nil {
		f.Cgroup = CgroupPath(b)
	}
}

// loaderVariables finds LD_PRELOAD and LD_LIBRARY_PATH.
func loaderVariables(environ []byte) (preload, path string) {
	for v := range bytes.SplitSeq(environ, []byte{0}) {
		if rest, ok := bytes.CutPrefix(v, []byte("LD_PRELOAD=")); ok && preload == "" {
			preload = string(rest)
		}
		if rest, ok := bytes.CutPrefix(v, []byte("LD_LIBRARY_PATH=")); ok && path == "" {
			path = string(rest)
		}
	}
	return preload, path
}

// CgroupPath picks the path that tells containers apart from /proc/PID/cgroup.
// Runtimes join every hierarchy, or the unified one alone; controllers that
// nothing else uses come first, since other programs move processes in theirs.
func CgroupPath(b []byte) string {
	best, rank := "", 0
	for line := range bytes.Lines(b) {
		parts := strings.SplitN(strings.TrimSuffix(string(line), "\n"), ":", 3)
		if len(parts) != 3 || !strings.HasPrefix(parts[2], "/") {
			continue
		}
		r := 0
		switch parts[1] {
		case "memory":
			r = 4
		case "pids":
			r = 3
		case "":
			r = 2
		case "name=systemd":
			r = 1
		}
		if parts[2] == "/" {
			r = 0 // the root says nothing
		}
		if r > rank {
			best, rank = parts[2], r
		}
	}
	if rank == 0 {
		return "/"
	}
	return best
}

func readStat(dir string) (stat, error) {
	b, err := readSome(dir+"/stat", 4<<10)
	if err != nil {
		return stat{}, err
	}
	s, err := parseStat(b)
	if err != nil {
		return stat{}, fmt.Errorf("%s: %w", dir, err)
	}
	return s, nil
}

// readSome reads at most so many bytes of a file.
func readSome(path string, most int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, 0, min(most, 4<<10))
	for len(b) < most {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := f.Read(b[len(b):min(cap(b), most)])
		b = b[:len(b)+n]
		if n == 0 || err != nil {
			break
		}
	}
	return b, nil
}
