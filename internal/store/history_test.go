package store_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/store"
	"github.com/vedette-project/vedette/internal/testbed"
)

// TestGenerations: what a scope remembers can be measured, read, replaced and
// dropped by generation, in both databases.
func TestGenerations(t *testing.T) {
	o := store.Options{Now: time.Now}
	t.Run("sqlite", func(t *testing.T) {
		s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "x.db"), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		testGenerations(t, s)
	})
	t.Run("postgres", func(t *testing.T) { testGenerations(t, openURL(t, testbed.Postgres(t).URL("generations"), o)) })
}

func testGenerations(t *testing.T, s *store.Store) {
	commit := func(fn func(tx *store.Tx) error) {
		t.Helper()
		if err := s.Commit(t.Context(), fn); err != nil {
			t.Fatal(err)
		}
	}
	commit(func(tx *store.Tx) error {
		return errors.Join(tx.AddSeen("a", 7, []byte("one\x00")), tx.AddSeen("a", -3, []byte("old")), tx.AddSeen("b", 7, []byte("another's")),
			tx.AddSeen("a", 7, []byte("two")), tx.AddSeen("a", 9, nil))
	})
	look := func() (sizes []store.SeenSize, seen string) {
		commit(func(tx *store.Tx) (err error) {
			if sizes, err = tx.SeenSizes("a"); err != nil {
				return err
			}
			for _, size := range sizes {
				err = errors.Join(err, tx.SeenOf("a", size.Generation, func(b []byte) error {
					seen += fmt.Sprintf("%d:%q ", size.Generation, b)
					return nil
				}))
			}
			return err
		})
		return sizes, seen
	}
	sizes, seen := look()
	if d := cmp.Diff([]store.SeenSize{{Generation: -3, Entries: 1, Bytes: 3}, {Generation: 7, Entries: 2, Bytes: 7}, {Generation: 9, Entries: 1}}, sizes); d != "" {
		t.Error(d)
	}
	if want := `-3:"old" 7:"one\x00" 7:"two" 9:"" `; seen != want {
		t.Errorf("%s, want %s", seen, want)
	}
	commit(func(tx *store.Tx) error {
		return errors.Join(tx.ReplaceSeen("a", 7, []byte("both")), tx.DropSeen("a", -3), tx.ReplaceSeen("a", 10, []byte("new")), tx.DropSeen("a", 99))
	})
	if _, seen := look(); seen != `7:"both" 9:"" 10:"new" ` {
		t.Error(seen)
	}
	commit(func(tx *store.Tx) error {
		return tx.SeenOf("b", 7, func(b []byte) error {
			if string(b) != "another's" {
				t.Errorf("%q", b)
			}
			return nil
		})
	})
	broken := errors.New("broken")
	err := s.Commit(t.Context(), func(tx *store.Tx) error { return tx.SeenOf("b", 7, func([]byte) error { return broken }) })
	if !errors.Is(err, broken) {
		t.Error(err)
	}
}
