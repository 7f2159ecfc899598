package rule

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"time"
)

// Window is what is remembered of one group of a correlation: a bounded number
// of entries, by event time. Its zero value remembers nothing.
type Window struct {
	of      uint64 // the meaning of the correlation; 0 where that was not kept
	entries []entry
}

// Len is how many entries there are.
func (w *Window) Len() int { return len(w.entries) }

// entry is an event, or several that were put together.
type entry struct {
	at    int64   // Unix milliseconds
	which uint64  // number of the rule, or hash of the value
	count int64   // of events
	sum   float64 // of numbers
}

// maxTimes bounds the events of one rule that a temporal correlation keeps;
// slices is how finely sums are kept, in parts of the timespan.
const (
	maxTimes    = 16
	maxShares   = 2048 // distinct values of value_percentile
	sumSlices   = 256
	maxEntries  = 1 << 16
	windowForm  = 2
	oldForm     = 1 // had no meaning in it
	hasWhich    = 1
	hasCount    = 2
	hasSum      = 4
	millisecond = int64(time.Millisecond)
)

// add takes in an event and reports whether the condition holds now. What
// fulfilled it is forgotten then. So is what was remembered for the correlation
// when it, or a rule that it asks for, said something else.
func (w *Window) add(c *Correlation, e entry) bool {
	if w.of != 0 && w.of != c.rule.meaning {
		w.entries = nil
	}
	w.of = c.rule.meaning
	span := int64(c.Timespan) / millisecond
	if n := len(w.entries); n > 0 && w.entries[n-1].at-e.at > span {
		return false // so late that its time has gone
	}
	gone := 0
	for gone < len(w.entries) && e.at-w.entries[gone].at > span {
		gone++
	}
	w.entries = w.entries[gone:]
	w.insert(c, e, span)
	met := false
	switch c.Type {
	case "temporal", "temporal_ordered":
		met = w.inTime(c, span)
	case "value_percentile":
		met = w.percentile(c, e)
	case "value_sum", "value_avg":
		var sum float64
		var n int64
		for _, x := range w.entries {
			sum, n = sum+x.sum, n+x.count
		}
		if c.Type == "value_avg" {
			sum /= float64(n)
		}
		met = c.met(sum)
	default:
		met = c.met(float64(len(w.entries)))
	}
	if met {
		w.entries = nil
	}
	return met
}

// insert puts an entry in its place by time, and keeps the bounds.
func (w *Window) insert(c *Correlation, e entry, span int64) {
	same := func(x entry) bool { return x.which == e.which }
	switch c.Type {
	case "value_count": // a value counts once, by when it was last there
		if i := slices.IndexFunc(w.entries, same); i >= 0 {
			e.at = max(e.at, w.entries[i].at)
			w.entries = slices.Delete(w.entries, i, i+1)
		}
	case "value_sum", "value_avg": // those of one moment are put together
		slot := func(at int64) int64 { return at / max(span/sumSlices, 1000) }
		if i := slices.IndexFunc(w.entries, func(x entry) bool { return slot(x.at) == slot(e.at) }); i >= 0 {
			w.entries[i].count += e.count
			w.entries[i].sum += e.sum
			return
		}
	case "value_percentile":
		if c.percentile < 0 {
			if i := slices.IndexFunc(w.entries, same); i >= 0 {
				e.at, e.count = max(e.at, w.entries[i].at), e.count+w.entries[i].count
				w.entries = slices.Delete(w.entries, i, i+1)
			}
		}
	}
	i, _ := slices.BinarySearchFunc(w.entries, e.at, func(x entry, at int64) int { // after those of the same moment
		if x.at <= at {
			return -1
		}
		return 1
	})
	w.entries = slices.Insert(w.entries, i, e)
	most := maxShares
	switch {
	case c.temporal():
		n := 0
		for _, x := range w.entries {
			if same(x) {
				n++
			}
		}
		if n > maxTimes {
			first := slices.IndexFunc(w.entries, same)
			w.entries = slices.Delete(w.entries, first, first+1)
		}
		return
	case c.need > 0:
		most = c.need
	}
	if extra := len(w.entries) - most; extra > 0 {
		w.entries = w.entries[extra:]
	}
}

