package finding

import (
	_ "embed"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Type is one finding type of the catalogue.
type Type struct {
	Name          string   `json:"type"`
	ResourceType  string   `json:"resourceType"` // as resource.resourceType has it
	Source        string   `json:"source"`       // kind of record, as in `scan --source` where there is one
	Severity      float64  `json:"severity"`     // default: 2, 5, 8 or 9
	SeverityLabel string   `json:"severityLabel"`
	Detector      string   `json:"detector"`  // family of the code or rule that raises it
	Tactic        string   `json:"tactic"`    // MITRE ATT&CK, may be empty
	Technique     string   `json:"technique"` // MITRE ATT&CK or ATLAS id, may be empty
	Status        string   `json:"status"`    // StatusImplemented or StatusPlanned
	Trigger       string   `json:"trigger"`   // what makes it fire, one or two sentences
	Note          string   `json:"note,omitempty"`
	Remediation   []string `json:"remediation"` // steps in order; never empty
}

// Whether this build can raise a type.
const (
	StatusImplemented = "implemented"
	StatusPlanned     = "planned"
)

//go:embed catalog.tsv
var catalogText string

//go:embed remediation.txt
var remediationText string

// catalog is the parsed data: made once, never changed.
var catalog = sync.OnceValue(func() []Type {
	types, err := parseCatalog(catalogText, remediationText)
	if err != nil { // the data is part of the program and tested with it
		panic(err)
	}
	return types
})

// catalogIndex is where each type stands in the catalogue.
var catalogIndex = sync.OnceValue(func() map[string]int {
	m := make(map[string]int, len(catalog()))
	for i, t := range catalog() {
		m[t.Name] = i
	}
	return m
})

// Catalog returns every finding type, in the order of the data file. The
// slice is the caller's; the steps inside are shared and must not be changed.
func Catalog() []Type { return slices.Clone(catalog()) }

// Lookup finds a type by its full name.
func Lookup(name string) (Type, bool) {
	i, ok := catalogIndex()[name]
	if !ok {
		return Type{}, false
	}
	return catalog()[i], true
}

// SeverityLabel is the band of a severity: Low below 4, Medium below 7, High
// below 9, then Critical.
func SeverityLabel(severity float64) string {
	switch {
	case severity >= 9:
		return "Critical"
	case severity >= 7:
		return "High"
	case severity >= 4:
		return "Medium"
	}
	return "Low"
}

// parseCatalog reads the two data files. Every fault names its line.
func parseCatalog(tsv, remediation string) ([]Type, error) {
	steps, err := parseRemediation(remediation)
	if err != nil {
		return nil, err
	}
	var types []Type
	header := true
	for i, line := range strings.Split(tsv, "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if header { // the names of the columns
			header = false
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 11 {
			return nil, fmt.Errorf("parse catalog: line %d has %d columns, want 11", i+1, len(f))
		}
		severity, err := strconv.ParseFloat(f[3], 64)
		if err != nil {
			return nil, fmt.Errorf("parse catalog: line %d: severity: %w", i+1, err)
		}
		t := Type{
			Name: f[0], ResourceType: f[1], Source: f[2], Severity: severity, SeverityLabel: f[4],
			Detector: f[5], Tactic: f[6], Technique: f[7], Status: f[8], Trigger: f[9], Note: f[10],
		}
		if t.Remediation = stepsFor(steps, t.Name); t.Remediation == nil {
			return nil, fmt.Errorf("parse catalog: no remediation for %s", t.Name)
		}
		types = append(types, t)
	}
	return types, nil
}

// remedy is one section of remediation.txt.
type remedy struct {
	patterns []string
	steps    []string
}

// parseRemediation reads sections: lines `== PATTERN`, then one step a line.
// Several heads in a row share the steps that follow.
func parseRemediation(text string) ([]remedy, error) {
	var out []remedy
	for i, line := range strings.Split(text, "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if pattern, ok := strings.CutPrefix(line, "== "); ok {
			if _, err := path.Match(pattern, ""); err != nil {
				return nil, fmt.Errorf("parse remediation: line %d: %w", i+1, err)
			}
			if n := len(out); n == 0 || len(out[n-1].steps) > 0 {
				out = append(out, remedy{})
			}
			last := &out[len(out)-1]
			last.patterns = append(last.patterns, pattern)
			continue
		}
		if len(out) == 0 {
			return nil, fmt.Errorf("parse remediation: line %d stands before the first head", i+1)
		}
		last := &out[len(out)-1]
		last.steps = append(last.steps, line)
	}
	return out, nil
}

// stepsFor is the first section in the file that the type matches.
func stepsFor(remedies []remedy, name string) []string {
	for _, r := range remedies {
		for _, p := range r.patterns {
			if ok, err := path.Match(p, name); ok && err == nil {
				return r.steps
			}
		}
	}
	return nil
}
