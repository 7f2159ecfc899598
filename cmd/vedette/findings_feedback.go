package main

import (
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

func findingsFeedback(s streams, data *dataFlags) *cobra.Command {
	return group(&cobra.Command{
		Use: "feedback", Short: "Say which findings were useful, and show what was said",
		Long: `What a finding of a model of usual behaviour shows is expected from then on, when
it is called not useful. Calling it useful takes that back.`,
	}, feedbackList(s, data), feedbackGive(data, "useful", "USEFUL", "Call findings useful"), feedbackGive(data, "not-useful", "NOT_USEFUL", "Call findings not useful: what they show is expected"))
}

func feedbackGive(data *dataFlags, use, feedback, short string) *cobra.Command {
	var comment string
	cmd := &cobra.Command{
		Use: use + " ID…", Short: short, Args: atLeastOne(wantsID),
		RunE: func(cmd *cobra.Command, ids []string) error {
			return withStore(cmd.Context(), data, func(st *store.Store, detector string) error {
				err := noted(cmd.Context(), st, "UpdateFindingsFeedback", ids, func() error {
					return st.SetFeedback(cmd.Context(), detector, ids, feedback, comment)
				})
				if errors.Is(err, finding.ErrNotFound) {
					return errors.New("one of the ids is not there; nothing was changed")
				}
				return err
			})
		},
	}
	cmd.Flags().StringVar(&comment, "comment", "", "why")
	return cmd
}

// feedbackRow is what was said of a finding.
type feedbackRow struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Feedback string `json:"feedback"`
	Comment  string `json:"comment,omitempty"`
	// Waiting: detection has not taken it up yet.
	Waiting bool   `json:"waiting"`
	Title   string `json:"title"`
}

func feedbackList(s streams, data *dataFlags) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "list", Short: "List what was said of findings, newest first", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := printerFor(output, s)
			if err != nil {
				return err
			}
			return withStore(cmd.Context(), data, func(st *store.Store, detector string) error {
				rows, err := feedbackRows(cmd, st, detector)
				if err != nil {
					return err
				}
				return p.feedback(rows)
			})
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

// manyFeedback bounds how much of what waits is looked at.
const manyFeedback = 10_000

func feedbackRows(cmd *cobra.Command, st *store.Store, detector string) ([]feedbackRow, error) {
	waits := map[string]bool{}
	waiting, err := st.FeedbackWaiting(cmd.Context(), manyFeedback)
	if err != nil {
		return nil, err
	}
	for _, f := range waiting {
		waits[f.ID] = f.DetectorID == detector
	}
	rows := []feedbackRow{}
	const page = 50
	q := finding.Query{DetectorID: detector, Limit: page, Criteria: finding.Criteria{
		"service.userFeedback": finding.Condition{Equals: []string{"USEFUL", "NOT_USEFUL"}},
	}}
	for {
		ids, next, err := st.ListFindings(cmd.Context(), q)
		if err != nil {
			return nil, err
		}
		fs, err := st.Findings(cmd.Context(), detector, ids, finding.Sort{})
		if err != nil {
			return nil, err
		}
		comments, err := st.FeedbackComments(cmd.Context(), detector, ids)
		if err != nil {
			return nil, err
		}
		for _, f := range fs {
			rows = append(rows, feedbackRow{f.ID, f.Type, f.Service.UserFeedback, comments[f.ID], waits[f.ID], f.Title})
		}
		if q.After = next; next == "" {
			return rows, nil
		}
	}
}

func (p *printer) feedback(rows []feedbackRow) error {
	if p.format != "table" {
		return each(p, rows)
	}
	if len(rows) == 0 {
		_, err := fmt.Fprintln(p.w, "Nothing was said of any finding.")
		return err
	}
	tw := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "FEEDBACK\tTAKEN UP\tTYPE\tID\tFINDING\tCOMMENT")
	for _, r := range rows {
		taken := "yes"
		if r.Waiting {
			taken = "not yet"
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Feedback, taken, r.Type, r.ID, printable(r.Title), printable(r.Comment))
	}
	return tw.Flush()
}
