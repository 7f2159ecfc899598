package app

import (
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/intel"
	"github.com/vedette-project/vedette/internal/intel/geo"
	"github.com/vedette-project/vedette/internal/store"
)

// TestBeginPast: a new store is told of nothing; of a store whose shards are
// others now it is known what all of them were told.
func TestBeginPast(t *testing.T) {
	a := &App{
		Options: Options{Config: config.Default(), Now: time.Now, Log: slog.New(slog.DiscardHandler)},
		keys:    &Keys{store: sqliteStore(t)}, current: newCurrent(intel.Builtin(), geo.Builtin()),
	}
	begin := func(shards int, want ...toldLists) {
		t.Helper()
		a.Config.Journal.Shards = shards
		if err := a.beginPast(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i, w := range want {
			got, err := a.toldLists(t.Context(), i)
			if d := cmp.Diff(w, got); d != "" || err != nil {
				t.Errorf("shard %d of %d: %v\n%s", i, shards, err, d)
			}
		}
	}
	put := func(shard int, data []byte) {
		t.Helper()
		if err := a.putCursor(t.Context(), pastCursor(shard), data); err != nil {
			t.Fatal(err)
		}
	}
	told := func(shards int, lists map[string]string) []byte {
		t.Helper()
		data, err := json.Marshal(toldLists{shards, lists})
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	all := sumsOf(a.namings(intel.Builtin()))
	if len(all) < 3 {
		t.Fatalf("only %v are built in", all)
	}
	fresh := toldLists{2, all}
	begin(2, fresh, fresh, toldLists{})

	put(0, told(2, map[string]string{"same": "1", "behind": "1", "only here": "1"}))
	put(1, told(2, map[string]string{"same": "1", "behind": "2"}))
	begin(2, toldLists{2, map[string]string{"same": "1", "behind": "1", "only here": "1"}}) // as it was
	more := toldLists{3, map[string]string{"same": "1"}}
	begin(3, more, more, more)
	put(2, told(3, map[string]string{"same": "2"}))
	begin(1, toldLists{1, map[string]string{}})
	for _, damaged := range []string{"{", `{"shards":3}`, `[]`} {
		put(0, []byte(damaged))
		begin(2, toldLists{Shards: 2}, toldLists{Shards: 2})
	}
	if err := a.keys.store.Commit(t.Context(), func(tx *store.Tx) error { return tx.PutCursor(pastCursor(1), []byte("{")) }); err != nil {
		t.Fatal(err)
	}
	if got, err := a.toldLists(t.Context(), 1); err != nil || got.Shards != 0 {
		t.Errorf("what is damaged is %+v, %v", got, err)
	}
}
