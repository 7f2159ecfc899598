package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/backtest"
	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/rule"
)

// backtestFlags are what a backtest is asked.
type backtestFlags struct {
	scope                     scopeFlags
	dataDir                   string
	rules, filters            []string
	settings                  string
	source, format, output    string
	warmup                    []string
	from, to                  string
	failOn                    []string
	maxPerDay, top, workers   int
	junit                     string
	fromAt, toAt              time.Time // what from and to say
	expect                    backtest.Expectations
	kind                      event.Source
	printer                   *printer
	today, candidate          *config.Config
	todayHides, candidateHide *app.Suppressions
	detector                  string // of the findings
}

func backtestCommand(s streams) *cobra.Command {
	f := &backtestFlags{}
	cmd := &cobra.Command{
		Use:   "backtest --rules DIR | --settings FILE | --filter FILE PATH…",
		Short: "Try rules, settings or a suppression on old logs: what would be found, lost or hidden",
		Long: `Reads old logs once and judges them twice: by today's settings (--config) and by
the candidate's, which are today's with rules (--rules) and suppression rules
(--filter), or others (--settings). Both see the same records in the same order.
Printed is the difference, by finding type, day (UTC, of a finding's first
event), entity and rule. Nothing is stored or sent.

--filter is the body of CreateFilter as JSON (a file, or -), or the name of a
filter of the server's store. Without a PATH it is held against the findings
that the server has stored of the last 90 days.

With --data-dir (or a database in --config) the server's own suppression rules
count on both sides, except those that --filter names.

Exit status: 0 it ran, 3 an expectation was not met (--fail-on, --max-per-day, a
test that a rule carries), 1 an error, or no record could be judged.`,
		Example: `  vedette backtest --rules new-rules/ /var/log/kubernetes/audit/
  vedette backtest --rules new-rules/ --max-per-day 5 --junit report.xml logs/
  vedette backtest --config today.yaml --settings candidate.yaml --fail-on gone trail/
  vedette backtest --filter known-scanner.json --from 2026-10-01 --to 2026-10-31 logs/
  vedette backtest --filter known-scanner --data-dir /var/lib/vedette`,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), s, args) },
	}
	f.scope.register(cmd, true)
	fl := cmd.Flags()
	fl.StringArrayVar(&f.rules, "rules", nil, "candidate: rules in Sigma, a file or a folder; may be given again")
	fl.StringVar(&f.settings, "settings", "", "candidate: a configuration file (YAML) in the place of today's")
	fl.StringArrayVar(&f.filters, "filter", nil, "candidate: a suppression rule, as a JSON file, - or the name of a stored filter; may be given again")
	fl.StringVar(&f.dataDir, "data-dir", "", "folder of the server whose suppression rules count, and whose filters --filter may name")
	fl.StringVar(&f.source, "source", "auto", "what the input is where its content does not tell: auto, k8s-audit, cloudtrail, vpc-flow, dns, runtime")
	fl.StringVar(&f.format, "flow-format", "", "fields of flow log lines that have no header, as the flow log was made with them")
	fl.StringArrayVar(&f.warmup, "warmup", nil, "logs to learn from before: a file, a folder, or -; may be given again")
	fl.StringVar(&f.from, "from", "", "only records of this day (UTC) or moment and later, by event time")
	fl.StringVar(&f.to, "to", "", "only records up to the end of this day (UTC), or before this moment")
	fl.StringVarP(&f.output, "output", "o", "table", "how to print: table, json, jsonl, yaml")
	fl.IntVar(&f.top, "top", 10, "how many entities, days and changes the table shows")
	fl.StringVar(&f.junit, "junit", "", "write a JUnit XML report to this file")
	fl.StringSliceVar(&f.failOn, "fail-on", nil, "exit with 3 when a finding is added, gone or suppressed, or when one is added that is at least this severe: low, medium, high, critical, or a number")
	fl.IntVar(&f.maxPerDay, "max-per-day", 0, "exit with 3 when one of the candidate's rules makes more findings than this of a day")
	fl.IntVar(&f.workers, "workers", 0, "decoding workers; 0 means one a processor")
	return cmd
}

func (f *backtestFlags) run(ctx context.Context, s streams, paths []string) (err error) {
	if err := f.check(s, paths); err != nil {
		return err
	}
	start := time.Now()
	var found *app.BacktestResult
	var today, candidate app.Settings
	if err := f.load(ctx, s, paths); err != nil {
		return err
	}
	if len(paths) == 0 {
		found, err = f.stored(ctx)
	} else {
		if today, candidate, err = f.judges(s); err != nil {
			return err
		}
		found, err = f.logs(ctx, s, paths, today, candidate)
	}
	if err != nil {
		return err
	}
	report := backtest.Compare(found.Today, found.Candidate)
	rules, err := f.triedRules(ctx)
	if err != nil {
		return err
	}
	report.CountRules(rules, found.Candidate)
	var fault error
	if found.Scan != nil {
		if fault = nothing(found.Scan); fault != nil {
			report.Fail("all logs could be read", fault.Error())
		}
	}
	met := report.Expect(f.expect)
	if err := f.tell(report, found); err != nil {
		return err
	}
	if fault != nil { // before the accounting, which is always the last line
		fmt.Fprintln(s.err, "vedette:", fault)
	}
	if found.Scan != nil {
		if err := scanSummary(s.err, found.Scan, time.Since(start)); err != nil {
			return err
		}
	}
	switch {
	case fault != nil:
		return exitCode(exitError)
	case !met:
		return exitCode(exitFailOn)
	}
	return nil
}

