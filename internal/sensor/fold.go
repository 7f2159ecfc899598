package sensor

import (
	"hash/maphash"
	"net/netip"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/sensor/lru"
	"github.com/vedette-project/vedette/internal/sensor/proc"
)

// fold leaves out what was told a moment ago in the very same words: the same
// program in the same process, the same kind and body. A connection that is
// told again later says for how many it stands.
type fold struct {
	seed maphash.Seed
	told *lru.Map[uint64, *told]
	// What a record is made alike in.
	w   writer
	net event.Connection
	dns event.Lookup
}

type told struct {
	until time.Duration // since boot
	more  int           // how many like it came since
}

const (
	maxTold    = 8 << 10
	foldWindow = 5 * time.Second
)

func newFold() *fold {
	return &fold{seed: maphash.MakeSeed(), told: lru.New[uint64, *told](maxTold)}
}

// folds reports whether kinds are folded: those that may come often and alike.
func folds(k event.RuntimeKind) bool {
	switch k {
	case event.KindExec, event.KindFork, event.KindExit, event.KindModule, event.KindMount, event.KindUnmount, event.KindStratum:
		return false
	}
	return true
}

// again reports whether a record says nothing new.
func (f *fold) again(at time.Duration, p *proc.Process, r *event.Runtime) bool {
	if !folds(r.Kind) {
		return false
	}
	key := f.key(p, r)
	t, ok := f.told.Get(key)
	if ok && at < t.until && at+foldWindow >= t.until {
		t.more += max(1, count(r))
		return true
	}
	if ok && t.more > 0 && r.Net != nil {
		r.Net.Count = max(1, r.Net.Count) + t.more
	}
	f.told.Put(key, &told{until: at + foldWindow})
	return false
}

func count(r *event.Runtime) int {
	if r.Net != nil {
		return r.Net.Count
	}
	return 0
}

// key is what makes records alike. Ports and numbers that a system chooses
// anew for each connection are no difference.
func (f *fold) key(p *proc.Process, r *event.Runtime) uint64 {
	f.w.b = append(f.w.b[:0], '{')
	f.w.text("error", r.Error)
	net, dns := r.Net, r.DNS
	switch {
	case net != nil:
		f.net = *net
		f.net.Count, f.net.Socket.Inode = 0, 0
		if net.Socket.Accepted {
			f.net.Socket.Remote = netip.AddrPortFrom(net.Socket.Remote.Addr(), 0)
		} else if r.Kind == event.KindConnect {
			f.net.Socket.Local = netip.AddrPort{}
		}
		r.Net = &f.net
	case dns != nil:
		f.dns = *dns
		f.dns.ID, f.dns.Local = 0, netip.AddrPort{}
		r.DNS = &f.dns
	}
	f.w.body(r)
	r.Net, r.DNS = net, dns
	var h maphash.Hash
	h.SetSeed(f.seed)
	maphash.WriteComparable(&h, p.Key)
	h.WriteString(string(r.Kind))
	h.WriteString(p.Info.Executable)
	h.Write(f.w.b)
	return h.Sum64()
}
