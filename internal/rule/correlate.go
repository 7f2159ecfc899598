package rule

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"

	"github.com/vedette-project/vedette/internal/event"
)

// Memory keeps the windows of correlations.
type Memory interface {
	// Window returns what is remembered under a key, to be changed.
	Window(key string, ev *event.Event) *Window
	// Grown tells by how many entries the last window grew.
	Grown(by int)
}

// Match is a rule that an event fulfilled.
type Match struct {
	Rule *Rule
	// Group names, of a correlation, the events that belong together: the
	// values of its group-by fields.
	Group []string
}

// Observe gives the rules that the event fulfilled to the correlations that
// ask for them, and returns them and the correlations whose condition holds
// with this event. Of those that are quiet there is nothing to tell.
func (m *Matcher) Observe(ev *event.Event, rules []*Rule, memory Memory) []Match {
	var all []Match
	for _, r := range rules {
		all = append(all, Match{Rule: r})
	}
	for _, c := range m.set.correlations { // those that others ask for come first
		fired := false
		for i := range c.sources {
			s := &c.sources[i]
			if !slices.ContainsFunc(all, func(x Match) bool { return x.Rule == s.rule }) {
				continue
			}
			group, e, ok := m.entry(ev, c, s)
			if !ok {
				continue
			}
			w := memory.Window(windowKey(c, group), ev)
			before := w.Len()
			holds := w.add(c, e)
			memory.Grown(w.Len() - before)
			if holds && !fired {
				fired = true
				all = append(all, Match{Rule: c.rule, Group: group})
			}
		}
	}
	return all
}

// windowKey names a group of a correlation.
func windowKey(c *Correlation, group []string) string {
	h := sha256.New()
	for _, g := range group {
		_ = binary.Write(h, binary.LittleEndian, uint32(len(g))) // a hash takes everything
		h.Write([]byte(g))
	}
	return c.rule.Ref() + "\x00" + string(h.Sum(nil)[:16])
}

// entry is what a correlation remembers of an event; false if the event lacks
// a field that it asks for, and so belongs to no group.
func (m *Matcher) entry(ev *event.Event, c *Correlation, s *source) (group []string, e entry, ok bool) {
	for _, v := range s.views {
		if !v.view.kind.applies(ev) {
			continue
		}
		m.begin(ev, v.view)
		e = entry{at: ev.Time.UnixMilli(), which: uint64(s.number), count: 1}
		group = nil
		for _, f := range v.group {
			text, ok := m.first(f)
			if !ok {
				return nil, e, false
			}
			group = append(group, text)
		}
		return group, e, m.measure(c, v.field, &e)
	}
	return nil, e, false
}

// measure fills in what a correlation asks of the values of an event.
func (m *Matcher) measure(c *Correlation, fields []int32, e *entry) bool {
	if !c.values() {
		return true
	}
	if c.Type != "value_count" && (c.Type != "value_percentile" || c.percentile >= 0) {
		cell := m.cell(fields[0])
		if cell.first < 0 {
			return false
		}
		n, ok := m.values[cell.first].number()
		e.sum = n
		return ok && !math.IsInf(n, 0)
	}
	h := sha256.New()
	for _, f := range fields {
		text, ok := m.first(f)
		if !ok {
			return false
		}
		_ = binary.Write(h, binary.LittleEndian, uint32(len(text)))
		h.Write([]byte(text))
	}
	e.which = binary.LittleEndian.Uint64(h.Sum(nil))
	return true
}

// first is the first value of a field, whatever its case.
func (m *Matcher) first(f int32) (string, bool) {
	c := m.cell(f)
	if c.first < 0 {
		return "", false
	}
	return string([]byte(m.folded(&m.values[c.first]))), true
}

// Explain tells for which values of the event a rule holds, and the values of
// the fields that the rule's findings are told apart by. Both are empty for a
// correlation.
func (m *Matcher) Explain(ev *event.Event, r *Rule) (reasons []Reason, key []string) {
	for i := range m.set.compiled {
		c := &m.set.compiled[i]
		if c.rule != r || !c.view.kind.applies(ev) {
			continue
		}
		m.begin(ev, c.view)
		if !c.cond.holds(m) {
			continue
		}
		c.cond.because(m, &reasons)
		for _, name := range r.Vedette.Key {
			at, _, err := c.view.resolve(name, false) // known since it was loaded
			if err != nil {
				continue
			}
			text, _ := m.first(at)
			key = append(key, text)
		}
		return reasons, key
	}
	return nil, nil
}
