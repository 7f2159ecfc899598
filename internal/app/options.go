package app

import (
	"cmp"
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
// are read.
func DetectOptions(c *config.Config) (detect.Options, error) {
	d := &c.Detection
	o := detect.Options{
		LegacyKubernetes: d.LegacyKubernetesTypes, Home: finding.Home{Account: c.Account, Region: c.Region},
		Accounts: append([]string{c.Account}, d.OwnAccounts...), DisabledRules: d.DisabledRules,
	}
	for _, n := range d.OwnNetworks {
		p, err := netip.ParsePrefix(n) // was validated
		if err != nil {
			return o, err
		}
		o.Own = append(o.Own, p.Masked())
	}
	if err := CheckRules(c); err != nil {
		return o, err
	}
	var err error
	if o.Geo, err = OpenGeo(c); err != nil {
		return o, err
	}
	if o.Intel, err = intel.Load(listFiles(d.ThreatLists), listFiles(d.TrustedLists)); err != nil {
		return o, cmp.Or(checkLists(c), err) // the former names the key
	}
	feeds, err := keptFeeds(c, slog.New(slog.DiscardHandler)) // `vedette intel feeds` tells of faults
	if feeds != nil {
		o.Intel = o.Intel.With(feeds)
	}
	return o, err
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
	return errors.Join(errs...)
}

func listFiles(lists []config.List) []intel.ListFile {
	out := make([]intel.ListFile, 0, len(lists))
	for _, l := range lists {
		out = append(out, intel.ListFile{Name: l.Name, Path: l.Path, Category: intel.Category(l.Category)})
	}
	return out
}
