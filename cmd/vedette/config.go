package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/config"
)

func configCommand(s streams) *cobra.Command {
	var printFile string
	var textOnly bool
	check := &cobra.Command{
		Use: "check FILE", Short: "Check a configuration file, and the lists, keys, databases and certificates it names", Args: oneArg("file"),
		RunE: func(_ *cobra.Command, args []string) error {
			c, err := config.Load(args[0], nil)
			if err != nil {
				return err
			}
			err = errors.Join(app.CheckRules(c), app.CheckFeeds(c))
			if !textOnly {
				err = errors.Join(err, app.CheckFiles(c), app.CheckPeople(c))
			}
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			_, err = fmt.Fprintln(s.out, args[0]+": ok")
			return err
		},
	}
	check.Flags().BoolVar(&textOnly, "text-only", false, "do not read the files that it names, which may be on another machine")
	print := &cobra.Command{
		Use: "print", Short: "Print the configuration with all defaults filled in", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			c, err := config.Load(printFile, nil)
			if err != nil {
				return err
			}
			enc := yaml.NewEncoder(s.out)
			enc.SetIndent(2)
			if err := enc.Encode(c); err != nil {
				return err
			}
			return enc.Close()
		},
	}
	configFlag(print.Flags(), &printFile, "; the defaults without it")
	return group(&cobra.Command{Use: "config", Short: "Check and print the configuration"}, check, print)
}
