package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/backtest"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

func suppressionsCommand(s streams) *cobra.Command {
	var data dataFlags
	cmd := &cobra.Command{
		Use: "suppressions", Short: "List, show, add and remove suppression rules, and see what they hide",
		Long: `Works on the data directory of a server, while it runs or not.

A suppression rule is a filter of the API with the action ARCHIVE: findings that
match it when they are new are archived. Its tags vedette:owner, vedette:reason
and vedette:expires say whose it is, why it is there and until when.`,
	}
	data.register(cmd)
	return group(cmd, suppressionsList(s, &data), suppressionsShow(s, &data), suppressionsAdd(s, &data), suppressionsRemove(&data))
}

// suppressionRow is a suppression rule as it is shown.
type suppressionRow struct {
	Name        string     `json:"name"`
	Status      string     `json:"status"` // active, expired or faulty
	Owner       string     `json:"owner"`
	Reason      string     `json:"reason"`
	Expires     *time.Time `json:"expires,omitempty"` // the moment from which it hides nothing more
	Hidden      int64      `json:"hidden"`
	FirstHidden *time.Time `json:"firstHidden,omitempty"` // event times
	LastHidden  *time.Time `json:"lastHidden,omitempty"`
	Description string     `json:"description,omitempty"`
	Rank        int64      `json:"rank"`
	CreatedAt   time.Time  `json:"createdAt"`
	UpdatedAt   time.Time  `json:"updatedAt"`
	// Criteria are findingCriteria as the API has them.
	Criteria any              `json:"findingCriteria"`
	Types    map[string]int64 `json:"hiddenTypes,omitempty"`
	Preview  *previewRow      `json:"preview,omitempty"`

	filter finding.Filter
}

// suppressionRows are a detector's suppression rules, by rank, then name.
func suppressionRows(ctx context.Context, st *store.Store, detector string, now time.Time) ([]suppressionRow, error) {
	filters, err := st.Filters(ctx, detector)
	if err != nil {
		return nil, err
	}
	counts, err := st.Hidden(ctx, detector)
	if err != nil {
		return nil, err
	}
	rows := []suppressionRow{}
	for _, f := range filters {
		if f.Action != archive {
			continue
		}
		says, err := f.Tags.Suppression()
		r := suppressionRow{
			Name: f.Name, Status: "active", Owner: says.Owner, Reason: says.Reason, Expires: unlessZero(says.Expires), Description: f.Description, Rank: f.Rank,
			CreatedAt: f.CreatedAt, UpdatedAt: f.UpdatedAt, filter: f,
			Criteria: struct {
				Criterion finding.Criteria `json:"criterion"`
			}{f.Criteria},
		}
		switch {
		case err != nil || len(app.NewSuppressions([]finding.Filter{f}).Faults) > 0:
			r.Status = "faulty"
		case says.ExpiredAt(now):
			r.Status = "expired"
		}
		for i := range counts {
			if counts[i].Filter == f.Name {
				r.count(&counts[i])
			}
		}
		rows = append(rows, r)
	}
	return rows, nil
}

func (r *suppressionRow) count(h *store.Hidden) {
	if r.Types == nil {
		r.Types = map[string]int64{}
	}
	r.Types[h.Type] += h.Count
	r.Hidden += h.Count
	if r.FirstHidden == nil || h.First.Before(*r.FirstHidden) {
		r.FirstHidden = &h.First
	}
	if r.LastHidden == nil || h.Last.After(*r.LastHidden) {
		r.LastHidden = &h.Last
	}
}

// until is an expiry for people.
func (r *suppressionRow) until() string {
	switch {
	case r.Status == "faulty":
		return "cannot be read"
	case r.Expires == nil:
		return "never"
	case r.Expires.Truncate(24 * time.Hour).Equal(*r.Expires): // the end of a day
		return r.Expires.AddDate(0, 0, -1).Format(time.DateOnly)
	}
	return r.Expires.Format(time.RFC3339)
}

