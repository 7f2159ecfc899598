package anomaly

import (
	"math/bits"
	"slices"
)

// MaxViews is how many views a behaviour can have.
const MaxViews = 15

// Window is how many days back a profile knows on which of them it met a
// value. HalfLife is after how many days counts are halved.
const (
	Window   = 32
	HalfLife = 30
)

// Profile is what one node has met: in each view some values, each by its
// hash, with how often and on which of the last days. The zero Profile has met
// nothing. Its bytes are about twelve a value, and seventy.
type Profile struct {
	slots []slot // those of a view lie together, views in order
	ends  [MaxViews]uint16
	today int32  // the day of bit 0 of the bitmaps; 0 before the first
	first int32  // the day of the first event
	days  uint32 // on which the node met anything
}

type slot struct {
	hash  uint32
	days  uint32
	count uint32 // the highest bit: it is expected, whatever the counts say
}

const expected = 1 << 31

// n is the count: at least one, for as long as the value is there.
func (s *slot) n() uint64 { return max(uint64(s.count&^expected), 1) }

// Hash is the name of a value in a profile.
func Hash(value string) uint32 {
	h := uint64(14695981039346656037) // FNV-1a, then mixed
	for i := range len(value) {
		h = (h ^ uint64(value[i])) * 1099511628211
	}
	return uint32(mix(h))
}

func mix(h uint64) uint64 {
	h = (h ^ h>>32) * 0xd6e8feb86659fd93
	return h ^ h>>32
}

// Settle moves a profile on to a day: the days that have gone by leave the
// bitmaps, and counts are halved at the end of each HalfLife; a value whose
// count is gone, and that was not met within the Window, is forgotten. To
// settle for one day and then for another is to settle for the other.
func (p *Profile) Settle(today int32) {
	if today <= p.today {
		return
	}
	if p.today == 0 {
		p.today = today
		return
	}
	halvings := min(today/HalfLife-p.today/HalfLife, 31)
	passed := uint32(today - p.today)
	p.today = today
	p.days = shift(p.days, passed)
	kept, from := 0, 0
	for v := range p.ends {
		end := int(p.ends[v])
		for i := from; i < end; i++ {
			s := p.slots[i]
			s.days = shift(s.days, passed)
			s.count = s.count&expected | s.count&^expected>>halvings
			if s.count != 0 || s.days != 0 {
				p.slots[kept] = s
				kept++
			}
		}
		from, p.ends[v] = end, uint16(kept)
	}
	p.slots = p.slots[:kept]
}

func shift(days, by uint32) uint32 {
	if by >= Window {
		return 0
	}
	return days << by
}

// view is the slots of one view.
func (p *Profile) view(v int) []slot {
	from := 0
	if v > 0 {
		from = int(p.ends[v-1])
	}
	return p.slots[from:p.ends[v]]
}

// count is what a node knows of a value: total and distinct are those of the
// view; own is its count, 0 if it is unknown, and rare the sum of the counts of
// values that are no more frequent.
type count struct {
	total, distinct, own, rare uint64
	days                       uint32
	expected                   bool
}

func (p *Profile) count(v int, hash uint32) (c count) {
	if p == nil {
		return c
	}
	slots := p.view(v)
	for i := range slots {
		n := slots[i].n()
		c.total += n
		if slots[i].hash == hash {
			c.own, c.days, c.expected = n, slots[i].days, slots[i].count&expected != 0
		}
	}
	c.distinct = uint64(len(slots))
	if c.own == 0 || c.own*20 > c.total { // nobody asks how rare it is
		return c
	}
	for i := range slots {
		if n := slots[i].n(); n <= c.own {
			c.rare += n
		}
	}
	return c
}

// exact is up to where every event is counted; beyond it every second, fourth
// and so on counts for as many. So what a node does all day changes nothing in
// it most of the time.
const exact = 6 // bits

// add counts a value on a day, of which draw decides whether it is one that
// counts. It reports whether the profile changed.
func (p *Profile) add(v int, hash uint32, day int32, draw uint64, limit int) bool {
	ago := p.today - day
	bit := uint32(0)
	if ago >= 0 && ago < Window {
		bit = 1 << ago
	}
	slots := p.view(v)
	for i := range slots {
		if slots[i].hash == hash {
			return slots[i].again(bit, draw)
		}
	}
	if len(slots) >= limit {
		evict(slots)
		slots[len(slots)-1] = slot{hash, bit, 1}
		return true
	}
	p.insert(v, slot{hash, bit, 1})
	return true
}

