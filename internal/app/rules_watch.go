package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/rule"
	"github.com/vedette-project/vedette/internal/store"
)

// Times of looking at files of rules.
const (
	rulesEvery = 3 * time.Second
	// rulesWhole is how many looks pass until the contents are read in any case:
	// a change may leave size and time as they were.
	rulesWhole = 20
)

// rulesWatch takes up changes of the files of rules. What has a fault leaves in
// force what was. One goroutine runs it.
type rulesWatch struct {
	app    *App
	looks  int
	stamp  string // how the files looked when they were read last
	sum    string // of the contents that were loaded last, in vain or not
	loaded time.Time
	fault  string // of what is on disk; "" without
	since  time.Time
	once   error // a fault that was seen once: somebody may be writing
	noted  bool  // the store knows how things are
	health string
	told   said
}

func newRulesWatch(a *App) *rulesWatch { return &rulesWatch{app: a, loaded: a.Now()} }

// run looks at the files until ctx ends.
func (w *rulesWatch) run(ctx context.Context) {
	tick := time.NewTicker(rulesEvery)
	defer tick.Stop()
	for {
		asked := false
		select {
		case <-ctx.Done():
			return
		case <-w.app.rules.wake:
			asked = true
		case <-tick.C:
		}
		w.look(asked)
		if !w.app.does("detect") {
			continue
		}
		err := w.note(ctx)
		if w.told.news(err) && ctx.Err() == nil {
			w.app.Log.Error("it cannot be noted by which rules is judged; trying again", "err", err)
		}
	}
}

// look loads the rules again when they changed or somebody asked for it.
func (w *rulesWatch) look(asked bool) {
	paths := w.app.Config.Detection.Rules
	w.looks++
	stamp, err := rule.Stamp(paths...)
	if err == nil && stamp == w.stamp && !asked && w.once == nil && w.looks%rulesWhole != 0 {
		return
	}
	var files []rule.File
	if err == nil {
		files, err = rule.ReadFiles(paths...)
	}
	if err != nil {
		w.stamp, w.sum = "", ""
		w.fail(err, asked)
		return
	}
	w.stamp = stamp
	sum := contentSum(files)
	if sum == w.sum && w.once == nil && !asked {
		return
	}
	w.sum = sum
	set, err := RuleSet(w.app.Config.Detection)
	if err != nil {
		w.fail(err, asked)
		return
	}
	w.take(set)
}

// fail tells of a fault when it is there for the second time, or at once to who
// asked.
func (w *rulesWatch) fail(err error, asked bool) {
	if w.once == nil && w.fault == "" && !asked {
		w.once = err
		return
	}
	w.once = nil
	fault := RuleFaults(err)
	if fault == w.fault {
		return
	}
	if w.fault == "" {
		w.since = w.app.Now()
	}
	w.fault, w.noted = fault, false
	w.app.ruleMetrics.reloaded("fault")
	w.app.Log.Error("rules changed and cannot be loaded; those from before stay in force until they can", "key", "detection.rules", "err", fault)
}

// maxFaults is how many faults are told at once; `vedette rules check` has all.
const maxFaults = 5

// RuleFaults tells why RuleSet loads no rules: the first faults, a line each.
func RuleFaults(err error) string {
	lines := strings.Split(err.Error(), "\n")
	if len(lines) > 1 && strings.HasSuffix(lines[0], ":") { // how many there are
		lines = lines[1:]
	}
	for i, line := range lines {
		if len(line) > 500 {
			lines[i] = strings.ToValidUTF8(line[:500], "") + "…"
		}
	}
	if extra := len(lines) - maxFaults; extra > 0 {
		lines = append(lines[:maxFaults], fmt.Sprintf("and %d more; `vedette rules check` names them", extra))
	}
	return strings.Join(lines, "\n")
}

