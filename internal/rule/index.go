package rule

import (
	"slices"
	"strings"
)

// gramSize is how many bytes of a text a filter looks for at once.
const gramSize = 3

// index finds the rules of a view that an event may fulfil.
type index struct {
	always []int32 // rules of which nothing can be said
	whole  []wholeIndex
	grams  []gramIndex
}

// wholeIndex finds rules by the whole value of a field.
type wholeIndex struct {
	field int32
	rules map[string][]int32
}

// gramIndex finds rules by a text in a value. A bit for each gram that one of
// the texts has lets the most of a value pass at the cost of one look.
type gramIndex struct {
	field int32
	bits  [gramBits / 64]uint64
	texts map[uint32][]gramText
}

const gramBits = 1 << 17

type gramText struct {
	text  string
	at    int // of the gram in the text
	rules []int32
}

func gramOf(s string) uint32 { return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 }

func gramBit(g uint32) uint32 { return (g * 0x9E3779B1) >> (32 - 17) }

// build makes the index of rules with their keys; a rule without keys is
// always asked.
func (x *index) build(rules []int32, keys [][]key) {
	wanted := map[int32]map[string][]int32{} // texts in values, by field
	for i, r := range rules {
		if keys[i] == nil {
			x.always = append(x.always, r)
			continue
		}
		for _, k := range keys[i] {
			if k.whole {
				x.addWhole(k, r)
				continue
			}
			if wanted[k.field] == nil {
				wanted[k.field] = map[string][]int32{}
			}
			if have := wanted[k.field][k.text]; len(have) == 0 || have[len(have)-1] != r {
				wanted[k.field][k.text] = append(have, r)
			}
		}
	}
	var fields []int32
	for f := range wanted {
		fields = append(fields, f)
	}
	slices.Sort(fields)
	for _, f := range fields {
		x.grams = append(x.grams, newGramIndex(f, wanted[f]))
	}
}

func (x *index) addWhole(k key, r int32) {
	at := slices.IndexFunc(x.whole, func(w wholeIndex) bool { return w.field == k.field })
	if at < 0 {
		at = len(x.whole)
		x.whole = append(x.whole, wholeIndex{k.field, map[string][]int32{}})
	}
	m := x.whole[at].rules
	if have := m[k.text]; len(have) == 0 || have[len(have)-1] != r {
		m[k.text] = append(have, r)
	}
}

// newGramIndex looks for each text by the gram in it that the fewest others have.
func newGramIndex(field int32, texts map[string][]int32) gramIndex {
	x := gramIndex{field: field, texts: map[uint32][]gramText{}}
	common := map[uint32]int{}
	var sorted []string
	for t := range texts {
		sorted = append(sorted, t)
		for i := 0; i+gramSize <= len(t); i++ {
			common[gramOf(t[i:])]++
		}
	}
	slices.Sort(sorted)
	for _, t := range sorted {
		best := 0
		for i := 1; i+gramSize <= len(t); i++ {
			if common[gramOf(t[i:])] < common[gramOf(t[best:])] {
				best = i
			}
		}
		g := gramOf(t[best:])
		b := gramBit(g)
		x.bits[b/64] |= 1 << (b % 64)
		x.texts[g] = append(x.texts[g], gramText{t, best, texts[t]})
	}
	return x
}

// ask asks the rules of a view that the event may fulfil.
func (m *Matcher) ask(v *view) {
	for _, r := range v.index.always {
		m.askRule(r)
	}
	for i := range v.index.whole {
		w := &v.index.whole[i]
		c := m.cell(w.field)
		for j := c.first; j >= 0; j = m.values[j].next {
			for _, r := range w.rules[m.folded(&m.values[j])] {
				m.askRule(r)
			}
		}
	}
	for i := range v.index.grams {
		x := &v.index.grams[i]
		c := m.cell(x.field)
		for j := c.first; j >= 0; j = m.values[j].next {
			m.askByGrams(x, m.folded(&m.values[j]))
		}
	}
}

func (m *Matcher) askByGrams(x *gramIndex, s string) {
	for i := 0; i+gramSize <= len(s); i++ {
		g := gramOf(s[i:])
		b := gramBit(g)
		if x.bits[b/64]&(1<<(b%64)) == 0 {
			continue
		}
		for _, t := range x.texts[g] {
			if i >= t.at && strings.HasPrefix(s[i-t.at:], t.text) {
				for _, r := range t.rules {
					m.askRule(r)
				}
			}
		}
	}
}

// askRule asks a rule of the event, once.
func (m *Matcher) askRule(i int32) {
	if m.marks[i] == m.moment {
		return
	}
	m.marks[i] = m.moment
	if m.holds(i) {
		m.hits = append(m.hits, i)
	}
}
