package backtest

import (
	"encoding/xml"
	"fmt"
	"io"
)

// The parts of a JUnit report that CI systems read.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		File    string        `xml:"file,attr,omitempty"`
		Line    int           `xml:"line,attr,omitempty"`
		Failure *junitFailure `xml:"failure,omitempty"`
		Out     string        `xml:"system-out,omitempty"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// WriteJUnit writes a report as JUnit XML: a case for each rule and each of its
// own tests, and one for each expectation.
func (r *Report) WriteJUnit(w io.Writer) error {
	rules, expectations := junitSuite{Name: "rules"}, junitSuite{Name: "expectations"}
	for i := range r.Rules {
		row := &r.Rules[i]
		c := junitCase{Name: row.String(), Class: "rules", File: row.File, Line: row.Line}
		c.Out = fmt.Sprintf("%d findings, %d of them suppressed, on %d days", row.Findings, row.Suppressed, row.Days)
		if row.Most > 0 {
			c.Out += fmt.Sprintf("; %d on %s, the most", row.Most, row.MostDay)
		}
		rules.add(c)
		for n, t := range row.Tests {
			name := t.Name
			if name == "" {
				name = fmt.Sprintf("test %d", n+1)
			}
			c := junitCase{Name: row.String() + ": " + name, Class: "rules.tests", File: row.File, Line: t.Line}
			if t.Fault != "" {
				c.Failure = &junitFailure{Message: t.Fault}
			}
			rules.add(c)
		}
	}
	for _, check := range r.Checks {
		c := junitCase{Name: check.Name, Class: "expectations"}
		if check.Failed {
			c.Failure = &junitFailure{Message: "not met", Text: check.Detail}
		}
		expectations.add(c)
	}
	all := junitSuites{Name: "vedette backtest", Suites: []junitSuite{rules, expectations}}
	for _, s := range all.Suites {
		all.Tests, all.Failures = all.Tests+s.Tests, all.Failures+s.Failures
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(&all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (s *junitSuite) add(c junitCase) {
	s.Cases = append(s.Cases, c)
	s.Tests++
	if c.Failure != nil {
		s.Failures++
	}
}