// take judges by a set that was loaded, if it is another one.
func (w *rulesWatch) take(set *rule.Set) {
	a := w.app
	mended := w.fault != ""
	w.fault, w.once = "", nil
	if mended {
		w.noted = false
	}
	before := a.rules.get().Set
	if before.Version() == set.Version() {
		if mended {
			a.Log.Info("the rules can be loaded again; nothing in them changed")
		}
		return
	}
	a.rules.put(set)
	w.loaded, w.noted = a.Now(), false
	a.ruleMetrics.reloaded("ok")
	added, changed, removed := compareRules(before, set)
	a.Log.Info("rules were loaded again", "rules", len(set.Rules()), "added", named(added), "changed", named(changed), "removed", named(removed), "version", set.Version())
}

// compareRules names, by title, the rules in which two sets are different.
func compareRules(before, now *rule.Set) (added, changed, removed []string) {
	was := map[string]string{}
	for _, r := range before.Rules() {
		was[r.Ref()] = r.Version()
	}
	for _, r := range now.Rules() {
		switch version, ok := was[r.Ref()]; {
		case !ok:
			added = append(added, r.Title)
		case version != r.Version():
			changed = append(changed, r.Title)
		}
		delete(was, r.Ref())
	}
	for _, r := range before.Rules() {
		if _, ok := was[r.Ref()]; ok {
			removed = append(removed, r.Title)
		}
	}
	return added, changed, removed
}

// named are titles for a log line.
func named(titles []string) string {
	const most = 10
	if len(titles) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(titles[:most], "; "), len(titles)-most)
	}
	return strings.Join(titles, "; ")
}

// note tells the store by which rules this process judges, and how they are.
func (w *rulesWatch) note(ctx context.Context) error {
	a := w.app
	if !w.noted {
		set := a.rules.get().Set
		err := errors.Join(a.keys.store.PutRules(ctx, a.rules.infos()), a.keys.store.NoteRules(ctx, store.RuleWorker{
			Name: a.workerID(), Set: set.Version(), Rules: len(set.Rules()), Loaded: w.loaded.UTC(), Fault: w.fault, FaultSince: w.faultSince(),
		}))
		if err != nil {
			return err
		}
		w.noted = true
		a.ruleMetrics.fault(w.fault != "")
	}
	return w.tellHealth(ctx)
}

func (w *rulesWatch) faultSince() time.Time {
	if w.fault == "" {
		return time.Time{}
	}
	return w.since.UTC()
}

// tellHealth says, in the process that speaks for all, whether the rules of all
// processes are well, as it is said of sources.
func (w *rulesWatch) tellHealth(ctx context.Context) error {
	a := w.app
	if a.worker == nil {
		return nil // not yet
	}
	if _, first := a.worker.Held(); !first {
		w.health = ""
		return nil
	}
	faults := []store.RuleWorker{{Name: a.workerID(), Fault: w.fault, Live: true}}
	if a.Config.Store.Postgres.URL != "" {
		var err error
		if faults, err = a.keys.store.RuleWorkers(ctx); err != nil {
			return err
		}
	}
	status, issue := store.Healthy, ""
	if i := slices.IndexFunc(faults, func(x store.RuleWorker) bool { return x.Live && x.Fault != "" }); i >= 0 {
		status = store.Unhealthy
		issue = "Rules not loaded:" + strings.ReplaceAll(faults[i].Fault, "\n", "; ") + "; those from before stay in force in " + faults[i].Name
	}
	if w.health == status+issue {
		return nil
	}
	err := a.setRuleHealth(ctx, status, issue)
	if err == nil {
		w.health = status + issue
	}
	return err
}

// setRuleHealth notes the health of the rules, unless they always were well.
func (a *App) setRuleHealth(ctx context.Context, status, issue string) error {
	key := store.SourceKey{Source: SourceRules, Account: a.Config.Account, Region: a.Config.Region}
	sources, err := a.keys.store.Sources(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(sources, func(s store.Source) bool { return s.SourceKey == key })
	if i < 0 && status == store.Healthy || i >= 0 && sources[i].Status == status && sources[i].Issue == issue {
		return nil
	}
	return a.keys.store.Commit(ctx, func(tx *store.Tx) error {
		_, err := tx.SetSourceStatus(key, status, issue)
		return cmp.Or(err, tx.TouchSource(key, a.Now(), time.Time{}))
	})
}
