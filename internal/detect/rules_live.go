package detect

import (
	"slices"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/rule"
)

// ruleSample is how many events pass from one of which the time is taken that
// rules need to the next.
const ruleSample = 256

// LiveRules are the rules by which a server judges for now, and how each is
// used. They do not change: others take their place.
type LiveRules struct {
	Set *rule.Set
	// Modes say how rules are used, by their Ref; those of the catalogue go by
	// their name. A rule without one makes findings.
	Modes map[string][]RuleMode
}

// RuleMode says how a rule is used in some accounts. In a dry run it makes no
// findings; what it would have made is counted.
type RuleMode struct {
	DryRun bool
	// Members says that the mode is for accounts other than Home: for all, or
	// for those included, or for all but those excluded. It goes before one that
	// is for the whole installation.
	Members          bool
	Home             string
	Include, Exclude []string
}

func (m *RuleMode) covers(account string) bool {
	switch {
	case !m.Members:
		return true
	case account == m.Home:
		return false
	case len(m.Include) > 0:
		return slices.Contains(m.Include, account)
	}
	return !slices.Contains(m.Exclude, account)
}

// DryRun reports whether a rule makes no findings of an account's records. Of
// several modes for members one that makes findings goes first.
func (l *LiveRules) DryRun(ref, account string) bool {
	if l == nil || len(l.Modes) == 0 {
		return false
	}
	dry, members := false, false
	for i := range l.Modes[ref] {
		m := &l.Modes[ref][i]
		switch {
		case !m.covers(account):
		case m.Members:
			dry = m.DryRun && (dry || !members)
			members = true
		case !members:
			dry = m.DryRun
		}
	}
	return dry
}

// RuleCount says that an event fulfilled a rule.
type RuleCount struct {
	Rule    string // its Ref, or its name in the catalogue
	Version string // of the rule; "" in the catalogue
	Time    time.Time
	// Signal is what was raised; nil where a rule is quiet, or in a dry run.
	Signal *finding.Signal
	// Would says that a rule in a dry run would have made a finding, for which
	// there was no reason before.
	Would bool
}

// takeUpRules turns to the rules of the moment. What correlations remember is
// of a rule with a certain meaning, so that those that stay go on.
func (e *Engine) takeUpRules() {
	if e.opts.LiveRules == nil {
		return
	}
	now := e.opts.LiveRules()
	if now == e.live {
		return
	}
	e.live = now
	if now.Set == e.opts.Rules {
		return
	}
	if e.rules != nil {
		e.costs = append(e.costs, e.rules.Costs()...)
	}
	e.opts.Rules, e.rules = now.Set, nil
	for _, sc := range e.scopes {
		if sc.rules != nil {
			sc.rules.groups.idle = now.Set.Longest()
		}
	}
}

// countRule notes that a rule was fulfilled, and what it raised. In a dry run
// that is nothing.
func (e *Engine) countRule(sc *scope, ev *event.Event, r *rule.Rule, s *finding.Signal) *finding.Signal {
	return e.count(sc, ev, r.Ref(), r.Version(), s)
}

func (e *Engine) count(sc *scope, ev *event.Event, ref, version string, s *finding.Signal) *finding.Signal {
	if e.live == nil || sc.lessons.now { // nobody asks, or nothing is found in what is only learned from
		return s
	}
	c := RuleCount{Rule: ref, Version: version, Time: ev.Time, Signal: s}
	if s != nil && e.live.DryRun(ref, ev.Scope.Account) {
		n := e.rulesIn(sc).would.touch(signalID(ref, version, s.Identity()), ev.Time)
		*n++
		c.Signal, c.Would = nil, *n == 1
	}
	e.fired = append(e.fired, c)
	return c.Signal
}

// heedCatalogue counts what rules of the catalogue raised, and takes out what
// is in a dry run.
func (e *Engine) heedCatalogue(sc *scope, ev *event.Event, signals []*finding.Signal) []*finding.Signal {
	if e.live == nil || ev.Trail == nil || len(signals) == 0 {
		return signals
	}
	return slices.DeleteFunc(signals, func(s *finding.Signal) bool {
		return s.Rule != "" && e.count(sc, ev, s.Rule, "", s) == nil
	})
}

// RuleCosts returns what asking rules took, of the events that were measured
// since it was called last.
func (e *Engine) RuleCosts() []rule.Cost {
	out := e.costs
	if e.costs = nil; e.rules != nil {
		out = append(out, e.rules.Costs()...)
	}
	return out
}
