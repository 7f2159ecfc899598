package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// toldLists are the lists that a shard was told of, by kind and name, with what
// they had then. A scope is in another shard when there are more or fewer.
type toldLists struct {
	Shards int               `json:"shards"`
	Lists  map[string]string `json:"lists"`
}

// pastCursor names, among the cursors, what a shard was told of.
func pastCursor(shard int) string { return fmt.Sprintf("past:%d", shard) }

// toldLists reads what a shard was told of. What cannot be read is nothing: then
// all lists are compared again.
func (a *App) toldLists(ctx context.Context, shard int) (toldLists, error) {
	data, err := a.cursor(ctx, pastCursor(shard))
	if err != nil {
		return toldLists{}, err
	}
	t, err := readTold(data)
	if err != nil {
		a.Log.Error("which lists a shard's past was compared with cannot be read; all are compared again", "shard", shard, "err", err)
	}
	return t, nil
}

func readTold(data []byte) (t toldLists, err error) {
	if len(data) > 0 {
		err = json.Unmarshal(data, &t)
	}
	if err != nil {
		t = toldLists{}
	}
	return t, err
}

// beginPast notes, before the first record is judged, by which lists that is
// done: a new store has nothing to be told of. When the number of shards
// changed, a scope was told of what all shards were told of, at least.
func (a *App) beginPast(ctx context.Context) error {
	err := a.keys.store.Commit(ctx, func(tx *store.Tx) error {
		n := a.Config.Journal.Shards
		first, err := toldIn(tx, 0)
		if err != nil || first.Shards == n {
			return err
		}
		now := toldLists{Shards: n, Lists: first.Lists}
		if first.Shards == 0 {
			set, _ := a.current.get()
			now.Lists = sumsOf(a.namings(set))
		}
		for i := 1; i < first.Shards; i++ {
			t, err := toldIn(tx, i)
			if err != nil {
				return err
			}
			maps.DeleteFunc(now.Lists, func(key, sum string) bool { return t.Lists[key] != sum })
		}
		data, err := json.Marshal(now)
		if err != nil {
			return err
		}
		for i := range n {
			if err := tx.PutCursor(pastCursor(i), data); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("note the lists in force: %w", err)
	}
	return nil
}

func toldIn(tx *store.Tx, shard int) (toldLists, error) {
	data, err := tx.Cursor(pastCursor(shard))
	if errors.Is(err, finding.ErrNotFound) {
		return toldLists{}, nil
	}
	if err != nil {
		return toldLists{}, err
	}
	t, err := readTold(data)
	if err != nil { // of use to nobody
		return toldLists{Shards: -1}, nil
	}
	return t, nil
}
