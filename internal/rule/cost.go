package rule

import "time"

// Cost is what asking a rule took, of the events that were measured.
type Cost struct {
	Rule  *Rule
	Asked int64 // events
	Took  time.Duration
}

// meter measures what asking rules takes: of one event in so many.
type meter struct {
	clock func() time.Duration // nil measures nothing
	every int
	left  int // events until the next one
	on    bool
	asked []int64 // by compiled rule
	took  []time.Duration
}

// Measure makes the matcher take the time that rules need, of one event in so
// many, by a clock that only goes forward. What rules find does not depend on it.
func (m *Matcher) Measure(every int, clock func() time.Duration) {
	n := len(m.set.compiled)
	m.meter = meter{clock: clock, every: every, left: every, asked: make([]int64, n), took: make([]time.Duration, n)}
}

// Costs returns what was measured since it was called last. A field is read for
// the first rule that asks for it, and so is part of what that one took.
func (m *Matcher) Costs() (out []Cost) {
	for i, n := range m.meter.asked {
		if n == 0 {
			continue
		}
		r := m.set.compiled[i].rule
		if k := len(out); k == 0 || out[k-1].Rule != r { // of several kinds of events, one after the other
			out = append(out, Cost{Rule: r})
		}
		c := &out[len(out)-1]
		c.Asked, c.Took = c.Asked+n, c.Took+m.meter.took[i]
		m.meter.asked[i], m.meter.took[i] = 0, 0
	}
	return out
}

// next turns to the next event.
func (t *meter) next() {
	t.on = false
	if t.clock == nil {
		return
	}
	if t.left--; t.left <= 0 {
		t.on, t.left = true, t.every
	}
}

// holds asks a compiled rule of the event.
func (m *Matcher) holds(i int32) bool {
	cond := m.set.compiled[i].cond
	if !m.meter.on {
		return cond.holds(m)
	}
	start := m.meter.clock()
	ok := cond.holds(m)
	m.meter.took[i] += m.meter.clock() - start
	m.meter.asked[i]++
	return ok
}
