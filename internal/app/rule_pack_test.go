package app

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/rule"
	"github.com/vedette-project/vedette/rules"
)

// packSet is the whole pack, without a problem.
func packSet(t testing.TB) *rule.Set {
	t.Helper()
	files, err := rules.Files()
	if err != nil {
		t.Fatal(err)
	}
	set, problems := rule.Load(files)
	for _, p := range problems {
		t.Errorf("%s: %v", p.Grade, p)
	}
	return set
}

// packType is the form of the types of the pack: GuardDuty's, with a mechanism
// of detection that is none of its.
var packType = regexp.MustCompile(`^[A-Z][A-Za-z]+:[A-Z][A-Za-z0-9]+/[A-Za-z0-9]+\.Rule$`)

// TestRulePackIsWhole: each rule of the pack that makes findings says all that
// a finding needs, and proves itself by what makes it fire and what does not.
func TestRulePackIsWhole(t *testing.T) {
	t.Parallel()
	set := packSet(t)
	types := map[string]string{}
	for _, r := range set.Rules() {
		if r.ID == "" || !rules.Has(r) {
			t.Errorf("%s:%d: no id, or not taken for the pack's", r.File, r.Line)
		}
		if r.Quiet {
			continue
		}
		v := &r.Vedette
		if !packType.MatchString(v.Type) || len(v.Type) > rule.MaxType {
			t.Errorf("%s: the type %q", r.File, v.Type)
		}
		if other := types[v.Type]; other != "" {
			t.Errorf("%s and %s have the type %s", r.File, other, v.Type)
		}
		types[v.Type] = r.File
		if _, known := finding.Lookup(v.Type); known {
			t.Errorf("%s: %s is GuardDuty's", r.File, v.Type)
		}
		purpose, _, _ := strings.Cut(v.Type, ":")
		if tactic := r.Tags[0]; purpose != "Policy" && !strings.EqualFold(purpose, strings.ReplaceAll(strings.TrimPrefix(tactic, "attack."), "-", "")) {
			t.Errorf("%s: the type %s and the first tag %s", r.File, v.Type, tactic)
		}
		if r.Level == "" || r.Description == "" || len(r.FalsePositives) == 0 || len(v.Remediation) == 0 {
			t.Errorf("%s: no level, description, false positives or remediation", r.File)
		}
		if !v.Yields && r.Correlation == nil && v.Type != "Impact:Kubernetes/MinerDeployed.Rule" {
			t.Errorf("%s: it does not yield to what is found without it", r.File)
		}
		fires := func(x rule.Test) bool { return x.Fires }
		silent := func(x rule.Test) bool { return !x.Fires }
		if !slices.ContainsFunc(v.Tests, fires) || !slices.ContainsFunc(v.Tests, silent) {
			t.Errorf("%s: no test that fires, or none that is silent", r.File)
		}
		for i := range v.Tests {
			if err := TryRule(t.Context(), set, r, &v.Tests[i]); err != nil {
				t.Errorf("%s:%d: %s: %v", r.File, v.Tests[i].Line, v.Tests[i].Name, err)
			}
		}
	}
}

// TestRulePackByConfiguration: on unless it is switched off, by parts too.
func TestRulePackByConfiguration(t *testing.T) {
	t.Parallel()
	all := packSet(t).Rules()
	id, typ := all[0].ID, all[1].Vedette.Type
	count := func(change func(*config.RulePack)) int {
		c := config.Default()
		change(&c.Detection.RulePack)
		set, err := RuleSet(c.Detection)
		if err != nil {
			t.Fatal(err)
		}
		return len(set.Rules())
	}
	if n := count(func(*config.RulePack) {}); n != len(all) {
		t.Errorf("%d rules by default, want %d", n, len(all))
	}
	if n := count(func(p *config.RulePack) { p.Enabled = false }); n != 0 {
		t.Errorf("%d rules, though off", n)
	}
	if n := count(func(p *config.RulePack) { p.Disable = []string{id, typ} }); n != len(all)-2 {
		t.Errorf("%d rules, want %d without two", n, len(all)-2)
	}
	c := config.Default()
	c.Detection.RulePack.Disable = []string{"NoSuch:Kubernetes/Thing.Rule"}
	if _, err := DetectOptions(c); err == nil || !strings.Contains(err.Error(), "detection.rulePack.disable[0]: ") {
		t.Errorf("a rule that there is not: %v", err)
	}
}
