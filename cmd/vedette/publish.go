package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/publish"
	"github.com/vedette-project/vedette/internal/store"
)

func publishCommand(s streams) *cobra.Command {
	var data dataFlags
	cmd := &cobra.Command{
		Use: "publish", Short: "See and try where findings are published to",
		Long: `Shows the targets of publish.targets and how they are, the events that one of
them refused, and tries a target with a sample finding.`,
	}
	data.register(cmd)
	return group(cmd, publishList(s, &data), publishDead(s, &data), publishResend(s, &data), publishTest(s, &data))
}

// targetRow is a target as it is listed.
type targetRow struct {
	Name     string     `json:"name"`
	Type     string     `json:"type"`
	State    string     `json:"state"` // ok, behind, failing or new
	Sent     int64      `json:"sent"`
	Dead     int64      `json:"deadLetters"`
	Waiting  int64      `json:"updatesWaiting"` // for their time
	LastSent *time.Time `json:"lastSent,omitempty"`
	Behind   *time.Time `json:"behindSince,omitempty"`
	Error    string     `json:"error,omitempty"`
	Since    *time.Time `json:"failingSince,omitempty"`
	Next     *time.Time `json:"nextTry,omitempty"`
}

func publishList(s streams, data *dataFlags) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "list", Short: "List the targets and how they are", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := printerFor(output, s)
			if err != nil {
				return err
			}
			return withTargets(cmd.Context(), data, func(st *store.Store, cfg *config.Config) error {
				rows := []targetRow{}
				for _, t := range targetsOf(cmd.Context(), st, cfg) {
					row, err := targetState(cmd.Context(), st, t.name, t.kind, time.Now())
					if err != nil {
						return err
					}
					rows = append(rows, row)
				}
				return p.targets(rows)
			})
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

type namedTarget struct{ name, kind string }

// targetsOf are the targets of the configuration and the destinations of the API.
func targetsOf(ctx context.Context, st *store.Store, cfg *config.Config) (out []namedTarget) {
	if cfg.Publish.File != "" {
		out = append(out, namedTarget{app.PublishFile, "publish.file"})
	}
	for i := range cfg.Publish.Targets {
		out = append(out, namedTarget{cfg.Publish.Targets[i].Name, cfg.Publish.Targets[i].Type})
	}
	list, err := st.Destinations(ctx, "")
	if err != nil {
		return out
	}
	for _, d := range list {
		out = append(out, namedTarget{app.DestinationTarget(d.ID), "destination"})
	}
	return out
}

func targetState(ctx context.Context, st *store.Store, name, kind string, now time.Time) (targetRow, error) {
	row := targetRow{Name: name, Type: kind, State: "ok"}
	text, err := st.PublishStatus(ctx, name)
	if err != nil {
		return row, err
	}
	status, err := publish.ParseStatus(text)
	if err != nil {
		return row, fmt.Errorf("read how %s is: %w", name, err)
	}
	if row.Dead, err = st.CountDead(ctx, name); err != nil {
		return row, err
	}
	if row.Waiting, err = st.PublishWaiting(ctx, name); err != nil {
		return row, err
	}
	row.Sent, row.Error = status.Sent, status.Error
	row.LastSent, row.Since, row.Next = stamp(status.LastSent), stamp(status.Since), stamp(status.Next)
	cursor, err := st.Cursor(ctx, publish.CursorName(name))
	fresh := errors.Is(err, finding.ErrNotFound)
	if err != nil && !fresh {
		return row, err
	}
	waiting, err := st.Changes(ctx, string(cursor), 1)
	if err != nil {
		return row, err
	}
	switch {
	case status.Error != "":
		row.State = "failing"
	case fresh:
		row.State = "new"
	case len(waiting) > 0 && now.Sub(waiting[0].At) > publishLag:
		row.State = "behind"
	}
	if len(waiting) > 0 && !fresh {
		row.Behind = stamp(waiting[0].At)
	}
	return row, nil
}

