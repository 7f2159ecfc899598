package backtest

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
)

// Rule is a rule of the candidate's, with what its own tests gave.
type Rule struct {
	RuleRef
	File  string     `json:"file"`
	Line  int        `json:"line"`
	Tests []RuleTest `json:"tests,omitempty"`
}

// RuleTest is a test that a rule carries; Fault is empty where it passed.
type RuleTest struct {
	Name  string `json:"name,omitempty"`
	Line  int    `json:"line"`
	Fault string `json:"fault,omitempty"`
}

// RuleRow is what a rule of the candidate's finds.
type RuleRow struct {
	Rule
	Findings   int    `json:"findings"`   // hidden ones, too
	Suppressed int    `json:"suppressed"` // of them
	Days       int    `json:"days"`       // with a finding
	Most       int    `json:"mostOnADay"`
	MostDay    string `json:"mostDay,omitempty"`
}

// failed reports whether a test of the rule did not pass.
func (r RuleRow) failed() bool {
	return slices.ContainsFunc(r.Tests, func(t RuleTest) bool { return t.Fault != "" })
}

// CountRules fills in what each of the rules finds.
func (r *Report) CountRules(rules []Rule, candidate []Found) {
	at := map[RuleRef]int{}
	days := make([]map[string]int, len(rules))
	for i, rule := range rules {
		at[rule.RuleRef], days[i] = i, map[string]int{}
		r.Rules = append(r.Rules, RuleRow{Rule: rule})
	}
	if len(rules) == 0 {
		return
	}
	for i := range candidate {
		ref := ruleOf(candidate[i].Finding)
		if ref == nil {
			continue
		}
		n, ours := at[*ref]
		if !ours {
			continue
		}
		row, on := &r.Rules[n], day(candidate[i].Finding)
		row.Findings++
		if candidate[i].HiddenBy != "" {
			row.Suppressed++
		}
		days[n][on]++
		if k := days[n][on]; k > row.Most || k == row.Most && on < row.MostDay {
			row.Most, row.MostDay = k, on
		}
	}
	for i := range r.Rules {
		r.Rules[i].Days = len(days[i])
	}
}

// Expectations are what a backtest must come to.
type Expectations struct {
	// None are verdicts that no finding may get: added, gone, suppressed.
	None []Verdict
	// Below is the severity that findings added, or raised to it, must stay below.
	Below float64
	// MaxPerDay bounds the findings that one rule of the candidate's makes of a
	// day; 0 is no bound.
	MaxPerDay int
}

// Check is an expectation, and whether it was met.
type Check struct {
	Name   string `json:"name"`
	Failed bool   `json:"failed"`
	Detail string `json:"detail,omitempty"`
}

// Expect holds the report against expectations, and reports whether all are
// met. That the tests of rules pass is always expected.
func (r *Report) Expect(e Expectations) bool {
	for _, what := range e.None {
		r.check("no finding is "+string(what), r.those(func(c *Change) bool { return c.What == what }))
	}
	if !math.IsInf(e.Below, 1) && e.Below > 0 {
		r.check(fmt.Sprintf("no finding of severity %g or above (%s) is added", e.Below, finding.SeverityLabel(e.Below)),
			r.those(func(c *Change) bool {
				return (c.What == Added || c.What == Revealed || c.What == Changed && c.SeverityBefore < e.Below) && c.Severity >= e.Below
			}))
	}
	if e.MaxPerDay > 0 {
		for i := range r.Rules {
			row := &r.Rules[i]
			var bad []string
			if row.Most > e.MaxPerDay {
				bad = []string{fmt.Sprintf("%d findings on %s", row.Most, row.MostDay)}
			}
			r.check(fmt.Sprintf("rule %q makes at most %d findings a day", row.Title, e.MaxPerDay), bad)
		}
	}
	return !slices.ContainsFunc(r.Checks, func(c Check) bool { return c.Failed }) && !slices.ContainsFunc(r.Rules, RuleRow.failed)
}

func (r *Report) those(which func(*Change) bool) (out []string) {
	for i := range r.Changes {
		if c := &r.Changes[i]; which(c) {
			out = append(out, strings.Join([]string{c.Day, finding.SeverityLabel(c.Severity), c.Type, c.Entity, c.ID}, " "))
		}
	}
	return out
}

// Fail adds a check that is not met.
func (r *Report) Fail(name, detail string) {
	r.Checks = append(r.Checks, Check{Name: name, Failed: true, Detail: detail})
}

// maxDetail bounds what a check tells of findings one by one.
const maxDetail = 20

func (r *Report) check(name string, bad []string) {
	c := Check{Name: name, Failed: len(bad) > 0}
	if n := len(bad); n > maxDetail {
		bad = append(bad[:maxDetail:maxDetail], fmt.Sprintf("and %d more", n-maxDetail))
	}
	c.Detail = strings.Join(bad, "\n")
	r.Checks = append(r.Checks, c)
}

// String is what a rule is called: its title, or what else it has.
func (r *RuleRef) String() string { return cmp.Or(r.Title, r.Name, r.ID) }
