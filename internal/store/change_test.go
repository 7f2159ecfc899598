package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

func changes(t testing.TB, s *store.Store, after string) []store.Change {
	t.Helper()
	list, err := s.Changes(t.Context(), after, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func changedIDs(list []store.Change) string {
	var ids []string
	for _, c := range list {
		ids = append(ids, c.ID)
	}
	return strings.Join(ids, " ")
}

func testSources(t *testing.T, s *store.Store, c *clock) {
	key := store.SourceKey{Source: "k8s-audit", Account: "1", Region: "r", Cluster: "prod"}
	touch := func(k store.SourceKey, received, event time.Time) {
		t.Helper()
		want(t, "touch", s.Commit(t.Context(), func(tx *store.Tx) error { return tx.TouchSource(k, received, event) }), nil)
	}
	set := func(k store.SourceKey, status, issue string, changed bool) {
		t.Helper()
		want(t, "set", s.Commit(t.Context(), func(tx *store.Tx) error {
			got, err := tx.SetSourceStatus(k, status, issue)
			if got != changed {
				t.Errorf("changed to %s: %t, want %t", status, got, changed)
			}
			return err
		}), nil)
	}
	touch(key, day(2), time.Time{})
	touch(key, day(4), day(1))
	c.set(day(5))
	touch(key, day(3), day(3)) // two workers need not come in order
	touch(key, day(3), day(2))
	touch(key, day(3), time.Time{})
	src := store.Source{SourceKey: key, FirstReceived: day(2), LastReceived: day(4), LastEvent: day(3), Status: store.Healthy, Updated: day(0)}
	check := func(more ...store.Source) {
		t.Helper()
		got, err := s.Sources(t.Context())
		if d := cmp.Diff(append([]store.Source{src}, more...), got); err != nil || d != "" {
			t.Errorf("sources: %v\n%s", err, d)
		}
	}
	check()
	set(key, store.Healthy, "", false)
	if got := changes(t, s, ""); len(got) > 0 {
		t.Errorf("changes %v", got)
	}
	set(key, store.Unhealthy, "silent for 1 h", true)
	c.set(day(6))
	set(key, store.Unhealthy, "silent for 2 h", false)
	src.Status, src.Issue, src.Updated = store.Unhealthy, "silent for 2 h", day(5)
	check()
	never := store.SourceKey{Source: "zzz"}
	set(never, store.Unhealthy, "never heard of", true)
	check(store.Source{SourceKey: never, Status: store.Unhealthy, Issue: "never heard of", Updated: day(6)})

	list := changes(t, s, "")
	if len(list) != 2 || list[0].Kind != store.ChangeSource || !list[0].At.Equal(day(5)) {
		t.Fatalf("changes %+v", list)
	}
	var got store.SourceChange
	src.Issue = "silent for 1 h"
	wanted := store.SourceChange{Source: src, PreviousStatus: store.Healthy}
	if err := json.Unmarshal(list[0].Data, &got); err != nil || cmp.Diff(wanted, got) != "" {
		t.Errorf("%s: %v\n%s", list[0].Data, err, cmp.Diff(wanted, got))
	}
}

func testChanges(t *testing.T, s *store.Store, c *clock) {
	ctx := t.Context()
	a, b := newFinding("a", day(1)), newFinding("b", day(1))
	putRecords(t, s, a, b)
	list := changes(t, s, "")
	if changedIDs(list) != "a b" || list[0].Kind != store.ChangeFinding || list[0].DetectorID != detectorID || list[0].Data != nil || !list[1].At.Equal(day(0)) {
		t.Fatalf("changes %+v", list)
	}
	cursor := list[1].Cursor
	if list := changes(t, s, list[0].Cursor); changedIDs(list) != "b" || list[0].Cursor != cursor {
		t.Errorf("after the first: %+v", list)
	}
	putRecords(t, s, a) // as it is
	want(t, "read and put back", s.Commit(ctx, func(tx *store.Tx) error {
		rec, err := tx.Finding("identity of b")
		if err != nil {
			return err
		}
		return errors.Join(tx.PutFinding(rec), tx.PutFinding(rec))
	}), nil)
	if list := changes(t, s, cursor); len(list) > 0 {
		t.Errorf("nothing differs, but %+v", list)
	}
	a.Service.Count++
	putRecords(t, s, a)
	sample := newFinding("5a", day(1))
	for range 2 {
		want(t, "sample", s.PutFindings(ctx, detectorID, []*finding.Finding{sample}), nil)
	}
	refused := errors.New("refused")
	want(t, "refused", s.Commit(ctx, func(tx *store.Tx) error {
		return errors.Join(tx.PutFinding(newRecord(newFinding("c", day(1)))), refused)
	}), refused)
	if list := changes(t, s, cursor); changedIDs(list) != "a 5a" {
		t.Errorf("later changes: %+v", list)
	}
	if list, err := s.Changes(ctx, "", 2); err != nil || changedIDs(list) != "a b" {
		t.Errorf("two: %v, %v", list, err)
	}
	for _, bad := range []string{"x", "1", "1.2", "1.2.3.4", " 1.2.3"} {
		if _, err := s.Changes(ctx, bad, 2); err == nil {
			t.Errorf("cursor %q was taken", bad)
		}
	}
	for _, move := range []struct {
		was, to string
		moved   bool
	}{{"x", "y", false}, {"", cursor, true}, {"", "y", false}, {"x", "y", false}, {cursor, "1.2.3", true}, {"1.2.3", cursor, true}} {
		var was []byte
		if move.was != "" {
			was = []byte(move.was)
		}
		if moved, err := s.MoveCursor(ctx, "f", was, []byte(move.to)); err != nil || moved != move.moved {
			t.Errorf("move the cursor from %q to %q: %v, %v", move.was, move.to, moved, err)
		}
	}
	if got, err := s.Cursor(ctx, "f"); err != nil || string(got) != cursor {
		t.Errorf("cursor %q, %v", got, err)
	}

	c.set(day(6))
	putRecords(t, s, newFinding("d", day(1)))
	last := changes(t, s, "")
	c.set(day(8))
	if _, err := s.Prune(ctx, day(-9)); err != nil {
		t.Fatal(err)
	}
	if list := changes(t, s, ""); changedIDs(list) != "d" {
		t.Errorf("after a week: %+v", list)
	}
	c.set(day(20))
	if _, err := s.Prune(ctx, day(-9)); err != nil {
		t.Fatal(err)
	}
	if list := changes(t, s, ""); len(list) > 0 {
		t.Errorf("after another: %+v", list)
	}
	putRecords(t, s, newFinding("e", day(1))) // must come after what is pruned
	if list := changes(t, s, last[len(last)-1].Cursor); changedIDs(list) != "e" {
		t.Errorf("after all were pruned: %+v", list)
	}
}

// testFollow reads changes while several writers make them: each must come,
// once, and those of one writer in its order.
func testFollow(t *testing.T, s *store.Store, _ *clock) {
	const writers, each = 4, 40
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				err := s.Commit(t.Context(), func(tx *store.Tx) error {
					err := tx.PutFinding(newRecord(newFinding(fmt.Sprintf("%d-%03d-a", w, i), day(1))))
					if i%3 == w%3 {
						time.Sleep(time.Duration(w+1) * time.Millisecond) // so that they overlap
					}
					return errors.Join(err, tx.PutFinding(newRecord(newFinding(fmt.Sprintf("%d-%03d-b", w, i), day(1)))))
				})
				want(t, "write", err, nil)
			}
		})
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	var got []string
	cursor, finished := "", false
	for {
		list, err := s.Changes(t.Context(), cursor, 7)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range list {
			got, cursor = append(got, c.ID), c.Cursor
		}
		if len(list) > 0 {
			continue
		}
		if finished {
			break
		}
		select {
		case <-done:
			finished = true
		default:
		}
	}
	for w := range writers {
		own := slices.DeleteFunc(slices.Clone(got), func(id string) bool { return !strings.HasPrefix(id, fmt.Sprint(w, "-")) })
		if len(own) != 2*each || !slices.IsSorted(own) || len(slices.Compact(own)) != 2*each {
			t.Errorf("writer %d's changes: %v", w, own)
		}
	}
}

