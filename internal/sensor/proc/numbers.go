package proc

import (
	"os"
	"strconv"

	"github.com/vedette-project/vedette/internal/sensor/lru"
)

// firstPIDs is what the kernel calls the pid namespace that it starts with.
const firstPIDs = "pid:[4026531836]"

// Numbers tells by which number /proc knows a process. The kernel's records
// count as the first pid namespace does. A sensor may live in another one,
// where a node is itself a container; there a process is found by its start
// and by the number that it has in its own namespace.
type Numbers struct {
	root   string // where proc is mounted
	nested bool
	known  *lru.Map[Key, int] // 0: it was not there
}

// NewNumbers finds out in which namespace the mounted proc counts.
func NewNumbers(root string) *Numbers {
	link, err := os.Readlink(root + "/self/ns/pid")
	return newNumbers(root, err == nil && link != firstPIDs)
}

func newNumbers(root string, nested bool) *Numbers {
	return &Numbers{root: root, nested: nested, known: lru.New[Key, int](MaxEnded)}
}

// Nested reports whether /proc counts otherwise than the kernel's records.
func (n *Numbers) Nested() bool { return n.nested }

// Local is the number of a process in /proc; 0 when it is not there. inside is
// its number in its own pid namespace, pidns that namespace.
func (n *Numbers) Local(k Key, inside int, pidns uint32) int {
	if !n.nested {
		return k.PID
	}
	if pid, ok := n.known.Get(k); ok {
		return pid
	}
	pid := n.search(k.Start, inside, pidns)
	n.known.Put(k, pid)
	return pid
}

func (n *Numbers) search(start uint64, inside int, pidns uint32) int {
	entries, err := os.ReadDir(n.root)
	if err != nil {
		return 0
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		dir := n.root + "/" + e.Name()
		if st, err := readStat(dir); err != nil || st.start != start {
			continue
		}
		text, err := readSome(dir+"/status", maxStatus)
		if err != nil {
			continue
		}
		link, _ := os.Readlink(dir + "/ns/pid")
		if s, err := parseStatus(text); err == nil && s.nspid == inside && uint32(NamespaceID(link)) == pidns {
			return pid
		}
	}
	return 0
}
