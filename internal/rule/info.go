package rule

import (
	"slices"
	"strings"

	"github.com/vedette-project/vedette/internal/event"
)

// Kinds name the kinds of events that the rule is about: for a correlation,
// those of the rules that it asks for.
func (r *Rule) Kinds() (out []string) {
	add := func(name string) {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	seen := map[*Rule]bool{} // correlations may ask for each other in very many ways
	var visit func(r *Rule)
	visit = func(r *Rule) {
		if seen[r] {
			return
		}
		seen[r] = true
		for _, k := range r.kinds {
			add(k.name)
		}
		if r.Correlation != nil {
			for _, of := range r.Correlation.Rules {
				visit(of)
			}
		}
	}
	visit(r)
	return out
}

// SourceOf is the kind of log that a record of a test is from, by the members
// that it has; "" if they do not tell.
func SourceOf(fields map[string]any) event.Source {
	has := func(names string) bool {
		for name := range fields {
			first, _, _ := strings.Cut(name, ".")
			if slices.Contains(strings.Fields(names), first) {
				return true
			}
		}
		return false
	}
	switch {
	case has("eventName eventSource userIdentity"):
		return event.CloudTrail
	case has("query_name"):
		return event.DNS
	case has("verb objectRef requestURI auditID"):
		return event.K8sAudit
	case has("srcaddr dstaddr"):
		return event.VPCFlow
	case has("process exec sensor file network"):
		return event.RuntimeEvents
	}
	return ""
}
