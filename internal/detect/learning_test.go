package detect

import (
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
)

// TestLearnedApart: a record that was learned from is judged when it comes
// live, one that was judged is not learned from again, and both are remembered
// by what Delta says.
func TestLearnedApart(t *testing.T) {
	at := time.Date(2026, 5, 1, 2, 0, 0, 0, time.UTC)
	sc := event.Scope{Account: "111122223333", Region: "eu-central-1", Cluster: "prod"}
	batch := func(id string, learn bool) *event.Batch {
		return &event.Batch{Stream: "s", Learn: learn, Events: []event.Event{{
			Source: event.K8sAudit, Scope: sc, Time: at,
			Audit: &event.Audit{AuditID: id, Stage: "ResponseComplete", Verb: "get", Code: 200},
		}}}
	}
	ended := func(e *Engine, id string, learn bool) event.Reason {
		t.Helper()
		c := e.Process(batch(id, learn)).Counts
		if len(c) != 1 || c[0].N != 1 {
			t.Fatalf("%+v", c)
		}
		if (c[0].Outcome == event.Duplicate) != (c[0].Reason == event.ReasonSeenBefore || c[0].Reason == event.ReasonLearnedBefore) {
			t.Errorf("%+v", c[0])
		}
		return c[0].Reason
	}
	e := New(Options{Durable: true})
	check := func(e *Engine, id string, learn bool, want event.Reason) {
		t.Helper()
		if got := ended(e, id, learn); got != want {
			t.Errorf("%s, learn %v: %q, want %q", id, learn, got, want)
		}
	}
	check(e, "a", true, event.ReasonLearned)
	check(e, "a", true, event.ReasonLearnedBefore)
	check(e, "a", false, "")
	check(e, "a", false, event.ReasonSeenBefore)
	check(e, "b", false, "")
	check(e, "b", true, event.ReasonLearnedBefore)
	check(e, "c", true, event.ReasonLearned)
	if _, changed, err := e.Marks(sc); err != nil || !changed {
		t.Errorf("marks: %v, %v", changed, err)
	}
	runs, err := e.Delta(sc)
	if err != nil {
		t.Fatal(err)
	}
	again := New(Options{Durable: true})
	for _, r := range runs {
		if err := again.RestoreRun(sc, r); err != nil {
			t.Fatal(err)
		}
	}
	check(again, "c", true, event.ReasonLearnedBefore)
	check(again, "c", false, "")
	check(again, "a", false, event.ReasonSeenBefore)
	check(again, "d", true, event.ReasonLearned)
}

// TestLearningMovesNoClock: old records do not make newer ones late, nor are
// they late themselves; gaps of months and clocks that jump are taken.
func TestLearningMovesNoClock(t *testing.T) {
	e := New(Options{})
	n := 0
	process := func(at time.Time, learn bool) []Count {
		n++
		return e.Process(&event.Batch{Stream: "s", Learn: learn, Events: []event.Event{{
			Source: event.K8sAudit, Time: at, Audit: &event.Audit{AuditID: string(rune('a' + n)), Stage: "ResponseComplete", Code: 200},
		}}}).Counts
	}
	now := time.Date(2026, 5, 1, 2, 0, 0, 0, time.UTC)
	for _, step := range []struct {
		at    time.Time
		learn bool
	}{
		{now.AddDate(0, -6, 0), true}, {now.AddDate(0, -2, 0), true}, {now.AddDate(3, 0, 0), true}, {time.Time{}, true}, {now.AddDate(0, -4, 0), true},
		{now, false}, {now.AddDate(0, -1, 0), true}, {now.Add(time.Second), false}, {now, false},
	} {
		for _, c := range process(step.at, step.learn) {
			if c.Outcome == event.MarkLate {
				t.Errorf("%v (learn %v) is late", step.at, step.learn)
			}
		}
	}
}