// inTime reports whether enough of the rules were fulfilled within the
// timespan, in their order if that is asked for.
func (w *Window) inTime(c *Correlation, span int64) bool {
	for end := range w.entries {
		last := w.entries[end].at
		seen := uint64(0)
		next := uint64(len(c.Rules)) // of the ordered ones, from the last backwards
		for i := end; i >= 0 && last-w.entries[i].at <= span; i-- {
			x := w.entries[i].which
			seen |= 1 << x
			if x+1 == next {
				next--
			}
		}
		if c.Type == "temporal_ordered" {
			if next == 0 {
				return true
			}
			continue
		}
		n := 0
		for i := range c.Rules {
			n += int(seen >> i & 1)
		}
		if c.met(float64(n)) {
			return true
		}
	}
	return false
}

// percentile compares the value at a percentile of numbers, or else the share
// in percent that the newest value has of all.
func (w *Window) percentile(c *Correlation, e entry) bool {
	if c.percentile >= 0 {
		var all []float64
		for _, x := range w.entries {
			all = append(all, x.sum)
		}
		slices.Sort(all)
		i := int(math.Ceil(c.percentile/100*float64(len(all)))) - 1
		return c.met(all[max(i, 0)])
	}
	var all, its int64
	for _, x := range w.entries {
		if all += x.count; x.which == e.which {
			its = x.count
		}
	}
	return c.met(100 * float64(its) / float64(max(all, 1)))
}

// MarshalBinary writes the window in a compact form.
func (w *Window) MarshalBinary() ([]byte, error) {
	b := binary.LittleEndian.AppendUint64([]byte{windowForm}, w.of)
	b = binary.AppendUvarint(b, uint64(len(w.entries)))
	before := int64(0)
	for _, e := range w.entries {
		says := byte(0) // which of the members are not as they mostly are
		b = append(b, 0)
		head := len(b) - 1
		b = binary.AppendVarint(b, e.at-before)
		before = e.at
		if e.which != 0 {
			says |= hasWhich
			b = binary.LittleEndian.AppendUint64(b, e.which)
		}
		if e.count != 1 {
			says |= hasCount
			b = binary.AppendVarint(b, e.count)
		}
		if e.sum != 0 {
			says |= hasSum
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(e.sum))
		}
		b[head] = says
	}
	return b, nil
}

var errWindow = errors.New("a correlation's memory is damaged")

// UnmarshalBinary reads what MarshalBinary wrote.
func (w *Window) UnmarshalBinary(b []byte) error {
	switch {
	case len(b) > 0 && b[0] == oldForm:
		w.of, b = 0, b[1:]
	case len(b) > 8 && b[0] == windowForm:
		w.of, b = binary.LittleEndian.Uint64(b[1:]), b[9:]
	default:
		return errWindow
	}
	n, k := binary.Uvarint(b)
	if k <= 0 || n > maxEntries {
		return errWindow
	}
	b = b[k:]
	w.entries = nil
	before := int64(0)
	for range n {
		if len(b) == 0 {
			return errWindow
		}
		says, e := b[0], entry{count: 1}
		d, k := binary.Varint(b[1:])
		if k <= 0 {
			return errWindow
		}
		b = b[1+k:]
		e.at = before + d
		if before = e.at; says&hasWhich != 0 {
			if len(b) < 8 {
				return errWindow
			}
			e.which, b = binary.LittleEndian.Uint64(b), b[8:]
		}
		if says&hasCount != 0 {
			if e.count, k = binary.Varint(b); k <= 0 {
				return errWindow
			}
			b = b[k:]
		}
		if says&hasSum != 0 {
			if len(b) < 8 {
				return errWindow
			}
			e.sum, b = math.Float64frombits(binary.LittleEndian.Uint64(b)), b[8:]
		}
		w.entries = append(w.entries, e)
	}
	if len(b) > 0 {
		return errWindow
	}
	return nil
}
