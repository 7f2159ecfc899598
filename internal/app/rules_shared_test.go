package app

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/store"
)

// TestRulesOfSeveralServers: each server reads its own files, the store says by
// which each judges, a mode is taken up by all of them, counts of all are added
// up, and the fault of one is told of all.
func TestRulesOfSeveralServers(t *testing.T) {
	t.Parallel()
	s := newShared(t, 1)
	dirs := map[string]rulesDir{"in": {t, t.TempDir()}, "d1": {t, t.TempDir()}, "d2": {t, t.TempDir()}}
	start := func(name, role string) *App {
		return startAs(t, t.TempDir(), role, func(c *config.Config) {
			c.Server.Name = name
			c.Store.Postgres.URL = s.database
			c.Journal.NATS.URL, c.Journal.NATS.Replicas, c.Journal.Shards = strings.Join(s.nats.URLs(), ","), 1, 6
			dirs[name].named(c)
		})
	}
	for _, d := range dirs {
		d.write("r.yml", ruleFile(1, "Lists", "jane", 50))
	}
	in := start("in", "ingest,api")
	d1, d2 := start("d1", "detect"), start("d2", "detect")
	shardsOf(t, map[*App]int{d1: 3, d2: 3})
	const clusters = 12
	n := 0
	step := func() {
		t.Helper()
		for i := range clusters {
			n++
			if code := push(t, in, fmt.Sprint("c", i), eventList([]string{benign("jane", n)})); code != http.StatusOK {
				t.Fatal(code)
			}
		}
	}
	status := func() store.RuleStatus {
		t.Helper()
		all, err := in.keys.store.RuleStatuses(t.Context())
		i := slices.IndexFunc(all, func(s store.RuleStatus) bool { return s.Title == "Lists" })
		if err != nil || i < 0 {
			t.Fatal(err, all)
		}
		return all[i]
	}
	step()
	until(t, "both counted", func() bool { s := status(); return s.Matched == clusters && s.Found == clusters })

	err := in.keys.store.ChangeRuleModes(t.Context(), func([]store.RuleMode) (*store.RuleMode, string, error) {
		return &store.RuleMode{ID: "x", Rule: "00000000-0000-4000-8000-000000000001", Account: in.Config.Account, Mode: store.RuleDryRun}, "", nil
	})
	if err != nil {
		t.Fatal(err)
	}
	until(t, "both are told", func() bool { return d1.rules.get().Modes != nil && d2.rules.get().Modes != nil })
	step()
	until(t, "both counted", func() bool {
		s := status()
		return s.Matched == 2*clusters && s.Found == clusters && s.Would == clusters
	})

	shown, err := (&shownRules{live: in.rules, store: in.keys.store}).Rules(t.Context())
	if err != nil || len(shown) < 2 || shown[0].Name != "Lists" || shown[0].Activity.MatchedEvents != 2*clusters {
		t.Errorf("a server that does not detect shows %v, %v", shown, err)
	}

	dirs["d1"].write("more.yml", ruleFile(2, "More", "jane", 50))
	d1.ReloadRules()
	until(t, "the sets are different", func() bool {
		all, err := in.keys.store.RuleWorkers(t.Context())
		return err == nil && len(all) == 2 && all[0].Live && all[1].Live && all[0].Set != all[1].Set
	})
	if err := os.Remove(filepath.Join(dirs["d2"].dir, "r.yml")); err != nil {
		t.Fatal(err)
	}
	d2.ReloadRules()
	until(t, "the fault of one is told", func() bool {
		sources, err := in.keys.store.Sources(t.Context())
		return err == nil && slices.ContainsFunc(sources, func(s store.Source) bool {
			return s.SourceKey.Source == SourceRules && s.Status == store.Unhealthy && strings.Contains(s.Issue, "has no file") && strings.HasSuffix(s.Issue, "in d2")
		})
	})
}
