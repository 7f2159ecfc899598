package app

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vedette-project/vedette/internal/api"
	"github.com/vedette-project/vedette/internal/detect"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/rule"
	"github.com/vedette-project/vedette/internal/store"
)

var _ api.Rules = (*shownRules)(nil)

// shownRules are the rules in force as the API shows them.
type shownRules struct {
	live  *liveRules
	store *store.Store
	since time.Time // of what the store does not know yet

	mu    sync.Mutex
	set   *rule.Set // of which shown is
	shown []api.CustomRule
}

// of are the rules of a set, without what they did.
func (s *shownRules) of(set *rule.Set) []api.CustomRule {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shown == nil || s.set != set { // writing thousands of rules out takes a while
		s.set, s.shown = set, []api.CustomRule{}
		for _, r := range set.Rules() {
			s.shown = append(s.shown, showRule(r))
		}
	}
	return slices.Clone(s.shown)
}

// Rules returns the operator's rules, those of the pack and those of the
// catalogue.
func (s *shownRules) Rules(ctx context.Context) ([]api.CustomRule, error) {
	all, err := s.store.RuleStatuses(ctx)
	if err != nil {
		return nil, err
	}
	known := map[string]*store.RuleStatus{}
	for i := range all {
		known[all[i].RuleInfo.Rule] = &all[i]
	}
	set := s.live.get().Set
	out := s.of(set)
	for i, r := range set.Rules() {
		st := known[r.Ref()]
		if st != nil && st.RuleInfo.Version != r.Version() {
			st = nil // of another text, by which another process judges
		}
		s.fill(&out[i], st)
	}
	for _, c := range catalogue(s.live.disabled) {
		shown := showCatalogueRule(&c)
		s.fill(&shown, known[c.Name])
		out = append(out, shown)
	}
	return out, nil
}

// fill adds what is known of what a rule did.
func (s *shownRules) fill(r *api.CustomRule, st *store.RuleStatus) {
	if st == nil {
		r.CreatedAt, r.UpdatedAt = s.since, s.since
		return
	}
	r.CreatedAt, r.UpdatedAt = st.Known, st.Since
	a := &r.Activity
	a.MatchedEvents, a.Findings, a.DryRunFindings = st.Matched, st.Found, st.Would
	a.Since, a.LastMatchedAt = finding.Epoch{Time: st.Since}, finding.Epoch{Time: st.Last}
	if st.Asked > 0 {
		a.NanosPerEvent = int64(st.Took) / st.Asked
	}
}

func showRule(r *rule.Rule) api.CustomRule {
	c := api.CustomRule{
		ID: ruleID(r.Ref()), Name: r.Title, Description: cmp.Or(r.Description, r.Title), Severity: severityOf(detect.RuleSeverity(r)),
		Service: cmp.Or(r.LogSource.Service, r.LogSource.Category, "any"), Expression: r.Text(), Language: "SIGMA",
		Activity: api.RuleActivity{Kind: "rule", Quiet: r.Quiet, Version: r.Version(), File: r.File, Line: r.Line},
	}
	if r.Correlation != nil {
		c.Activity.Kind, c.Service = r.Correlation.Type, "correlation"
	}
	if kinds := r.Kinds(); len(kinds) > 0 {
		c.DataSource, c.Schema = dataSource(kinds[0])
		c.Runtime = slices.ContainsFunc(kinds, func(k string) bool { return strings.HasPrefix(k, "runtime ") })
	}
	c.Tactic, c.Technique = attackOf(r.Tags)
	return c
}

// dataSource is the word of the API for a kind of events, and for the form of
// its records. GuardDuty's rules are about the first two only; the others are
// named in the same manner.
func dataSource(kind string) (source, schema string) {
	switch kind {
	case "cloudtrail":
		return "CloudTrailManagementEvent", "CloudTrail"
	case "k8s-audit":
		return "KubernetesAuditLog", ""
	case "vpc-flow":
		return "VPCFlowLog", ""
	case "dns":
		return "DNSLog", ""
	}
	return "RuntimeMonitoring", ""
}

// severityOf is the word of the API for a severity.
func severityOf(v float64) string { return strings.ToUpper(finding.SeverityLabel(v)) }

// attackOf are the first tactic and technique of ATT&CK among tags.
func attackOf(tags []string) (tactic, technique string) {
	for _, t := range tags {
		name, ok := strings.CutPrefix(strings.ToLower(t), "attack.")
		switch {
		case !ok || name == "":
		case name[0] == 't' && len(name) >= 5 && strings.Trim(name[1:], "0123456789.") == "":
			technique = cmp.Or(technique, strings.ToUpper(name))
		case tactic == "" && strings.Trim(name, "0123456789gs") != "": // no group or program
			words := strings.FieldsFunc(name, func(c rune) bool { return c == '-' || c == '_' })
			for i, w := range words {
				if w != "and" {
					words[i] = strings.ToUpper(w[:1]) + w[1:]
				}
			}
			tactic = strings.Join(words, " ")
		}
	}
	return tactic, technique
}

func showCatalogueRule(r *detect.CatalogueRule) api.CustomRule {
	c := api.CustomRule{
		ID: ruleID(r.Name), Name: r.Name, Description: strings.TrimSpace(r.Title + " " + r.Matters), Severity: severityOf(r.Severity),
		Service: r.Service, Activity: api.RuleActivity{Kind: "builtin"},
	}
	c.DataSource, c.Schema = dataSource("cloudtrail")
	what := "calls that succeeded"
	if r.Attempts {
		what = "calls, also those that failed"
	}
	c.Expression = fmt.Sprintf("built in: %s of %s: %s", what, r.Service, strings.Join(r.Calls, ", "))
	if t, ok := finding.Lookup(r.Type); ok {
		c.Tactic, c.Technique = t.Tactic, t.Technique
	}
	return c
}
