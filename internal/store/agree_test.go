package store_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// testCriteriaAgree is the law that a filter and a list never disagree: for
// any findings and any criteria, Match and SQL choose the same ones.
func testCriteriaAgree(t *testing.T, s *store.Store, _ *clock) {
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		detector := fmt.Sprintf("detector%d", round)
		all := rapid.SliceOfN(rapid.Custom(drawFinding), 1, 5).Draw(rt, "findings")
		var present []string // paths that some finding has
		for i, f := range all {
			f.ID = fmt.Sprintf("%d-%d", round, i)
			v, err := finding.Flatten(f)
			if err != nil {
				rt.Fatal(err)
			}
			for path := range v {
				present = append(present, path)
			}
		}
		slices.Sort(present)
		present = slices.Compact(present)
		if err := s.PutFindings(t.Context(), detector, all); err != nil {
			rt.Fatal(err)
		}
		for i := range 9 {
			c := drawCriteria(rt, present)
			if i == 0 { // the one field whose text and number differ
				c = finding.Criteria{"severity": drawCondition(rt, finding.KindSeverity)}
			}
			m, err := c.Compile()
			if err != nil {
				continue // a value that does not fit the field
			}
			checkAgree(t, rt, s, detector, all, c, m)
		}
	})
}

func checkAgree(t *testing.T, rt *rapid.T, s *store.Store, detector string, all []*finding.Finding, c finding.Criteria, m finding.Matcher) {
	var want []string
	for _, f := range all {
		v, err := finding.Flatten(f)
		if err != nil {
			rt.Fatal(err)
		}
		if m.Match(v) {
			want = append(want, f.ID)
		}
	}
	got, _, err := s.ListFindings(t.Context(), finding.Query{DetectorID: detector, Criteria: c, Sort: finding.Sort{Field: "id"}})
	if err != nil {
		rt.Fatal(err)
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		wire, _ := finding.EncodeCriteria(c)
		rt.Fatalf("SQL chose %v, Match %v, by %s", got, want, wire)
	}
}

// drawCriteria makes conditions on one to three fields, most of them fields
// that the findings have.
func drawCriteria(t *rapid.T, present []string) finding.Criteria {
	field := rapid.OneOf(rapid.SampledFrom(present), rapid.SampledFrom(present), rapid.SampledFrom(commonFields),
		rapid.Map(rapid.SampledFrom(finding.FieldList()), func(f finding.Field) string { return f.Name }))
	c := finding.Criteria{}
	for range rapid.IntRange(1, 3).Draw(t, "fields") {
		name := field.Draw(t, "field")
		f, _ := finding.LookupField(name)
		c[name] = drawCondition(t, f.Kind)
	}
	return c
}

var commonFields = []string{"severity", "type", "updatedAt", "service.archived", "service.userFeedback", "accountId",
	"resource.resourceType", "service.additionalInfo.sample", "service.additionalInfo.value", "service.count",
	"resource.instanceDetails.networkInterfaces.publicIp", "service.action.kubernetesApiCallAction.sourceIPs"}

func drawCondition(t *rapid.T, kind finding.Kind) finding.Condition {
	var c finding.Condition
	values := rapid.SliceOfN(kindValues(kind), 1, 3)
	patterns := rapid.SliceOfN(rapid.StringOfN(rapid.RuneFrom([]rune("ab*?18te.:")), 0, 4, -1), 1, 2)
	bound := rapid.Map(rapid.SampledFrom([]float64{-1, 0, 1, 5, 8, 8.5, 22, 1.5e9, 1777593600000, 1777593600001, 1e12}),
		func(f float64) *float64 { return &f })
	for range rapid.IntRange(1, 2).Draw(t, "conditions") {
		switch rapid.IntRange(0, 7).Draw(t, "condition") {
		case 0, 1:
			c.Equals = values.Draw(t, "equals")
		case 2, 3:
			c.NotEquals = values.Draw(t, "notEquals")
		case 4:
			c.Matches = patterns.Draw(t, "matches")
		case 5:
			c.NotMatches = patterns.Draw(t, "notMatches")
		case 6:
			if kind.Numeric() {
				c.GreaterThan, c.LessThanOrEqual = bound.Draw(t, "gt"), bound.Draw(t, "lte")
			}
		case 7:
			if kind.Numeric() {
				c.GreaterThanOrEqual, c.LessThan = bound.Draw(t, "gte"), bound.Draw(t, "lt")
			}
		}
	}
	return c
}

func kindValues(kind finding.Kind) *rapid.Generator[string] {
	switch kind {
	case finding.KindBool:
		return rapid.SampledFrom([]string{"true", "false", "TRUE"})
	case finding.KindNumber, finding.KindTimestamp, finding.KindSeverity:
		return rapid.SampledFrom([]string{"0", "1", "5", "8", "8.0", "8.5", "22", "-1", "1e3", "1777593600000", "1777593600000.5",
			"99999999999999999999", "2026-05-01T00:00:00Z"})
	case finding.KindIP:
		return rapid.SampledFrom([]string{"10.0.0.1", "10.0.0.0/8", "0.0.0.0/0", "::/0", "2001:DB8::1", "2001:db8::/32", "a", ""})
	}
	return drawText
}
