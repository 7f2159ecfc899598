package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// group makes cmd a command that only holds others. Cobra alone would print
// the help and succeed when one of them is misspelt.
func group(cmd *cobra.Command, subs ...*cobra.Command) *cobra.Command {
	cmd.AddCommand(subs...)
	cmd.Args = cobra.ArbitraryArgs
	cmd.DisableFlagsInUseLine = true
	cmd.SuggestionsMinimumDistance = 2
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		hint := fmt.Sprintf("`%s --help` lists them", cmd.CommandPath())
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			hint = "did you mean " + strings.Join(near, " or ") + "?"
		}
		return fmt.Errorf("there is no command %q in %s; %s", args[0], cmd.CommandPath(), hint)
	}
	return cmd
}

// noArgs refuses arguments where a command takes flags only.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes no arguments, but was given %q; `%s --help` shows its flags", name(cmd), args[0], cmd.CommandPath())
	}
	return nil
}

// oneArg wants exactly one argument; what says of which kind. The next two
// bound the number on one side.
func oneArg(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("%s: name one %s, not %d", name(cmd), what, len(args))
		}
		return nil
	}
}

func atMostOne(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 1 {
			return fmt.Errorf("%s: name one %s at most, not %d", name(cmd), what, len(args))
		}
		return nil
	}
}

func atLeastOne(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return fmt.Errorf("%s: name %s", name(cmd), what)
		}
		return nil
	}
}

// name is a command without the program's, which every message starts with.
func name(cmd *cobra.Command) string {
	return strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
}

// flagError says where the flags are listed.
func flagError(cmd *cobra.Command, err error) error {
	return fmt.Errorf("%w; `%s --help` lists the flags", err, cmd.CommandPath())
}

// configVariable names the configuration file of every command that is not
// told of another one.
const configVariable = "VEDETTE_CONFIG"

// configFlag is the flag --config, as every command has it.
func configFlag(flags interface {
	StringVar(p *string, name, value, usage string)
}, file *string, more string) {
	flags.StringVar(file, "config", os.Getenv(configVariable), "configuration file (YAML)"+more+"; the environment variable "+configVariable+" names it, too")
}
