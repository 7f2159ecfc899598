package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

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
		changed, err := tx.MergeSequenceNote(store.SequenceNote{Key: key, Strong: strong, Seen: day(at)}, func(old []byte) ([]byte, error) {
			return []byte(string(old) + data), nil
		})
		if err == nil && !changed {
			t.Errorf("%s: nothing changed", key)
		}
		return errors.Join(err, tx.MoveSequenceMark())
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
		changed, err := tx.MergeSequenceNote(store.SequenceNote{Key: "a"}, func(old []byte) ([]byte, error) { return nil, nil })
		if changed {
			t.Error("a note that is left changed")
		}
		return err
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

// testSequenceRace: commits that fold into the same notes at once lose nothing
// and none of them fails, also where the notes are not there yet. Each writes its
// notes in the order of their keys and the mark last.
func testSequenceRace(t *testing.T, s *store.Store, _ *clock) {
	const writers, rounds, keys = 6, 8, 3
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for r := range rounds {
				err := s.Commit(t.Context(), func(tx *store.Tx) error {
					for k := w % 2; k < keys; k++ { // not all of them the same
						n := store.SequenceNote{Key: fmt.Sprint(r/2, k), Seen: day(1)}
						_, err := tx.MergeSequenceNote(n, func(old []byte) ([]byte, error) {
							return fmt.Appendf(slices.Clone(old), "%d.%d;", w, r), nil
						})
						if err != nil {
							return err
						}
					}
					return tx.MoveSequenceMark()
				})
				if err != nil {
					t.Errorf("writer %d, round %d: %v", w, r, err)
				}
			}
		})
	}
	all.Wait()
	got, want := map[string][]string{}, map[string][]string{}
	err := s.SequenceNotes(t.Context(), func(n store.SequenceNote) error {
		got[n.Key] = strings.Split(strings.TrimSuffix(string(n.Data), ";"), ";")
		slices.Sort(got[n.Key])
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for w := range writers {
		for r := range rounds {
			for k := w % 2; k < keys; k++ {
				key := fmt.Sprint(r/2, k)
				want[key] = append(want[key], fmt.Sprintf("%d.%d", w, r))
				slices.Sort(want[key])
			}
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	mark, err := s.SequenceMark(t.Context())
	if err != nil || mark != writers*rounds {
		t.Errorf("the mark is %d after %d commits, %v", mark, writers*rounds, err)
	}
}
