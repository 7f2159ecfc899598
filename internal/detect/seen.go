package detect

import (
	"encoding/binary"
	"time"
)

// callKey is a 128-bit hash of what identifies an API call. The low four bits
// of lo are which of its stages were seen.
type callKey struct{ hi, lo uint64 }

// seen remembers which stages of which calls were read. It holds the most
// recent generation of calls and the one before, so its memory is bounded and
// a record is recognised if it comes again within at least seenGeneration calls.
type seen struct {
	now, before generation
	number      int64 // of the generation now
	record      bool
	fresh       []Seen // what was noted since take, if record is set
}

// Seen is a run of notes of one generation, as they are kept: 16 bytes each.
type Seen struct {
	Generation int64
	Keys       []byte
}

const seenGeneration = 1 << 20

// generation is a hash table with open addressing. A byte of each key stands
// beside it in tags, which are small enough to stay in the processor's cache:
// most look-ups, which find nothing, do not touch the slots.
type generation struct {
	tags  []uint8 // 0: the slot is empty
	slots []callKey
	used  int
}

// tag is never 0.
func (k callKey) tag() uint8 { return uint8(k.lo>>56) | 1 }

const stageMask = 0xF

// stageBit gives each audit stage its bit.
func stageBit(stage string) uint64 {
	switch stage {
	case "RequestReceived":
		return 1
	case "ResponseStarted":
		return 2
	case "Panic":
		return 8
	}
	return 4 // ResponseComplete, and whatever a later version may add
}

// add notes one stage of a call and reports whether it was there already.
func (s *seen) add(k callKey, stage uint64) (dup bool) {
	k.lo &^= stageMask
	if s.now.used >= seenGeneration {
		s.rotate(s.number + 1)
	}
	old := s.before.find(k)
	had := uint64(0)
	if old != nil {
		had = old.lo & stageMask
	}
	slot := s.now.insert(k)
	known := slot.lo
	had |= known & stageMask
	slot.lo |= stage | had
	if s.record && slot.lo != known {
		s.note(*slot)
	}
	return had&stage != 0
}

// rotate begins the generation of a number.
func (s *seen) rotate(number int64) {
	s.before = generation{}
	if number == s.number+1 {
		s.before = s.now
	}
	s.now, s.number = generation{}, number
}

func (s *seen) note(k callKey) {
	if n := len(s.fresh); n == 0 || s.fresh[n-1].Generation != s.number {
		s.fresh = append(s.fresh, Seen{Generation: s.number})
	}
	keys := &s.fresh[len(s.fresh)-1].Keys
	*keys = binary.LittleEndian.AppendUint64(*keys, k.hi)
	*keys = binary.LittleEndian.AppendUint64(*keys, k.lo)
}

// take returns what was noted since the last take.
func (s *seen) take() []Seen {
	out := s.fresh
	s.fresh = nil
	return out
}

// restore takes up a run that was kept. Runs come in the order of their making.
func (s *seen) restore(r Seen) {
	if r.Generation > s.number {
		s.rotate(r.Generation)
	}
	for k := r.Keys; len(k) >= 16; k = k[16:] {
		key := callKey{binary.LittleEndian.Uint64(k), binary.LittleEndian.Uint64(k[8:])}
		s.now.insert(callKey{key.hi, key.lo &^ stageMask}).lo |= key.lo
	}
}

func (g *generation) find(k callKey) *callKey {
	if len(g.slots) == 0 {
		return nil
	}
	tag, mask := k.tag(), uint64(len(g.tags)-1)
	for i := k.hi & mask; g.tags[i] != 0; i = (i + 1) & mask {
		if s := &g.slots[i]; g.tags[i] == tag && s.hi == k.hi && s.lo&^stageMask == k.lo {
			return s
		}
	}
	return nil
}

func (g *generation) insert(k callKey) *callKey {
	if 2*g.used >= len(g.slots) {
		g.grow()
	}
	tag, mask := k.tag(), uint64(len(g.tags)-1)
	for i := k.hi & mask; ; i = (i + 1) & mask {
		s := &g.slots[i]
		switch {
		case g.tags[i] == 0:
			g.tags[i], *s = tag, k
			g.used++
			return s
		case g.tags[i] == tag && s.hi == k.hi && s.lo&^stageMask == k.lo:
			return s
		}
	}
}

func (g *generation) grow() {
	tags, slots := g.tags, g.slots
	n := max(1<<10, 2*len(slots))
	g.tags, g.slots, g.used = make([]uint8, n), make([]callKey, n), 0
	for i, k := range slots {
		if tags[i] != 0 {
			g.insert(callKey{k.hi, k.lo &^ stageMask}).lo = k.lo
		}
	}
}

// watermark follows the event time of one stream.
type watermark struct {
	newest  time.Time
	pending time.Time // a jump ahead that no second record has confirmed
}

// maxJump is how far ahead a single record may move the watermark. One broken
// clock must not make everything after it late.
const maxJump = time.Hour

func (sc *scope) watermark(stream string) *watermark {
	w := sc.streams[stream]
	if w == nil {
		w = &watermark{}
		sc.streams[stream] = w
	}
	return w
}

// late advances the watermark and reports whether t is behind its bound.
func (w *watermark) late(t time.Time, bound time.Duration) bool {
	switch ahead := t.Sub(w.newest); {
	case w.newest.IsZero():
		w.newest = t
	case ahead <= 0:
		return -ahead > bound
	case ahead <= maxJump:
		w.newest, w.pending = t, time.Time{}
	case !w.pending.IsZero() && t.Sub(w.pending).Abs() <= maxJump:
		w.newest, w.pending = t, time.Time{}
	default:
		w.pending = t
	}
	return false
}

// guess is the time of a record that lost its own: that of the record before
// it, or else of the arrival of its bytes.
func (w *watermark) guess(received time.Time) time.Time {
	if !w.newest.IsZero() {
		return w.newest
	}
	return received
}