func (r *suppressionRow) last() string {
	if r.LastHidden == nil {
		return "-"
	}
	return r.LastHidden.Format(time.DateOnly)
}

func suppressionsList(s streams, data *dataFlags) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "list", Short: "List suppression rules with owner, reason, expiry and how much they have hidden", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := printerFor(output, s)
			if err != nil {
				return err
			}
			return withStore(cmd.Context(), data, func(st *store.Store, detector string) error {
				rows, err := suppressionRows(cmd.Context(), st, detector, time.Now())
				if err != nil {
					return err
				}
				if p.format != "table" {
					return each(p, rows)
				}
				if len(rows) == 0 {
					_, err := fmt.Fprintln(p.w, "No suppression rules.")
					return err
				}
				tw := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', 0)
				fmt.Fprintln(tw, "NAME\tSTATUS\tOWNER\tEXPIRES\tHIDDEN\tLAST\tREASON")
				for i := range rows {
					r := &rows[i]
					fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%d\t%s\t%s\n", printable(r.Name), r.Status, orNone(short(r.Owner)), r.until(), r.Hidden, r.last(), orNone(short(r.Reason)))
				}
				return tw.Flush()
			})
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

// wantsName says how to learn the names.
const wantsName = "suppression rule; `vedette suppressions list` shows them"

func suppressionsShow(s streams, data *dataFlags) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "show NAME", Short: "Show a suppression rule, what it has hidden, and what of the last 90 days it matches", Args: oneArg(wantsName),
		Long: `Shows a suppression rule whole. The last part holds it against the findings that
are stored of the last 90 days, as they are now, and as if it had been there all
the time and did not expire.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := printerFor(output, s)
			if err != nil {
				return err
			}
			return withStore(cmd.Context(), data, func(st *store.Store, detector string) error {
				now := time.Now()
				rows, err := suppressionRows(cmd.Context(), st, detector, now)
				if err != nil {
					return err
				}
				for i := range rows {
					if r := &rows[i]; r.Name == args[0] {
						if r.Status != "faulty" {
							if r.Preview, err = preview(cmd.Context(), st, r.filter, now); err != nil {
								return err
							}
						}
						return p.suppression(r)
					}
				}
				return fmt.Errorf("there is no suppression rule %q; `vedette suppressions list` shows them", args[0])
			})
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

// previewRow is what a filter matches of the stored findings.
type previewRow struct {
	Days     int            `json:"days"`
	Findings int            `json:"findings"` // stored
	Matching int            `json:"matching"` // archived ones, too
	Types    []backtest.Row `json:"types,omitempty"`
	Entities []backtest.Row `json:"entities,omitempty"`
}

// preview holds a filter against the stored findings, archived or not.
func preview(ctx context.Context, st *store.Store, f finding.Filter, now time.Time) (*previewRow, error) {
	f.Tags = nil // whenever it expires
	sup := app.NewSuppressions([]finding.Filter{f})
	if err := errors.Join(sup.Faults...); err != nil {
		return nil, withNearField(err)
	}
	row := &previewRow{Days: int(previewed / (24 * time.Hour))}
	var before, after []backtest.Found
	err := app.Recent(ctx, st, f.DetectorID, now.Add(-previewed), func(x *finding.Finding) error {
		row.Findings++
		by, err := sup.Hides(x)
		if err != nil || by == nil {
			return err
		}
		row.Matching++
		x.Service.AdditionalInfo, x.Service.RuntimeDetails = nil, nil // there may be many
		before = append(before, backtest.Found{Identity: x.ID, Finding: x})
		after = append(after, backtest.Found{Identity: x.ID, Finding: x, HiddenBy: by.Name})
		return nil
	})
	if err != nil {
		return nil, err
	}
	r := backtest.Compare(before, after)
	row.Types, row.Entities = r.Types, backtest.Top(r.Entities, shownEntities)
	return row, nil
}

// shownEntities is how many entities a preview names.
const shownEntities = 10
