package detect

import (
	"strings"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/rule"
)

// rulesIn returns what the operator's correlations remember of a scope. It is
// there without rules, too: a log that was kept must have its place.
func (e *Engine) rulesIn(sc *scope) *ruleState {
	if sc.rules == nil {
		sc.rules = newRuleState(e.opts.Rules, e.opts.Durable)
	}
	return sc.rules
}

// judgeRules asks the rules of an event in which some things were found already.
// Most events fulfil none, and nothing is allocated for those.
func (e *Engine) judgeRules(sc *scope, ev *event.Event, found []*finding.Signal) []*finding.Signal {
	if e.opts.Rules == nil {
		return nil
	}
	if e.rules == nil {
		e.rules = rule.NewMatcher(e.opts.Rules)
		if e.opts.RuleClock != nil {
			e.rules.Measure(ruleSample, e.opts.RuleClock)
		}
	}
	e.rules.Facts = e.factsOf(sc, ev)
	met := e.rules.Match(ev)
	if len(met) == 0 {
		return nil
	}
	var out []*finding.Signal
	all := e.rules.Observe(ev, met, e.rulesIn(sc))
	for i := range all {
		if m := &all[i]; m.Rule.Quiet || yieldsTo(found, m.Rule) {
			e.countRule(sc, ev, m.Rule, nil)
		} else if s := e.countRule(sc, ev, m.Rule, e.claimMatch(sc, ev, m)); s != nil {
			out = append(out, s)
		}
	}
	return out
}

// claimMatch makes the signal of a rule that an event fulfilled.
func (e *Engine) claimMatch(sc *scope, ev *event.Event, m *rule.Match) *finding.Signal {
	reasons, key := e.rules.Explain(ev, m.Rule)
	c := &ruleClaim{rule: m.Rule, group: m.Group, reasons: reasons, key: key, hide: e.opts.HideCommandLines && ev.Runtime != nil}
	s := e.claimRule(sc, ev, c)
	if s == nil {
		return nil
	}
	if c.says() {
		s.Key = c.name()
	}
	c.tell(s)
	return s
}

// ruleClaim is one rule that an event fulfilled, on its way to a signal.
type ruleClaim struct {
	rule    *rule.Rule
	group   []string
	reasons []rule.Reason
	key     []string
	hide    bool   // values: command lines may be among them
	who     string // did what, of a sentence
}

// claimRule starts the claim in the form of the event's source.
func (e *Engine) claimRule(sc *scope, ev *event.Event, k *ruleClaim) *finding.Signal {
	switch {
	case ev.Audit != nil:
		c := &call{ev: ev, a: ev.Audit, scope: sc}
		k.who = c.who() + " called " + c.asked() + c.from()
		return c.signal(ruleType(k.rule, "Kubernetes"), k.name(ev.Audit.User.Username, ev.Audit.Object.Resource, c.namespace()))
	case ev.Runtime != nil:
		r := &runtimeRecord{Runtime: ev.Runtime, ev: ev, state: e.runtimeIn(sc), opts: &e.opts}
		k.who = processName(ev.Runtime.Process) + " in " + r.where()
		s := r.claim(ruleType(k.rule, "Runtime"), k.name())
		r.finish(s)
		return s
	}
	r := &record{ev: ev, account: e.accountIn(sc), opts: &e.opts, rules: e.trail}
	switch {
	case ev.Trail != nil:
		r.call = apiCall{record: r, t: ev.Trail}
		c := &r.call
		k.who = c.who() + " called " + shown(ev.Trail.Name) + c.from() + c.outcome()
		return c.claimCall(ruleType(k.rule, "IAMUser"), k.name(c.principal()))
	case ev.Flow != nil:
		v := seenFrom(ev.Flow)
		k.who = upper(r.name(v)) + " had traffic with " + v.remote.String()
		return r.claimFlow(ruleType(k.rule, "EC2"), k.name(), v)
	case ev.Query != nil:
		k.who = upper(r.questioner(ev.Query)) + " asked for " + shown(ev.Query.Name)
		return r.claimQuery(ruleType(k.rule, "EC2"), k.name(), ev.Query)
	}
	return nil
}

// seenFrom is a flow seen from the side that seems to be the machine's own. The
// detectors of flows remember what they meet; this asks nothing but the record.
func seenFrom(f *event.Flow) *view {
	src, dst := f.Src.Unmap(), f.Dst.Unmap()
	out := f.Direction == event.FlowEgress || f.Direction == event.FlowUnknown && (isPublic(dst) || !isPublic(src))
	v := &view{f: f, eni: f.Interface, outgoing: out, local: dst, remote: src, lport: f.DstPort, rport: f.SrcPort}
	if out {
		v.local, v.remote, v.lport, v.rport = src, dst, f.SrcPort, f.DstPort
	}
	v.public = isPublic(v.remote)
	return v
}

// name is what findings of the rule are told apart by: what the rule says, or
// its group, or else who did it to what.
func (k *ruleClaim) name(otherwise ...string) string {
	parts := otherwise
	switch {
	case len(k.rule.Vedette.Key) > 0 && k.rule.Correlation == nil:
		parts = k.key
	case k.rule.Correlation != nil:
		parts = k.group
	}
	return "rule|" + strings.Join(append([]string{k.rule.Ref()}, parts...), "|")
}

// says reports whether the rule itself says what its findings are told apart
// by: then it is nothing else.
func (k *ruleClaim) says() bool {
	return k.rule.Correlation != nil || len(k.rule.Vedette.Key) > 0
}
