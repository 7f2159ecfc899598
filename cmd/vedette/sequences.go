package main

import (
	"context"
	"fmt"
	"math"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/sequence"
)

func sequencesCommand(s streams) *cobra.Command {
	var data dataFlags
	var scope scopeFlags
	var output string
	var complete bool
	cmd := &cobra.Command{
		Use:   "sequences [PATH…]",
		Short: "List attacks of several steps, half-finished ones and what they lack included",
		Long: `Lists the attack sequences that a server knows of, from its data directory,
while it runs or not; or, where logs are named, those in the logs. Complete ones
are findings, too. Of the others it says what would complete them.`,
		Example: `  vedette sequences --data-dir /var/lib/vedette
  vedette sequences -o json audit.log trail/
  vedette simulate AttackSequence:IAM/CompromisedCredentials | vedette sequences -`,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := printerFor(output, s)
			if err != nil {
				return err
			}
			scope.file = data.file
			list, err := sequencesOf(cmd.Context(), s, &data, &scope, args)
			if err != nil {
				return err
			}
			out := []sequenceRow{}
			for _, q := range list {
				if q.Complete || !complete {
					out = append(out, rowOf(q))
				}
			}
			if p.format == "table" {
				return p.sequencesTable(out)
			}
			return each(p, out)
		},
	}
	data.register(cmd)
	f := cmd.Flags()
	f.StringVar(&scope.account, "account", "", "AWS account of the records (12 digits; default 000000000000)")
	f.StringVar(&scope.region, "region", "", "AWS Region of the records (default us-east-1)")
	f.StringVar(&scope.cluster, "cluster", "", `cluster of records that do not name theirs (default "kubernetes")`)
	f.BoolVar(&complete, "complete", false, "only complete sequences")
	outputFlag(cmd, &output)
	return cmd
}

// sequencesOf finds the sequences in logs, or in the store of a server.
func sequencesOf(ctx context.Context, s streams, data *dataFlags, scope *scopeFlags, paths []string) ([]*sequence.Sequence, error) {
	if len(paths) > 0 {
		cfg, err := scope.load()
		if err != nil {
			return nil, err
		}
		return sequencesInLogs(ctx, s, cfg, paths)
	}
	cfg, err := data.existing()
	if err != nil {
		return nil, err
	}
	st, err := app.OpenStore(ctx, cfg, time.Now)
	if err != nil {
		return nil, err
	}
	defer st.Close()
	return app.StoredSequences(ctx, st, cfg)
}

func sequencesInLogs(ctx context.Context, s streams, cfg *config.Config, paths []string) ([]*sequence.Sequence, error) {
	o, err := app.ScanOptionsOf(cfg)
	if err != nil {
		return nil, err
	}
	o.Paths, o.Stdin, o.Log = paths, s.in, logger(s.err, cfg.Log.Level)
	res, err := app.Scan(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := unread(res); err != nil {
		return nil, err
	}
	return res.Sequences, nil
}

// sequenceRow is a sequence as it is printed.
type sequenceRow struct {
	ID       string          `json:"id"`
	Type     string          `json:"type"`
	Complete bool            `json:"complete"`
	Score    float64         `json:"score"`
	About    string          `json:"about"`
	First    string          `json:"firstSeen"`
	Last     string          `json:"lastSeen"`
	Signals  int             `json:"signals"`
	Stages   []sequence.Step `json:"stages"`
	Path     []string        `json:"path,omitempty"`
	Chains   []string        `json:"chains,omitempty"`
	Lacks    string          `json:"lacks,omitempty"`
}

func rowOf(q *sequence.Sequence) sequenceRow {
	return sequenceRow{
		ID: q.ID, Type: q.Type, Complete: q.Complete, Score: math.Round(q.Score*100) / 100, About: q.About(),
		First: finding.Timestamp(q.First), Last: finding.Timestamp(q.Last), Signals: len(q.Notes) + q.LeftOut,
		Stages: q.Steps(), Path: q.PathWords(), Chains: q.Chains(), Lacks: q.Lacks(),
	}
}

func (p *printer) sequencesTable(rows []sequenceRow) error {
	if len(rows) == 0 {
		_, err := fmt.Fprintln(p.w, "No attack sequences.")
		return err
	}
	for i, r := range rows {
		if i > 0 {
			fmt.Fprintln(p.w)
		}
		state := "half-finished"
		if r.Complete {
			state = "complete"
		}
		fmt.Fprintf(p.w, "%s, score %.2f: %s\n", state, r.Score, r.Type)
		fmt.Fprintf(p.w, "  about   %s\n  seen    %s to %s, %s\n  id      %s\n", printable(r.About), firstSeen(r.First), firstSeen(r.Last), signals(r.Signals), r.ID)
		for _, c := range r.Chains {
			fmt.Fprintf(p.w, "  linked  %s\n", printable(c))
		}
		if r.Lacks != "" {
			fmt.Fprintf(p.w, "  lacks   %s\n", printable(r.Lacks))
		}
		if err := p.stagesTable(r.Stages); err != nil {
			return err
		}
	}
	return nil
}

func signals(n int) string {
	if n == 1 {
		return "1 signal"
	}
	return fmt.Sprintf("%d signals", n)
}

// stagesTable prints what each stage is told by.
func (p *printer) stagesTable(stages []sequence.Step) error {
	tw := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "  STAGE\tSURPRISE\tFIRST SEEN\tSIGNAL")
	for _, st := range stages {
		what := st.Signal
		if !st.Strong {
			what += " (harmless alone)"
		}
		fmt.Fprintf(tw, "  %s\t%.1f\t%s\t%s\n", st.Stage, st.Surprise, firstSeen(st.Time), what)
	}
	return tw.Flush()
}
