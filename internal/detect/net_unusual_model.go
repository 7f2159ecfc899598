package detect

import (
	"encoding/binary"
	"math"
	"slices"
	"time"
)

// Bounds of what is remembered of what machines usually do.
const (
	maxUsages    = 100_000
	usageIdle    = 30 * 24 * time.Hour
	maxUsual     = 200_000 // values that groups of machines and accounts know
	maxUsedPorts = 48      // of one machine
	maxUsedNets  = 64
	eraOfUsage   = 30 * 24 // hours after which counts are halved
)

// usage is what is remembered of what a machine does on the network.
type usage struct {
	group       uint64 // of machines like it
	days, hours ticks  // in which it was heard of
	ports, nets values
	sizes       []sizes
}

// ticks counts the distinct days or hours in which something was. Records come
// out of order, and old ones among new: two of them may be open at once.
type ticks struct {
	mark, prev int32
	n          uint32
}

// has reports whether a period is counted, as far as that is remembered.
func (t *ticks) has(period int32) bool { return t.n > 0 && (period == t.mark || period == t.prev) }

func (t *ticks) tick(period int32) bool {
	if t.has(period) {
		return false
	}
	if t.n == 0 {
		t.mark = period
	}
	t.mark, t.prev = period, t.mark
	if t.n < math.MaxUint32 {
		t.n++
	}
	return true
}

func (t *ticks) latest() int32 { return max(t.mark, t.prev) }

// values are what a machine uses of one kind: ports or networks. Hours are
// counted, not flows: a connection that is opened a thousand times is no more
// usual than one that is opened every hour.
type values struct {
	n     uint32 // hours of all values
	novel uint32 // values that were new when they came
	since int32  // hour of the latest halving
	list  []value
}

type value struct {
	id    uint64
	first int32 // hour
	seen  ticks
	doubt doubt
}

// doubt keeps what stood out from being learned at once, so that nobody makes
// an attack a habit by going on with it for an hour.
type doubt uint8

const (
	learnedValue doubt = iota
	doubtedValue       // took part in a score over half of what a finding takes
	toldValue          // of it there is a finding
)

// Hours for which a value stays new.
const (
	doubtedFor = 24
	toldFor    = int32(pardoned / time.Hour)
)

func (v *values) find(id uint64) *value {
	for i := range v.list {
		if v.list[i].id == id {
			return &v.list[i]
		}
	}
	return nil
}

// isNew reports whether a value is new to the machine at an hour: it is not
// there, or there is still doubt of it.
func (x *value) isNew(hour int32) bool {
	switch {
	case x == nil:
		return true
	case x.doubt == doubtedValue:
		return hour-x.first < doubtedFor
	case x.doubt == toldValue:
		return hour-x.first < toldFor
	}
	return false
}

// surprise is -log10 of the chance that a machine does something new, in
// thousandths (Witten and Bell 1991): who often does, surprises less.
func surprise(n, novel uint32) int {
	if n == 0 {
		return 0
	}
	return logOf(n+novel, max(novel, 1))
}

// logOf is log10(a/b) in thousandths, the same on every processor.
func logOf(a, b uint32) int {
	if a <= b || b == 0 {
		return 0
	}
	return int(math.Round(1000 * (math.Log10(float64(a)) - math.Log10(float64(b)))))
}

// age halves the counts every thirty days, so that what is not done any more is
// forgotten. It reports whether it did.
func (v *values) age(hour int32) bool {
	if len(v.list) == 0 {
		v.since = hour
	}
	aged := false
	for ; hour-v.since >= eraOfUsage && len(v.list) > 0; v.since += eraOfUsage {
		aged = true
		v.novel -= v.novel / 2
		v.n = 0
		for i := range v.list {
			v.list[i].seen.n /= 2
			if v.list[i].doubt == learnedValue {
				v.n += v.list[i].seen.n
			}
		}
		v.list = slices.DeleteFunc(v.list, func(x value) bool { return x.seen.n == 0 })
	}
	return aged
}

// note counts a value in an hour, with the doubt that there is of it. It
// reports whether the machine has learned it by that.
func (v *values) note(id uint64, hour int32, d doubt, limit int) (learned bool) {
	x := v.find(id)
	if x == nil {
		if len(v.list) >= limit {
			v.forgetOne()
		}
		v.list = append(v.list, value{id: id, first: hour, doubt: d})
		x = &v.list[len(v.list)-1]
		x.seen.tick(hour)
		if d == learnedValue {
			v.novel++
			v.n++
		}
		return d == learnedValue
	}
	x.first = min(x.first, hour)
	ticked := x.seen.tick(hour)
	if x.doubt != learnedValue {
		if x.isNew(hour) {
			x.doubt = max(x.doubt, d)
			return false
		}
		x.doubt = learnedValue
		v.novel++
		v.n++
		return true
	}
	if ticked {
		v.n++
	}
	return false
}

