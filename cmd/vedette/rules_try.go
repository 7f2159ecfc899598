package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/detect"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/rule"
)

func rulesTest(s streams) *cobra.Command {
	var needed bool
	cmd := &cobra.Command{
		Use: "test PATH…", Short: "Run the tests that rules carry",
		Long: `Runs the tests of rules (x-vedette: tests): the records of each are read as a log
by the same line as a scan's, and must make the rule fire, or must not.

Exit status: 0 all tests passed, 1 one did not, or a rule does not load.`,
		Args: atLeastOne("a file or folder of rules"),
		RunE: func(cmd *cobra.Command, args []string) error {
			set, err := loadRules(args, s.err)
			if err != nil {
				return err
			}
			failed, ran, without := 0, 0, 0
			for _, r := range set.Rules() {
				r.Quiet = false // a rule that only a correlation asks for can be tested all the same
			}
			for _, r := range set.Rules() {
				if len(r.Vedette.Tests) == 0 {
					without++
					if needed {
						failed++
						fmt.Fprintf(s.out, "%s:%d: rule %q has no test\n", printable(r.File), r.Line, printable(r.Title))
					}
				}
				for i := range r.Vedette.Tests {
					t := &r.Vedette.Tests[i]
					ran++
					if err := tryRule(cmd.Context(), set, r, t); err != nil {
						failed++
						name := ""
						if t.Name != "" {
							name = fmt.Sprintf(", test %q", t.Name)
						}
						fmt.Fprintf(s.out, "%s:%d: rule %q%s: %s\n", printable(r.File), t.Line, printable(r.Title), printable(name), printable(err.Error()))
					}
				}
			}
			fmt.Fprintf(s.out, "%d rules, %d tests, %d failed, %d rules without tests\n", len(set.Rules()), ran, failed, without)
			if failed > 0 {
				return exitCode(exitError)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&needed, "required", false, "a rule without tests fails")
	return cmd
}

// tryRule scans the records of a test.
func tryRule(ctx context.Context, set *rule.Set, r *rule.Rule, t *rule.Test) error {
	text, err := t.Log()
	if err != nil {
		return err
	}
	res, err := app.Scan(ctx, app.ScanOptions{
		Paths: []string{"-"}, Stdin: strings.NewReader(text), Workers: 1,
		Scope:  event.Scope{Account: "111122223333", Region: "us-east-1", Cluster: "example"},
		Detect: detect.Options{Rules: set}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	if evaluated := res.Ledger.Outcomes[event.Evaluated]; evaluated < int64(len(t.Records)) {
		return fmt.Errorf("of its %d records only %d could be judged: %v", len(t.Records), evaluated, res.Ledger.Reasons)
	}
	fired := false
	for _, f := range res.Findings {
		fired = fired || madeBy(f, r)
	}
	switch {
	case fired && !t.Fires:
		return fmt.Errorf("it fires, and must not")
	case !fired && t.Fires:
		return fmt.Errorf("it does not fire, and must")
	}
	return nil
}

// madeBy reports whether a rule made a finding.
func madeBy(f *finding.Finding, r *rule.Rule) bool {
	var info struct {
		Rule struct{ ID, Name, Title string }
	}
	if f.Service.AdditionalInfo == nil || json.Unmarshal([]byte(f.Service.AdditionalInfo.Value), &info) != nil {
		return false
	}
	return info.Rule.ID == r.ID && info.Rule.Name == r.Name && info.Rule.Title == r.Title
}
