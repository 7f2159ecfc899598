package sequence

import (
	"maps"
	"slices"
)

// Book holds notes and edges.
type Book struct {
	notes map[string]*Note
	edges map[string]*Edge
	rules *Rules
}

// NewBook returns an empty book.
func NewBook(r *Rules) *Book {
	return &Book{notes: map[string]*Note{}, edges: map[string]*Edge{}, rules: r}
}

// AddNote folds a note in and reports whether that said anything new. The book
// owns the note afterwards.
func (b *Book) AddNote(n *Note) bool {
	if old := b.notes[n.Key()]; old != nil {
		return old.merge(n)
	}
	for _, set := range []*[]Entity{&n.Entities, &n.Touched} {
		*set = sorted(*set, maxEntities)
	}
	n.Names, n.Records, n.Places = sorted(n.Names, maxNames), sorted(n.Records, maxRecords), sorted(n.Places, maxPlaces)
	b.notes[n.Key()] = n
	return true
}

// AddEdge folds an edge in and reports whether that said anything new.
func (b *Book) AddEdge(e *Edge) bool {
	if e.From == e.To || e.From.ID() == "" || e.To.ID() == "" {
		return false
	}
	if old := b.edges[e.Key()]; old != nil {
		return old.merge(e)
	}
	b.edges[e.Key()] = e
	return true
}

// Notes returns the notes in the order of their keys.
func (b *Book) Notes() []*Note { return inOrder(b.notes) }

// Edges returns the edges in the order of their keys.
func (b *Book) Edges() []*Edge { return inOrder(b.edges) }

func inOrder[V any](m map[string]V) []V {
	out := make([]V, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, m[k])
	}
	return out
}

func sorted[S ~string](list []S, limit int) []S {
	var out []S
	union(&out, list, limit)
	return out
}
