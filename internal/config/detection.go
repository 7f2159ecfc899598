package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// listCategories are what entries of a threat list can be.
func listCategories() []string {
	return []string{
		"custom", "malicious", "c2", "cryptocurrency", "tor-exit", "tor-entry", "tor-relay", "black-hole", "drop-point", "phishing", "drive-by", "dga",
		"scanner", "abused-reputation", "cryptocurrency-reputation", "malicious-reputation", "suspicious-reputation", "dns-resolver", "doh", "dot",
	}
}

func (d *Detection) validate(bad func(key, format string, args ...any)) {
	d.Sequences.validate(bad)
	d.Noise.validate(bad)
	d.RulePack.validate(bad)
	for i, path := range d.Rules {
		if path == "" {
			bad(fmt.Sprintf("detection.rules[%d]", i), "is empty; name a file or a folder of Sigma rules")
		}
	}
	if n := d.Anomalies.EventsPerFalseFinding; n < 1000 {
		bad("detection.anomalies.eventsPerFalseFinding", "%d is too few; use 1000 or more (100000 is the default)", n)
	}
	if n := d.Anomalies.FalseFindingsPerDay; n < 1 {
		bad("detection.anomalies.falseFindingsPerDay", "%d is too few; use 1 or more, or switch them off with enabled: false", n)
	}
	for _, lists := range []struct {
		key  string
		list []List
	}{{"detection.threatLists", d.ThreatLists}, {"detection.trustedLists", d.TrustedLists}} {
		for i, l := range lists.list {
			key := fmt.Sprintf("%s[%d]", lists.key, i)
			if l.Path == "" {
				bad(key+".path", "is missing; name a file with one address, prefix or domain a line")
			}
			if l.Category != "" && !slices.Contains(listCategories(), l.Category) {
				bad(key+".category", "%q is not known; use one of %s", l.Category, strings.Join(listCategories(), ", "))
			}
		}
	}
	for i, n := range d.OwnNetworks {
		if _, err := netip.ParsePrefix(n); err != nil {
			bad(fmt.Sprintf("detection.ownNetworks[%d]", i), "%q is not a prefix such as 198.51.100.0/24", n)
		}
	}
	for i, a := range d.OwnAccounts {
		if !accountForm.MatchString(a) {
			bad(fmt.Sprintf("detection.ownAccounts[%d]", i), "%q is not an AWS account id; write 12 digits in quotes", a)
		}
	}
}
