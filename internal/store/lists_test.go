package store_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// putList creates or replaces a list.
func putList(t testing.TB, s *store.Store, l store.List) {
	t.Helper()
	want(t, "put list "+l.ID, s.ChangeLists(t.Context(), detectorID, l.Kind, func([]store.List) (*store.List, error) { return &l, nil }), nil)
}

func listOf(t testing.TB, s *store.Store, kind store.ListKind, id string) store.List {
	t.Helper()
	l, err := s.ListOf(t.Context(), detectorID, kind, id)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func settle(t testing.TB, s *store.Store, l store.List, o store.ListOutcome) store.List {
	t.Helper()
	now, ok, err := s.SettleList(t.Context(), l, o)
	if err != nil || !ok {
		t.Fatalf("settle %s: %v, %v", l.ID, ok, err)
	}
	return now
}

// inForce is what workers would load, and its generation.
func inForce(t testing.TB, s *store.Store) (string, int64) {
	t.Helper()
	as, generation, err := s.ActiveLists(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, a := range as {
		got += fmt.Sprintf("%s=%s ", a.Name, a.Data)
	}
	if now, err := s.ListsGeneration(t.Context()); err != nil || now != generation {
		t.Errorf("generation %d, then %d, %v", generation, now, err)
	}
	return got, generation
}

func content(sum, data string) *store.ListContent {
	return &store.ListContent{SHA256: sum, Entries: len(data), ReadAt: day(2), Data: []byte(data)}
}

func testLists(t *testing.T, s *store.Store, _ *clock) {
	ctx := t.Context()
	want(t, "create elsewhere", s.ChangeLists(ctx, detectorID, store.IPSet, nil), finding.ErrNotFound)
	want(t, "create detector", s.CreateDetector(ctx, finding.Detector{ID: detectorID}), nil)
	l := store.List{ID: "b", DetectorID: "not mine", Kind: store.IPSet, Name: "office", Format: "TXT", Location: "s3://b/k", ExpectedBucketOwner: "1",
		Status: store.ListInactive, Tags: finding.Tags{"a": "b"}, ClientToken: "token", CreatedAt: day(1), UpdatedAt: day(1),
		SHA256: "made up", Generation: 99} // only SettleList says what is in force
	putList(t, s, l)
	l.DetectorID, l.SHA256, l.Generation = detectorID, "", 0
	if d := cmp.Diff(l, listOf(t, s, store.IPSet, "b")); d != "" {
		t.Error(d)
	}
	for _, id := range []string{"c", "a"} {
		putList(t, s, store.List{ID: id, Kind: store.IPSet, Status: store.ListInactive})
	}
	putList(t, s, store.List{ID: "d", Kind: store.ThreatEntitySet, Status: store.ListDeleted})
	putList(t, s, store.List{ID: "e", Kind: store.ThreatEntitySet, Status: store.ListError})
	_, err := s.ListOf(ctx, detectorID, store.ThreatIntelSet, "b")
	want(t, "of another kind", err, finding.ErrNotFound)
	_, err = s.ListOf(ctx, "other", store.IPSet, "b")
	want(t, "of another detector", err, finding.ErrNotFound)
	if got := listOf(t, s, store.ThreatEntitySet, "d").Status; got != store.ListDeleted {
		t.Errorf("a deleted list is %s", got)
	}

	ids := func(ls []store.List, err error) (out string) {
		if err != nil {
			t.Error(err)
		}
		for _, l := range ls {
			out += l.ID
		}
		return out
	}
	if got := ids(s.ListsOf(ctx, detectorID, store.IPSet)); got != "abc" {
		t.Errorf("lists of a kind: %s", got)
	}
	if got := ids(s.ListsOf(ctx, detectorID, store.ThreatEntitySet)); got != "e" {
		t.Errorf("lists without the deleted: %s", got)
	}
	if got := ids(s.Lists(ctx)); got != "abce" {
		t.Errorf("all lists: %s", got)
	}
	refused := errors.New("refused")
	want(t, "refused change", s.ChangeLists(ctx, detectorID, store.ThreatEntitySet, func(have []store.List) (*store.List, error) {
		if got := ids(have, nil); got != "de" {
			t.Errorf("the change saw %s", got)
		}
		return &have[1], refused
	}), refused)
	want(t, "no change", s.ChangeLists(ctx, detectorID, store.IPSet, func([]store.List) (*store.List, error) { return nil, nil }), nil)

	want(t, "delete the detector", s.DeleteDetector(ctx, detectorID), nil)
	want(t, "create it again", s.CreateDetector(ctx, finding.Detector{ID: detectorID}), nil)
	if got := ids(s.Lists(ctx)); got != "" {
		t.Errorf("lists came back with the detector: %s", got)
	}
}

func testListContent(t *testing.T, s *store.Store, c *clock) {
	ctx := t.Context()
	want(t, "create detector", s.CreateDetector(ctx, finding.Detector{ID: detectorID}), nil)
	got, g0 := inForce(t, s)
	if got != "" {
		t.Errorf("in force: %s", got)
	}
	l := store.List{ID: "b", Kind: store.ThreatIntelSet, Name: "bad", Status: store.ListActivating, Wish: 1}
	putList(t, s, l)
	if _, g := inForce(t, s); g != g0 {
		t.Error("a wish alone changed the generation")
	}
	now := settle(t, s, l, store.ListOutcome{Status: store.ListActivating, Mark: "etag", Content: content("11", "one")})
	got, g1 := inForce(t, s)
	if got != "bad=one " || g1 <= g0 || now.Generation != g1 || !now.InForce() || now.Applied != 1 || now.Entries != 3 || !now.ReadAt.Equal(day(2)) {
		t.Errorf("in force: %s, generation %d after %d, list %+v", got, g1, g0, now)
	}
	if d := cmp.Diff(now, listOf(t, s, store.ThreatIntelSet, "b")); d != "" {
		t.Error(d)
	}

	// A fault of the source changes nothing of what is in force, nor does the
	// same content read again.
	now = settle(t, s, now, store.ListOutcome{Status: store.ListActive, ErrorDetails: "not found", Mark: "gone"})
	now = settle(t, s, now, store.ListOutcome{Status: store.ListActive, Content: content("11", "one")})
	if got, g := inForce(t, s); got != "bad=one " || g != g1 || now.ErrorDetails != "" {
		t.Errorf("in force: %s, generation %d, want %d", got, g, g1)
	}
	now = settle(t, s, now, store.ListOutcome{Status: store.ListActive, Content: content("22", "two")})
	_, g2 := inForce(t, s)

	// The name is part of what findings say.
	now.Name, now.SHA256, now.Wish = "worse", "", 2
	putList(t, s, now)
	got, g3 := inForce(t, s)
	if got != "worse=two " || g2 <= g1 || g3 <= g2 {
		t.Errorf("in force: %s, generations %d %d %d", got, g1, g2, g3)
	}
	if _, ok, err := s.SettleList(ctx, l, store.ListOutcome{Status: store.ListError}); ok || err != nil {
		t.Errorf("an outdated result was written: %v, %v", ok, err)
	}
	if _, ok, err := s.SettleList(ctx, store.List{ID: "unknown"}, store.ListOutcome{}); ok || err != nil {
		t.Errorf("a result of no list was written: %v, %v", ok, err)
	}

	c.set(day(5))
	now = settle(t, s, listOf(t, s, store.ThreatIntelSet, "b"), store.ListOutcome{Status: store.ListDeletePending, Drop: true})
	got, g4 := inForce(t, s)
	if got != "" || g4 <= g3 || now.InForce() || now.Generation != g4 || now.Applied != 2 {
		t.Errorf("in force: %s, generation %d after %d, list %+v", got, g4, g3, now)
	}
	now = settle(t, s, now, store.ListOutcome{Status: store.ListDeleted, Drop: true})
	if _, g := inForce(t, s); g != g4 || !now.DeletedAt.Equal(day(5)) {
		t.Errorf("generation %d, deleted at %v", g, now.DeletedAt)
	}
	want(t, "forget", s.ForgetLists(ctx, day(5)), nil)
	listOf(t, s, store.ThreatIntelSet, "b") // for those who wait for its status
	want(t, "forget", s.ForgetLists(ctx, day(5).Add(1)), nil)
	_, err := s.ListOf(ctx, detectorID, store.ThreatIntelSet, "b")
	want(t, "forgotten", err, finding.ErrNotFound)

	putList(t, s, l)
	settle(t, s, l, store.ListOutcome{Status: store.ListActive, Content: content("33", "three")})
	_, g5 := inForce(t, s)
	want(t, "delete the detector", s.DeleteDetector(ctx, detectorID), nil)
	if got, g := inForce(t, s); got != "" || g <= g5 {
		t.Errorf("with the detector deleted: %s, generation %d after %d", got, g, g5)
	}
}

func testListWorkers(t *testing.T, s *store.Store, c *clock) {
	ctx := t.Context()
	behind := func(generation int64) []string {
		names, err := s.WorkersBehind(ctx, generation)
		if err != nil {
			t.Error(err)
		}
		return names
	}
	if got := behind(1); len(got) > 0 {
		t.Errorf("nobody works, and yet %v", got)
	}
	for _, name := range []string{"a", "b"} {
		_, err := s.Heartbeat(ctx, name, time.Minute)
		want(t, "heartbeat", err, nil)
	}
	want(t, "note", s.NoteLists(ctx, "a", 1), nil)
	want(t, "note", s.NoteLists(ctx, "gone", 0), nil)
	if got := behind(1); !slices.Equal(got, []string{"b"}) {
		t.Errorf("behind: %v", got)
	}
	want(t, "forget", s.ForgetLists(ctx, c.now()), nil)
	want(t, "note", s.NoteLists(ctx, "a", 2), nil)
	want(t, "note", s.NoteLists(ctx, "b", 1), nil)
	if got := behind(2); !slices.Equal(got, []string{"b"}) {
		t.Errorf("behind: %v", got)
	}
	want(t, "leave", s.Leave(ctx, "b"), nil)
	if got := behind(2); len(got) > 0 {
		t.Errorf("behind: %v", got)
	}
}

// testListRace: a limit holds when many create at once, and generations are
// seen with all that belongs to them.
func testListRace(t *testing.T, s *store.Store, _ *clock) {
	ctx := t.Context()
	want(t, "create detector", s.CreateDetector(ctx, finding.Detector{ID: detectorID}), nil)
	full := errors.New("full")
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() {
			l := store.List{ID: fmt.Sprint("l", i), Kind: store.ThreatIntelSet, Name: "n", Status: store.ListActivating, Wish: 1}
			err := s.ChangeLists(ctx, detectorID, l.Kind, func(have []store.List) (*store.List, error) {
				if len(have) >= 6 {
					return nil, full
				}
				return &l, nil
			})
			if errors.Is(err, full) {
				return
			}
			want(t, "create", err, nil)
			now, ok, err := s.SettleList(ctx, l, store.ListOutcome{Status: store.ListActive, Content: content(l.ID, l.ID)})
			if err != nil || !ok {
				t.Errorf("settle: %v, %v", ok, err)
			}
			as, generation, err := s.ActiveLists(ctx)
			if err != nil || generation < now.Generation || !slices.ContainsFunc(as, func(a store.ActiveList) bool { return a.ID == l.ID }) {
				t.Errorf("generation %d has no %s of %d: %v", generation, l.ID, now.Generation, err)
			}
		})
	}
	all.Wait()
	if ls, err := s.ListsOf(ctx, detectorID, store.ThreatIntelSet); err != nil || len(ls) != 6 {
		t.Errorf("%d lists, %v", len(ls), err)
	}
}
