package sequence

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Options are what an operator sets.
type Options struct {
	// Window is how far apart the steps of an attack may be.
	Window time.Duration
	// IgnoreArchived leaves out findings that a suppression rule hid.
	IgnoreArchived bool
}

// DefaultWindow is GuardDuty's.
const DefaultWindow = 24 * time.Hour

// maxSignals is how many signals of a sequence are kept.
const maxSignals = 64

// Sequence is an attack of several steps, or the beginning of one.
type Sequence struct {
	ID       string
	Type     string
	Also     []string // further types it could be
	Complete bool
	Score    float64
	// Sum, Choice, Weak and Order are what the score is made of: the surprises of
	// the stages, less the choice of stages and what a second one without a
	// finding costs, and what their order adds.
	Sum, Choice, Weak, Order float64
	Stages                   []Stage
	Notes                    []*Note // at most 64, in the order of time
	LeftOut                  int     // notes beyond those
	Path                     []*Edge
	First, Last              time.Time
	root                     string
	members                  []string // identities of all its findings, also of those left out
	day                      int64    // of the first of them
}

// finder holds what one search needs.
type finder struct {
	rules  *Rules
	window time.Duration
	graph  *graph
	notes  []*Note
	habits map[habit]bool
	owners map[Entity][]int // notes by entity, as indexes of notes
}

// Find returns the sequences of a book, complete ones and those with two
// stages or more, in the order of their first times. It depends on what is in
// the book alone.
func Find(b *Book, o Options) []*Sequence {
	f := &finder{rules: b.rules, window: cmp.Or(o.Window, DefaultWindow), habits: map[habit]bool{}, owners: map[Entity][]int{}}
	f.graph = newGraph(b, f.window)
	for _, n := range b.Notes() {
		s, ok := f.rules.step(n)
		if !ok || n.Archived && o.IgnoreArchived {
			continue
		}
		f.habits[habitOf(n, s.stage, n.Day)] = true
		for _, e := range n.Entities {
			f.owners[e] = append(f.owners[e], len(f.notes))
		}
		f.notes = append(f.notes, n)
	}
	var out []*Sequence
	for _, c := range f.components() {
		if s := f.sequence(c); s != nil {
			out = append(out, s)
		}
	}
	return f.together(out)
}

func (f *finder) spanOf(n *Note) span { return span{n.First, n.end()} }

// components joins findings that are near each other in time and share an
// entity or are led to by one another, and adds what is harmless alone.
func (f *finder) components() [][]*Note {
	parent := make([]int, len(f.notes))
	for i := range parent {
		parent[i] = i
	}
	root := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	reaches := make([]map[Entity]bool, len(f.notes)) // both ways
	for i, n := range f.notes {
		if !n.Strong() {
			continue
		}
		reaches[i] = f.around(n)
		for e := range reaches[i] {
			for _, j := range f.owners[e] {
				if f.notes[j].Strong() && f.spanOf(n).near(f.spanOf(f.notes[j]), f.window) {
					a, b := root(i), root(j)
					parent[max(a, b)] = min(a, b)
				}
			}
		}
	}
	members := map[int]map[int]bool{}
	for i, n := range f.notes {
		if !n.Strong() {
			continue
		}
		r := root(i)
		if members[r] == nil {
			members[r] = map[int]bool{}
		}
		members[r][i] = true
		for e := range reaches[i] {
			for _, j := range f.owners[e] {
				if !f.notes[j].Strong() && f.spanOf(n).near(f.spanOf(f.notes[j]), f.window) {
					members[r][j] = true
				}
			}
		}
	}
	var out [][]*Note
	for i := range f.notes { // in the order of keys
		if m := members[i]; m != nil {
			var c []*Note
			for _, j := range slices.Sorted(maps.Keys(m)) {
				c = append(c, f.notes[j])
			}
			out = append(out, c)
		}
	}
	return out
}

// around are the entities that a note's lead to, and that lead to them.
func (f *finder) around(n *Note) map[Entity]bool {
	out := f.graph.reach(n.Entities, false, f.spanOf(n))
	for e := range f.graph.reach(n.Entities, true, f.spanOf(n)) {
		out[e] = true
	}
	return out
}

