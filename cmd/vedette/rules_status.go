package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/store"
)

// rulesStatusReport is what the rules of a server do, and by which each of its
// processes judges.
type rulesStatusReport struct {
	Workers []ruleWorkerRow `json:"workers"`
	Rules   []ruleStatusRow `json:"rules"`
}

type ruleWorkerRow struct {
	Name       string    `json:"name"`
	Set        string    `json:"set"` // version of its set of rules
	Rules      int       `json:"rules"`
	Loaded     time.Time `json:"loaded"`
	Fault      string    `json:"fault,omitempty"`
	FaultSince time.Time `json:"faultSince,omitzero"`
	Live       bool      `json:"live"`
}

// ruleStatusRow is what one rule did since it has its present text.
type ruleStatusRow struct {
	ID             string    `json:"id"`
	Title          string    `json:"title"`
	Kind           string    `json:"kind"`
	Level          string    `json:"level,omitempty"`
	Events         []string  `json:"events"`
	Mode           string    `json:"mode"`                  // LIVE or DRY_RUN
	MemberModes    []string  `json:"memberModes,omitempty"` // for members of the organization
	ModeSince      time.Time `json:"modeSince,omitzero"`
	Quiet          bool      `json:"quiet,omitempty"`
	Matched        int64     `json:"matched"`
	Findings       int64     `json:"findings"`
	DryRunFindings int64     `json:"dryRunFindings,omitempty"`
	LastMatched    time.Time `json:"lastMatched,omitzero"` // event time
	Since          time.Time `json:"since"`
	Known          time.Time `json:"known"`
	NanosPerEvent  int64     `json:"nanosecondsPerEvent,omitempty"`
	Version        string    `json:"version,omitempty"`
	File           string    `json:"file,omitempty"`
	Line           int       `json:"line,omitempty"`
}

