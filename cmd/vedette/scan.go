package main

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/event"
)

func scanCommand(s streams) *cobra.Command {
	var (
		flags   scopeFlags
		source  string
		format  string
		output  string
		failOn  string
		workers int
		warmup  []string
		rules   []string
	)
	cmd := &cobra.Command{
		Use:   "scan PATH…",
		Short: "Read logs and print the findings in them",
		Long: `Reads files, folders or standard input (-) and prints the findings.

Formats are told by content: Kubernetes audit logs, CloudTrail events, VPC flow
logs (text or Parquet), Route 53 Resolver query logs and records of sensors on
nodes (Vedette's, Falco's, Tetragon's or Tracee's), as files, lists, container
logs and CloudWatch Logs exports or subscriptions of them, plain, gzip or zstd.
The last line on standard error is a JSON object that accounts for every record.

--warmup names logs of the time before: what is usual is learned from them, and
nothing is found in them. Two weeks of logs are enough for all models.

Exit status: 0 it ran, 3 --fail-on was met, 1 an error, or nothing at all could
be read.`,
		Example: `  vedette scan /var/log/kubernetes/audit/
  zcat audit.log.gz | vedette scan --cluster prod -
  vedette scan -o jsonl --fail-on high audit.log | jq .type
  vedette scan --account 111122223333 AWSLogs/
  vedette scan --warmup trail/2026/09 --warmup trail/2026/10 trail/2026/11`,
		Args: atLeastOne("a file, a folder, or - for standard input"),
		RunE: func(cmd *cobra.Command, args []string) error {
			threshold, err := parseSeverity(failOn)
			if err != nil {
				return err
			}
			kind, err := sourceOf(source)
			if err != nil {
				return err
			}
			if format != "" && !config.HasAddresses(format) {
				return fmt.Errorf("--flow-format %q names no srcaddr and dstaddr; write the fields as the flow log was made with them", format)
			}
			cfg, err := flags.load()
			if err != nil {
				return err
			}
			if len(rules) > 0 {
				cfg.Detection.Rules = slices.Concat(cfg.Detection.Rules, rules)
			}
			options, err := app.DetectOptions(cfg)
			if err != nil {
				return err
			}
			if len(rules) > 0 {
				tellSkipped(options.Rules, s.err)
			}
			p, err := printerFor(output, s)
			if err != nil {
				return err
			}
			start := time.Now()
			bar := newProgress(s.err)
			res, err := app.Scan(cmd.Context(), app.ScanOptions{
				Paths: args, Warmup: warmup, Stdin: s.in, Workers: workers,
				Scope:  event.Scope{Account: cfg.Account, Region: cfg.Region, Cluster: cfg.Cluster},
				Source: kind, Format: format, Detect: options, Sequences: app.SequenceOptions(cfg), Noise: app.NoiseLimits(cfg),
				Log: logger(s.err, cfg.Log.Level), Progress: bar.update,
			})
			bar.clear()
			if err != nil {
				return err
			}
			if err := p.findings(res.Findings); err != nil {
				return fmt.Errorf("print findings: %w", err)
			}
			unread := unread(res)
			if unread != nil { // before the accounting, which is always the last line
				fmt.Fprintln(s.err, "vedette:", unread)
			}
			if err := scanSummary(s.err, res, time.Since(start)); err != nil {
				return err
			}
			if unread != nil {
				return exitCode(exitError)
			}
			for _, f := range res.Findings {
				if f.Severity >= threshold {
					return exitCode(exitFailOn)
				}
			}
			return nil
		},
	}
	flags.register(cmd, true)
	f := cmd.Flags()
	f.StringVar(&source, "source", "auto", "what the input is where its content does not tell: auto, k8s-audit, cloudtrail, vpc-flow, dns, runtime")
	f.StringVar(&format, "flow-format", "", "fields of flow log lines that have no header, as the flow log was made with them")
	f.StringVarP(&output, "output", "o", "table", "how to print: table, json, jsonl, yaml")
	f.StringVar(&failOn, "fail-on", "", "exit with 3 when a finding is at least this severe: low, medium, high, critical, or a number")
	f.StringArrayVar(&warmup, "warmup", nil, "logs to learn from before: a file, a folder, or -; may be given again")
	f.StringArrayVar(&rules, "rules", nil, "rules of your own, in Sigma: a file or a folder; may be given again")
	f.IntVar(&workers, "workers", 0, "decoding workers; 0 means one a processor")
	return cmd
}

// unread is what is wrong with a scan that could not read an input at all, or
// no record of any.
func unread(res *app.ScanResult) error {
	l := &res.Ledger
	if len(res.Unread) > 0 {
		return fmt.Errorf("%d of the inputs could not be read whole: %w", len(res.Unread), errors.Join(res.Unread...))
	}
	if !l.Unreadable() {
		return nil
	}
	var why []string
	for _, reason := range slices.Sorted(maps.Keys(l.Reasons)) {
		why = append(why, fmt.Sprintf("%d %s", l.Reasons[reason], reason))
	}
	return fmt.Errorf("nothing could be read: whatever there is, is malformed (%s); see above where, and that these are logs of Kubernetes, CloudTrail, VPC flows, DNS queries or sensors",
		strings.Join(why, ", "))
}

// sourceOf is what --source names; "" finds out by content.
func sourceOf(name string) (event.Source, error) {
	switch s := event.Source(name); s {
	case event.K8sAudit, event.CloudTrail, event.VPCFlow, event.DNS, event.RuntimeEvents:
		return s, nil
	case "auto":
		return "", nil
	}
	return "", fmt.Errorf("--source %q is not known; use auto, k8s-audit, cloudtrail, vpc-flow, dns or runtime", name)
}

// parseSeverity reads a severity word or number as the lowest severity meant.
func parseSeverity(v string) (float64, error) {
	switch strings.ToLower(v) {
	case "":
		return math.Inf(1), nil
	case "low":
		return 1, nil
	case "medium":
		return 4, nil
	case "high":
		return 7, nil
	case "critical":
		return 9, nil
	}
	n, err := strconv.ParseFloat(v, 64)
	if err != nil || !(n >= 0 && n <= 10) { // not NaN either
		return 0, fmt.Errorf("--fail-on %q: use low, medium, high, critical or a number from 0 to 10", v)
	}
	return n, nil
}