// sequence judges a component; nil is one that says nothing yet.
func (f *finder) sequence(notes []*Note) *Sequence {
	var items []item
	for _, n := range notes {
		if i, ok := f.weigh(n); ok {
			items = append(items, i)
		}
	}
	v := f.judge(items)
	if len(v.stages) < 2 {
		return nil
	}
	s := &Sequence{Complete: v.complete(), Score: v.score, Sum: v.sum, Choice: v.choice, Weak: v.weak, Order: v.order, Stages: v.stages}
	s.Type, s.Also, s.root = typeOf(items)
	s.day = -1
	for _, i := range items {
		if n := i.note; n.Strong() {
			s.members = append(s.members, n.Finding)
			if s.day < 0 || n.Day < s.day {
				s.day = n.Day
			}
		}
	}
	s.keep(items)
	at := span{s.First, s.Last}
	set := map[Entity]bool{}
	for _, n := range s.Notes {
		for _, e := range n.Entities {
			set[e] = true
		}
	}
	s.Path = f.graph.between(set, at)
	s.name()
	return s
}

// keep takes the signals that are shown: the strongest of each stage in turn.
func (s *Sequence) keep(items []item) {
	slices.SortFunc(items, byWorth)
	rank := map[int]int{}
	ranks := make(map[*Note]int, len(items))
	for _, i := range items {
		ranks[i.note] = rank[i.stage]
		rank[i.stage]++
	}
	slices.SortStableFunc(items, func(a, b item) int { return cmp.Compare(ranks[a.note], ranks[b.note]) })
	if s.LeftOut = max(0, len(items)-maxSignals); s.LeftOut > 0 {
		items = items[:maxSignals]
	}
	for _, i := range items {
		s.Notes = append(s.Notes, i.note)
	}
	slices.SortFunc(s.Notes, func(a, b *Note) int { return cmp.Or(a.First.Compare(b.First), cmp.Compare(a.Key(), b.Key())) })
	s.First = s.Notes[0].First
	for _, n := range s.Notes {
		if n.end().After(s.Last) {
			s.Last = n.end()
		}
	}
}

// name gives the sequence its id: what it is about, and the day on which its
// first finding was seen. Neither changes when signals come late.
func (s *Sequence) name() {
	sum := sha256.Sum256(fmt.Appendf(nil, "sequence\x00%s\x00%d", s.root, s.day))
	s.ID = hex.EncodeToString(sum[:16])
}

// together makes one of the sequences in one cluster that are near in time: the
// cluster joins what is complete, and nothing else.
func (f *finder) together(list []*Sequence) []*Sequence {
	slices.SortFunc(list, func(a, b *Sequence) int {
		return cmp.Or(strings.Compare(a.root, b.root), a.First.Compare(b.First), strings.Compare(a.ID, b.ID))
	})
	var out []*Sequence
	for _, s := range list {
		if n := len(out); n > 0 && s.Complete && out[n-1].Complete && out[n-1].root == s.root &&
			(span{s.First, s.Last}).near(span{out[n-1].First, out[n-1].Last}, f.window) {
			notes := append(slices.Clone(out[n-1].Notes), s.Notes...)
			slices.SortFunc(notes, func(a, b *Note) int { return strings.Compare(a.Key(), b.Key()) })
			one := f.sequence(slices.CompactFunc(notes, func(a, b *Note) bool { return a == b }))
			one.LeftOut += out[n-1].LeftOut + s.LeftOut
			one.members = slices.Concat(out[n-1].members, s.members)
			one.day = min(out[n-1].day, s.day)
			one.name()
			out[n-1] = one
			continue
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b *Sequence) int {
		return cmp.Or(a.First.Compare(b.First), strings.Compare(a.ID, b.ID), strings.Compare(a.root, b.root))
	})
	return out
}

func sortEdges(edges []*Edge) {
	slices.SortFunc(edges, func(a, b *Edge) int {
		return cmp.Or(a.First.Compare(b.First), strings.Compare(a.Key(), b.Key()))
	})
}
