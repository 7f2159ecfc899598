package detect

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/vedette-project/vedette/internal/event"
)

// Calls at regular times are the habit of malware that asks for orders, and of
// every poller. So they raise nothing: they strengthen findings on the same
// pair, and are a hint to who puts signals together.
const (
	maxRhythms = 100_000
	rhythmIdle = 14 * 24 * time.Hour
	maxCallers = 100_000 // hosts of which it is known how many call them

	rhythmCalls = 20 // connections that it takes
	rhythmHours = 6
	rhythmScore = 850 // of 1000
	ringOfCalls = 32
	// leastSpread is the seconds between the quartiles below which their
	// skewness is chance.
	leastSpread = 10
	// rareCallers: a host that so many machines call is a service.
	rareCallers = 4
	// usualNet is the hours after which a network is a machine's habit.
	usualNet = 72
)

// rhythm is what is remembered of the connections of a machine to one port of
// a public host: the gaps between the latest of them, and what they sent.
type rhythm struct {
	first, last  int64 // Unix seconds
	n            uint32
	hours        ticks
	lport        uint16
	old          bool // from the time when the account was new
	gaps, amount [ringOfCalls]uint16
	regular      int64 // Unix seconds since which it is a beacon
}

// beacon follows the connections of a machine to a host that is rare, or that a
// list names.
func (r *record) beacon(v *view, u *usage, listed bool) {
	s, at := r.account.net, r.ev.Time
	if !v.calling() || v.f.Rejected || !hasPorts(v.f) || v.f.Function != "" {
		return
	}
	if !listed && (u == nil || u.isHabit(v, r.network(v), hourOf(at))) {
		return
	}
	key := pairOf(v.handle(), v, v.rport)
	b := s.rhythms.get(string(key[:]))
	switch {
	case b == nil:
		if b = r.newRhythm(string(key[:]), v, listed); b == nil {
			return
		}
	case b.old && !listed:
		if since(b.last, at) > day {
			s.rhythms.touch(string(key[:]), at).last = at.Unix()
		}
		return
	case !startsConnection(v.f, v.lport, b.lport) || at.Unix() <= b.last:
		return
	default:
		b = s.rhythms.touch(string(key[:]), at)
	}
	if b.add(v, at) && b.n%10 == 0 {
		r.judgeRhythm(b, v)
	}
}

// isHabit reports whether the regular calls of a machine are not worth a look:
// it always calls that network, or new ones all the time.
func (u *usage) isHabit(v *view, network uint64, hour int32) bool {
	if v.rport == portNTP || u.nets.novel > 16 && u.nets.novel > u.nets.n/4 {
		return true
	}
	x := u.nets.find(network)
	return x != nil && x.doubt == learnedValue && x.seen.n >= usualNet && hour-x.first > int32(rhythmIdle/time.Hour)
}

// startsConnection reports whether a record holds the start of a connection;
// where no flags tell, a new port of the machine's does.
func startsConnection(f *event.Flow, lport, before uint16) bool {
	if f.Protocol == event.ProtoTCP && f.Has&event.FlowTCPFlags != 0 {
		return f.TCPFlags&event.TCPSyn != 0
	}
	return lport != before
}

// newRhythm begins to follow a pair; nil if the host is called by many.
func (r *record) newRhythm(key string, v *view, listed bool) *rhythm {
	s, at := r.account.net, r.ev.Time
	who := mixSeed.string(v.handle()).sum()
	host := v.remote.String()
	callers := s.callers.touch(host, at)
	callers.others.add(who, at, rareCallers)
	common := len(callers.others) >= rareCallers
	b := s.rhythms.touch(key, at)
	b.old = !listed && (common || r.isLearning())
	if b.old {
		b.first, b.last = at.Unix(), at.Unix()
		return nil
	}
	return b
}

// add takes up a connection, and reports whether there was one before.
func (b *rhythm) add(v *view, at time.Time) bool {
	t := at.Unix()
	b.lport = v.lport
	b.hours.tick(hourOf(at))
	if b.n++; b.n == 1 {
		b.first, b.last = t, t
		return false
	}
	i := (b.n - 2) % ringOfCalls
	b.gaps[i] = uint16(min(max(t-b.last, 0), 1<<16-1))
	b.amount[i] = uint16(min(max(v.f.Bytes, 0), 1<<16-1))
	b.last = t
	return true
}

