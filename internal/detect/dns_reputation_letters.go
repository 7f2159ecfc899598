package detect

import (
	"math/bits"
	"strings"
	"sync"
)

// letters knows how well known names are spelled: for each two neighbouring
// letters, in 1/256 bit, how surprising the second is after the first. 0 is the
// start and the end of a name. Sums of whole numbers are the same everywhere.
type letters [27][27]int64

const (
	// fewLetters is where a name has too few letters to say anything by them.
	fewLetters = 7
	// oddLetters and strangeLetters are the bits a letter from which a spelling is
	// odd, and from which one well known name in a hundred is.
	oddLetters, strangeLetters = 5.1, 5.5
)

// wellSpelled is made of the names in this package when somebody first asks.
var wellSpelled = sync.OnceValue(func() *letters {
	return spellingOf(func(yield func(string)) {
		for name := range imitated() {
			yield(name)
		}
		for domain := range wideDomains() {
			label, _, _ := strings.Cut(domain, ".")
			yield(label)
		}
	})
})

// spellingOf counts the letters of names, which may come in any order.
func spellingOf(names func(yield func(string))) *letters {
	var pairs [27][27]uint64
	names(func(name string) {
		eachPair(name, func(a, b int) { pairs[a][b]++ })
	})
	m := &letters{}
	for a := range pairs {
		all := uint64(0)
		for _, n := range pairs[a] {
			all += n
		}
		for b, n := range pairs[a] { // with half a pair more of each kind
			m[a][b] = log256(2*all+27) - log256(2*n+1)
		}
	}
	return m
}

// surprise is how surprising the letters of a label are, in bits a letter; 0 if
// there are too few of them.
func (m *letters) surprise(label string) float64 {
	sum, n := int64(0), int64(0)
	eachPair(label, func(a, b int) { sum, n = sum+m[a][b], n+1 })
	if n <= fewLetters {
		return 0
	}
	return float64(sum*100/(n*256)) / 100
}

// eachPair hands out the neighbouring letters of a label, without digits and
// hyphens.
func eachPair(label string, yield func(a, b int)) {
	last := 0
	for i := range len(label) {
		if c := label[i]; c >= 'a' && c <= 'z' {
			next := int(c-'a') + 1
			yield(last, next)
			last = next
		}
	}
	yield(last, 0)
}

// log256 is 256 times the binary logarithm, rounded down.
func log256(v uint64) int64 {
	whole := bits.Len64(v) - 1
	x := v << (63 - whole) >> 32 // 31 bits behind the point, from 1 to 2
	out := int64(whole)
	for range 8 {
		x = x * x >> 31
		out *= 2
		if x >= 1<<32 {
			x >>= 1
			out++
		}
	}
	return out
}

// turns is how often letters and digits take turns in a label, as in what
// programs draw at random.
func turns(label string) int {
	n, last := 0, byte(0)
	for i := range len(label) {
		kind := byte('a')
		switch c := label[i]; {
		case c >= '0' && c <= '9':
			kind = '0'
		case c < 'a' || c > 'z':
			kind = 0
		}
		if kind != 0 && last != 0 && kind != last {
			n++
		}
		last = kind
	}
	return n
}
