package app

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/intel"
)

// pastDelay gives other workers the time to take up what this one has.
const pastDelay = 2 * time.Second

// pastCursor names, among the cursors, which lists the past was compared with.
const pastCursor = "past"

// tellPast compares what lists have from now on with the past, until ctx ends.
// What it did is noted list by list, so that a process that takes over, or
// starts again, goes on where another stopped.
func (a *App) tellPast(ctx context.Context) {
	told := map[string]map[uint64]bool{} // entries told by this process, by list
	for ctx.Err() == nil {
		if err := a.tellChanges(ctx, told); err != nil && ctx.Err() == nil {
			a.Log.Error("new entries of lists could not be compared with the past; trying again", "err", err)
		}
		select {
		case <-a.current.moved:
		case <-time.After(time.Minute): // also for what failed
		case <-ctx.Done():
			return
		}
		_ = pause(ctx, pastDelay) // an error says that ctx ended
	}
}

// tellChanges tells the past of each list that is not the one it was told of.
func (a *App) tellChanges(ctx context.Context, told map[string]map[uint64]bool) error {
	was, err := a.cursor(ctx, pastCursor)
	if err != nil {
		return err
	}
	sums := map[string]string{}
	if len(was) > 0 {
		if err := json.Unmarshal(was, &sums); err != nil {
			a.Log.Error("which lists the past was compared with cannot be read; all are compared again", "err", err)
			sums = map[string]string{}
		}
	}
	set, _ := a.current.get()
	now := map[string]string{}
	for _, l := range set.Lists() {
		if l.Holds == intel.HoldsThreats && l.SHA256 != "" {
			now[listKey(&l)] = l.SHA256
		}
	}
	changed := changedEntries(set, now, sums, told)
	for _, key := range slices.Sorted(maps.Keys(changed)) {
		if err := a.TellPast(ctx, changed[key]); err != nil {
			return fmt.Errorf("list %s: %w", key, err)
		}
		for _, e := range changed[key] {
			told[key][fingerprint(e)] = true
		}
	}
	maps.DeleteFunc(told, func(key string, _ map[uint64]bool) bool { return now[key] == "" })
	if maps.Equal(now, sums) {
		return nil
	}
	data, err := json.Marshal(now)
	if err != nil {
		return err
	}
	return a.putCursor(ctx, pastCursor, data)
}

// changedEntries are those of changed lists that were not told of before.
func changedEntries(set *intel.Set, now, sums map[string]string, told map[string]map[uint64]bool) map[string][]event.Indicator {
	out := map[string][]event.Indicator{}
	for _, name := range []string{"builtin", feedsPart, intel.OperatorPart, listsPart} {
		set.Part(name).Entries(func(h intel.Hit) bool {
			key := listKey(h.Of)
			if now[key] == sums[key] || h.Category.Service() {
				return true
			}
			if told[key] == nil {
				told[key] = map[uint64]bool{}
			}
			e := event.Indicator{Category: string(h.Category), Entry: h.Entry, List: h.List, Names: h.Names, Below: h.Of.Match != intel.MatchExact}
			if !told[key][fingerprint(e)] {
				out[key] = append(out[key], e)
			}
			return true
		})
	}
	return out
}

func listKey(l *intel.List) string { return string(l.Kind) + " " + l.Name }

// fingerprint stands for an entry in memory.
func fingerprint(e event.Indicator) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %s", e.Category, e.Entry)
	return h.Sum64()
}
