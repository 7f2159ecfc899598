package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/story"
)

// tell prints a finding for a person: what happened, why it is a finding, who
// it was, the records behind it and what to do.
func tell(w io.Writer, f *finding.Finding) error {
	fmt.Fprintf(w, "%s\n%s\n\n", printable(f.Title), printable(f.Description))
	info := story.Of(f)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(k, v string) {
		if v != "" {
			fmt.Fprintf(tw, "%s\t%s\n", k, printable(v))
		}
	}
	row("Finding", f.ID)
	row("Type", f.Type)
	row("Severity", fmt.Sprintf("%s (%v)", finding.SeverityLabel(f.Severity), f.Severity))
	row("Seen", fmt.Sprintf("%d times, %s to %s", f.Service.Count, f.Service.EventFirstSeen, f.Service.EventLastSeen))
	row("Why", info.Why)
	for _, a := range info.Actors {
		row("Who", story.Who(a))
	}
	for _, r := range info.Records {
		row("Record", story.Words(r.AuditID, r.EventID, r.Stage, "at", finding.Timestamp(r.Time)))
		row("Hidden", r.Hidden)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	if t, ok := finding.Lookup(f.Type); ok {
		fmt.Fprintln(w, "\nWhat to do:")
		for i, step := range t.Remediation {
			fmt.Fprintf(w, "%2d. %s\n", i+1, step)
		}
	}
	_, err := fmt.Fprintln(w)
	return err
}
