package detect

import (
	"strings"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/rule"
)

// Bounds of what correlations remember of one scope: the groups not heard of
// for longest are forgotten first.
const (
	maxRuleGroups = 50_000
	ruleLog       = "rules"
)

// ruleState is what the operator's correlations remember of a scope.
type ruleState struct {
	groups *table[rule.Window]
}

func newRuleState(set *rule.Set, durable bool) *ruleState {
	s := &ruleState{newTable[rule.Window](ruleLog, maxRuleGroups, set.Longest())}
	if durable {
		s.groups.keep()
	}
	return s
}

// Window returns what is remembered of a group.
func (s *ruleState) Window(key string, ev *event.Event) *rule.Window {
	return s.groups.touch(key, ev.Time)
}

func (s *ruleState) memories() []memory {
	if s == nil {
		return nil
	}
	return []memory{s.groups}
}

// rulesIn returns what the operator's correlations remember of a scope. It is
// there without rules, too: a log that was kept must have its place.
func (e *Engine) rulesIn(sc *scope) *ruleState {
	if sc.rules == nil {
		sc.rules = newRuleState(e.opts.Rules, e.opts.Durable)
	}
	return sc.rules
}

// judgeRules asks the operator's rules. Most events fulfil none, and nothing is
// allocated for those.
func (e *Engine) judgeRules(sc *scope, ev *event.Event) []*finding.Signal {
	if e.opts.Rules == nil {
		return nil
	}
	if e.rules == nil {
		e.rules = rule.NewMatcher(e.opts.Rules)
	}
	met := e.rules.Match(ev)
	if len(met) == 0 {
		return nil
	}
	var out []*finding.Signal
	for _, m := range e.rules.Observe(ev, met, e.rulesIn(sc)) {
		reasons, key := e.rules.Explain(ev, m.Rule)
		c := &ruleClaim{rule: m.Rule, group: m.Group, reasons: reasons, key: key, hide: e.opts.HideCommandLines && ev.Runtime != nil}
		if s := e.claimRule(sc, ev, c); s != nil {
			if c.says() {
				s.Key = c.name()
			}
			c.tell(s)
			out = append(out, s)
		}
	}
	return out
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
		k.who = c.who() + " called " + strings.TrimSpace(shown(ev.Audit.Verb)+" "+shown(ev.Audit.Object.Resource)) + c.from()
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