// forgetOne makes room: the value of the fewest hours goes, of those the one
// that was not seen for longest.
func (v *values) forgetOne() {
	least := 0
	for i := range v.list {
		a, b := &v.list[i], &v.list[least]
		if a.seen.n < b.seen.n || a.seen.n == b.seen.n && a.seen.latest() < b.seen.latest() {
			least = i
		}
	}
	if v.list[least].doubt == learnedValue {
		v.n -= min(v.n, v.list[least].seen.n)
	}
	v.list = slices.Delete(v.list, least, least+1)
}

// most are the values with the most hours, in order.
func (v *values) most(limit int) []value {
	out := slices.DeleteFunc(slices.Clone(v.list), func(x value) bool { return x.doubt != learnedValue })
	slices.SortFunc(out, func(a, b value) int {
		if a.seen.n != b.seen.n {
			return int(b.seen.n) - int(a.seen.n)
		}
		if a.id < b.id {
			return -1
		}
		return 1
	})
	return out[:min(limit, len(out))]
}

// tally is what a group of machines or an account knows of a value, or, where
// it is of no value, of all together. A group counts what is new to a machine,
// an account what is new to a group: so they know how often something new is
// no news there (update exclusion, as in Kneser and Ney 1995).
type tally struct {
	n, novel uint32
	era      int32
}

// now is a tally with the counts of eras gone by halved, but for the last of
// them: what nobody refreshes is forgotten as idle.
func (t *tally) now(hour int32) tally {
	if t == nil {
		return tally{}
	}
	out := *t
	for gone := min(hour/eraOfUsage-t.era, 32); gone > 0; gone-- {
		out.n, out.novel = out.n-out.n/2, out.novel-out.novel/2
	}
	return out
}

func (t *tally) add(hour int32, isNew bool) {
	*t = t.now(hour)
	t.era = max(t.era, hour/eraOfUsage)
	if t.n++; isNew {
		t.novel++
	}
}

// MarshalBinary and UnmarshalBinary bring a tally into a table's log.
func (t *tally) MarshalBinary() ([]byte, error) {
	b := binary.AppendUvarint(nil, uint64(t.n))
	b = binary.AppendUvarint(b, uint64(t.novel))
	return binary.AppendVarint(b, int64(t.era)), nil
}

func (t *tally) UnmarshalBinary(b []byte) error {
	s := saved{b: b}
	t.n, t.novel = uint32(s.count(math.MaxUint32)), uint32(s.count(math.MaxUint32))
	t.era = int32(s.int())
	return s.err()
}

// MarshalBinary and UnmarshalBinary bring a usage into a table's log.
func (u *usage) MarshalBinary() ([]byte, error) {
	b := binary.LittleEndian.AppendUint64(make([]byte, 0, 256), u.group)
	b = u.hours.append(u.days.append(b))
	b = u.nets.append(u.ports.append(b))
	b = binary.AppendUvarint(b, uint64(len(u.sizes)))
	for i := range u.sizes {
		b = u.sizes[i].append(b)
	}
	return b, nil
}

func (u *usage) UnmarshalBinary(b []byte) error {
	s := saved{b: b}
	u.group = s.uint64()
	u.days, u.hours = s.ticks(), s.ticks()
	u.ports, u.nets = s.values(maxUsedPorts), s.values(maxUsedNets)
	if n := s.count(sizeClasses); n > 0 {
		u.sizes = make([]sizes, n)
	}
	for i := range u.sizes {
		u.sizes[i] = s.sizes()
	}
	return s.err()
}

func (t *ticks) append(b []byte) []byte {
	return binary.AppendUvarint(appendInts(b, int64(t.mark), int64(t.mark-t.prev)), uint64(t.n))
}

func (s *saved) ticks() (t ticks) {
	t.mark = int32(s.int())
	t.prev = t.mark - int32(s.int())
	t.n = uint32(s.count(math.MaxUint32))
	return t
}

func (v *values) append(b []byte) []byte {
	b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(v.n)), uint64(v.novel))
	b = binary.AppendVarint(b, int64(v.since))
	b = binary.AppendUvarint(b, uint64(len(v.list)))
	for i := range v.list {
		x := &v.list[i]
		b = binary.AppendVarint(binary.AppendUvarint(b, x.id), int64(x.first))
		b = append(x.seen.append(b), byte(x.doubt))
	}
	return b
}

func (s *saved) values(limit int) (v values) {
	v.n, v.novel = uint32(s.count(math.MaxUint32)), uint32(s.count(math.MaxUint32))
	v.since = int32(s.int())
	n := s.count(limit)
	if n == 0 {
		return v
	}
	v.list = make([]value, n)
	for i := range v.list {
		v.list[i] = value{id: uint64(s.uvarint()), first: int32(s.int()), seen: s.ticks(), doubt: doubt(s.byte())}
	}
	return v
}
