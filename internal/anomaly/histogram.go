package anomaly

import "math/bits"

// Histogram counts the amounts of days by their size in powers of two. The
// amount of the newest day is still growing, and is not among them.
type Histogram struct {
	counts  [64]uint16
	days    uint32
	largest int64
	day     int32
	amount  int64 // of day
}

// Add adds to the amount of a day. A day that is over goes to the others; an
// amount that comes later than that is left out.
func (h *Histogram) Add(day int32, n int64) {
	if n < 0 || day < h.day {
		return
	}
	if day > h.day {
		if h.day != 0 {
			h.close()
		}
		switch {
		case h.days >= manyDays:
			h.halve()
		case h.day != 0 && day-h.day > forgotten:
			*h = Histogram{}
		}
		h.day, h.amount = day, 0
	}
	if h.amount += n; h.amount < 0 {
		h.amount = 1<<63 - 1
	}
}

func (h *Histogram) close() {
	if c := &h.counts[size(h.amount)]; *c < 1<<16-1 {
		*c++
		h.days++
	}
	h.largest = max(h.largest, h.amount)
}

// Of many days the counts are halved, so that newer ones weigh more. After a gap
// that is longer than what is kept of a finding all begins anew.
const (
	manyDays  = 60
	forgotten = 90
)

func (h *Histogram) halve() {
	h.days = 0
	for i := range h.counts {
		h.counts[i] = (h.counts[i] + 1) / 2
		h.days += uint32(h.counts[i])
	}
}

// size is the number of bits of an amount.
func size(n int64) int { return min(bits.Len64(uint64(n)), 63) }

// Today is the amount of the newest day so far.
func (h *Histogram) Today() int64 { return h.amount }

// Largest is the largest amount of the days before.
func (h *Histogram) Largest() int64 { return h.largest }

// Days is how many days are counted.
func (h *Histogram) Days() int { return int(h.days) }

// Tail is how unusual an amount would be for a day: -log10 of the share of days
// that have as much, in thousandths. Beyond the largest day it goes on as the
// sizes above the middle one thin out, by e every 0.3 bits at least.
func (h *Histogram) Tail(n int64) int64 {
	if h.days == 0 {
		return 0
	}
	var as, seen, middle uint64
	for i, c := range h.counts {
		if seen += uint64(c); seen*2 <= uint64(h.days) {
			middle = uint64(i + 1)
		}
		if i >= size(n) {
			as += uint64(c)
		}
	}
	score := ln(uint64(h.days)+1) - ln(as+1)
	if n > h.largest {
		var above uint64
		for i := int(middle) + 1; i < len(h.counts); i++ {
			above += uint64(h.counts[i]) * uint64(i-int(middle))
		}
		mean := max(int64(above*Nat/uint64(h.days)), Nat*3/10)
		doublings := (ln(uint64(n)) - ln(uint64(max(h.largest, 1)))) * 1_000_000 / 693_147 // in units of 1/1024
		score += doublings * Nat / mean
	}
	return score * 1000 / Decade
}
