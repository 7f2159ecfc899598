package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

func findingsCommand(s streams) *cobra.Command {
	var data dataFlags
	cmd := &cobra.Command{
		Use: "findings", Short: "List, show, archive and export the findings of a server",
		Long: "Works on the data directory of a server, while it runs or not.",
	}
	data.register(cmd)
	return group(cmd, findingsList(s, &data), findingsGet(s, &data), findingsArchive(&data, true), findingsArchive(&data, false), findingsExport(s, &data), findingsFeedback(s, &data))
}

// findingFilter are the flags that choose findings.
type findingFilter struct {
	types, clusters    []string
	severity           string
	archived, everyone bool
	limit              int
}

func (f *findingFilter) register(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringSliceVar(&f.types, "type", nil, "only these finding types")
	fl.StringSliceVar(&f.clusters, "cluster", nil, "only these clusters")
	fl.StringVar(&f.severity, "severity", "", "at least this severe: low, medium, high, critical, or a number")
	fl.BoolVar(&f.archived, "archived", false, "only archived findings")
	fl.BoolVar(&f.everyone, "all", false, "archived findings, too")
	fl.IntVar(&f.limit, "limit", 0, "at most this many, newest first; 0 means all")
}

func (f *findingFilter) criteria() (finding.Criteria, error) {
	c := finding.Criteria{}
	if len(f.types) > 0 {
		c["type"] = finding.Condition{Equals: f.types}
	}
	if len(f.clusters) > 0 {
		c["resource.eksClusterDetails.name"] = finding.Condition{Equals: f.clusters}
	}
	if f.severity != "" {
		n, err := parseSeverity(f.severity)
		if err != nil {
			return nil, fmt.Errorf("--severity %q: use low, medium, high, critical or a number from 0 to 10", f.severity)
		}
		c["severity"] = finding.Condition{GreaterThanOrEqual: &n}
	}
	if !f.everyone {
		c["service.archived"] = finding.Condition{Equals: []string{fmt.Sprint(f.archived)}}
	}
	return c, nil
}

// withStore opens the store of a server and says which detector's findings are
// meant.
func withStore(ctx context.Context, data *dataFlags, use func(st *store.Store, detector string) error) error {
	cfg, err := data.existing()
	if err != nil {
		return err
	}
	st, err := app.OpenStore(ctx, cfg, time.Now)
	if err != nil {
		return err
	}
	defer st.Close()
	return use(st, finding.DetectorID(app.Served(ctx, st, cfg.Account, cfg.Region)))
}

// selectFindings reads the findings that a filter chooses, page by page.
func selectFindings(ctx context.Context, st *store.Store, detector string, f *findingFilter) ([]*finding.Finding, error) {
	c, err := f.criteria()
	if err != nil {
		return nil, err
	}
	const page = 50
	q := finding.Query{DetectorID: detector, Criteria: c, Limit: page}
	var out []*finding.Finding
	for {
		ids, next, err := st.ListFindings(ctx, q)
		if err != nil {
			return nil, err
		}
		fs, err := st.Findings(ctx, detector, ids, finding.Sort{})
		if err != nil {
			return nil, err
		}
		out = append(out, fs...)
		if f.limit > 0 && len(out) >= f.limit {
			return out[:f.limit], nil
		}
		if next == "" {
			return out, nil
		}
		q.After = next
	}
}

func findingsList(s streams, data *dataFlags) *cobra.Command {
	var output string
	var filter findingFilter
	cmd := &cobra.Command{
		Use: "list", Short: "List findings, newest first", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := printerFor(output, s)
			if err != nil {
				return err
			}
			return p.selected(cmd.Context(), data, &filter)
		},
	}
	filter.register(cmd)
	outputFlag(cmd, &output)
	return cmd
}

func findingsExport(s streams, data *dataFlags) *cobra.Command {
	var filter findingFilter
	cmd := &cobra.Command{
		Use: "export", Short: "Print findings as JSON lines, one GuardDuty finding a line", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return (&printer{format: "jsonl", w: s.out}).selected(cmd.Context(), data, &filter)
		},
	}
	filter.register(cmd)
	return cmd
}

// selected prints the findings that a filter chooses.
func (p *printer) selected(ctx context.Context, data *dataFlags, filter *findingFilter) error {
	return withStore(ctx, data, func(st *store.Store, detector string) error {
		fs, err := selectFindings(ctx, st, detector, filter)
		if err != nil {
			return err
		}
		return p.findings(fs)
	})
}

const wantsID = "the id of a finding; `vedette findings list -o jsonl` shows them"

func findingsGet(s streams, data *dataFlags) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "get ID…", Short: "Show findings whole", Args: atLeastOne(wantsID),
		RunE: func(cmd *cobra.Command, ids []string) error {
			p, err := printerFor(output, s)
			if err != nil {
				return err
			}
			return withStore(cmd.Context(), data, func(st *store.Store, detector string) error {
				fs, err := st.Findings(cmd.Context(), detector, ids, finding.Sort{})
				if err != nil {
					return err
				}
				if len(fs) < len(ids) {
					return fmt.Errorf("%d of %d findings are not there; `vedette findings list --all -o jsonl` shows the ids", len(ids)-len(fs), len(ids))
				}
				return p.stories(fs)
			})
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

// stories prints findings whole: as stories for people, as data otherwise.
func (p *printer) stories(fs []*finding.Finding) error {
	if p.format != "table" {
		return p.findings(fs)
	}
	for _, f := range fs {
		if err := tell(p.w, f); err != nil {
			return err
		}
	}
	return nil
}

func findingsArchive(data *dataFlags, archived bool) *cobra.Command {
	use, short := "archive ID…", "Archive findings"
	if !archived {
		use, short = "unarchive ID…", "Bring archived findings back"
	}
	return &cobra.Command{
		Use: use, Short: short, Args: atLeastOne(wantsID),
		RunE: func(cmd *cobra.Command, ids []string) error {
			return withStore(cmd.Context(), data, func(st *store.Store, detector string) error {
				operation := map[bool]string{true: "ArchiveFindings", false: "UnarchiveFindings"}[archived]
				err := noted(cmd.Context(), st, operation, ids, func() error { return st.SetArchived(cmd.Context(), detector, ids, archived) })
				if errors.Is(err, finding.ErrNotFound) {
					return errors.New("one of the ids is not there; nothing was changed")
				}
				return err
			})
		},
	}
}
