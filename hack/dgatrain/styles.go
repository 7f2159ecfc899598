package main

import (
	"math"
	"math/rand/v2"
)

// A style is a way of drawing names. Malware's names are drawn by programs, and
// programs draw in few ways: what a family has of its own is its alphabet, its
// lengths and its source of numbers. Many styles teach more than many names of
// one. There are none of whole words: by letters those can't be told from
// ordinary names, and learning them would only cost false alarms.
type style func(r *rand.Rand) string

const (
	lowercase = "abcdefghijklmnopqrstuvwxyz"
	digits    = "0123456789"
)

// newStyle draws a style. benign are the names that a style of letters that
// follow one another learns from.
func newStyle(r *rand.Rand, benign *chain) style {
	shortest := 6 + r.IntN(11)
	length := between(shortest, shortest+r.IntN(13))
	switch r.IntN(13) {
	case 0, 1:
		return uniform(lowercase, length)
	case 2:
		return uniform(lowercase, between(shortest, shortest))
	case 3:
		return uniform(some(r, lowercase, 8+r.IntN(17)), length)
	case 4:
		return skewed(r, lowercase, length)
	case 5:
		return uniform(lowercase+some(r, digits, 2+r.IntN(9)), length)
	case 6:
		return uniform(digits+"abcdef", between(8, 8+r.IntN(25)))
	case 7:
		return uniform(some(r, lowercase+digits, 24+r.IntN(11)), length)
	case 8, 9:
		return spoken(r, length)
	case 10:
		return benign.at(r.IntN(5), length)
	case 11:
		return syllables(r)
	}
	tail := uniform(lowercase, between(4, 8))(r)
	head := uniform(lowercase, between(5, 9))
	return func(r *rand.Rand) string { return head(r) + tail }
}

// between draws a length.
func between(low, high int) func(*rand.Rand) int {
	return func(r *rand.Rand) int { return low + r.IntN(high-low+1) }
}

// some draws different characters of an alphabet.
func some(r *rand.Rand, alphabet string, n int) string {
	b := []byte(alphabet)
	r.Shuffle(len(b), func(i, j int) { b[i], b[j] = b[j], b[i] })
	return string(b[:n])
}

func uniform(alphabet string, length func(*rand.Rand) int) style {
	return func(r *rand.Rand) string {
		b := make([]byte, length(r))
		for i := range b {
			b[i] = alphabet[r.IntN(len(alphabet))]
		}
		return string(b)
	}
}

// skewed draws some letters much more often than others, as bad sources of
// numbers do.
func skewed(r *rand.Rand, alphabet string, length func(*rand.Rand) int) style {
	weights := make([]float64, len(alphabet))
	for i := range weights {
		u := r.Float64()
		weights[i] = float64(u*u) + 0.02
	}
	return func(r *rand.Rand) string {
		b := make([]byte, length(r))
		for i := range b {
			b[i] = alphabet[pick(r, weights)]
		}
		return string(b)
	}
}

// pick draws an index by weights.
func pick(r *rand.Rand, weights []float64) int {
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	at := float64(r.Float64() * sum)
	for i, w := range weights {
		if at -= w; at < 0 {
			return i
		}
	}
	return len(weights) - 1
}

// spoken draws consonants and vowels in turn.
func spoken(r *rand.Rand, length func(*rand.Rand) int) style {
	consonants, vowels := some(r, "bcdfghjklmnpqrstvwxz", 8+r.IntN(13)), some(r, "aeiouy", 3+r.IntN(4))
	again := 0.3 * r.Float64()
	return func(r *rand.Rand) string {
		b := make([]byte, length(r))
		vowel := r.IntN(2) == 0
		for i := range b {
			if set := consonants; vowel {
				b[i] = vowels[r.IntN(len(vowels))]
			} else {
				b[i] = set[r.IntN(len(set))]
			}
			if r.Float64() >= again {
				vowel = !vowel
			}
		}
		return string(b)
	}
}

// syllables puts together syllables of three letters.
func syllables(r *rand.Rand) style {
	const consonants, vowels = "bcdfghjklmnpqrstvwxz", "aeiou"
	all := make([]string, 20+r.IntN(61))
	for i := range all {
		all[i] = string([]byte{consonants[r.IntN(20)], vowels[r.IntN(5)], consonants[r.IntN(20)]})
	}
	return func(r *rand.Rand) string {
		s := ""
		for range 2 + r.IntN(4) {
			s += all[r.IntN(len(all))]
		}
		return s
	}
}

// chain is how often a letter follows another in ordinary names.
type chain [26][26]float64

func newChain(names []name) *chain {
	c := &chain{}
	for i := range c {
		for j := range c[i] {
			c[i][j] = 1
		}
	}
	for _, n := range names {
		for i := 1; i < len(n.label); i++ {
			if a, b := n.label[i-1]-'a', n.label[i]-'a'; a < 26 && b < 26 {
				c[a][b]++
			}
		}
	}
	return c
}

// at draws letters that follow one another as in ordinary names, but the less so
// the lower the power, of those that square roots make.
func (c *chain) at(power int, length func(*rand.Rand) int) style {
	var flat chain
	for i := range c {
		for j, n := range c[i] {
			half := math.Sqrt(n)
			quarter := math.Sqrt(half)
			eighth := math.Sqrt(quarter)
			flat[i][j] = []float64{float64(half * quarter), half, float64(quarter * eighth), quarter, float64(eighth * math.Sqrt(eighth))}[power]
		}
	}
	return func(r *rand.Rand) string {
		b := make([]byte, length(r))
		last := r.IntN(26)
		for i := range b {
			last = pick(r, flat[last][:])
			b[i] = lowercase[last]
		}
		return string(b)
	}
}
