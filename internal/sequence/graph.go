package sequence

import (
	"strings"
	"time"
)

// graph are the edges by their ends.
type graph struct {
	out, in map[Entity][]*Edge
	window  time.Duration
}

// Bounds of a walk: how far two signals may be apart, and how many entities
// one may lead to.
const (
	maxHops  = 2
	maxReach = 512
)

func newGraph(b *Book, window time.Duration) *graph {
	g := &graph{out: map[Entity][]*Edge{}, in: map[Entity][]*Edge{}, window: window}
	for _, e := range b.Edges() {
		g.out[e.From] = append(g.out[e.From], e)
		g.in[e.To] = append(g.in[e.To], e)
	}
	return g
}

// subjectOf is how IAM knows a service account: it does not say of which
// cluster.
func subjectOf(e Entity) Entity {
	if e.Kind() != kindAccount {
		return ""
	}
	p := strings.Split(e.ID(), "/")
	if len(p) != 5 {
		return ""
	}
	return entity(kindSubject, p[0], p[3], p[4])
}

// late is how much later than what followed the record of an edge may be
// dated: the clocks of sources differ.
const late = time.Hour

// holds reports whether an edge was good at some time of a span.
func (g *graph) holds(e *Edge, s span) bool {
	return !e.First.After(s.last.Add(late)) && (e.Standing || !e.Last.Add(g.window).Before(s.first))
}

// span is a time and a later one.
type span struct{ first, last time.Time }

// near reports whether two spans are no further apart than a window.
func (s span) near(o span, window time.Duration) bool {
	return !s.first.After(o.last.Add(window)) && !o.first.After(s.last.Add(window))
}

// reach are the entities that others lead to, or with back those that lead to
// them, themselves included. A walk follows the direction of the edges: two
// pods of one machine, or two people who took one role, do not reach each other.
func (g *graph) reach(start []Entity, back bool, at span) map[Entity]bool {
	seen := make(map[Entity]bool, len(start))
	var front []Entity
	add := func(e Entity) {
		for _, x := range [2]Entity{e, subjectOf(e)} { // one and the same
			if x != "" && !seen[x] {
				seen[x] = true
				front = append(front, x)
			}
		}
	}
	for _, e := range start {
		add(e)
	}
	for range maxHops {
		from := front
		front = nil
		for _, e := range from {
			for _, to := range g.step(e, back, at) {
				if len(seen) < maxReach {
					add(to)
				}
			}
		}
	}
	return seen
}

// step are the entities one edge away, in the order of the edges.
func (g *graph) step(from Entity, back bool, at span) (out []Entity) {
	edges := g.out[from]
	if back {
		edges = g.in[from]
	}
	for _, e := range edges {
		switch {
		case !g.holds(e, at):
		case back:
			out = append(out, e.From)
		default:
			out = append(out, e.To)
		}
	}
	return out
}

// between are the edges on walks from one to another of a set of entities, in
// the order of their times.
func (g *graph) between(set map[Entity]bool, at span) []*Edge {
	var out []*Edge
	seen := map[*Edge]bool{}
	add := func(e *Edge) {
		if !seen[e] {
			seen[e] = true
			out = append(out, e)
		}
	}
	for from := range set {
		for _, e := range g.leading(from, at) {
			if set[e.To] {
				add(e)
				continue
			}
			for _, f := range g.leading(e.To, at) {
				if set[f.To] {
					add(e)
					add(f)
				}
			}
		}
	}
	sortEdges(out)
	return out
}

// leading are the edges that lead from an entity at a time.
func (g *graph) leading(from Entity, at span) (out []*Edge) {
	for _, start := range [2]Entity{from, subjectOf(from)} {
		for _, e := range g.out[start] {
			if g.holds(e, at) {
				out = append(out, e)
			}
		}
	}
	return out
}
