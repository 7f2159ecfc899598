package rule

import (
	"unsafe"

	"github.com/vedette-project/vedette/internal/event"
)

// Matcher asks the rules of a set of one event after the other. It is owned by
// one goroutine, and allocates nothing once it has seen the likes of an event.
type Matcher struct {
	set    *Set
	ev     *event.Event
	view   *view
	moment uint32 // of the event and view; what has another is left from before

	cells   []cell // by field of the view
	groups  []uint32
	values  []value
	scratch []byte
	marks   []uint32 // by rule: it was asked
	hits    []int32
	depth   int
	sink    sink
	meter   meter

	// Facts are about the event that is matched next.
	Facts Facts
}

// Facts are what rules can ask of an event that its record does not say.
type Facts struct {
	// Outside: a service account calls from an address that nothing of its
	// cluster calls from; KnownInside: it calls from inside, too.
	Outside, KnownInside bool
}

// cell is what an event has under a field.
type cell struct {
	moment      uint32
	first, last int32 // in values, or -1
	there       bool  // even if it is null
}

// NewMatcher returns a matcher of the set. A nil set has no rules.
func NewMatcher(s *Set) *Matcher {
	if s == nil {
		s = &Set{}
	}
	return &Matcher{set: s, marks: make([]uint32, len(s.compiled))}
}

// Match returns the rules that the event fulfils, in the order of their
// loading. The slice is good until the next call.
func (m *Matcher) Match(ev *event.Event) []*Rule {
	m.hits = m.hits[:0]
	m.meter.next()
	for _, v := range m.set.views {
		if v.kind.applies(ev) {
			m.begin(ev, v)
			m.ask(v)
		}
	}
	if len(m.hits) == 0 {
		return nil
	}
	return m.matched()
}

func (m *Matcher) matched() []*Rule {
	var out []*Rule // a match is rare, and ends in a finding
	for i := 1; i < len(m.hits); i++ {
		for j := i; j > 0 && m.hits[j] < m.hits[j-1]; j-- {
			m.hits[j], m.hits[j-1] = m.hits[j-1], m.hits[j]
		}
	}
	for _, i := range m.hits {
		r := m.set.compiled[i].rule
		if len(out) == 0 || out[len(out)-1] != r {
			out = append(out, r)
		}
	}
	return out
}

// begin turns to an event as one of its views shows it.
func (m *Matcher) begin(ev *event.Event, v *view) {
	m.ev, m.view = ev, v
	m.values, m.scratch, m.depth = m.values[:0], m.scratch[:0], 0
	if m.moment++; m.moment == 0 { // after four billion: what is left is no more told from new
		clear(m.cells)
		clear(m.groups)
		clear(m.marks)
		m.moment = 1
	}
	if len(m.cells) < len(v.fields) {
		m.cells = append(m.cells, make([]cell, len(v.fields)-len(m.cells))...)
	}
	if len(m.groups) < len(v.groups) {
		m.groups = append(m.groups, make([]uint32, len(v.groups)-len(m.groups))...)
	}
}

// cell returns what the event has under a field, and reads it if need be.
func (m *Matcher) cell(field int32) *cell {
	c := &m.cells[field]
	if c.moment == m.moment {
		return c
	}
	f := &m.view.fields[field]
	if f.group >= 0 {
		m.readGroup(f.group)
		if c.moment != m.moment {
			*c = cell{moment: m.moment, first: -1, last: -1}
		}
		return c
	}
	*c = cell{moment: m.moment, first: -1, last: -1}
	m.sink.m, m.sink.field = m, field // not on the stack: it is passed to what is not known
	f.get(m.ev, &m.sink)
	return c
}

// sink takes the values of a field from who reads them.
type sink struct {
	m     *Matcher
	field int32
}

// text adds a value; "" is none.
func (s *sink) text(v string) {
	if v != "" {
		s.m.push(s.field, value{text: v})
	}
}

// made adds a value that was written to the scratch memory since start.
func (s *sink) made(start int) { s.m.push(s.field, value{text: aliased(s.m.scratch[start:])}) }

// push adds a value to a field.
func (m *Matcher) push(field int32, v value) {
	c := &m.cells[field]
	if c.moment != m.moment {
		*c = cell{moment: m.moment, first: -1, last: -1}
	}
	c.there = true
	if v.null {
		return
	}
	v.next = -1
	i := int32(len(m.values))
	m.values = append(m.values, v)
	if c.last >= 0 {
		m.values[c.last].next = i
	} else {
		c.first = i
	}
	c.last = i
}

// folded is a value's text whatever its case.
func (m *Matcher) folded(v *value) string {
	if !v.isLow {
		v.isLow, v.lower = true, m.foldText(v.text)
	}
	return v.lower
}

func (m *Matcher) foldText(s string) string {
	start := len(m.scratch)
	var changed bool
	if m.scratch, changed = appendFolded(m.scratch, s); !changed {
		return s
	}
	return aliased(m.scratch[start:])
}

// aliased is b as a string. Scratch memory only grows while an event is
// judged, so that what a string aliases stays as it is.
func aliased(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
