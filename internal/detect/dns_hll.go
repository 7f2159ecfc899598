package detect

import (
	"math/bits"
	"slices"
)

// distinct counts different things and their lengths in little memory: up to
// maxExact one by one, more by a sketch of 256 registers (HyperLogLog, Flajolet
// et al. 2007), which is off by some 5 %: who sends a tenth more than the limit
// is told from who sends a tenth less.
type distinct struct {
	n, size int64 // of those counted one by one: how many, and bytes
	exact   []uint32
	sketch  *[sketchSize]uint8
}

const (
	maxExact   = 64
	sketchSize = 256
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

// register says where a hash goes: 8 bits choose the register, the run of
// zeros in the others is what it keeps.
func register(hash uint32) (at int, run uint8) {
	h := mix(hash).sum() | 1 // the bits of a short hash, stirred again
	return int(h >> 56), uint8(bits.LeadingZeros64(h<<8)) + 1
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
	const alpha = 718 // of 1000, for 256 registers
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

// linearCount is 256 ln(256/empty), rounded: the estimate while registers are empty.
var linearCount = [sketchSize + 1]int64{
	0, 1420, 1242, 1138, 1065, 1008, 961, 921, 887, 857, 830, 806, 783, 763, 744, 726, 710, 694, 680, 666, 653, 640, 628, 617, 606, 596, 585, 576, 567, 558, 549, 540,
	532, 524, 517, 509, 502, 495, 488, 482, 475, 469, 463, 457, 451, 445, 439, 434, 429, 423, 418, 413, 408, 403, 398, 394, 389, 385, 380, 376, 371, 367, 363, 359,
	355, 351, 347, 343, 339, 336, 332, 328, 325, 321, 318, 314, 311, 308, 304, 301, 298, 295, 291, 288, 285, 282, 279, 276, 273, 270, 268, 265, 262, 259, 256, 254,
	251, 248, 246, 243, 241, 238, 236, 233, 231, 228, 226, 223, 221, 219, 216, 214, 212, 209, 207, 205, 203, 200, 198, 196, 194, 192, 190, 188, 186, 184, 181, 179,
	177, 175, 173, 172, 170, 168, 166, 164, 162, 160, 158, 156, 155, 153, 151, 149, 147, 146, 144, 142, 140, 139, 137, 135, 133, 132, 130, 128, 127, 125, 124, 122,
	120, 119, 117, 116, 114, 112, 111, 109, 108, 106, 105, 103, 102, 100, 99, 97, 96, 94, 93, 92, 90, 89, 87, 86, 85, 83, 82, 80, 79, 78, 76, 75,
	74, 72, 71, 70, 68, 67, 66, 64, 63, 62, 61, 59, 58, 57, 56, 54, 53, 52, 51, 49, 48, 47, 46, 45, 43, 42, 41, 40, 39, 38, 36, 35,
	34, 33, 32, 31, 30, 29, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1,
	0,
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
