package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/simulate"
)

func simulateCommand(s streams) *cobra.Command {
	var all, list bool
	var at string
	cmd := &cobra.Command{
		Use:   "simulate TYPE… | --all | --list",
		Short: "Print source records that make finding types fire",
		Long: `Prints realistic source records, never findings: what an API server, CloudTrail,
a flow log or a resolver would have logged. Pipe them into a scan, or push them to
a server, to see findings made.`,
		Example: `  vedette simulate Policy:Kubernetes/ExposedDashboard | vedette scan -
  vedette simulate --all | vedette scan -
  vedette simulate Recon:EC2/Portscan | curl --data-binary @- http://127.0.0.1:8700/ingest/vpc-flow`,
		RunE: func(_ *cobra.Command, types []string) error {
			start := time.Now()
			if at != "" {
				t, err := time.Parse(time.RFC3339, at)
				if err != nil {
					return fmt.Errorf("--time %q: use RFC 3339, such as 2026-01-31T12:00:00Z", at)
				}
				start = t
			}
			switch {
			case list:
				for _, t := range simulate.Types() {
					fmt.Fprintln(s.out, t)
				}
				return nil
			case all && len(types) > 0:
				return errors.New("name types or say --all, not both")
			case all:
				types = simulate.Types()
			case len(types) == 0:
				return errors.New("name a finding type, or say --all or --list")
			}
			types, times := simulate.Schedule(types, start)
			for i, t := range types {
				lines, err := simulate.Records(t, times[i])
				if err != nil {
					return err
				}
				for _, l := range lines {
					if _, err := fmt.Fprintln(s.out, l); err != nil {
						return err
					}
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "records for every type that can be simulated")
	cmd.Flags().BoolVar(&list, "list", false, "list the types that can be simulated")
	cmd.Flags().StringVar(&at, "time", "", "when it happens, RFC 3339 (default now); what takes days of ordinary records before it has them before")
	return cmd
}
