package app

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/store"
)

// ruleFile is a rule about pods that a user lists, and a correlation of it.
func ruleFile(id int, title, user string, count int) string {
	return fmt.Sprintf(`title: %[2]s
id: 00000000-0000-4000-8000-%012[1]d
level: low
logsource: {product: kubernetes, service: audit}
detection: {selection: {verb: list, user.username: %[3]s}, condition: selection}
---
title: %[2]s often
id: 00000000-0000-4000-9000-%012[1]d
correlation: {type: event_count, rules: [00000000-0000-4000-8000-%012[1]d], group-by: [user.username], timespan: 1h, condition: {gte: %[4]d}, generate: true}
`, id, title, user, count)
}

// rulesDir is a folder of rules of a server.
type rulesDir struct {
	t   *testing.T
	dir string
}

func (d rulesDir) write(name, text string) {
	d.t.Helper()
	if err := os.WriteFile(filepath.Join(d.dir, name), []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

func (d rulesDir) named(c *config.Config) {
	c.Detection.Rules, c.Detection.RulePack.Enabled = []string{d.dir}, false
}

// foundBy counts the findings of each rule, by title.
func foundBy(t *testing.T, a *App) map[string]int64 {
	t.Helper()
	out := map[string]int64{}
	for _, f := range stored(t, a) {
		if f.CustomDetectionRuleName != "" {
			out[f.CustomDetectionRuleName] += f.Service.Count
		}
	}
	return out
}

// reload asks a server to read its rules, and waits until it has.
func reload(t *testing.T, a *App, what string, ok func(store.RuleWorker) bool) {
	t.Helper()
	a.ReloadRules()
	until(t, what, func() bool {
		all, err := a.keys.store.RuleWorkers(t.Context())
		return err == nil && len(all) == 1 && ok(all[0])
	})
}

// TestRulesReload: changes of the files are in force without a restart, what
// correlations count of rules that stay goes on, and that of rules that change
// begins anew; with a fault those from before stay in force, and it is told.
func TestRulesReload(t *testing.T) {
	t.Parallel()
	dir := rulesDir{t, t.TempDir()}
	dir.write("stays.yml", ruleFile(1, "Stays", "jane", 4))
	dir.write("changes.yml", ruleFile(2, "Changes", "jane", 4))
	a := startApp(t, t.TempDir(), dir.named)
	mustPush(t, a, "prod", benign("jane", 1), benign("jane", 2))

	first := a.rules.get().Set.Version()
	dir.write("changes.yml", ruleFile(2, "Changes", "[jane, joe]", 4))
	dir.write("new.yml", ruleFile(3, "New", "jane", 2))
	reload(t, a, "another set", func(w store.RuleWorker) bool { return w.Set != first && w.Fault == "" })
	mustPush(t, a, "prod", benign("jane", 3), benign("jane", 4))
	want := map[string]int64{"Stays": 4, "Changes": 4, "New": 2, "Stays often": 1, "New often": 1}
	if d := cmp.Diff(want, foundBy(t, a)); d != "" {
		t.Errorf("after a change:\n%s", d)
	}

	dir.write("new.yml", strings.Replace(ruleFile(3, "New", "jane", 2), "condition: selection", "condition: selektion", 1))
	second := a.rules.get().Set.Version()
	reload(t, a, "a fault", func(w store.RuleWorker) bool {
		return w.Set == second && strings.Contains(w.Fault, "new.yml:5: ") && strings.Contains(w.Fault, "did you mean selection?")
	})
	until(t, "the fault is told", func() bool {
		sources, err := a.keys.store.Sources(t.Context())
		for _, s := range sources {
			if s.SourceKey.Source == SourceRules {
				return s.Status == store.Unhealthy && strings.Contains(s.Issue, "new.yml:5: ")
			}
		}
		return err != nil
	})
	_, page := get(t, "http://"+a.MetricsAddr+"/metrics")
	if !strings.Contains(page, "\nvedette_rules_fault 1\n") || !strings.Contains(page, "\nvedette_rules_loaded 6\n") {
		t.Error("the metrics do not tell of the fault")
	}
	mustPush(t, a, "prod", benign("jane", 5))
	if got := foundBy(t, a)["New"]; got != 3 {
		t.Errorf("with a fault in its file the rule from before counts %d", got)
	}

	if err := os.Remove(filepath.Join(dir.dir, "new.yml")); err != nil {
		t.Fatal(err)
	}
	reload(t, a, "the rule is gone", func(w store.RuleWorker) bool { return w.Rules == 4 && w.Fault == "" })
	until(t, "all is well", func() bool {
		sources, err := a.keys.store.Sources(t.Context())
		for _, s := range sources {
			if s.SourceKey.Source == SourceRules {
				return s.Status == store.Healthy
			}
		}
		return err != nil
	})
	mustPush(t, a, "prod", benign("jane", 6))
	got := foundBy(t, a)
	if got["New"] != 3 || got["Stays"] != 6 {
		t.Errorf("without it: %v", got)
	}
	all, err := a.keys.store.RuleStatuses(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		switch s.Title {
		case "Stays":
			if s.Matched != 6 || s.Found != 1 || !s.Last.Equal(begin.Add(6*time.Millisecond)) || !s.Since.Equal(s.Known) {
				t.Errorf("what a rule that stays did: %+v", s)
			}
		case "Changes":
			if s.Matched != 4 || s.Found != 0 || !s.Since.After(s.Known) { // its finding was there before
				t.Errorf("what a rule did since it changed: %+v", s)
			}
		case "New":
			t.Errorf("a rule that is gone is shown: %+v", s)
		}
	}
}

// TestRulesReloadUnderLoad: while rules are loaded again and again, and the
// server starts anew now and then, every record is judged once, and findings of
// rules that stay are those of a scan.
func TestRulesReloadUnderLoad(t *testing.T) {
	t.Parallel()
	dir := rulesDir{t, t.TempDir()}
	dir.write("stays.yml", ruleFile(1, "Stays", "jane", 7))
	dir.write("changes.yml", ruleFile(2, "Changes", "jane", 3))
	data := t.TempDir()
	a := startApp(t, data, dir.named)
	const records, each = 600, 10
	n := 0
	for round := range records / each {
		var lines []string
		for range each {
			n++
			lines = append(lines, benign("jane", n))
		}
		dir.write("changes.yml", ruleFile(2, fmt.Sprintf("Changes %d", round), "jane", 3+round%5))
		a.ReloadRules()
		if code := push(t, a, "prod", eventList(lines)); code != 200 {
			t.Fatal(code)
		}
		if round%20 == 19 {
			settle(t, a)
			if err := a.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			a = startApp(t, data, dir.named)
		}
	}
	settle(t, a)
	if got := ledger(t, a.keys.store); got["evaluated"] != records || got["received"] != records {
		t.Errorf("ledger %v", got)
	}
	got := foundBy(t, a)
	if got["Stays"] != records || got["Stays often"] != records/7 {
		t.Errorf("rules that stay found %v", got)
	}
	all, err := a.keys.store.RuleStatuses(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if s.Title == "Stays" && (s.Matched != records || s.Found != 1) || s.Title == "Stays often" && (s.Matched != records/7 || s.Found != 1) {
			t.Errorf("%s: %d events, %d findings", s.Title, s.Matched, s.Found)
		}
	}
}
