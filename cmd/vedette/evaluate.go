package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/evaluate"
	"github.com/vedette-project/vedette/internal/event"
)

func evaluateCommand(s streams) *cobra.Command {
	var (
		scope                                scopeFlags
		labelFile, limitFile, source, output string
		warmup                               []string
	)
	cmd := &cobra.Command{
		Use:   "evaluate --labels FILE PATH…",
		Short: "Measure detection on logs whose attacks are known",
		Long: `Scans logs and holds what is found against labels: precision, recall, false
findings per 100,000 events and the delay of detection, of all types and of each.

The labels are a YAML list, or JSON objects, one a line:

  - name: stolen token                   # for the report
    from: 2026-11-20T10:00:00Z           # event times; or records: [auditID, …]
    to: 2026-11-20T10:15:00Z
    cluster: prod                        # also account, region; any without
    entity: system:serviceaccount:ci:deployer  # a name that a finding carries
    types: [CredentialAccess:Kubernetes/*]     # each is expected; any without
    verdict: malicious                   # or benign

A finding is right when it is of a type that a malicious label expects, in its
time and scope and of its entity. All others, and those on benign records, are
false.

--thresholds names a YAML file of bounds: precision and recall (at least),
falsePer100k, delayP50 and delayP95 (at most), and the same for single types
below types. Exit status 3 when a measure is worse.`,
		Example: `  vedette evaluate --labels labels.yaml audit.log
  vedette evaluate --labels labels.yaml --warmup before/ --thresholds bounds.yaml -o json trail/`,
		Args: atLeastOne("a file, a folder, or - for standard input"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if output != "table" && output != "json" {
				return fmt.Errorf("-o %q is not known; use table or json", output)
			}
			kind, err := sourceOf(source)
			if err != nil {
				return err
			}
			labels, limits, err := readExpectations(labelFile, limitFile)
			if err != nil {
				return err
			}
			cfg, err := scope.load()
			if err != nil {
				return err
			}
			options, err := app.DetectOptions(cfg)
			if err != nil {
				return err
			}
			score, bar := evaluate.NewScore(labels), newProgress(s.err)
			res, err := app.Scan(cmd.Context(), app.ScanOptions{
				Paths: args, Warmup: warmup, Stdin: s.in, Source: kind, Detect: options, Signal: score.Claim,
				Scope: event.Scope{Account: cfg.Account, Region: cfg.Region, Cluster: cfg.Cluster},
				Log:   logger(s.err, cfg.Log.Level), Progress: bar.update,
			})
			bar.clear()
			if err != nil {
				return err
			}
			if err := unread(res); err != nil { // figures of half the records mislead
				return err
			}
			for _, f := range res.Findings {
				if strings.HasPrefix(f.Type, "AttackSequence:") { // made of claims
					score.Finding(f)
				}
			}
			report := score.Report(res.Ledger.Outcomes[event.Evaluated])
			if output == "json" {
				err = jsonTo(s.out, report, "  ")
			} else {
				err = reportTable(s.out, report)
			}
			if err != nil || limits == nil {
				return err
			}
			worse := limits.Worse(report)
			for _, w := range worse {
				fmt.Fprintln(s.err, "vedette:", w)
			}
			if len(worse) > 0 {
				return exitCode(exitFailOn)
			}
			return nil
		},
	}
	scope.register(cmd, true)
	f := cmd.Flags()
	f.StringVar(&labelFile, "labels", "", "file of labels: what in the records is an attack, and what is not")
	f.StringVar(&limitFile, "thresholds", "", "file of bounds; exit with 3 when a measure is worse")
	f.StringArrayVar(&warmup, "warmup", nil, "logs to learn from before: a file, a folder, or -; may be given again")
	f.StringVar(&source, "source", "auto", "what the input is where its content does not tell: auto, k8s-audit, cloudtrail, vpc-flow, dns, runtime")
	f.StringVarP(&output, "output", "o", "table", "how to print: table, json")
	return cmd
}

func readExpectations(labelFile, limitFile string) ([]evaluate.Label, *evaluate.Thresholds, error) {
	if labelFile == "" {
		return nil, nil, errors.New("--labels is missing: name the file that says what in the records is an attack")
	}
	data, err := os.ReadFile(labelFile)
	if err != nil {
		return nil, nil, fmt.Errorf("--labels: %w", err)
	}
	labels, err := evaluate.ParseLabels(labelFile, data)
	if err != nil || limitFile == "" {
		return labels, nil, err
	}
	if data, err = os.ReadFile(limitFile); err != nil {
		return nil, nil, fmt.Errorf("--thresholds: %w", err)
	}
	limits, err := evaluate.ParseThresholds(limitFile, data)
	return labels, limits, err
}

// maxWrong is how many wrong findings a table shows one by one.
const maxWrong = 20

func reportTable(w io.Writer, r *evaluate.Report) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "TYPE\tATTACKS\tFOUND\tFINDINGS\tFALSE\tPRECISION\tRECALL\tFALSE/100K\tDELAY P50\tDELAY P95")
	row := func(name string, m *evaluate.Measures) {
		fmt.Fprintf(tw, "%s\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t%s\t%s\n", name, m.Attacks, m.Found, m.Findings, m.False,
			rate(m.Precision), rate(m.Recall), rate(m.FalsePer100k), delay(m.DelayP50), delay(m.DelayP95))
	}
	for i := range r.Types {
		row(r.Types[i].Type, &r.Types[i].Measures)
	}
	row("all", &r.Measures)
	if err := tw.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "%d events evaluated.\n", r.Events)
	for _, name := range r.Missed {
		fmt.Fprintln(w, "missed:", printable(name))
	}
	for i, x := range r.Wrong {
		if i == maxWrong {
			fmt.Fprintf(w, "false: %d more; -o json lists them all\n", len(r.Wrong)-maxWrong)
			break
		}
		fmt.Fprintf(w, "false: %s %s: %s\n", x.First.Format(time.RFC3339), x.Type, printable(x.Title))
	}
	return nil
}

func rate(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%.3f", *v)
}

func delay(v *float64) string {
	if v == nil {
		return "-"
	}
	return time.Duration(*v * float64(time.Second)).Round(time.Millisecond).String()
}
