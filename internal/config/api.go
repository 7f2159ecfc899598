package config

import (
	"maps"
	"math"
	"slices"
	"strings"
)

// API is how the API is used.
type API struct {
	// RequestsPerSecond is how many calls a second one access key may make, with
	// as many again at once; 0 is no bound.
	RequestsPerSecond int `yaml:"requestsPerSecond"`
	// AuditDays is how long it is kept who changed what, and what was analysed
	// on which day.
	AuditDays int `yaml:"auditDays"`
}

// Usage is what analysing costs.
type Usage struct {
	// Prices are what a million records of a source cost, in USD. GetUsageStatistics
	// multiplies with them; what is not here costs nothing.
	Prices map[string]float64 `yaml:"prices"`
}

func defaultAPI() API { return API{RequestsPerSecond: 100, AuditDays: 400} }

// pricedSources are those that records are counted of.
func pricedSources() []string {
	return []string{"k8s-audit", "cloudtrail", "vpc-flow", "dns", "runtime"}
}

func (a *API) validate(bad func(key, format string, args ...any)) {
	if a.RequestsPerSecond < 0 || a.RequestsPerSecond > 1_000_000 {
		bad("api.requestsPerSecond", "%d is not from 1 to 1000000, or 0 for no bound", a.RequestsPerSecond)
	}
	if a.AuditDays < 31 {
		bad("api.auditDays", "%d is below 31: usage statistics look back 30 days", a.AuditDays)
	}
}

func (u *Usage) validate(bad func(key, format string, args ...any)) {
	for _, source := range slices.Sorted(maps.Keys(u.Prices)) {
		key, price := "usage.prices."+source, u.Prices[source]
		if !slices.Contains(pricedSources(), source) {
			bad(key, "is not a source; use %s", strings.Join(pricedSources(), ", "))
		}
		if price < 0 || math.IsNaN(price) || math.IsInf(price, 0) {
			bad(key, "%v is no price; write USD per million records", price)
		}
	}
}
