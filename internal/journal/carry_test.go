package journal_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/journal"
)

// TestCarry: words go along with a message, also through a new start, and never
// stand in its way.
func TestCarry(t *testing.T) {
	dir := t.TempDir()
	j := embedded(t, dir)
	words := []string{"0 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "7 another"}
	if _, err := j.Append(journal.Carry(t.Context(), words), 0, "a", payload(1)); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Append(t.Context(), 0, "b", payload(2)); err != nil {
		t.Fatal(err)
	}
	room := j.MaxMessage()
	if _, err := j.Append(journal.Carry(t.Context(), []string{strings.Repeat("x", room)}), 0, "c", payload(3)); err != nil {
		t.Fatalf("words that are too many are in the way: %v", err)
	}
	if err := j.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := embedded(t, dir).Read(0, 0)
	defer r.Close()
	for i, want := range [][]string{words, nil, nil} {
		if m := next(t, r); string(m.Data) != string(payload(i+1)) || !slices.Equal(m.Carried, want) {
			t.Errorf("%q carries %q, want %q", m.Data, m.Carried, want)
		}
	}
}
