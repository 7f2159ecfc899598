//go:build linux && (amd64 || arm64)

package kernel

import (
	"math"
	"slices"
	"testing"
)

// versus compares the same work without and with something, in pairs of runs one
// right after the other.
type versus struct{ off, on []float64 }

func (v *versus) add(off, on float64) { v.off, v.on = append(v.off, off), append(v.on, on) }

// report tells in percent of the work without:
//
//	median     the median of the pairs' differences
//	low, high  between them lies the true median, 95 times of 100
//	least      the least of all runs with, against the least of all without
//
// An effect can be told from none, or from a target, if that is not between low
// and high.
func (v *versus) report(b *testing.B, prefix string) {
	d := v.differences()
	low, high := between(d)
	b.ReportMetric(median(d), "%-"+prefix+"median")
	b.ReportMetric(low, "%-"+prefix+"low")
	b.ReportMetric(high, "%-"+prefix+"high")
	b.ReportMetric(100*(slices.Min(v.on)/slices.Min(v.off)-1), "%-"+prefix+"least")
}

func (v *versus) differences() []float64 {
	d := make([]float64, len(v.off))
	for i := range d {
		d[i] = 100 * (v.on[i]/v.off[i] - 1)
	}
	return d
}

// between are the bounds of the median of what the values are a sample of, with a
// confidence of at least 95 %: how many of n lie below it is a matter of coins.
func between(d []float64) (low, high float64) {
	sorted := slices.Sorted(slices.Values(d))
	n := len(sorted)
	p := math.Pow(0.5, float64(n)) // that exactly k lie below
	below := 0.0
	k := 0
	for ; k < n/2; k++ {
		if below+p > 0.025 {
			break
		}
		below += p
		p = p * float64(n-k) / float64(k+1)
	}
	k = max(k-1, 0)
	return sorted[k], sorted[n-1-k]
}

func TestVersus(t *testing.T) {
	var v versus
	for i := range 32 { // 3 % more, and noise that is alike on both sides
		off := 1000.0 + float64(i*i%17)
		v.add(off, off*(1.03+float64(i%5-2)/1000))
	}
	d := v.differences()
	low, high := between(d)
	if m := median(d); math.Abs(m-3) > 0.01 || low > m || high < m || high-low > 0.3 {
		t.Errorf("median %v between %v and %v", m, low, high)
	}
	// Of 32 values the tenth from either end: the table of the sign test says 9 may lie outside.
	var ordered []float64
	for i := range 32 {
		ordered = append(ordered, float64(i))
	}
	if low, high := between(ordered); low != 9 || high != 22 {
		t.Errorf("between %v and %v, want 9 and 22", low, high)
	}
}
