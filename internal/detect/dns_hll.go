package detect

import (
	"math/bits"
	"slices"
)

// distinct counts different things and their lengths in little memory: up to
// maxExact one by one, more by a sketch of 64 registers (HyperLogLog, Flajolet
// et al. 2007), which is off by some 13 %.
type distinct struct {
	n, size int64 // of those counted one by one: how many, and bytes
	exact   []uint32
	sketch  *[sketchSize]uint8
}

const (
	maxExact   = 32
	sketchSize = 64
)

// has reports whether adding a thing would change nothing.
func (d *distinct) has(h uint32) bool {
	if d.sketch == nil {
		return slices.Contains(d.exact, h)
	}
	at, run := register(h)
	return d.sketch[at] >= run
}

// add notes a thing by its hash.
func (d *distinct) add(h uint32, length int) {
	if d.has(h) {
		return
	}
	if d.sketch == nil {
		if len(d.exact) < maxExact {
			d.exact = append(d.exact, h)
			d.n, d.size = d.n+1, d.size+int64(length)
			return
		}
		// The sketch holds what came before by hashes of half the length.
		d.sketch = new([sketchSize]uint8)
		for _, k := range d.exact {
			d.enter(k)
		}
		d.exact = nil
	}
	if d.enter(h) {
		d.n, d.size = d.n+1, d.size+int64(length)
	}
}

// enter enters a hash in the sketch, and reports whether that changed.
func (d *distinct) enter(h uint32) bool {
	at, run := register(h)
	if d.sketch[at] >= run {
		return false
	}
	d.sketch[at] = run
	return true
}

// register says where a hash goes: 6 bits choose the register, the run of
// zeros in the others is what it keeps.
func register(hash uint32) (at int, run uint8) {
	h := mix(hash).sum() | 1 // the bits of a short hash, stirred again
	return int(h >> 58), uint8(bits.LeadingZeros64(h<<6)) + 1
}

// count is how many different things there were.
func (d *distinct) count() int64 {
	if d.sketch == nil {
		return d.n
	}
	// 2^-register summed in whole numbers, so that every machine gets the same.
	const one = 1 << 40
	sum, empty := int64(0), 0
	for _, v := range d.sketch {
		sum += one >> min(v, 40)
		if v == 0 {
			empty++
		}
	}
	const alpha = 709 // of 1000, for 64 registers
	est := alpha * sketchSize * sketchSize * (one / 1000) / sum
	if est < 5*sketchSize/2 && empty > 0 {
		est = linearCount[empty]
	}
	return max(est, maxExact)
}

// bytes is the length of all of them together: their count by their mean.
func (d *distinct) bytes() int64 {
	if d.sketch == nil || d.n == 0 {
		return d.size
	}
	return d.count() * d.size / d.n
}

// linearCount is 64 ln(64/empty), rounded: the estimate while registers are empty.
var linearCount = [sketchSize + 1]int64{
	0, 266, 222, 196, 177, 163, 151, 142, 133, 126, 119, 113, 107, 102, 97, 93, 89, 85, 81, 78, 74, 71, 68, 65, 63, 60, 58, 55, 53, 51, 48, 46,
	44, 42, 40, 39, 37, 35, 33, 32, 30, 28, 27, 25, 24, 23, 21, 20, 18, 17, 16, 15, 13, 12, 11, 10, 9, 7, 6, 5, 4, 3, 2, 1, 0,
}

func (d *distinct) append(b []byte) []byte {
	b = appendInts(b, d.n, d.size, int64(len(d.exact)))
	for _, k := range d.exact {
		b = appendInts(b, int64(k))
	}
	if d.sketch == nil {
		return append(b, 0)
	}
	return append(append(b, 1), d.sketch[:]...)
}

func (s *saved) distinct() distinct {
	d := distinct{n: s.int(), size: s.int()}
	n := s.int()
	if n < 0 || n > maxExact {
		s.bad = true
		return d
	}
	for range n {
		d.exact = append(d.exact, uint32(s.int()))
	}
	if s.byte() == 1 {
		d.sketch = new([sketchSize]uint8)
		copy(d.sketch[:], s.bytes(sketchSize))
	}
	return d
}
