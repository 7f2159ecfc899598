package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/rule"
	"github.com/vedette-project/vedette/rules"
)

func rulesCommand(s streams) *cobra.Command {
	return group(&cobra.Command{
		Use: "rules", Short: "Check, list and test rules: those of the rule pack, and your own, written in Sigma",
	}, rulesCheck(s), rulesList(s), rulesTest(s), rulesStatus(s))
}

// loadRules reads the rules that a configuration names and those of the pack
// that it leaves on, and tells of those that are left out.
func loadRules(d config.Detection, warn io.Writer) (*rule.Set, error) {
	set, err := app.RuleSet(d)
	if err == nil {
		tellSkipped(set, warn)
	}
	return set, err
}

// tellSkipped says that rules were left out.
func tellSkipped(set *rule.Set, warn io.Writer) {
	if n := set.Skipped(); n > 0 {
		fmt.Fprintf(warn, "vedette: %d of the rules are about logs that are not read here, and left out; `vedette rules check` names them\n", n)
	}
}

// shownRules are the rules that a command is about: those of some paths, or of
// the pack if none is named. What they may ask for of the pack is in the set.
func shownRules(paths []string, warn io.Writer) (set *rule.Set, shown []*rule.Rule, err error) {
	all := config.Detection{Rules: paths, RulePack: config.RulePack{Enabled: true}}
	if set, err = loadRules(all, warn); err != nil {
		return nil, nil, err
	}
	return set, slices.DeleteFunc(set.Rules(), func(r *rule.Rule) bool { return rules.Has(r) != (len(paths) == 0) }), nil
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
		Use: "check [PATH…]", Short: "Load rules, and tell what is wrong with those that do not load",
		Long: `Loads the rules of files and folders (*.yml, *.yaml) and tells, with file and
line, what is wrong with each that does not load and what to do about it. Without
a path, the rules of the pack.

A fault keeps a rule from being loaded. Skipped rules are about logs that Vedette
does not read. Notes are about rules that load, but may not do what is meant.

Exit status: 0 no fault, 1 a fault, or with --strict a skipped rule.`,
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := printerFor(output, s)
			if err != nil {
				return err
			}
			r, err := checkRules(args)
			if err != nil {
				return err
			}
			if err := p.rulesReport(r); err != nil {
				return err
			}
			for _, x := range r.Problems {
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

// checkRules loads rules as they would be in force, beside the pack, of which
// nothing is told unless no path is named.
func checkRules(paths []string) (r rulesReport, err error) {
	own, pack, err := app.FilesBeside(paths...)
	if err != nil {
		return r, err
	}
	set, problems := rule.Load(slices.Concat(pack, own))
	r = rulesReport{Files: len(own), Problems: []rule.Problem{}}
	if len(paths) == 0 {
		r.Files = len(pack)
	}
	for _, x := range problems {
		if rules.Brings(x.File) == (len(paths) == 0) {
			r.Problems = append(r.Problems, x)
		}
	}
	for _, x := range set.Rules() {
		if rules.Has(x) == (len(paths) == 0) {
			r.Loaded++
		}
	}
	return r, nil
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
	From   string   `json:"from"` // pack or own
	Title  string   `json:"title"`
	Type   string   `json:"type,omitempty"` // of findings, if the rule says it
	Level  string   `json:"level,omitempty"`
	Events []string `json:"events"`
	Kind   string   `json:"kind"`
	Quiet  bool     `json:"quiet,omitempty"`
	Tests  int      `json:"tests"`
	File   string   `json:"file"`
	Line   int      `json:"line"`
}

func rulesList(s streams) *cobra.Command {
	var output, file string
	cmd := &cobra.Command{
		Use: "list [PATH…]", Short: "Show the rules of the pack, or of files and folders, and the events they are about",
		Long: `Shows the rules of files and folders or, without a path, those of the rule pack.
With --config, the rules that are in force: of the pack those that are not
switched off or replaced, and those that the configuration names.`,
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := printerFor(output, s)
			if err != nil {
				return err
			}
			list, err := listedRules(file, args, s.err)
			if err != nil {
				return err
			}
			rows := []ruleRow{}
			for _, r := range list {
				kind := "rule"
				if r.Correlation != nil {
					kind = r.Correlation.Type
				}
				rows = append(rows, ruleRow{r.ID, r.Name, fromOf(r), r.Title, r.Vedette.Type, r.Level, r.Kinds(), kind, r.Quiet, len(r.Vedette.Tests), r.File, r.Line})
			}
			if p.format != "table" {
				return each(p, rows)
			}
			tw := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', 0)
			fmt.Fprintln(tw, "FROM\tLEVEL\tKIND\tEVENTS\tTESTS\tTITLE\tTYPE\tFILE")
			for _, r := range rows {
				fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s:%d\n", r.From, orNone(r.Level), r.Kind, strings.Join(r.Events, ", "), r.Tests, short(r.Title), orNone(r.Type), printable(r.File), r.Line)
			}
			return tw.Flush()
		},
	}
	outputFlag(cmd, &output)
	configFlag(cmd.Flags(), &file, " whose rules are shown")
	return cmd
}

// listedRules are the rules of a configuration, of paths, or of the pack.
func listedRules(file string, paths []string, warn io.Writer) ([]*rule.Rule, error) {
	if file == "" {
		_, list, err := shownRules(paths, warn)
		return list, err
	}
	if len(paths) > 0 {
		return nil, errors.New("rules list: name paths, or a configuration with --config, not both")
	}
	cfg, err := config.Load(file, nil)
	if err != nil {
		return nil, err
	}
	set, err := loadRules(cfg.Detection, warn)
	return set.Rules(), err
}

// fromOf tells where a rule comes from.
func fromOf(r *rule.Rule) string {
	if rules.Has(r) {
		return "pack"
	}
	return "own"
}