func (s *slot) again(bit uint32, draw uint64) bool {
	changed := s.days|bit != s.days
	s.days |= bit
	n := s.count &^ expected
	coarse := max(bits.Len32(n)-exact, 0)
	if draw&(1<<coarse-1) != 0 || n >= 1<<30 {
		return changed
	}
	s.count += 1 << coarse
	return true
}

// meet notes on which day a value was met that the node knows, without counting
// it.
func (p *Profile) meet(v int, hash uint32, day int32) bool {
	ago := p.today - day
	if ago < 0 || ago >= Window {
		return false
	}
	slots := p.view(v)
	for i := range slots {
		if s := &slots[i]; s.hash == hash {
			before := s.days
			s.days |= 1 << ago
			return s.days != before
		}
	}
	return false
}

// insert puts a slot at the end of a view. Memory is taken a little at a time:
// there are many profiles, and most stop growing early.
func (p *Profile) insert(v int, s slot) {
	if len(p.slots) == cap(p.slots) {
		grown := make([]slot, len(p.slots), len(p.slots)+max(4, len(p.slots)/4))
		copy(grown, p.slots)
		p.slots = grown
	}
	p.slots = slices.Insert(p.slots, int(p.ends[v]), s)
	for i := v; i < MaxViews; i++ {
		p.ends[i]++
	}
}

// evict moves what makes room to the end: what was met least often, of those
// what was met longest ago, of those that of the lowest hash. What is expected
// stays.
func evict(slots []slot) {
	least := 0
	for i := range slots {
		if s, l := &slots[i], &slots[least]; s.count < l.count || s.count == l.count &&
			(bits.TrailingZeros32(s.days) > bits.TrailingZeros32(l.days) || s.days == l.days && s.hash < l.hash) {
			least = i
		}
	}
	last := len(slots) - 1
	slots[least], slots[last] = slots[last], slots[least]
}

// Meet notes that a node met something on a day, and reports whether that is
// news.
func (p *Profile) Meet(day int32) bool {
	before := p.days
	if ago := p.today - day; ago >= 0 && ago < Window {
		p.days |= 1 << ago
	}
	if p.first == 0 || day < p.first {
		p.first = day
		return true
	}
	return p.days != before
}

// Days is on how many of the last Window days the node met anything.
func (p *Profile) Days() int { return bits.OnesCount32(p.days) }

// First is the day of the first event, 0 before it.
func (p *Profile) First() int32 { return p.first }

// Values is how many values the node knows, of all views.
func (p *Profile) Values() int { return len(p.slots) }

// Total is how many events of a view the node counts.
func (p *Profile) Total(v int) (n uint64) {
	for _, s := range p.view(v) {
		n += s.n()
	}
	return n
}

// Value is a value that a node knows.
type Value struct {
	Hash     uint32
	Count    uint64
	Days     int // of the last Window
	Expected bool
}

// Usual are the values of a view by their counts, the largest first, at most n.
func (p *Profile) Usual(v, n int) (out []Value) {
	if p == nil {
		return nil
	}
	slots := slices.Clone(p.view(v))
	slices.SortFunc(slots, func(a, b slot) int {
		if a.n() != b.n() {
			return int(b.n()) - int(a.n())
		}
		return int(int64(a.hash) - int64(b.hash))
	})
	for _, s := range slots[:min(n, len(slots))] {
		out = append(out, Value{s.hash, s.n(), bits.OnesCount32(s.days), s.count&expected != 0})
	}
	return out
}

// Expect marks a value as expected, or takes that back: then it is unknown.
// It reports whether the profile changed.
func (p *Profile) Expect(v int, hash uint32, yes bool) bool {
	slots := p.view(v)
	for i := range slots {
		if slots[i].hash != hash {
			continue
		}
		if yes {
			changed := slots[i].count&expected == 0
			slots[i].count |= expected
			return changed
		}
		p.remove(v, i)
		return true
	}
	if !yes {
		return false
	}
	if len(slots) >= ownSlots {
		evict(slots)
		p.remove(v, len(slots)-1)
	}
	p.insert(v, slot{hash, 0, expected})
	return true
}

func (p *Profile) remove(v, i int) {
	from := int(p.ends[v]) - len(p.view(v))
	p.slots = slices.Delete(p.slots, from+i, from+i+1)
	for ; v < MaxViews; v++ {
		p.ends[v]--
	}
}