// judgeRhythm notes that calls are regular.
func (r *record) judgeRhythm(b *rhythm, v *view) {
	s, at := r.account.net, r.ev.Time
	if b.n < rhythmCalls || b.last-b.first < rhythmHours*3600 || b.score() < rhythmScore {
		b.regular = 0
		return
	}
	if b.regular == 0 {
		b.regular = at.Unix()
	}
	c := s.callers.get(v.remote.String())
	if c != nil && len(c.others) >= rareCallers || since(b.first, at) > rhythmIdle {
		return // a service, or a habit
	}
	r.hint(HintRegularCalls, r.instance(v), v.remote.String()+":"+strconv.Itoa(int(v.rport))+" "+b.words())
}

// score is how regular the connections are, in thousandths: the mean of how
// even the gaps lie around their middle, of how close, of how alike the amounts
// are, and of the hours in which there were any (after RITA, version 5).
func (b *rhythm) score() int {
	gaps := b.sorted(&b.gaps)
	lowest, middle, highest := gaps[len(gaps)/4], gaps[len(gaps)/2], gaps[len(gaps)*3/4]
	even := 1000
	if spread := int(highest) - int(lowest); spread >= leastSpread && middle != lowest && middle != highest {
		skew := 1000 * (int(highest) + int(lowest) - 2*int(middle)) / spread
		even = 1000 - max(skew, -skew)
	}
	_, gapOff := middleOf(gaps)
	_, amountOff := middleOf(b.sorted(&b.amount))
	span := (b.last-b.first)/3600 + 1
	covered := min(int(int64(b.hours.n)*1000/span), 1000)
	return (even + 1000 - gapOff + 1000 - amountOff + covered) / 4
}

// sorted are the numbers of a ring that are in use, in order.
func (b *rhythm) sorted(ring *[ringOfCalls]uint16) []uint16 {
	out := slices.Clone(ring[:min(max(int(b.n), 2)-1, ringOfCalls)])
	slices.Sort(out)
	return out
}

// middleOf is the median of sorted numbers, and the median distance from it in
// thousandths of it, at most 1000.
func middleOf(sorted []uint16) (middle, off int) {
	middle = int(sorted[len(sorted)/2])
	if middle == 0 {
		return 0, 1000
	}
	away := make([]int, len(sorted))
	for i, x := range sorted {
		away[i] = max(int(x)-middle, middle-int(x))
	}
	slices.Sort(away)
	return middle, min(1000*away[len(away)/2]/middle, 1000)
}

// words describes a rhythm.
func (b *rhythm) words() string {
	middle, off := middleOf(b.sorted(&b.gaps))
	return fmt.Sprintf("every %d s ± %d %%, for %d hours", middle, (off+5)/10, (b.last-b.first)/3600)
}

// rhythm says of a finding on a pair that it is regular, "" if it is not.
func (r *record) rhythm(v *view) string {
	key := pairOf(v.handle(), v, v.rport)
	b := r.account.net.rhythms.get(string(key[:]))
	if b == nil || b.regular == 0 {
		return ""
	}
	return "; it calls there " + b.words()
}

// MarshalBinary and UnmarshalBinary bring a rhythm into a table's log.
func (b *rhythm) MarshalBinary() ([]byte, error) {
	out := appendInts(make([]byte, 0, 160), b.first, b.last-b.first, int64(b.n), int64(b.lport), oneIf(b.old), b.regular)
	out = b.hours.append(out)
	if b.n < 2 {
		return out, nil
	}
	n := min(b.n-1, ringOfCalls)
	for i := range n {
		out = binary.AppendUvarint(out, uint64(b.gaps[i]))
		out = binary.AppendUvarint(out, uint64(b.amount[i]))
	}
	return out, nil
}

func (b *rhythm) UnmarshalBinary(data []byte) error {
	s := saved{b: data}
	b.first = s.int()
	b.last = b.first + s.int()
	b.n, b.lport, b.old, b.regular = uint32(s.int()), uint16(s.int()), s.int() == 1, s.int()
	b.hours = s.ticks()
	if b.n < 2 {
		return s.err()
	}
	for i := range min(b.n-1, ringOfCalls) {
		b.gaps[i], b.amount[i] = uint16(s.count(1<<16-1)), uint16(s.count(1<<16-1))
	}
	return s.err()
}
