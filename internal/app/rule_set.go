package app

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/rule"
	"github.com/vedette-project/vedette/rules"
)

// RuleSet is the rules in force: the operator's own, and of the pack those that
// are not switched off and that no rule of the operator's replaces, which has
// the same id. Nil if there are none.
func RuleSet(d config.Detection) (*rule.Set, error) {
	if p := &d.RulePack; len(d.Rules) == 0 && p.Enabled && len(p.Disable) == 0 {
		return wholePack()
	}
	own, err := rule.ReadFiles(d.Rules...)
	if err != nil {
		return nil, err
	}
	pack, err := packFiles(&d.RulePack, own)
	if err != nil {
		return nil, err
	}
	return loadRules(slices.Concat(pack, own))
}

// wholePack is the pack as it is: most of what rules cost is reading their YAML.
var wholePack = sync.OnceValues(func() (*rule.Set, error) {
	files, err := rules.Files()
	if err != nil {
		return nil, err
	}
	return loadRules(files)
})

// LoadRules reads rules of the operator's own, nil if none are named. A rule
// with a fault is no rule that somebody relies on: nothing starts with one.
// What is about logs that are not read is left out, and counted in the set.
func LoadRules(paths []string) (*rule.Set, error) {
	files, err := rule.ReadFiles(paths...)
	if err != nil {
		return nil, err
	}
	return loadRules(files)
}

// FilesBeside are the files of some rules of the operator's own, and those of the
// pack that are in force beside them.
func FilesBeside(paths ...string) (own, pack []rule.File, err error) {
	if own, err = rule.ReadFiles(paths...); err == nil {
		pack, err = packFiles(&config.RulePack{Enabled: true}, own)
	}
	return own, pack, err
}

// packFiles are the files of the pack that are in force beside the operator's.
func packFiles(p *config.RulePack, own []rule.File) ([]rule.File, error) {
	if !p.Enabled {
		return nil, nil
	}
	all, err := rules.Files()
	if err != nil {
		return nil, err
	}
	return rules.Without(all, slices.Concat(p.Disable, rule.Declared(own))), nil
}

func loadRules(files []rule.File) (*rule.Set, error) {
	if len(files) == 0 {
		return nil, nil
	}
	set, problems := rule.Load(files)
	var faults []error
	for _, p := range problems {
		if p.Grade == rule.Fault {
			faults = append(faults, p)
		}
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("%d rules cannot be loaded; `vedette rules check` tells more:\n%w", len(faults), errors.Join(faults...))
	}
	return set, nil
}

// checkRulePack reports names of rules of the pack that there are not.
func checkRulePack(p *config.RulePack) error {
	all, err := rules.Files()
	if err != nil || len(p.Disable) == 0 {
		return err
	}
	set, _ := rule.Load(all)
	var errs []error
	for i, name := range p.Disable {
		if !slices.ContainsFunc(set.Rules(), func(r *rule.Rule) bool { return r.ID == name || r.Vedette.Type == name }) {
			errs = append(errs, fmt.Errorf("detection.rulePack.disable[%d]: the pack has no rule %q; name one by its id or finding type, as `vedette rules list` shows them", i, name))
		}
	}
	return errors.Join(errs...)
}
