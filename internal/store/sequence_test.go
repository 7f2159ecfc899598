package store_test

import (
	"errors"
	"testing"

	"github.com/vedette-project/vedette/internal/store"
)

func testSequences(t *testing.T, s *store.Store, _ *clock) {
	mark := func() int64 {
		t.Helper()
		n, err := s.SequenceMark(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if mark() != 0 {
		t.Error("a new store has a mark of sequences")
	}
	put := func(tx *store.Tx, key string, strong bool, at int, data string) error {
		return tx.MergeSequenceNote(store.SequenceNote{Key: key, Strong: strong, Seen: day(at)}, func(old []byte) ([]byte, error) {
			return []byte(string(old) + data), nil
		})
	}
	want(t, "put", s.Commit(t.Context(), func(tx *store.Tx) error {
		return errors.Join(put(tx, "b", true, 2, "1"), put(tx, "a", false, 1, "2"), put(tx, "b", true, 3, "3"))
	}), nil)
	first := mark()
	if first == 0 {
		t.Error("the mark does not move")
	}
	broken := errors.New("broken")
	want(t, "a commit that fails", s.Commit(t.Context(), func(tx *store.Tx) error {
		return errors.Join(put(tx, "c", true, 2, "1"), broken)
	}), broken)
	want(t, "leave it", s.Commit(t.Context(), func(tx *store.Tx) error {
		return tx.MergeSequenceNote(store.SequenceNote{Key: "a"}, func(old []byte) ([]byte, error) { return nil, nil })
	}), nil)
	if mark() != first {
		t.Error("the mark moved, and nothing changed")
	}
	list := func() (out string) {
		t.Helper()
		want(t, "list", s.SequenceNotes(t.Context(), func(n store.SequenceNote) error {
			out += n.Key + string(n.Data) + n.Seen.Format(" 02;")
			if n.Strong {
				out += "strong;"
			}
			return nil
		}), nil)
		return out
	}
	if got, want := list(), "a2"+day(1).Format(" 02;")+"b13"+day(3).Format(" 02;")+"strong;"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	want(t, "prune", s.Commit(t.Context(), func(tx *store.Tx) error { return tx.PruneSequenceNotes(day(2), 10) }), nil)
	if got, want := list(), "b13"+day(3).Format(" 02;")+"strong;"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
