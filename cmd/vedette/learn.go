package main

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/store"
)

func learnCommand(s streams) *cobra.Command {
	var (
		scope                  scopeFlags
		data                   dataFlags
		source, format, output string
		status                 bool
	)
	cmd := &cobra.Command{
		Use:   "learn PATH…",
		Short: "Teach a server's models what is usual, from old logs",
		Long: `Reads logs as scan does, and teaches the models in a server's store what is
usual there, so that it finds the unusual from its first day on. Nothing is
found in what is learned from, and a record that comes live later is judged.

Stop the server on a data directory first; beside servers that share a database
it works as one more of them. What was interrupted is gone on with when the
command is given again; a file, and a record, that comes again counts once. Two
weeks of logs are enough for all models.

Every record is accounted for in the last line on standard error. --status shows
how much the models know, also beside a running server.`,
		Example: `  vedette learn --data-dir /var/lib/vedette --cluster prod /var/log/kubernetes/audit/
  vedette learn --config vedette.yaml AWSLogs/111122223333/CloudTrail/
  vedette learn --status`,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := printerFor(output, s)
			if err != nil {
				return err
			}
			if status {
				if len(args) > 0 {
					return errors.New("learn --status takes no logs")
				}
				return learnStatus(cmd, &data, p)
			}
			if err := atLeastOne("a file, a folder, or - for standard input")(cmd, args); err != nil {
				return err
			}
			kind, err := sourceOf(source)
			if err != nil {
				return err
			}
			if format != "" && !config.HasAddresses(format) {
				return fmt.Errorf("--flow-format %q names no srcaddr and dstaddr; write the fields as the flow log was made with them", format)
			}
			cfg, err := config.Load(data.file, func(c *config.Config) {
				set(&c.Store.DataDir, data.dataDir)
				set(&c.Account, scope.account)
				set(&c.Region, scope.region)
				set(&c.Cluster, scope.cluster)
			})
			if err != nil {
				return err
			}
			start, bar := time.Now(), newProgress(s.err)
			res, err := app.Learn(cmd.Context(), app.LearnOptions{
				Config: cfg, Paths: args, Stdin: s.in, Source: kind, Format: format, Now: time.Now,
				Log: logger(s.err, cfg.Log.Level), Progress: bar.update,
			})
			bar.clear()
			if err != nil {
				return err
			}
			if err := p.learned(res.Scopes); err != nil {
				return err
			}
			return learnSummary(s.err, res, time.Since(start))
		},
	}
	f := cmd.Flags()
	configFlag(f, &data.file, "")
	f.StringVar(&data.dataDir, "data-dir", "", `folder of the server (default "vedette-data")`)
	f.StringVar(&scope.account, "account", "", "AWS account of records that do not name theirs (12 digits; default 000000000000)")
	f.StringVar(&scope.region, "region", "", "AWS Region of records that do not name theirs (default us-east-1)")
	f.StringVar(&scope.cluster, "cluster", "", `cluster of records that do not name theirs (default "kubernetes")`)
	f.StringVar(&source, "source", "auto", "what the input is where its content does not tell: auto, k8s-audit, cloudtrail, vpc-flow, dns, runtime")
	f.StringVar(&format, "flow-format", "", "fields of flow log lines that have no header, as the flow log was made with them")
	f.BoolVar(&status, "status", false, "show how much the models know, and learn nothing")
	outputFlag(cmd, &output)
	return cmd
}

func learnStatus(cmd *cobra.Command, data *dataFlags, p *printer) error {
	return withStore(cmd.Context(), data, func(st *store.Store, _ string) error {
		scopes, err := app.LearnedOf(cmd.Context(), st)
		if err != nil {
			return err
		}
		return p.learned(scopes)
	})
}

// learnSummary is the accounting line: every record ends in exactly one of
// learned, duplicate, malformed and dropped.
func learnSummary(w io.Writer, r *app.LearnResult, took time.Duration) error {
	if len(r.Unread) > 0 {
		fmt.Fprintf(w, "vedette: %d of the inputs could not be read whole: %v\n", len(r.Unread), errors.Join(r.Unread...))
	}
	err := jsonTo(w, struct {
		learnedRecords
		FilesKnown int     `json:"filesKnown"` // learned from whole before, and not read again
		Seconds    float64 `json:"seconds"`
	}{
		learnedRecords{r.Records, r.Learned, r.Duplicate, r.Malformed, r.Dropped, r.Bytes},
		r.Known, float64(took.Milliseconds()) / 1000,
	}, "")
	if err == nil && len(r.Unread) > 0 {
		return exitCode(exitError)
	}
	return err
}

// learnedRow is how much one model of one scope knows.
type learnedRow struct {
	Account    string     `json:"account"`
	Region     string     `json:"region"`
	Cluster    string     `json:"cluster,omitempty"`
	Model      string     `json:"model"`
	Days       int        `json:"days"`
	Events     int64      `json:"events"`
	Entities   int        `json:"entities"`
	Since      *time.Time `json:"since,omitempty"`
	Until      *time.Time `json:"until,omitempty"`
	Ready      bool       `json:"ready"`
	FirstAlert *time.Time `json:"firstAlert,omitempty"`
}

// learned prints how much models know.
func (p *printer) learned(scopes []app.ScopeLearned) error {
	rows := []learnedRow{}
	for _, s := range scopes {
		for _, m := range s.Models {
			if m.Events == 0 { // of a log that does not come from there
				continue
			}
			rows = append(rows, learnedRow{
				s.Scope.Account, s.Scope.Region, s.Scope.Cluster, m.Plane, m.Days, m.Events, m.Entities,
				unlessZero(m.Since), unlessZero(m.Until), m.Ready, unlessZero(m.FirstAlert),
			})
		}
	}
	if p.format != "table" {
		return each(p, rows)
	}
	if len(rows) == 0 {
		_, err := fmt.Fprintln(p.w, "No model has learned anything yet.")
		return err
	}
	tw := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "WHERE\tMODEL\tDAYS\tEVENTS\tPROFILES\tSINCE\tUNTIL\tRAISES FINDINGS")
	for _, r := range rows {
		where := event.Scope{Account: r.Account, Region: r.Region, Cluster: r.Cluster}.String()
		fmt.Fprintf(tw, "%s\t%s\t%d\t%d\t%d\t%s\t%s\t%s\n", printable(where), r.Model, r.Days, r.Events, r.Entities, day(r.Since), day(r.Until), r.readiness())
	}
	return tw.Flush()
}

func (r *learnedRow) readiness() string {
	switch {
	case r.Ready:
		return "yes"
	case r.FirstAlert != nil:
		return "from " + r.FirstAlert.Format(time.DateTime)
	}
	return "not yet"
}

func day(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.Format(time.DateOnly)
}

func unlessZero(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
