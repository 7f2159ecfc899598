package detect

import (
	"slices"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/rule"
)

// RuleTypes are the types that findings of a rule may have: one for each kind of
// events that it is about, unless it names one itself; none if it only serves a correlation.
func RuleTypes(r *rule.Rule) (out []string) {
	if r.Quiet {
		return nil
	}
	for _, kind := range r.Kinds() {
		resource := "Runtime"
		switch event.Source(kind) {
		case event.K8sAudit:
			resource = "Kubernetes"
		case event.CloudTrail:
			resource = "IAMUser"
		case event.VPCFlow, event.DNS:
			resource = "EC2"
		}
		if t := ruleType(r, resource); !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}
