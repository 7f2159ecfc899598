package detect

import (
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/rule"
)

// yieldsTo reports whether a rule that asks for it leaves an event to what was
// found in it already: one call is one finding. A correlation is about others.
func yieldsTo(found []*finding.Signal, r *rule.Rule) bool {
	return len(found) > 0 && r.Vedette.Yields && r.Correlation == nil
}
