package proc

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/vedette-project/vedette/internal/event"
)

// Scan fills the table with the processes that run already, parents first, and
// says which of them listen. place says in which container one is, and may
// change how its names are written.
func (t *Table) Scan(root string, clock *Clock, place func(*Found) string) (n int, err error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return 0, err
	}
	found := map[int]*Found{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if f, err := Read(root, pid); err == nil && !f.Kernel { // it may have ended meanwhile
			found[pid] = f
		}
	}
	var add func(f *Found, depth int) *Process
	add = func(f *Found, depth int) *Process {
		if p := t.Get(f.Key); p != nil {
			return p
		}
		var parent *Process
		if up := found[f.Parent]; up != nil && up != f && up.Key.Start <= f.Key.Start && depth < 64 {
			parent = add(up, depth+1)
		}
		f.Info.Start = clock.KeyTime(f.Key)
		in := place(f)
		p := t.Add(f.Key, f.Info, parent)
		p.Local, p.Place, p.Inside, p.PIDNS, p.Caps, p.CapsKnown = f.Info.PID, in, true, f.PIDNS, f.Caps, true
		return p
	}
	pids := make([]int, 0, len(found))
	for pid := range found {
		pids = append(pids, pid)
	}
	slices.Sort(pids)
	for _, pid := range pids {
		add(found[pid], 0)
	}
	t.findListeners(root, pids)
	return len(found), nil
}

// findListeners marks the processes that hold a listening socket, and those
// that come from them in the same place.
func (t *Table) findListeners(root string, pids []int) {
	sockets := map[string]bool{} // socket:[inode], as the descriptors' links say
	seen := map[string]bool{}    // network namespaces
	for _, pid := range pids {
		dir := root + "/" + strconv.Itoa(pid)
		ns, err := os.Readlink(dir + "/ns/net")
		if err != nil || seen[ns] {
			continue
		}
		seen[ns] = true
		for _, table := range []string{"/net/tcp", "/net/tcp6"} {
			b, err := readSome(dir+table, 4<<20)
			if err != nil {
				continue
			}
			for port, inode := range listening(b) {
				sockets["socket:["+inode+"]"] = true
				t.ports.Put(Port{uint32(NamespaceID(ns)), port}, struct{}{})
			}
		}
	}
	if len(sockets) == 0 {
		return
	}
	for _, pid := range pids {
		if p := t.Newest(pid); p != nil && holds(root+"/"+strconv.Itoa(pid)+"/fd", sockets) {
			t.Change(p, func(i *event.Process) { i.Listens = true })
		}
	}
	t.inheritListens()
}

// NamespaceID is the number in the link of a namespace: net:[4026531840].
func NamespaceID(link string) uint64 {
	_, rest, _ := strings.Cut(link, ":[")
	n, _ := strconv.ParseUint(strings.TrimSuffix(rest, "]"), 10, 64)
	return n
}

// inheritListens gives the children of services what fork would have given.
func (t *Table) inheritListens() {
	byUUID := map[string]*Process{}
	for p := range t.Live {
		byUUID[p.Info.UUID] = p
	}
	for p := range t.Live {
		for up, n := byUUID[p.Info.ParentUUID], 0; up != nil && up.Place == p.Place && n < 64; up, n = byUUID[up.Info.ParentUUID], n+1 {
			if inherits(up) {
				t.Change(p, func(i *event.Process) { i.Listens = true })
				break
			}
		}
	}
}

// holds reports whether a process has one of the sockets open.
func holds(dir string, sockets map[string]bool) bool {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, e := range entries[:min(len(entries), 4096)] {
		if link, err := os.Readlink(dir + "/" + e.Name()); err == nil && sockets[link] {
			return true
		}
	}
	return false
}