func stamp(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func (p *printer) targets(rows []targetRow) error {
	if p.format != "table" {
		return p.value(rows)
	}
	tw := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "NAME\tTYPE\tSTATE\tSENT\tDEAD LETTERS\tUPDATES WAITING\tLAST SENT\tERROR")
	for _, r := range rows {
		last := "never"
		if r.LastSent != nil {
			last = r.LastSent.Format(time.DateTime)
		}
		state := r.State
		if r.Since != nil {
			state += " since " + r.Since.Format(time.DateTime)
		} else if r.State == "behind" {
			state += " since " + r.Behind.Format(time.DateTime)
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%d\t%d\t%d\t%s\t%s\n", r.Name, r.Type, state, r.Sent, r.Dead, r.Waiting, last, printable(r.Error))
	}
	return tw.Flush()
}

// deadRow is a dead letter as it is listed.
type deadRow struct {
	Number int64     `json:"number"`
	Event  string    `json:"event"`
	Type   string    `json:"type"`
	ID     string    `json:"finding,omitempty"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
	Resend bool      `json:"resend"` // on its way again
}

// deadAtOnce is how many dead letters are read at once.
const deadAtOnce = 500

func publishDead(s streams, data *dataFlags) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "dead NAME", Short: "List the events that a target refused for good, and why", Args: oneArg("name of a target"),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := printerFor(output, s)
			if err != nil {
				return err
			}
			return withTargets(cmd.Context(), data, func(st *store.Store, cfg *config.Config) error {
				if err := knownTarget(cmd.Context(), st, cfg, args[0]); err != nil {
					return err
				}
				rows, after := []deadRow{}, int64(0)
				for {
					list, err := st.DeadLetters(cmd.Context(), args[0], after, deadAtOnce)
					if err != nil {
						return err
					}
					for _, d := range list {
						rows, after = append(rows, deadRowOf(d)), d.N
					}
					if len(list) < deadAtOnce {
						return p.dead(rows)
					}
				}
			})
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

func deadRowOf(d store.DeadLetter) deadRow {
	row := deadRow{Number: d.N, Event: d.Event, At: d.At, Reason: d.Reason, Resend: d.Resend}
	e, err := publish.ParseLetter(d.Data)
	if err != nil {
		row.Type = "unreadable"
		return row
	}
	row.Type = e.DetailType
	if f := e.Finding(); f != nil {
		row.Type, row.ID = f.Type, f.ID
	}
	return row
}

func (p *printer) dead(rows []deadRow) error {
	if p.format != "table" {
		return p.value(rows)
	}
	tw := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "NUMBER\tREFUSED\tTYPE\tFINDING\tREASON")
	for _, r := range rows {
		reason := r.Reason
		if r.Resend {
			reason = "(is sent again) " + reason
		}
		fmt.Fprintf(tw, "%d\t%s\t%s\t%s\t%s\n", r.Number, r.At.Format(time.DateTime), printable(r.Type), printable(r.ID), printable(reason))
	}
	return tw.Flush()
}

func publishResend(s streams, data *dataFlags) *cobra.Command {
	return &cobra.Command{
		Use: "resend NAME [NUMBER…]", Short: "Send refused events once more: those of some numbers, or all",
		Long: `Has the server send events once more that a target refused, as they were. What
the target takes is a dead letter no more.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("name the target; `vedette publish list` lists them")
			}
			var numbers []int64
			for _, a := range args[1:] {
				n, err := strconv.ParseInt(a, 10, 64)
				if err != nil || n < 1 {
					return fmt.Errorf("%q is not a number of a dead letter; `vedette publish dead %s` lists them", a, args[0])
				}
				numbers = append(numbers, n)
			}
			return withTargets(cmd.Context(), data, func(st *store.Store, cfg *config.Config) error {
				if err := knownTarget(cmd.Context(), st, cfg, args[0]); err != nil {
					return err
				}
				var n int64
				err := noted(cmd.Context(), st, "ResendDeadLetters", args, func() (err error) {
					n, err = st.ResendDead(cmd.Context(), args[0], numbers)
					if err == nil && n == 0 {
						err = fmt.Errorf("%s has no such dead letters", args[0])
					}
					return err
				})
				if err != nil {
					return err
				}
				fmt.Fprintf(s.err, "%d events will be sent again by the server\n", n)
				return nil
			})
		},
	}
}

// known wants a target to be one that there is.
func knownTarget(ctx context.Context, st *store.Store, cfg *config.Config, name string) error {
	var names []string
	for _, t := range targetsOf(ctx, st, cfg) {
		if t.name == name {
			return nil
		}
		names = append(names, t.name)
	}
	if len(names) == 0 {
		return errors.New("there are no targets; name the server's configuration with --config, and targets in publish.targets there")
	}
	return fmt.Errorf("there is no target %s; there are %s", name, strings.Join(names, ", "))
}

// sampleType is the type of the sample finding that a target is tried with.
const sampleType = "Execution:Kubernetes/ExecInKubeSystemPod"

func publishTest(s streams, data *dataFlags) *cobra.Command {
	var kind string
	cmd := &cobra.Command{
		Use: "test NAME", Short: "Send a sample finding to a target now, and say what it answers", Args: oneArg("name of a target"),
		Long: `Sends one sample finding, marked [SAMPLE], to a target of the configuration, at
once and from here: no server need run, and nothing is remembered of it.`,
		Example: `  vedette publish test --config vedette.yaml slack
  vedette publish test --config vedette.yaml --type AttackSequence:EKS/CompromisedCluster pagerduty`,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := data.load()
			if err != nil {
				return err
			}
			sample, ok := finding.Lookup(kind)
			if !ok {
				return fmt.Errorf("--type: %q is not a finding type; `vedette catalog` lists them", kind)
			}
			for i := range cfg.Publish.Targets {
				t := &cfg.Publish.Targets[i]
				if t.Name != args[0] {
					continue
				}
				built, err := app.BuildTarget(cmd.Context(), cfg, t, time.Now, version())
				if err != nil {
					return err
				}
				ctx, cancel := context.WithTimeout(cmd.Context(), built.Policy.Timeout)
				defer cancel()
				now := time.Now()
				if err := built.Target.Send(ctx, []publish.Event{publish.FindingEvent(finding.Sample(sample, cfg.Account, cfg.Region, now), now)}); err != nil {
					return fmt.Errorf("%s: %w", t.Name, err)
				}
				fmt.Fprintf(s.err, "%s took a sample finding of type %s\n", t.Name, kind)
				return nil
			}
			return fmt.Errorf("there is no target %s in publish.targets; is --config the right file?", args[0])
		},
	}
	cmd.Flags().StringVar(&kind, "type", sampleType, "finding type of the sample")
	return cmd
}

// withTargets opens the store that the flags name.
func withTargets(ctx context.Context, data *dataFlags, use func(*store.Store, *config.Config) error) error {
	cfg, err := data.existing()
	if err != nil {
		return err
	}
	st, err := app.OpenStore(ctx, cfg, time.Now)
	if err != nil {
		return err
	}
	defer st.Close()
	return use(st, cfg)
}