// logs judges old logs twice.
func (f *backtestFlags) logs(ctx context.Context, s streams, paths []string, today, candidate app.Settings) (*app.BacktestResult, error) {
	bar := newProgress(s.err)
	defer bar.clear()
	return app.Backtest(ctx, app.BacktestOptions{
		Scan: app.ScanOptions{
			Paths: paths, Warmup: f.warmup, Stdin: s.in, Workers: f.workers, From: f.fromAt, To: f.toAt,
			Scope:  event.Scope{Account: f.today.Account, Region: f.today.Region, Cluster: f.today.Cluster},
			Source: f.kind, Format: f.format, Log: logger(s.err, f.today.Log.Level), Progress: bar.update,
		},
		Today: today, Candidate: candidate, SameDetection: len(f.rules) == 0 && f.settings == "",
	})
}

// judges are the two ways of judging. Lists and databases are read once where
// they are the same.
func (f *backtestFlags) judges(s streams) (today, candidate app.Settings, err error) {
	if today.Detect, err = app.DetectOptions(f.today); err != nil {
		return today, candidate, fmt.Errorf("today's settings: %w", err)
	}
	today.Sequences, today.Noise, today.Suppress = app.SequenceOptions(f.today), app.NoiseLimits(f.today), f.todayHides
	candidate = today
	if f.settings != "" {
		if candidate.Detect, err = app.DetectOptions(f.candidate); err != nil {
			return today, candidate, fmt.Errorf("--settings %s: %w", f.settings, err)
		}
		candidate.Sequences, candidate.Noise = app.SequenceOptions(f.candidate), app.NoiseLimits(f.candidate)
	}
	if len(f.rules) > 0 {
		set, err := app.CandidateRules(f.candidate.Detection, f.rules)
		if err != nil {
			return today, candidate, fmt.Errorf("--rules: %w", err)
		}
		tellSkipped(set, s.err)
		candidate.Detect.Rules = set
	}
	candidate.Suppress = f.candidateHide
	return today, candidate, nil
}

// triedRules are the candidate's rules, with what their own tests give.
func (f *backtestFlags) triedRules(ctx context.Context) ([]backtest.Rule, error) {
	if len(f.rules) == 0 && f.settings == "" || f.candidate == nil {
		return nil, nil
	}
	set, err := app.CandidateRules(f.candidate.Detection, f.rules) // a set of its own: tests change it
	if err != nil {
		return nil, err
	}
	all := app.OwnRules(set)
	if len(f.rules) > 0 {
		files, err := app.RuleFiles(f.rules)
		if err != nil {
			return nil, err
		}
		all = slices.DeleteFunc(all, func(r *rule.Rule) bool { return !slices.Contains(files, r.File) })
	}
	loud := slices.Clone(all)
	loud = slices.DeleteFunc(loud, func(r *rule.Rule) bool { return r.Quiet && len(r.Vedette.Tests) == 0 })
	if set != nil {
		for _, r := range set.Rules() {
			r.Quiet = false // a rule that only a correlation asks for can be tested all the same
		}
	}
	var out []backtest.Rule
	for _, r := range loud {
		row := backtest.Rule{RuleRef: backtest.RuleRef{ID: r.ID, Name: r.Name, Title: r.Title}, File: r.File, Line: r.Line}
		for i := range r.Vedette.Tests {
			t := &r.Vedette.Tests[i]
			test := backtest.RuleTest{Name: t.Name, Line: t.Line}
			if err := app.TryRule(ctx, set, r, t); err != nil {
				test.Fault = err.Error()
			}
			row.Tests = append(row.Tests, test)
		}
		out = append(out, row)
	}
	return out, nil
}

// nothing is why logs showed nothing, or not all; nil where they did.
func nothing(scan *app.ScanResult) error {
	l := &scan.Ledger
	if err := unread(scan); err != nil {
		return err
	}
	switch judged := l.Outcomes[event.Evaluated]; {
	case l.Records() == 0:
		return errors.New("there is no record in what was read; nothing was compared")
	case judged == 0 && l.Reasons[app.ReasonOutside] == l.Records():
		return fmt.Errorf("none of the %d records is of the time between --from and --to; nothing was compared", l.Records())
	case judged == 0:
		return fmt.Errorf("none of the %d records could be judged (the last line says why); nothing was compared", l.Records())
	}
	return nil
}

// writeJUnit writes the report for a CI system.
func (f *backtestFlags) writeJUnit(r *backtest.Report) error {
	if f.junit == "" {
		return nil
	}
	file, err := os.Create(f.junit)
	if err != nil {
		return fmt.Errorf("--junit: %w", err)
	}
	if err := errors.Join(r.WriteJUnit(file), file.Close()); err != nil {
		return fmt.Errorf("--junit %s: %w", f.junit, err)
	}
	return nil
}
