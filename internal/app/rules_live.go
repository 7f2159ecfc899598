package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/vedette-project/vedette/internal/detect"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/rule"
	"github.com/vedette-project/vedette/internal/store"
)

// SourceRules stands, among the sources, for the rules: it is unhealthy while
// those on disk cannot be taken up.
const SourceRules = "rules"

// liveRules are the rules by which this process judges for now. They are
// swapped as a whole; who judges takes one state of them for a batch.
type liveRules struct {
	state atomic.Pointer[detect.LiveRules]
	wake  chan struct{} // of room for one: the files are to be read now
	// follow begins to take up changes, once there is a worker.
	follow func()

	mu       sync.Mutex // held while anything below is changed
	modes    []store.RuleMode
	disabled []string // rules of the catalogue that are switched off
	set      *rule.Set
}

func newLiveRules(set *rule.Set, disabled []string) *liveRules {
	l := &liveRules{wake: make(chan struct{}, 1), disabled: disabled}
	l.put(set)
	return l
}

func (l *liveRules) get() *detect.LiveRules { return l.state.Load() }

// put judges by other rules from now on.
func (l *liveRules) put(set *rule.Set) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.set = set
	l.swap()
}

// use uses rules as the modes say from now on.
func (l *liveRules) use(modes []store.RuleMode) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.modes = modes
	l.swap()
}

func (l *liveRules) swap() {
	next := &detect.LiveRules{Set: l.set}
	if len(l.modes) > 0 {
		next.Modes = map[string][]detect.RuleMode{}
		refs := map[string]string{}
		for _, r := range l.set.Rules() {
			refs[ruleID(r.Ref())] = r.Ref()
		}
		for _, name := range detect.RuleNames() {
			refs[ruleID(name)] = name
		}
		for _, m := range l.modes {
			if ref, ok := refs[m.Rule]; ok { // else there is no such rule now
				next.Modes[ref] = append(next.Modes[ref], detect.RuleMode{
					DryRun: m.Mode == store.RuleDryRun, Members: m.Members, Home: m.Account, Include: m.Include, Exclude: m.Exclude,
				})
			}
		}
	}
	l.state.Store(next)
}

// ruleID is the id of a rule in the API: its own, or one that depends on its
// name or title alone.
func ruleID(ref string) string {
	if _, err := uuid.Parse(ref); err == nil && len(ref) == 36 {
		return ref
	}
	sum := sha256.Sum256([]byte("rule " + ref))
	var id uuid.UUID
	copy(id[:], sum[:])
	id[6], id[8] = id[6]&0x0f|0x80, id[8]&0x3f|0x80 // version 8: made by a rule of our own
	return id.String()
}

// infos are the rules in force as the store keeps them.
func (l *liveRules) infos() (out []store.RuleInfo) {
	for _, r := range l.get().Set.Rules() {
		kind := "rule"
		if r.Correlation != nil {
			kind = r.Correlation.Type
		}
		out = append(out, store.RuleInfo{
			Rule: r.Ref(), Version: r.Version(), ID: ruleID(r.Ref()), Title: r.Title, Kind: kind, Level: r.Level, Events: r.Kinds(), Quiet: r.Quiet, File: r.File, Line: r.Line,
			Types: detect.RuleTypes(r), Attack: attackTags(r.Tags),
		})
	}
	for _, c := range catalogue(l.disabled) {
		out = append(out, store.RuleInfo{
			Rule: c.Name, ID: ruleID(c.Name), Title: c.Name, Kind: "builtin", Level: strings.ToLower(finding.SeverityLabel(c.Severity)), Events: []string{"cloudtrail"},
			Types: []string{c.Type},
		})
	}
	return out
}

// attackTags are the tactics and techniques of ATT&CK among tags.
func attackTags(tags []string) (out []string) {
	for _, t := range tags {
		if name, ok := strings.CutPrefix(strings.ToLower(t), "attack."); ok {
			out = append(out, name)
		}
	}
	return out
}

// catalogue are the rules of the catalogue that are not switched off.
func catalogue(disabled []string) []detect.CatalogueRule {
	return slices.DeleteFunc(detect.Catalogue(), func(c detect.CatalogueRule) bool { return slices.Contains(disabled, c.Name) })
}

// startRules judges by the rules that this process starts with, as they are to
// be used; follow takes up changes.
func (a *App) startRules(ctx context.Context, set *rule.Set) error {
	a.rules = newLiveRules(set, a.Config.Detection.DisabledRules)
	a.ruleMetrics = newRuleMetrics(a.registry, a.rules)
	a.detect.LiveRules = a.rules.get
	begin := time.Now()
	a.detect.RuleClock = func() time.Duration { return time.Since(begin) }
	generation, err := a.adoptModes(ctx)
	if err != nil {
		return fmt.Errorf("load how rules are to be used: %w", err)
	}
	w := newRulesWatch(a)
	if err := w.note(ctx); err != nil { // it is tried again
		a.Log.Warn("it could not be noted by which rules is judged", "err", err)
	}
	a.rules.follow = func() {
		a.background("end looking at rules", w.run)
		a.background("end following how rules are used", func(ctx context.Context) { a.followModes(ctx, generation) })
	}
	return nil
}

// showRules keeps the rules current that a process shows which does not judge
// by them. They need not be there: they are looked for again and again.
func (a *App) showRules() {
	set, err := RuleSet(a.Config.Detection)
	if err != nil {
		a.Log.Warn("the rules that the configuration names cannot be shown, since they cannot be loaded here", "key", "detection.rules", "err", RuleFaults(err))
	}
	a.rules = newLiveRules(set, a.Config.Detection.DisabledRules)
	a.background("end looking at rules", newRulesWatch(a).run)
}

// ReloadRules reads the files of rules now, rather than within seconds.
func (a *App) ReloadRules() {
	if a.rules == nil {
		return
	}
	select {
	case a.rules.wake <- struct{}{}:
	default: // it is to be done anyway
	}
}

func (a *App) adoptModes(ctx context.Context) (int64, error) {
	modes, generation, err := a.keys.store.RuleModes(ctx)
	if err == nil {
		a.rules.use(modes)
	}
	return generation, err
}

// followModes takes up each change of how rules are to be used.
func (a *App) followModes(ctx context.Context, generation int64) {
	var said said
	for {
		now, err := a.keys.store.RuleModesGeneration(ctx)
		if err == nil && now != generation {
			if now, err = a.adoptModes(ctx); err == nil {
				generation = now
				a.Log.Info("how rules are used was changed", "generation", generation)
			}
		}
		if said.news(err) && ctx.Err() == nil {
			a.Log.Error("a change of how rules are used cannot be taken up; trying again", "err", err)
		}
		if pause(ctx, activeBeat) != nil {
			return
		}
	}
}

// contentSum is of the contents of files of rules.
func contentSum(files []rule.File) string {
	h := sha256.New()
	for _, f := range files {
		fmt.Fprintf(h, "%q %d\n", f.Name, len(f.Data))
		h.Write(f.Data)
	}
	return hex.EncodeToString(h.Sum(nil))
}
