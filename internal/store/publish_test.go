package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

func step(t *testing.T, s *store.Store, p store.PublishStep, want bool) {
	t.Helper()
	p.Target, p.Cursor = "t", "publish:t"
	if moved, err := s.StepPublish(t.Context(), p); err != nil || moved != want {
		t.Errorf("step %+v: %v, %v", p, moved, err)
	}
}

func items(t *testing.T, s *store.Store, keys ...string) map[string]store.PublishItem {
	t.Helper()
	m, err := s.PublishItems(t.Context(), "t", keys)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// testPublish: a step is made as a whole or not at all, and an item that two
// processes wrote is due at once.
func testPublish(t *testing.T, s *store.Store, c *clock) {
	ctx := t.Context()
	now := c.now().UTC().Truncate(time.Millisecond)
	a := store.PublishItem{Key: "a", Told: now, Due: now.Add(time.Hour), Data: []byte(`{"x":"é"}`)}
	step(t, s, store.PublishStep{Items: []store.PublishItem{a}}, true) // no cursor yet, and none after
	step(t, s, store.PublishStep{Was: []byte("1.1.1")}, false)
	step(t, s, store.PublishStep{To: []byte("1.1.1"), Status: []byte(`{"sent":1}`)}, true)
	step(t, s, store.PublishStep{To: []byte("1.1.2")}, false) // somebody has a cursor
	step(t, s, store.PublishStep{Was: []byte("1.1.0"), To: []byte("1.1.2"), Items: []store.PublishItem{{Key: "never"}}, Dead: []store.DeadLetter{{Event: "never"}}}, false)
	a.Rev = 1
	if d := cmp.Diff(map[string]store.PublishItem{"a": a}, items(t, s, "a", "never", "b")); d != "" {
		t.Error(d)
	}
	due := func(at time.Time) (keys string) {
		list, err := s.PublishDue(ctx, "t", at, 9)
		want(t, "due", err, nil)
		for _, i := range list {
			keys += i.Key
		}
		return keys
	}
	if got := due(now.Add(time.Hour-time.Second)) + due(now.Add(time.Hour)); got != "a" {
		t.Errorf("due: %q", got)
	}
	if n, err := s.PublishWaiting(ctx, "t"); err != nil || n != 1 {
		t.Errorf("%d wait, %v", n, err)
	}
	// Another process read the item, too, and both write it.
	first, second := a, a
	first.Data, first.Due, second.Data, second.Due = []byte(`"first"`), time.Time{}, []byte(`"second"`), time.Time{}
	step(t, s, store.PublishStep{Was: []byte("1.1.1"), Items: []store.PublishItem{first}}, true)
	if due(now.Add(9*time.Hour)) != "" {
		t.Error("it is due though nothing waits")
	}
	step(t, s, store.PublishStep{Was: []byte("1.1.1"), Items: []store.PublishItem{second, {Key: "b", Told: now, Data: []byte("{}")}}}, true)
	if got := items(t, s, "a")["a"]; string(got.Data) != `"first"` || got.Due.IsZero() || got.Rev != 3 {
		t.Errorf("after both: %+v", got)
	}
	if due(c.now()) != "a" {
		t.Error("it is not due")
	}
	moved, err := s.ReopenPublish(ctx, "t", "publish:t", []byte("1.1.1"), []byte("1.1.0"), []string{"b", "unknown"})
	if err != nil || !moved || due(c.now()) != "ab" {
		t.Errorf("reopened: %v, %v, due %q", moved, err, due(c.now()))
	}
	if at, err := s.Cursor(ctx, "publish:t"); err != nil || string(at) != "1.1.0" {
		t.Errorf("cursor %s, %v", at, err)
	}
	if moved, err := s.ReopenPublish(ctx, "t", "publish:t", []byte("1.1.1"), []byte("1.1.0"), nil); err != nil || moved {
		t.Errorf("reopened from elsewhere: %v, %v", moved, err)
	}
	want(t, "prune", s.PrunePublish(ctx, "t", now.Add(time.Hour)), nil) // both wait
	if len(items(t, s, "a", "b")) != 2 {
		t.Error("what waits was forgotten")
	}
	testDeadLetters(t, s, c)
	want(t, "forget", s.ForgetPublish(ctx, "t", "publish:t"), nil)
	if len(items(t, s, "a", "b")) != 0 {
		t.Error("it is not forgotten")
	}
	_, err = s.Cursor(ctx, "publish:t")
	want(t, "the cursor", err, finding.ErrNotFound)
	if data, err := s.PublishStatus(ctx, "t"); err != nil || data != nil {
		t.Errorf("status %s, %v", data, err)
	}
}

func testDeadLetters(t *testing.T, s *store.Store, c *clock) {
	t.Helper()
	ctx := t.Context()
	at := c.now().UTC()
	dead := []store.DeadLetter{{Event: "e1", Reason: "too strange\x00", Data: []byte(`{"a":1}`), At: at}, {Event: "e2", Reason: "r", Data: []byte(`{}`), At: at}}
	step(t, s, store.PublishStep{Was: []byte("1.1.0"), Dead: dead}, true)
	list, err := s.DeadLetters(ctx, "t", 0, 9)
	if err != nil || len(list) != 2 || list[0].Event != "e1" || !list[0].At.Equal(at) || string(list[0].Data) != `{"a":1}` {
		t.Fatalf("%+v, %v", list, err)
	}
	if next, err := s.DeadLetters(ctx, "t", list[0].N, 9); err != nil || len(next) != 1 {
		t.Errorf("the next: %v, %v", next, err)
	}
	if n, err := s.ResendDead(ctx, "t", []int64{list[1].N, 999}); err != nil || n != 1 {
		t.Errorf("resend: %d, %v", n, err)
	}
	again, err := s.DeadToResend(ctx, "t", 9)
	if err != nil || len(again) != 1 || again[0].Event != "e2" {
		t.Errorf("to resend: %v, %v", again, err)
	}
	step(t, s, store.PublishStep{Was: []byte("1.1.0"), Resent: []int64{list[1].N}, Dead: dead[:1]}, true) // e1 was refused once more
	if n, err := s.CountDead(ctx, "t"); err != nil || n != 1 {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := s.ResendDead(ctx, "t", nil); err != nil || n != 1 {
		t.Errorf("resend all: %d, %v", n, err)
	}
	want(t, "prune", s.PruneDead(ctx, "t", at.Add(time.Second)), nil)
	if n, err := s.CountDead(ctx, "t"); err != nil || n != 0 {
		t.Errorf("after pruning: %d, %v", n, err)
	}
}

// testDestinations: they are their detector's, and what became of one is not
// written over a later wish.
func testDestinations(t *testing.T, s *store.Store, _ *clock) {
	ctx := t.Context()
	put := func(d *store.Destination, remove bool) error {
		return s.ChangeDestinations(ctx, detectorID, func([]store.Destination) (*store.Destination, bool, error) { return d, remove, nil })
	}
	want(t, "of no detector", put(&store.Destination{ID: "d"}, false), finding.ErrNotFound)
	want(t, "create detector", s.CreateDetector(ctx, finding.Detector{ID: detectorID}), nil)
	want(t, "create", put(&store.Destination{ID: "d", Type: "S3", ARN: "arn", Status: store.DestinationPending}, false), nil)
	get := func() store.Destination {
		t.Helper()
		list, err := s.Destinations(ctx, detectorID)
		if err != nil || len(list) != 1 {
			t.Fatalf("%v, %v", list, err)
		}
		return list[0]
	}
	d := get()
	if d.Version != 1 || d.Begin == "" || d.DetectorID != detectorID {
		t.Errorf("%+v", d)
	}
	settle := func(version int64, status string) {
		t.Helper()
		want(t, "settle", s.SettleDestination(ctx, "d", version, func(d *store.Destination) { d.Status = status }), nil)
	}
	settle(1, store.DestinationPublishing)
	d = get()
	d.ARN = "other"
	want(t, "update", put(&d, false), nil)
	settle(1, store.DestinationUnable)
	if d := get(); d.Status != store.DestinationPublishing || d.ARN != "other" || d.Version != 2 {
		t.Errorf("%+v", d)
	}
	want(t, "remove", put(&d, true), nil)
	settle(2, store.DestinationUnable) // is gone
	want(t, "create again", put(&store.Destination{ID: "e"}, false), nil)
	want(t, "delete detector", s.DeleteDetector(ctx, detectorID), nil)
	if list, err := s.Destinations(ctx, ""); err != nil || len(list) != 0 {
		t.Errorf("after its detector: %v, %v", list, err)
	}
}
