package app

import (
	"testing"

	"github.com/vedette-project/vedette/internal/store"
)

// setMode says how a rule is to be used, as the API does.
func setMode(t *testing.T, a *App, m store.RuleMode) {
	t.Helper()
	before := a.rules.get()
	err := a.keys.store.ChangeRuleModes(t.Context(), func([]store.RuleMode) (*store.RuleMode, string, error) { return &m, "", nil })
	if err != nil {
		t.Fatal(err)
	}
	until(t, "the mode is taken up", func() bool { return a.rules.get() != before })
}

// TestRuleModes: a rule in a dry run makes no findings in any shard, what it
// would make is counted, and all of that survives a restart; made LIVE it finds.
func TestRuleModes(t *testing.T) {
	t.Parallel()
	dir := rulesDir{t, t.TempDir()}
	dir.write("r.yml", ruleFile(1, "Lists", "[jane, joe]", 3))
	data := t.TempDir()
	a := startApp(t, data, dir.named)
	id, often := "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-9000-000000000001"
	setMode(t, a, store.RuleMode{ID: "x", Rule: id, Account: a.Config.Account, Mode: store.RuleDryRun})
	n := 0
	step := func() {
		t.Helper()
		for _, cluster := range []string{"a", "b", "c"} { // of different shards
			n++
			mustPush(t, a, cluster, benign("jane", n), benign("joe", n))
		}
	}
	status := func(id string) store.RuleStatus {
		t.Helper()
		all, err := a.keys.store.RuleStatuses(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range all {
			if s.ID == id {
				return s
			}
		}
		t.Fatalf("there is no rule %s", id)
		return store.RuleStatus{}
	}
	step()
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	a = startApp(t, data, dir.named)
	step()
	if got := foundBy(t, a); len(got) != 0 {
		t.Errorf("a rule in a dry run found %v", got)
	}
	if s := status(id); s.Matched != 12 || s.Found != 0 || s.Would != 6 {
		t.Errorf("in a dry run: %+v", s)
	}
	step() // its correlation goes on counting, and is LIVE
	if got := foundBy(t, a); len(got) != 1 || got["Lists often"] != 6 {
		t.Errorf("a correlation of a rule in a dry run found %v", got)
	}
	setMode(t, a, store.RuleMode{ID: "x", Rule: id, Account: a.Config.Account, Mode: store.RuleLive})
	setMode(t, a, store.RuleMode{ID: "y", Rule: often, Account: a.Config.Account, Mode: store.RuleDryRun, Members: true, Include: []string{a.Config.Account}})
	step() // the account is no member
	if got := foundBy(t, a); got["Lists"] != 6 || got["Lists often"] != 6 {
		t.Errorf("made LIVE it found %v", got)
	}
	if s := status(id); s.Matched != 24 || s.Found != 6 || s.Would != 6 {
		t.Errorf("made LIVE: %+v", s)
	}
	if s := status(often); s.Matched != 6 || s.Found != 6 {
		t.Errorf("of the correlation: %+v", s)
	}
}
