package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/backtest"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
)

// backtestDocument is a backtest as data.
type backtestDocument struct {
	Records int64      `json:"records"` // judged; 0 where stored findings were looked at
	From    *time.Time `json:"from,omitempty"`
	To      *time.Time `json:"to,omitempty"`
	*backtest.Report
}

// tell prints the report and writes the JUnit file.
func (f *backtestFlags) tell(r *backtest.Report, found *app.BacktestResult) error {
	if err := f.writeJUnit(r); err != nil {
		return err
	}
	doc := backtestDocument{Report: r}
	if found.Scan != nil {
		l := &found.Scan.Ledger
		doc.Records, doc.From, doc.To = l.Outcomes[event.Evaluated], unlessZero(l.First), unlessZero(l.Last)
	}
	switch f.printer.format {
	case "table":
		return f.table(f.printer.w, &doc)
	case "jsonl":
		for i := range r.Changes {
			c := &r.Changes[i]
			if err := f.printer.value(struct {
				*backtest.Change
				Whole *finding.Finding `json:"finding"`
			}{c, c.Finding}); err != nil {
				return err
			}
		}
		return nil
	}
	return f.printer.value(doc)
}

func (f *backtestFlags) table(w io.Writer, doc *backtestDocument) error {
	if err := summaryLine(w, doc); err != nil {
		return err
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	rows := func(head string, rows []backtest.Row, more int) {
		if len(rows) == 0 {
			return
		}
		fmt.Fprintf(tw, "\n%s\tTODAY\tCANDIDATE\tADDED\tGONE\tSUPPRESSED\tREVEALED\tCHANGED\n", head)
		for _, r := range rows {
			fmt.Fprintf(tw, "%s\t%d\t%d\t%s\t%s\t%s\t%s\t%s\n", printable(r.Name), r.Today, r.Candidate,
				unlessNone(r.Added), unlessNone(r.Gone), unlessNone(r.Suppressed), unlessNone(r.Revealed), unlessNone(r.Changed))
		}
		if more > 0 {
			fmt.Fprintf(tw, "%d more; --top shows more of them, -o json all\n", more)
		}
	}
	rows("TYPE", doc.Types, 0)
	days := backtest.Top(doc.Days, f.top)
	slices.SortFunc(days, func(a, b backtest.Row) int { return strings.Compare(a.Name, b.Name) })
	rows("DAY", days, len(doc.Days)-len(days))
	changed := doc.Entities
	if len(doc.Changes) > 0 {
		changed = slices.DeleteFunc(slices.Clone(changed), func(r backtest.Row) bool { return r.Changes() == 0 })
	}
	entities := backtest.Top(changed, f.top)
	rows("ENTITY", entities, len(changed)-len(entities))
	ruleRows(tw, doc.Rules)
	f.changes(tw, doc.Changes)
	if err := tw.Flush(); err != nil {
		return err
	}
	return verdicts(w, doc.Report)
}

func summaryLine(w io.Writer, doc *backtestDocument) error {
	t := &doc.Total
	of := "Stored findings of the last 90 days, archived ones too"
	if doc.Records > 0 {
		of = fmt.Sprintf("%d records", doc.Records)
		if doc.From != nil {
			of += fmt.Sprintf(" from %s to %s", doc.From.Format(time.DateTime), doc.To.Format(time.DateTime))
		}
	}
	_, err := fmt.Fprintf(w, "%s: %d findings today, %d with the candidate; %d added, %d gone, %d suppressed, %d revealed, %d of another severity.\n",
		of, t.Today, t.Candidate, t.Added, t.Gone, t.Suppressed, t.Revealed, t.Changed)
	return err
}

// unlessNone is a count, so that those that are none do not stand out.
func unlessNone(n int) string {
	if n == 0 {
		return "-"
	}
	return strconv.Itoa(n)
}

func ruleRows(w io.Writer, rules []backtest.RuleRow) {
	if len(rules) == 0 {
		return
	}
	fmt.Fprintf(w, "\nRULE\tFINDINGS\tSUPPRESSED\tDAYS\tMOST ON A DAY\tTESTS\tFILE\n")
	for i := range rules {
		r := &rules[i]
		most := "-"
		if r.Most > 0 {
			most = fmt.Sprintf("%d (%s)", r.Most, r.MostDay)
		}
		failed := 0
		for _, t := range r.Tests {
			if t.Fault != "" {
				failed++
			}
		}
		tests := fmt.Sprintf("%d passed", len(r.Tests)-failed)
		if failed > 0 {
			tests += fmt.Sprintf(", %d failed", failed)
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%s\t%s\t%s:%d\n", short(r.String()), r.Findings, r.Suppressed, r.Days, most, tests, printable(r.File), r.Line)
	}
}

func (f *backtestFlags) changes(w io.Writer, all []backtest.Change) {
	if len(all) == 0 || f.top == 0 {
		return
	}
	fmt.Fprintf(w, "\nCHANGE\tDAY\tSEVERITY\tTYPE\tENTITY\tWHAT HAPPENED\n")
	for _, c := range all[:min(f.top, len(all))] {
		what := string(c.What)
		if c.What == backtest.Changed {
			what = "was " + finding.SeverityLabel(c.SeverityBefore)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", what, c.Day, finding.SeverityLabel(c.Severity), printable(c.Type), printable(c.Entity), printable(c.Title))
	}
	if n := len(all) - f.top; n > 0 {
		fmt.Fprintf(w, "%d more; --top shows more of them, -o json all\n", n)
	}
}

// verdicts tells of the tests and expectations.
func verdicts(w io.Writer, r *backtest.Report) error {
	for i := range r.Rules {
		row := &r.Rules[i]
		for _, t := range row.Tests {
			if t.Fault == "" {
				continue
			}
			if _, err := fmt.Fprintf(w, "failed: %s:%d: rule %s: %s\n", printable(row.File), t.Line, strconv.Quote(row.String()), printable(t.Fault)); err != nil {
				return err
			}
		}
	}
	for _, c := range r.Checks {
		word := "met"
		if c.Failed {
			word = "failed"
		}
		if _, err := fmt.Fprintf(w, "%s: %s\n", word, printable(c.Name)); err != nil {
			return err
		}
		for line := range strings.Lines(c.Detail) {
			if _, err := fmt.Fprintf(w, "  %s\n", printable(strings.TrimSuffix(line, "\n"))); err != nil {
				return err
			}
		}
	}
	return nil
}
