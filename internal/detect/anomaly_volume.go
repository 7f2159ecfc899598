package detect

import "github.com/vedette-project/vedette/internal/anomaly"

// tail says how far out the amount of a day is among those of earlier days.
type tail struct {
	score   int64 // -log10 of the share of days that had as much, in thousandths
	largest int64 // of the earlier days
	days    int   // earlier days that are counted
	amount  int64 // of the day so far
}

// histogram counts the amounts of days by their size in powers of two. The
// amount of the newest day grows, and is not compared with itself.
type histogram struct{ anomaly.Histogram }

// add adds to the amount of a day, a number of days since 1970.
func (h *histogram) add(day, n int64) { h.Add(int32(day), n) }

// tail says how unusual an amount would be for a day.
func (h *histogram) tail(n int64) tail {
	return tail{score: h.Tail(n), largest: h.Largest(), days: h.Days(), amount: h.Today()}
}
