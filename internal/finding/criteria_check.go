package finding

import (
	"fmt"
	"slices"
)

// Scope is where criteria stand; it decides which conditions they may use.
// Every field may be named everywhere: GuardDuty keeps 529 of them for
// suppression rules, so what works there works here.
type Scope int

const (
	// ScopeQuery is ListFindings and GetFindingsStatistics: no patterns,
	// possibly no field at all.
	ScopeQuery Scope = iota
	// ScopeFilter is a saved search (action NOOP) or a suppression rule (ARCHIVE).
	ScopeFilter
)

// Validate reports the first thing, in order of the field names, that criteria
// may not do in this scope, as a *CriteriaError.
func (c Criteria) Validate(scope Scope) error {
	if len(c) > MaxCriteriaFields {
		return &CriteriaError{Reason: fmt.Sprintf("%d fields, at most %d may be named", len(c), MaxCriteriaFields)}
	}
	if len(c) == 0 && scope != ScopeQuery {
		// A suppression rule without a condition would hide everything.
		return &CriteriaError{Reason: "at least one field must be named"}
	}
	m, err := c.Compile()
	if err != nil {
		return err
	}
	for _, t := range m {
		if scope == ScopeQuery && len(t.Matches)+len(t.NotMatches) > 0 {
			return &CriteriaError{Field: t.Name, Reason: "matches and notMatches are for filters only"}
		}
	}
	return nil
}

// fieldNames are the names of the fields, in order.
func (c Criteria) fieldNames() []string {
	names := make([]string, 0, len(c))
	for name := range c {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
