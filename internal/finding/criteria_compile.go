package finding

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
)

// Matcher is compiled criteria: all terms must hold. It is read-only, so many
// goroutines may use one.
type Matcher []Term

// Term is one field's condition, checked, with its values in the form that
// Flatten gives. What it means in memory is Match; a store that translates it
// must agree with that.
type Term struct {
	Name  string // as the criteria spell it
	Field Field

	// nil where not asked
	Equals, NotEquals                                          *ValueSet
	Matches, NotMatches                                        []*Pattern
	GreaterThan, GreaterThanOrEqual, LessThan, LessThanOrEqual *float64
}

// ValueSet is what a value is compared with: equal to one of the texts, or an
// address inside one of the prefixes. Only address fields have prefixes.
type ValueSet struct {
	Texts    []string
	Prefixes []netip.Prefix
}

// Compile checks the criteria and brings them into the form that is matched,
// in order of the field names. An error is a *CriteriaError: an unknown field,
// a condition that asks nothing or too much, a value that no finding's field
// could have (such as the severity "high"), for that would fail in silence.
func (c Criteria) Compile() (Matcher, error) {
	m := make(Matcher, 0, len(c))
	for _, name := range c.fieldNames() {
		field, ok := LookupField(name)
		if !ok {
			return nil, &CriteriaError{Field: name, Reason: "is not a known field"}
		}
		t, err := compileTerm(field, c[name])
		if err != nil {
			return nil, &CriteriaError{Field: name, Reason: err.Error()}
		}
		t.Name = name
		m = append(m, t)
	}
	return m, nil
}

func compileTerm(field Field, c Condition) (Term, error) {
	t := Term{
		Field:       field,
		GreaterThan: c.GreaterThan, GreaterThanOrEqual: c.GreaterThanOrEqual,
		LessThan: c.LessThan, LessThanOrEqual: c.LessThanOrEqual,
	}
	compares := t.GreaterThan != nil || t.GreaterThanOrEqual != nil || t.LessThan != nil || t.LessThanOrEqual != nil
	for _, bound := range []*float64{t.GreaterThan, t.GreaterThanOrEqual, t.LessThan, t.LessThanOrEqual} {
		if bound != nil && (math.IsNaN(*bound) || math.IsInf(*bound, 0)) {
			return t, fmt.Errorf("has a bound that is not a finite number")
		}
	}
	if compares && !field.Kind.Numeric() {
		return t, fmt.Errorf("is a %s, not a number or a moment, and cannot be compared by size", field.Kind)
	}
	lists := [][]string{c.Equals, c.NotEquals, c.Matches, c.NotMatches}
	for _, l := range lists {
		if len(l) > MaxConditionItems {
			return t, fmt.Errorf("has %d values in one condition, at most %d are allowed", len(l), MaxConditionItems)
		}
	}
	if !compares && len(slices.Concat(lists...)) == 0 {
		return t, fmt.Errorf("has no condition")
	}
	var err error
	if t.Equals, err = newValueSet(field.Kind, c.Equals); err != nil {
		return t, err
	}
	if t.NotEquals, err = newValueSet(field.Kind, c.NotEquals); err != nil {
		return t, err
	}
	if t.Matches, err = newPatterns(c.Matches); err != nil {
		return t, err
	}
	t.NotMatches, err = newPatterns(c.NotMatches)
	return t, err
}

func newValueSet(kind Kind, values []string) (*ValueSet, error) {
	if len(values) == 0 {
		return nil, nil
	}
	set := &ValueSet{}
	for _, v := range values {
		if kind == KindIP && strings.Contains(v, "/") {
			p, err := netip.ParsePrefix(v)
			if err != nil {
				return nil, fmt.Errorf("value %q is not a prefix of addresses", v)
			}
			set.Prefixes = append(set.Prefixes, p.Masked())
			continue
		}
		text, err := kind.criterionText(v)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(set.Texts, text) {
			set.Texts = append(set.Texts, text)
		}
	}
	return set, nil
}

func newPatterns(values []string) ([]*Pattern, error) {
	var out []*Pattern
	for _, v := range values {
		p, err := ParsePattern(v)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}
