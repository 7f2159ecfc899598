package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/app"
)

func rulesTest(s streams) *cobra.Command {
	var needed bool
	cmd := &cobra.Command{
		Use: "test [PATH…]", Short: "Run the tests that rules carry",
		Long: `Runs the tests of rules (x-vedette: tests): the records of each are read as a log
by the same line as a scan's, and must make the rule fire, or must not. Without a
path, those of the rule pack.

Exit status: 0 all tests passed, 1 one did not, or a rule does not load.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			set, shown, err := shownRules(args, s.err)
			if err != nil {
				return err
			}
			failed, ran, without := 0, 0, 0
			for _, r := range set.Rules() {
				r.Quiet = false // a rule that only a correlation asks for can be tested all the same
			}
			for _, r := range shown {
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
					if err := app.TryRule(cmd.Context(), set, r, t); err != nil {
						failed++
						name := ""
						if t.Name != "" {
							name = fmt.Sprintf(", test %q", t.Name)
						}
						fmt.Fprintf(s.out, "%s:%d: rule %q%s: %s\n", printable(r.File), t.Line, printable(r.Title), printable(name), printable(err.Error()))
					}
				}
			}
			fmt.Fprintf(s.out, "%d rules, %d tests, %d failed, %d rules without tests\n", len(shown), ran, failed, without)
			if failed > 0 {
				return exitCode(exitError)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&needed, "required", false, "a rule without tests fails")
	return cmd
}
