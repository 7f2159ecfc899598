package proc

import (
	"slices"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/sensor/lru"
)

const (
	// MaxLive and MaxEnded bound the table. A live process that was forgotten
	// is read from /proc again when it does something.
	MaxLive  = 16 << 10
	MaxEnded = 4 << 10
	// maxArgs is how many bytes of its arguments the table keeps of a process;
	// the record of the exec itself has them all.
	maxArgs = 2 << 10
)

// Process is one process in the table.
type Process struct {
	Key Key
	// Local is its number in /proc; 0: it is not there, as other nodes' processes
	// are not where a node is itself a container.
	Local int
	// Info is what is known of it now. It is replaced, never edited: records
	// and children may hold it.
	Info *event.Process
	// Place is where it runs: the container's id, or "" for the node.
	Place string
	// Cgroup is the control group's number.
	Cgroup uint64
	// PIDNS is the inode number of its pid namespace.
	PIDNS uint32
	// Caps are its effective capabilities, if CapsKnown.
	Caps      uint64
	CapsKnown bool
	// Streams are descriptors 0, 1 and 2, where they are known.
	Streams [3]event.Stdio
	// Inside says that it has begun a program in its place. Before, it is the
	// runtime's, and may still have the node's files before it.
	Inside bool
	// Builds says that it comes from a builder of images in the same place.
	Builds bool
	// ancestors are its parents as they were when they started it or one
	// another, nearest first. They are held here, so that the chain is whole
	// when they are long gone.
	ancestors [event.MaxAncestors]*event.Process
	Ended     bool
}

// Table is the processes of a node. One goroutine owns it.
type Table struct {
	bootID string
	live   *lru.Map[Key, *Process]
	ended  *lru.Map[Key, *Process]
	// newest is the process that had each number last.
	newest map[int]Key
	// ports are those that something listens on.
	ports *lru.Map[Port, struct{}]
}

// Port is a TCP port in a network namespace, by its inode number.
type Port struct {
	NetNS  uint32
	Number uint16
}

// maxPorts bounds the ports that are remembered.
const maxPorts = 4 << 10

// NewTable returns an empty table.
func NewTable(bootID string) *Table {
	return &Table{bootID: bootID, live: lru.New[Key, *Process](MaxLive), ended: lru.New[Key, *Process](MaxEnded), newest: map[int]Key{}, ports: lru.New[Port, struct{}](maxPorts)}
}

// Len is how many processes are live and how many that have ended are kept.
func (t *Table) Len() (live, ended int) { return t.live.Len(), t.ended.Len() }

// Get returns a process, also one that ended a while ago; nil when it is not known.
func (t *Table) Get(k Key) *Process {
	if p, ok := t.live.Get(k); ok {
		return p
	}
	p, _ := t.ended.Get(k)
	return p
}

// Newest is the process that had a number last; nil when none is known.
func (t *Table) Newest(pid int) *Process {
	k, ok := t.newest[pid]
	if !ok {
		return nil
	}
	return t.Get(k)
}

// Add puts a process into the table. Its parent, if it is known, gives it its
// ancestors, and its program as long as it has none of its own.
func (t *Table) Add(k Key, info event.Process, parent *Process) *Process {
	if info.PID == 0 {
		info.PID = k.PID
	}
	info.UUID = k.UUID(t.bootID)
	info.Args, info.ArgsCut = shorten(info.Args, info.ArgsCut)
	p := &Process{Key: k, Info: &info}
	if parent != nil {
		info.ParentUUID = parent.Info.UUID
		p.ancestors[0] = parent.Info
		copy(p.ancestors[1:], parent.ancestors[:])
	}
	t.put(p)
	return p
}

func (t *Table) put(p *Process) {
	t.ended.Delete(p.Key)
	if old, ok := t.newest[p.Key.PID]; ok && old != p.Key && old.Start < p.Key.Start {
		t.Exit(old) // its number is used again, so it ended unseen
	}
	if dropped, ok := t.live.Put(p.Key, p); ok {
		t.forget(dropped)
	}
	if old, ok := t.newest[p.Key.PID]; !ok || old.Start <= p.Key.Start {
		t.newest[p.Key.PID] = p.Key
	}
}

func (t *Table) forget(p *Process) {
	if t.newest[p.Key.PID] == p.Key {
		delete(t.newest, p.Key.PID)
	}
}

