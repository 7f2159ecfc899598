package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/vedette-project/vedette/internal/finding"
)

// story prints a finding for a person: what happened, why it is a finding, who
// it was, the records behind it and what to do.
func story(w io.Writer, f *finding.Finding) error {
	fmt.Fprintf(w, "%s\n%s\n\n", printable(f.Title), printable(f.Description))
	var info struct {
		Evidence struct {
			Why     string                   `json:"why"`
			Actors  []finding.Actor          `json:"actors"`
			Records []finding.EvidenceRecord `json:"records"`
		} `json:"evidence"`
	}
	if f.Service.AdditionalInfo != nil {
		_ = json.Unmarshal([]byte(f.Service.AdditionalInfo.Value), &info) // samples have other members
	}
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
	row("Why", info.Evidence.Why)
	for _, a := range info.Evidence.Actors {
		row("Who", who(a))
	}
	for _, r := range info.Evidence.Records {
		row("Record", words(r.AuditID, r.EventID, r.Stage, "at", finding.Timestamp(r.Time)))
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

// who tells of an actor what is known: of one that only flow logs or DNS
// queries show that is an address at most.
func who(a finding.Actor) string {
	w := a.Username
	if from := strings.Join(a.SourceIPs, ", "); from != "" {
		w = words(w, "from", from)
	}
	if a.UserAgent != "" {
		w = words(w, "with", a.UserAgent)
	}
	return w
}

// words are those that are not empty, with spaces between them.
func words(list ...string) string {
	return strings.Join(slices.DeleteFunc(list, func(w string) bool { return w == "" }), " ")
}
