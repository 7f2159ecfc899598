package finding

import (
	"net/netip"
	"slices"
)

// Match reports whether a finding satisfies the criteria. Who asks for many
// findings, or with many criteria, compiles and flattens once each instead.
func (c Criteria) Match(f *Finding) (bool, error) {
	m, err := c.Compile()
	if err != nil {
		return false, err
	}
	v, err := Flatten(f)
	if err != nil {
		return false, err
	}
	return m.Match(v), nil
}

// Match reports whether a finding with these values satisfies every term.
func (m Matcher) Match(v Values) bool {
	for i := range m {
		if !m[i].Match(v[m[i].Field.Path]) {
			return false
		}
	}
	return true
}

// Match reports whether a field with these values satisfies the term.
func (t *Term) Match(values []Value) bool {
	some := func(holds func(Value) bool) bool { return slices.ContainsFunc(values, holds) }
	number := func(holds func(float64) bool) bool {
		return some(func(v Value) bool { return v.IsNumber && holds(v.Number) })
	}
	switch {
	case t.Equals != nil && !some(t.Equals.Has),
		t.NotEquals != nil && some(t.NotEquals.Has),
		t.Matches != nil && !some(matchesOne(t.Matches)),
		t.NotMatches != nil && some(matchesOne(t.NotMatches)),
		t.GreaterThan != nil && !number(func(f float64) bool { return f > *t.GreaterThan }),
		t.GreaterThanOrEqual != nil && !number(func(f float64) bool { return f >= *t.GreaterThanOrEqual }),
		t.LessThan != nil && !number(func(f float64) bool { return f < *t.LessThan }),
		t.LessThanOrEqual != nil && !number(func(f float64) bool { return f <= *t.LessThanOrEqual }):
		return false
	}
	return true
}

func matchesOne(patterns []*Pattern) func(Value) bool {
	return func(v Value) bool {
		return slices.ContainsFunc(patterns, func(p *Pattern) bool { return p.Match(v.Text) })
	}
}

// Has reports whether the value is equal to one of the set.
func (s *ValueSet) Has(v Value) bool {
	return slices.Contains(s.Texts, v.Text) ||
		slices.ContainsFunc(s.Prefixes, func(p netip.Prefix) bool { return PrefixHolds(p, v.Text) })
}

// PrefixHolds reports whether text is an address inside the prefix.
func PrefixHolds(p netip.Prefix, text string) bool {
	a, err := netip.ParseAddr(text)
	return err == nil && p.Contains(a.WithZone(""))
}
