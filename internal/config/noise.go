package config

import (
	"fmt"
	"maps"
	"slices"
)

// Noise bounds how many findings of one type are told one by one.
type Noise struct {
	// FindingsPerTypeAndDay is how many new findings of one type of one account
	// or cluster are told one by one on a day (UTC, event time). Further ones
	// about the same entities are told together. 0 tells all one by one.
	FindingsPerTypeAndDay int `yaml:"findingsPerTypeAndDay"`
	// Types are budgets of single types, in place of that.
	Types map[string]int `yaml:"types"`
}

const maxBudget = 1000

func (n *Noise) validate(bad func(key, format string, args ...any)) {
	check := func(key string, budget int) {
		if budget < 0 || budget > maxBudget {
			bad(key, "%d is not from 1 to %d, or 0 for no bound", budget, maxBudget)
		}
	}
	check("detection.noise.findingsPerTypeAndDay", n.FindingsPerTypeAndDay)
	for _, typ := range slices.Sorted(maps.Keys(n.Types)) {
		check(fmt.Sprintf("detection.noise.types[%q]", typ), n.Types[typ])
	}
}