func rulesStatus(s streams) *cobra.Command {
	var data dataFlags
	var output string
	cmd := &cobra.Command{
		Use: "status", Short: "Show what each rule of a server does: matches, findings, when last, and what it costs", Args: noArgs,
		Long: `Shows the rules by which a server judges, as its store has them: the operator's
own, those of the pack, and those that are built in (KIND builtin). Works while
the server runs or not.

MATCHED counts events that fulfilled the rule, FINDINGS new findings, both since
the rule has its present text (SINCE). A rule with the mode DRY_RUN makes none:
"(would: 3)" says how many there would have been. "quiet" are rules that only a
correlation asks for. LAST is the event time of the newest match. COST is the
mean time that the rule took of an event that it was asked of, measured with one
event in 256. The most active rules come first, those that never fired last.

Exit status: 1 when a server cannot load the rules that are on disk now; those
from before are in force, and the fault is shown.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := printerFor(output, s)
			if err != nil {
				return err
			}
			var report rulesStatusReport
			err = withStore(cmd.Context(), &data, func(st *store.Store, _ string) (err error) {
				report, err = readRulesStatus(cmd.Context(), st)
				return err
			})
			if err != nil {
				return err
			}
			if err := p.rulesStatus(report, s.err); err != nil {
				return err
			}
			if slices.ContainsFunc(report.Workers, func(w ruleWorkerRow) bool { return w.Fault != "" }) {
				return exitCode(exitError)
			}
			return nil
		},
	}
	data.register(cmd)
	outputFlag(cmd, &output)
	return cmd
}

// readRulesStatus reads what a store knows of rules.
func readRulesStatus(ctx context.Context, st *store.Store) (out rulesStatusReport, err error) {
	workers, err := st.RuleWorkers(ctx)
	if err != nil {
		return out, err
	}
	modes, _, err := st.RuleModes(ctx)
	if err != nil {
		return out, err
	}
	all, err := st.RuleStatuses(ctx)
	if err != nil {
		return out, err
	}
	out = rulesStatusReport{Workers: []ruleWorkerRow{}, Rules: []ruleStatusRow{}}
	for _, w := range workers {
		row := ruleWorkerRow(w)
		if !row.Live { // it ended, and what was wrong then may be mended
			row.Fault, row.FaultSince = "", time.Time{}
		}
		out.Workers = append(out.Workers, row)
	}
	for i := range all {
		out.Rules = append(out.Rules, statusRow(&all[i], modes))
	}
	slices.SortStableFunc(out.Rules, func(a, b ruleStatusRow) int {
		return cmp.Or(cmp.Compare(b.Matched, a.Matched), cmp.Compare(a.Title, b.Title))
	})
	return out, nil
}

func statusRow(s *store.RuleStatus, modes []store.RuleMode) ruleStatusRow {
	r := ruleStatusRow{
		ID: s.ID, Title: s.Title, Kind: s.Kind, Level: s.Level, Events: s.Events, Mode: store.RuleLive, Quiet: s.Quiet,
		Matched: s.Matched, Findings: s.Found, DryRunFindings: s.Would, LastMatched: s.Last, Since: s.Since, Known: s.Known,
		Version: s.RuleInfo.Version, File: s.File, Line: s.Line,
	}
	if s.Asked > 0 {
		r.NanosPerEvent = int64(s.Took) / s.Asked
	}
	for _, m := range modes {
		switch {
		case m.Rule != s.ID:
		case m.Members:
			r.MemberModes = append(r.MemberModes, m.Mode)
		default:
			r.Mode, r.ModeSince = m.Mode, m.UpdatedAt
		}
	}
	return r
}

func (p *printer) rulesStatus(r rulesStatusReport, warn io.Writer) error {
	switch p.format {
	case "table":
	case "jsonl":
		return each(p, r.Rules)
	default:
		return p.value(r)
	}
	for _, text := range ruleWarnings(r.Workers) {
		fmt.Fprintln(warn, cleanLines(text))
	}
	if len(r.Rules) == 0 {
		_, err := fmt.Fprintln(p.w, "No rules: no server has judged by any yet.")
		return err
	}
	tw := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "MODE\tKIND\tMATCHED\tFINDINGS\tLAST\tCOST\tSINCE\tTITLE\tFILE")
	for i := range r.Rules {
		x := &r.Rules[i]
		fmt.Fprintf(tw, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\n", x.mode(), x.Kind, x.Matched, x.findings(), orNever(x.LastMatched), x.cost(),
			x.Since.UTC().Format(time.DateOnly), short(x.Title), x.place())
	}
	return tw.Flush()
}

func (r *ruleStatusRow) mode() string {
	out := r.Mode
	if len(r.MemberModes) > 0 {
		out += ", members " + strings.Join(r.MemberModes, " and ")
	}
	return out
}

func (r *ruleStatusRow) findings() string {
	switch {
	case r.Quiet:
		return "quiet"
	case r.Mode == store.RuleDryRun || r.DryRunFindings > 0:
		return fmt.Sprintf("%d (would: %d)", r.Findings, r.DryRunFindings)
	}
	return fmt.Sprint(r.Findings)
}

func (r *ruleStatusRow) cost() string {
	if r.NanosPerEvent == 0 {
		return "-"
	}
	return time.Duration(r.NanosPerEvent).Round(10 * time.Nanosecond).String()
}

func (r *ruleStatusRow) place() string {
	if r.File == "" {
		return "-"
	}
	return fmt.Sprintf("%s:%d", printable(r.File), r.Line)
}

func orNever(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

// ruleWarnings say what is wrong with the rules of processes: faults, and sets
// that differ.
func ruleWarnings(workers []ruleWorkerRow) (out []string) {
	var live []ruleWorkerRow
	for _, w := range workers {
		if w.Fault != "" {
			out = append(out, fmt.Sprintf("the rules on disk cannot be loaded by %s since %s; the %d rules from before are in force:\n%s", w.Name, orNever(w.FaultSince), w.Rules, w.Fault))
		}
		if w.Live {
			live = append(live, w)
		}
	}
	for i := 1; i < len(live); i++ {
		if live[i].Set != live[0].Set {
			out = append(out, fmt.Sprintf("servers judge by different rules: %s by %s (%d rules), %s by %s (%d rules); give all of them the same files",
				live[0].Name, orNone(live[0].Set), live[0].Rules, live[i].Name, orNone(live[i].Set), live[i].Rules))
			break
		}
	}
	return out
}
