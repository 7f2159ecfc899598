package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/store"
)

func statusOf(t *testing.T, s *store.Store) map[string]store.RuleStatus {
	t.Helper()
	all, err := s.RuleStatuses(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]store.RuleStatus{}
	for _, st := range all {
		out[st.RuleInfo.Rule] = st
	}
	return out
}

// testRuleStatus: counts of all shards are added up; they are of the text that
// a rule has, and those of a text that comes back are there again.
func testRuleStatus(t *testing.T, s *store.Store, c *clock) {
	add := func(shard int, rows ...store.RuleCount) {
		t.Helper()
		want(t, "add", s.Commit(t.Context(), func(tx *store.Tx) error { return tx.AddRuleCounts(shard, rows) }), nil)
	}
	start := c.now()
	a1, a2, b := store.RuleInfo{Rule: "a", Version: "1", Title: "A", Events: []string{"k8s-audit"}}, store.RuleInfo{Rule: "a", Version: "2", Title: "A"}, store.RuleInfo{Rule: "b\x00", Title: "B"}
	want(t, "put", s.PutRules(t.Context(), []store.RuleInfo{a1, b}), nil)
	add(0, store.RuleCount{Rule: "a", Version: "1", Matched: 3, Found: 1, Last: day(2), Asked: 1, Took: 5})
	add(1, store.RuleCount{Rule: "a", Version: "1", Matched: 4, Would: 2, Last: day(1)}, store.RuleCount{Rule: "a", Version: "0", Matched: 9})
	add(1, store.RuleCount{Rule: "a", Version: "1", Asked: 2, Took: 7})
	got := statusOf(t, s)
	first := store.RuleStatus{RuleInfo: a1, Known: start, Since: start, RuleCount: store.RuleCount{Rule: "a", Version: "1", Matched: 7, Found: 1, Would: 2, Last: day(2), Asked: 3, Took: 12}}
	if d := cmp.Diff(first, got["a"]); d != "" || len(got) != 2 {
		t.Errorf("%d rules\n%s", len(got), d)
	}
	if st := got["b\x00"]; st.Title != "B" || st.Matched != 0 || !st.Last.IsZero() || !st.Since.Equal(start) {
		t.Errorf("a rule that never fired: %+v", st)
	}
	c.set(start.Add(time.Hour))
	want(t, "put another text", s.PutRules(t.Context(), []store.RuleInfo{a2}), nil)
	got = statusOf(t, s)
	if st := got["a"]; len(got) != 1 || st.Matched != 0 || !st.Known.Equal(start) || !st.Since.Equal(start.Add(time.Hour)) {
		t.Errorf("%d rules; of the other text: %+v", len(got), st)
	}
	c.set(start.Add(2 * time.Hour))
	want(t, "put the first again", s.PutRules(t.Context(), []store.RuleInfo{a1, b}), nil)
	got = statusOf(t, s)
	if st := got["a"]; st.Matched != 7 || !st.Since.Equal(start.Add(2*time.Hour)) {
		t.Errorf("the first text again: %+v", st)
	}
	if st := got["b\x00"]; !st.Known.Equal(start) || !st.Since.Equal(start.Add(2*time.Hour)) {
		t.Errorf("a rule that was away: %+v", st)
	}
	c.set(start.AddDate(0, 2, 0))
	want(t, "put none", s.PutRules(t.Context(), nil), nil)
	c.set(start.AddDate(0, 4, 0))
	want(t, "put none", s.PutRules(t.Context(), nil), nil)
	want(t, "put", s.PutRules(t.Context(), []store.RuleInfo{a1}), nil)
	if st := statusOf(t, s)["a"]; st.Matched != 0 || !st.Known.Equal(c.now()) {
		t.Errorf("after months nothing is left: %+v", st)
	}
}

func testRuleWorkers(t *testing.T, s *store.Store, c *clock) {
	resize(t, s, 1)
	claim(t, s, 0, "a")
	_, err := s.Heartbeat(t.Context(), "a", lease)
	want(t, "beat", err, nil)
	old, a, b := store.RuleWorker{Name: "old", Set: "0"}, store.RuleWorker{Name: "a", Set: "1", Rules: 2, Loaded: c.now(), Fault: "f", FaultSince: c.now()}, store.RuleWorker{Name: "b", Set: "2"}
	want(t, "note", errors.Join(s.NoteRules(t.Context(), old), s.NoteRules(t.Context(), a), s.NoteRules(t.Context(), b)), nil)
	got, err := s.RuleWorkers(t.Context())
	a.Live = true
	if d := cmp.Diff([]store.RuleWorker{a, b}, got); d != "" || err != nil {
		t.Errorf("%v\n%s", err, d)
	}
}

func testRuleModes(t *testing.T, s *store.Store, _ *clock) {
	change := func(put *store.RuleMode, drop string, err error) error {
		return s.ChangeRuleModes(t.Context(), func([]store.RuleMode) (*store.RuleMode, string, error) { return put, drop, err })
	}
	_, start, err := s.RuleModes(t.Context())
	want(t, "read", err, nil)
	x := store.RuleMode{ID: "x", Rule: "r", Account: "1", Mode: store.RuleDryRun, CreatedAt: day(1), UpdatedAt: day(1)}
	y := store.RuleMode{ID: "y", Rule: "r", Account: "1", Mode: store.RuleLive, Members: true, Exclude: []string{"2"}, CreatedAt: day(2), UpdatedAt: day(2)}
	refused := errors.New("refused")
	want(t, "put", errors.Join(change(&y, "", nil), change(&x, "", nil)), nil)
	want(t, "refuse", change(&y, "x", refused), refused)
	want(t, "nothing", change(nil, "", nil), nil)
	got, generation, err := s.RuleModes(t.Context())
	if d := cmp.Diff([]store.RuleMode{x, y}, got); d != "" || err != nil || generation != start+2 {
		t.Errorf("generation %d after %d, %v\n%s", generation, start, err, d)
	}
	want(t, "drop", change(nil, "x", nil), nil)
	if got, generation, err = s.RuleModes(t.Context()); err != nil || len(got) != 1 || generation != start+3 {
		t.Errorf("generation %d, %v, %+v", generation, err, got)
	}
}