// Fork adds a child that runs what its parent runs.
func (t *Table) Fork(k Key, parent *Process, start time.Time) *Process {
	info := *parent.Info
	info.PID, info.Start = 0, start
	info.Listens = inherits(parent)
	child := t.Add(k, info, parent)
	child.Place, child.Cgroup, child.PIDNS, child.Inside, child.Builds = parent.Place, parent.Cgroup, parent.PIDNS, parent.Inside, parent.Builds
	child.Caps, child.CapsKnown, child.Streams = parent.Caps, parent.CapsKnown, parent.Streams
	return child
}

// inherits reports whether children of a process count as network services.
// The node's first process holds sockets for others, and starts everything.
func inherits(parent *Process) bool { return parent.Info.Listens && parent.Key.PID != 1 }

// Change replaces what is known of a process.
func (t *Table) Change(p *Process, change func(*event.Process)) {
	info := *p.Info
	change(&info)
	if len(info.Args) > 0 && (len(p.Info.Args) == 0 || &info.Args[0] != &p.Info.Args[0]) {
		info.Args, info.ArgsCut = shorten(info.Args, info.ArgsCut)
	}
	p.Info = &info
}

// Enter says where a process runs. One that was started elsewhere is not the
// network service that its parent is: kubelet listens, the container's first
// process does not.
func (t *Table) Enter(p *Process, place string) {
	if p.Place == place {
		return
	}
	p.Place, p.Inside, p.Builds = place, false, false
	if p.Info.Listens {
		t.Change(p, func(i *event.Process) { i.Listens = false })
	}
}

// Exit says that a process ended. What is known of it is kept for a while:
// the files that it wrote outlive it.
func (t *Table) Exit(k Key) {
	p, ok := t.live.Get(k)
	if !ok {
		return
	}
	t.live.Delete(k)
	p.Ended = true
	if dropped, ok := t.ended.Put(k, p); ok {
		t.forget(dropped)
	}
}

// Listen says that a process listens on a port.
func (t *Table) Listen(p *Process, port Port) {
	t.ports.Put(port, struct{}{})
	if !p.Info.Listens {
		t.Change(p, func(i *event.Process) { i.Listens = true })
	}
}

// Serves reports whether something listens on a port, so that a connection
// there was begun by the other end.
func (t *Table) Serves(port Port) bool {
	_, ok := t.ports.Get(port)
	return ok
}

// Inside finds a live process by its number in its pid namespace.
func (t *Table) Inside(pidns uint32, pid int) *Process {
	for p := range t.Live {
		if p.PIDNS == pidns && p.Info.NamespacePID == pid {
			return p
		}
	}
	return nil
}

// maxAsked bounds how many are looked at for those of a place, and maxOthers
// how many of them are named.
const (
	maxAsked  = 1024
	maxOthers = 4
)

// Others are processes that live in the place of one, to look through their
// eyes when it has ended: the first one of the place before those that did
// something last.
func (t *Table) Others(than *Process) []*Process {
	var out []*Process
	n := 0
	for p := range t.Live {
		if n++; n > maxAsked {
			break
		}
		if p.Place != than.Place || p == than || !p.Inside {
			continue
		}
		switch {
		case p.Info.NamespacePID == 1:
			out = slices.Insert(out, 0, p)
		case len(out) < maxOthers:
			out = append(out, p)
		}
	}
	return out[:min(len(out), maxOthers)]
}

// Live yields the processes that have not ended.
func (t *Table) Live(yield func(*Process) bool) {
	for _, p := range t.live.All {
		if !yield(p) {
			return
		}
	}
}

// Ancestors are the parents of a process, nearest first, as they were when
// they started it or one another. They never change.
func (p *Process) Ancestors() []*event.Process {
	n := slices.Index(p.ancestors[:], nil)
	if n < 0 {
		n = len(p.ancestors)
	}
	return p.ancestors[:n]
}

// shorten cuts arguments to what the table keeps. What it keeps is its own.
func shorten(args []string, cut bool) ([]string, bool) {
	size := 0
	for i, a := range args {
		size += len(a) + 1
		if size <= maxArgs {
			continue
		}
		short := make([]string, 0, i+1)
		short = append(short, args[:i]...)
		if keep := maxArgs - (size - len(a) - 1); keep > 0 {
			short = append(short, a[:min(keep, len(a))])
		}
		for i := range short {
			short[i] = string(append([]byte(nil), short[i]...))
		}
		return short, true
	}
	return args, cut
}
