package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/rule"
)

func rulesCommand(s streams) *cobra.Command {
	return group(&cobra.Command{
		Use: "rules", Short: "Check, list and test rules of your own, written in Sigma",
	}, rulesCheck(s), rulesList(s), rulesTest(s))
}

// loadRules reads rules, and tells of those that are left out.
func loadRules(paths []string, warn io.Writer) (*rule.Set, error) {
	set, skipped, err := app.LoadRules(paths)
	if err != nil {
		lines := strings.Split(err.Error(), "\n")
		for i := range lines { // of what others wrote
			lines[i] = printable(lines[i])
		}
		return nil, errors.New(strings.Join(lines, "\n"))
	}
	if skipped > 0 {
		fmt.Fprintf(warn, "vedette: %d of the rules are about logs that are not read here, and left out; `vedette rules check` names them\n", skipped)
	}
	return set, nil
}

// rulesReport is what is wrong with rules.
type rulesReport struct {
	Files    int            `json:"files"`
	Loaded   int            `json:"loaded"`
	Problems []rule.Problem `json:"problems"`
}

func rulesCheck(s streams) *cobra.Command {
	var output string
	var strict bool
	cmd := &cobra.Command{
		Use: "check PATH…", Short: "Load rules, and tell what is wrong with those that do not load",
		Long: `Loads the rules of files and folders (*.yml, *.yaml) and tells, with file and
line, what is wrong with each that does not load and what to do about it.

A fault keeps a rule from being loaded. Skipped rules are about logs that Vedette
does not read. Notes are about rules that load, but may not do what is meant.

Exit status: 0 no fault, 1 a fault, or with --strict a skipped rule.`,
		Args: atLeastOne("a file or folder of rules"),
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := printerFor(output, s)
			if err != nil {
				return err
			}
			files, err := rule.ReadFiles(args...)
			if err != nil {
				return err
			}
			set, problems := rule.Load(files)
			if err := p.rulesReport(rulesReport{len(files), len(set.Rules()), append([]rule.Problem{}, problems...)}); err != nil {
				return err
			}
			for _, x := range problems {
				if x.Grade == rule.Fault || strict && x.Grade == rule.Skipped {
					return exitCode(exitError)
				}
			}
			return nil
		},
	}
	outputFlag(cmd, &output)
	cmd.Flags().BoolVar(&strict, "strict", false, "rules about logs that are not read are faults, too")
	return cmd
}

func (p *printer) rulesReport(r rulesReport) error {
	if p.format != "table" {
		return p.value(r)
	}
	count := map[rule.Grade]int{}
	for _, x := range r.Problems {
		count[x.Grade]++
		if _, err := fmt.Fprintf(p.w, "%s: %s\n", x.Grade, printable(x.Error())); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(p.w, "%d files, %d rules loaded, %d faults, %d skipped, %d notes\n", r.Files, r.Loaded, count[rule.Fault], count[rule.Skipped], count[rule.Note])
	return err
}

// ruleRow is a rule in a list.
type ruleRow struct {
	ID     string   `json:"id,omitempty"`
	Name   string   `json:"name,omitempty"`
	Title  string   `json:"title"`
	Level  string   `json:"level,omitempty"`
	Events []string `json:"events"`
	Kind   string   `json:"kind"`
	Quiet  bool     `json:"quiet,omitempty"`
	Tests  int      `json:"tests"`
	File   string   `json:"file"`
	Line   int      `json:"line"`
}

func rulesList(s streams) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "list PATH…", Short: "Show the rules of files and folders, and the events they are about",
		Args: atLeastOne("a file or folder of rules"),
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := printerFor(output, s)
			if err != nil {
				return err
			}
			set, err := loadRules(args, s.err)
			if err != nil {
				return err
			}
			rows := []ruleRow{}
			for _, r := range set.Rules() {
				kind := "rule"
				if r.Correlation != nil {
					kind = r.Correlation.Type
				}
				rows = append(rows, ruleRow{r.ID, r.Name, r.Title, r.Level, r.Kinds(), kind, r.Quiet, len(r.Vedette.Tests), r.File, r.Line})
			}
			if p.format != "table" {
				return each(p, rows)
			}
			tw := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', 0)
			fmt.Fprintln(tw, "LEVEL\tKIND\tEVENTS\tTESTS\tTITLE\tFILE")
			for _, r := range rows {
				fmt.Fprintf(tw, "%s\t%s\t%s\t%d\t%s\t%s:%d\n", orNone(r.Level), r.Kind, strings.Join(r.Events, ", "), r.Tests, short(r.Title), printable(r.File), r.Line)
			}
			return tw.Flush()
		},
	}
	outputFlag(cmd, &output)
	return cmd
}
