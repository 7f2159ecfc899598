package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/finding"
)

func catalogCommand(s streams) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "catalog [TYPE]",
		Short: "Show the finding types and what to do about them",
		Args:  atMostOne("finding type"),
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := printerFor(output, s)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				return catalogType(s, p, args[0])
			}
			types := finding.Catalog()
			if output != "table" {
				return each(p, types)
			}
			tw := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(tw, "TYPE\tSEVERITY\tSTATUS\tSOURCE")
			for _, t := range types {
				fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", t.Name, t.SeverityLabel, t.Status, t.Source)
			}
			return tw.Flush()
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

func catalogType(s streams, p *printer, name string) error {
	t, ok := finding.Lookup(name)
	if !ok {
		return fmt.Errorf("there is no finding type %q%s", name, similarTypes(name))
	}
	if p.format != "table" {
		return p.value(t)
	}
	fmt.Fprintf(s.out, "%s\n\n%s\n\n", t.Name, t.Trigger)
	tw := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	for _, row := range [][2]string{
		{"Severity", fmt.Sprintf("%s (%v)", t.SeverityLabel, t.Severity)}, {"Source", t.Source}, {"Resource", t.ResourceType},
		{"Tactic", t.Tactic}, {"Technique", t.Technique}, {"Detector", t.Detector}, {"Status", t.Status}, {"Note", t.Note},
	} {
		if row[1] != "" {
			fmt.Fprintf(tw, "%s\t%s\n", row[0], row[1])
		}
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(s.out, "\nWhat to do:")
	for i, step := range t.Remediation {
		fmt.Fprintf(s.out, "%2d. %s\n", i+1, step)
	}
	return nil
}

// similarTypes proposes the types whose name contains the given one.
func similarTypes(name string) string {
	var hits []string
	for _, t := range finding.Catalog() {
		if name != "" && strings.Contains(strings.ToLower(t.Name), strings.ToLower(name)) && len(hits) < 5 {
			hits = append(hits, t.Name)
		}
	}
	if len(hits) == 0 {
		return "; `vedette catalog` lists them all"
	}
	return "; did you mean " + strings.Join(hits, " or ") + "?"
}
