package app

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/intel"
	"github.com/vedette-project/vedette/internal/line"
)

// pastEvery is how often it is looked whether a shard was not told yet: because
// it came from another process, or because telling it failed.
const pastEvery = 5 * time.Second

// teller tells the shards of this process what lists have from now on, so that
// it is compared with their past. Each process does so for its own shards, for
// it alone knows from when on their records are judged by which lists. Which
// lists a shard was told of is kept with it: a process that starts again, or
// takes it over, goes on there.
type teller struct {
	app   *App
	done  map[int]*intel.Set // the lists that the shards held were told of
	lists map[string]*naming // of the set before
	fault said
}

// naming is what lists of a name have.
type naming struct {
	sum     string   // of all entries
	entries []uint64 // a number for each, in order
}

// tellPast tells what lists have until ctx ends.
func (a *App) tellPast(ctx context.Context) {
	t := &teller{app: a, done: map[int]*intel.Set{}}
	tick := time.NewTicker(pastEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		err := t.tell(ctx)
		if t.fault.news(err) && ctx.Err() == nil {
			a.Log.Error("new entries of lists could not be compared with the past; trying again", "err", err)
		}
		select {
		case <-a.current.moved:
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// tell tells the shards that were not told of the lists in force.
func (t *teller) tell(ctx context.Context) error {
	set, _ := t.app.current.get()
	held, err := t.app.leases(ctx, t.app.workerID()) // what the store says: who only tries to get a shard does not judge it
	if err != nil {
		return err
	}
	maps.DeleteFunc(t.done, func(n int, _ *intel.Set) bool { _, ours := held[n]; return !ours })
	todo := slices.Sorted(maps.Keys(held))
	if todo = slices.DeleteFunc(todo, func(n int) bool { return t.done[n] == set }); len(todo) == 0 {
		return nil
	}
	now, start, entries := t.app.namings(set), t.app.Now(), 0
	for _, n := range todo {
		more, err := t.shard(ctx, n, set, now)
		if err != nil {
			return fmt.Errorf("shard %d: %w", n, err)
		}
		t.done[n], entries = set, max(entries, more)
	}
	if entries > 0 {
		t.app.Log.Info("what lists have now was compared with the past", "entries", entries, "shards", len(todo), "took", t.app.Now().Sub(start).Round(time.Millisecond))
	}
	t.lists = now // what the next change is compared with
	return nil
}

// shard tells one shard what it was not told of, and says how many entries that
// were.
func (t *teller) shard(ctx context.Context, n int, set *intel.Set, now map[string]*naming) (entries int, err error) {
	a := t.app
	was, err := a.toldLists(ctx, n)
	if err != nil {
		return 0, err
	}
	sums := sumsOf(now)
	if maps.Equal(sums, was.Lists) {
		return 0, nil
	}
	fresh := t.fresh(set, now, was.Lists)
	mine := func(sc event.Scope) bool { return line.ShardOf(sc, a.Config.Journal.Shards) == n }
	if err := a.tellScopes(ctx, fresh, mine); err != nil {
		return 0, err
	}
	data, err := json.Marshal(toldLists{a.Config.Journal.Shards, sums})
	if err != nil {
		return 0, err
	}
	return len(fresh), a.putCursor(ctx, pastCursor(n), data)
}

// fresh are the entries of lists that are not those a shard was told of. If
// these are known, because this process judged by them, what was on them is
// left out.
func (t *teller) fresh(set *intel.Set, now map[string]*naming, was map[string]string) []event.Indicator {
	var out []event.Indicator
	t.app.threats(set, func(key string, h *intel.Hit) {
		if l := now[key]; l == nil || was[key] == l.sum { // nil: a clock was set back, and it had expired
			return
		}
		if old := t.lists[key]; old != nil && old.sum == was[key] {
			if _, known := slices.BinarySearch(old.entries, fingerprint(h)); known {
				return
			}
		}
		out = append(out, event.Indicator{Category: string(h.Category), Entry: h.Entry, List: h.List, Names: h.Names, SHA256: h.SHA256(), Below: h.Of.Match != intel.MatchExact})
	})
	return out
}

// sumsOf are the sums of lists.
func sumsOf(lists map[string]*naming) map[string]string {
	sums := map[string]string{}
	for key, l := range lists {
		sums[key] = l.sum
	}
	return sums
}

// namings are what the lists of a set have, by their kinds and names.
func (a *App) namings(set *intel.Set) map[string]*naming {
	out := map[string]*naming{}
	a.threats(set, func(key string, h *intel.Hit) {
		l := out[key]
		if l == nil {
			l = &naming{}
			out[key] = l
		}
		l.entries = append(l.entries, fingerprint(h))
	})
	for _, l := range out {
		slices.Sort(l.entries)
		sum := fnv.New64a()
		for _, e := range l.entries {
			sum.Write(binary.LittleEndian.AppendUint64(nil, e))
		}
		l.sum = fmt.Sprintf("%d %x", len(l.entries), sum.Sum64())
	}
	return out
}

// threats hands out all that lists of threats say at this time. Services that
// are not bad are no news about the past.
func (a *App) threats(set *intel.Set, yield func(key string, h *intel.Hit)) {
	now := a.Now()
	for _, name := range []string{"builtin", feedsPart, operatorPart, listsPart} {
		set.Part(name).Entries(func(h intel.Hit) bool {
			if !h.Category.Service() && !h.Expired(now) {
				yield(string(h.Of.Kind)+" "+h.List, &h)
			}
			return true
		})
	}
}

// fingerprint stands for an entry: the same in every process and version.
func fingerprint(h *intel.Hit) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211 // FNV-1a
	sum := uint64(offset)
	add := func(text string) {
		for i := range len(text) {
			sum = (sum ^ uint64(text[i])) * prime
		}
		sum *= prime
	}
	add(string(h.Category))
	add(h.Entry)
	return sum
}
