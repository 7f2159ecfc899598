package anomaly

import "slices"

// Scores counts the scores of a day by their size. Those that made findings
// are kept apart: they may be attacks, which must not make room for others.
// Its zero value is a day of no events.
type Scores struct {
	Events uint64 // all events, most of which have no score
	usual  []bin  // sorted
	found  []bin
}

type bin struct {
	at uint16
	n  uint32
}

// Scores are counted in bins of a twentieth of a decade, up to 40 decades.
const (
	binWidth = Decade / 20
	bins     = 800
)

// Add counts a score, found if it made a finding.
func (s *Scores) Add(score int64, found bool) {
	if score <= 0 {
		return
	}
	list := &s.usual
	if found {
		list = &s.found
	}
	at := uint16(min(score/binWidth, bins-1))
	i, ok := slices.BinarySearchFunc(*list, at, func(b bin, at uint16) int { return int(b.at) - int(at) })
	if !ok {
		*list = slices.Insert(*list, i, bin{at: at})
	}
	(*list)[i].n++
}

// Tail is what the rare scores of some days look like: those beyond From, which
// one event in a thousand passes, thin out by e every Mean.
type Tail struct {
	Events     uint64
	Days       int
	From, Mean int64
}

const noisy = 20 // acts a day

// enough is how many events tell where one in a thousand lies.
const enough = 5_000

// Fit looks at the tail of the scores of some days. It is of no use if there
// were too few events. Scores that made findings count only where there were
// more than twenty a day: then it is the cluster that is noisy, and whoever
// attacks it to that end is loud.
func Fit(days []*Scores) (t Tail, ok bool) {
	var all, found [bins]uint64
	var foundAll uint64
	t.Days = len(days)
	for _, d := range days {
		t.Events += d.Events
		for _, b := range d.usual {
			all[b.at] += uint64(b.n)
		}
		for _, b := range d.found {
			found[b.at] += uint64(b.n)
			foundAll += uint64(b.n)
		}
	}
	if t.Events < enough {
		return t, false
	}
	if foundAll > noisy*uint64(t.Days) {
		for i, n := range found {
			all[i] += n
		}
	}
	var beyond, sum uint64
	i := bins - 1
	for ; i >= 0 && beyond < t.Events/1000; i-- {
		beyond += all[i]
		sum += all[i] * uint64(i)
	}
	if beyond == 0 {
		return t, true
	}
	first := uint64(i + 1)
	t.From = int64(first) * binWidth
	t.Mean = int64((sum - beyond*first) * binWidth / beyond)
	return t, true
}

// Threshold is the score that one event in so many passes.
func (t Tail) Threshold(events uint64) int64 {
	if events <= 1000 {
		return t.From
	}
	return t.From + t.Mean*(ln(events)-ln(1000))/Nat
}

// Rate is the share of events that pass a score, as -log10 in units of a
// Decade. What lies before the tail is taken for one in a thousand.
func (t Tail) Rate(score int64) int64 {
	const thousandth = 3 * Decade
	if score <= t.From || t.Mean <= 0 {
		return thousandth
	}
	return thousandth + min((score-t.From)*Nat/t.Mean, 9*Decade)
}