func TestChangeBefore(t *testing.T) {
	in := []string{"", "0.0.1", "0.1.0", "0.2.5", "0.10.4", "1.0.0", "1.0.1"}
	for i, a := range in {
		for j, b := range in {
			if before, err := store.ChangeBefore(a, b); err != nil || before != (i < j) {
				t.Errorf("%q before %q: %v, %v", a, b, before, err)
			}
		}
	}
	if before, err := store.ChangeBefore("", store.FirstChange); before || err != nil {
		t.Error(before, err)
	}
	if _, err := store.ChangeBefore("1.2.3", "x"); err == nil {
		t.Error("x is a cursor")
	}
}

// testTracedChanges: a change of a finding says which trace made it, and only
// in the commit that was told so.
func testTracedChanges(t *testing.T, s *store.Store, _ *clock) {
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	a, b := newFinding("a", day(1)), newFinding("b", day(1))
	put := func(traced bool) {
		t.Helper()
		want(t, "put", s.Commit(t.Context(), func(tx *store.Tx) error {
			if traced {
				tx.Trace("identity of a", parent)
				tx.Trace("identity of another", parent)
			}
			return errors.Join(tx.PutFinding(newRecord(a)), tx.PutFinding(newRecord(b)))
		}), nil)
	}
	put(true)
	a.Service.Count++
	put(false)
	list := changes(t, s, "")
	if changedIDs(list) != "a b a" || string(list[0].Data) != parent || list[1].Data != nil || list[2].Data != nil {
		t.Errorf("%+v", list)
	}
}
