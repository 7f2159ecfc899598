package detect

import (
	"strings"

	"github.com/vedette-project/vedette/internal/rule"
)

// CatalogueRule is a rule of the catalogue of Custom Detection Rules, as it can
// be shown.
type CatalogueRule struct {
	Name, Type, Title string
	Matters           string // why
	Severity          float64
	Service           string   // of the API
	Calls             []string // that it looks at
	Attempts          bool     // calls that failed count, too
}

// Catalogue lists the rules of the catalogue.
func Catalogue() []CatalogueRule {
	var out []CatalogueRule
	texts := catalogTexts()
	for _, c := range catalogRules() {
		out = append(out, CatalogueRule{
			Name: c.name, Type: c.typ, Title: texts[c.name].title, Matters: texts[c.name].matters, Severity: c.severity,
			Service: c.service, Calls: strings.Fields(c.calls), Attempts: c.attempt,
		})
	}
	return out
}

// RuleSeverity is the severity of a rule's findings.
func RuleSeverity(r *rule.Rule) float64 { return ruleSeverity(r) }
