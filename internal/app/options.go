package app

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/detect"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/intel"
)

// DetectOptions are what a configuration says of detection. The lists it names
// are read; a fault in one is an error.
func DetectOptions(c *config.Config) (detect.Options, error) {
	o, files, err := LenientOptions(c)
	if err == nil && slices.ContainsFunc(files, func(f OperatorFile) bool { return f.Fault != nil }) {
		err = checkOperatorFiles(c)
	}
	return o, err
}

// LenientOptions are DetectOptions for who must go on with what is good of the
// lists; how they are is told.
func LenientOptions(c *config.Config) (detect.Options, []OperatorFile, error) {
	d := &c.Detection
	o := detect.Options{
		LegacyKubernetes: d.LegacyKubernetesTypes, Home: finding.Home{Account: c.Account, Region: c.Region},
		Accounts: append([]string{c.Account}, d.OwnAccounts...), DisabledRules: d.DisabledRules,
		HideCommandLines: !d.RuntimeCommandLines,
		AnomaliesOff:     !d.Anomalies.Enabled,
		AnomalyBudget:    detect.AnomalyBudget{Events: d.Anomalies.EventsPerFalseFinding, Daily: d.Anomalies.FalseFindingsPerDay},
	}
	for _, n := range d.OwnNetworks {
		p, err := netip.ParsePrefix(n) // was validated
		if err != nil {
			return o, nil, err
		}
		o.Own = append(o.Own, p.Masked())
	}
	if err := CheckRules(c); err != nil {
		return o, nil, err
	}
	var err error
	if o.Rules, err = RuleSet(*d); err != nil {
		return o, nil, fmt.Errorf("detection.rules: %w", err)
	}
	if err := checkNoise(&d.Noise, o.Rules); err != nil {
		return o, nil, err
	}
	if o.Geo, err = OpenGeo(c); err != nil {
		return o, nil, err
	}
	part, files, err := OperatorPart(c)
	if err != nil {
		return o, nil, err
	}
	if o.Intel = intel.Builtin(); len(files) > 0 {
		o.Intel = o.Intel.With(part)
	}
	feeds, err := keptFeeds(c, slog.New(slog.DiscardHandler)) // `vedette intel feeds` tells of faults
	if feeds != nil {
		o.Intel = o.Intel.With(feeds)
	}
	return o, files, err
}

// CheckRules reports names of rules that there are not: who switches one off
// would wait in vain for its silence.
func CheckRules(c *config.Config) error {
	var errs []error
	rules := detect.RuleNames()
	for i, name := range c.Detection.DisabledRules {
		if !slices.Contains(rules, name) {
			errs = append(errs, fmt.Errorf("detection.disabledRules[%d]: there is no rule %q; use one of %s", i, name, strings.Join(rules, ", ")))
		}
	}
	return errors.Join(append(errs, checkRulePack(&c.Detection.RulePack))...)
}
