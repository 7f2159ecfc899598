package sequence

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// manyNotes are those of two weeks of a large fleet: most of them harmless, some
// of findings, of a few thousand entities that edges join.
func manyNotes(n int) *Book {
	b, rnd := NewBook(Builtin()), rand.New(rand.NewPCG(5, 6))
	names := sortedKeys(b.rules.weak)
	types := []string{entry, persists, escalates, exfiltrate, low}
	for i := range n {
		who := fmt.Sprintf("principal:AROAEXAMPLE%06d:session", rnd.IntN(n/20+1))
		at := time.Duration(rnd.IntN(15*24*60)) * time.Minute
		switch {
		case i%200 == 0:
			b.AddNote(strong(types[rnd.IntN(len(types))], who, at))
		case i%50 == 1:
			b.AddEdge(edge(who, fmt.Sprintf("role:arn:aws:iam::111122223333:role/r%d", rnd.IntN(n/100+1)), at, rnd.IntN(2) == 0))
		default:
			b.AddNote(weak(names[rnd.IntN(len(names))], who, at, "a", "b", "c", "d"))
		}
	}
	return b
}

// BenchmarkFind is what a search costs in a book of so many notes, and
// BenchmarkParse what it costs to read them in their kept form.
func BenchmarkFind(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			book := manyNotes(n)
			for b.Loop() {
				Find(book, Options{})
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	const n = 100_000
	var rows [][]byte
	for _, k := range manyNotes(n).Entries() {
		data, err := Fold(nil, k)
		if err != nil {
			b.Fatal(err)
		}
		rows = append(rows, data)
	}
	for b.Loop() {
		book := NewBook(Builtin())
		for _, r := range rows {
			k, err := Parse(r)
			if err != nil {
				b.Fatal(err)
			}
			book.Add(k)
		}
	}
}
