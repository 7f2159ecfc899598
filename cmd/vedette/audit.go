package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/store"
)

func auditCommand(s streams) *cobra.Command {
	var data dataFlags
	cmd := &cobra.Command{Use: "audit", Short: "See who changed what"}
	data.register(cmd)
	return group(cmd, auditList(s, &data))
}

func auditList(s streams, data *dataFlags) *cobra.Command {
	var output, since, until string
	var q store.AuditQuery
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the changes that were asked for, newest first",
		Long: `Lists the calls of the API that change something, refused ones included, and
changes by commands, such as those of access keys: when, by whom, from where, what,
and how it ended.
An entry is written before its change is made; one without a status is of a call
that still runs, or whose server died in the middle.`,
		Example: `  vedette audit list --since 24h
  vedette audit list --key VDTAEXAMPLEEXAMPLE22 --operation DeleteDetector -o json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := printerFor(output, s)
			if err != nil {
				return err
			}
			now := time.Now()
			if q.Since, err = timeFlag("--since", since, now); err != nil {
				return err
			}
			if q.Until, err = timeFlag("--until", until, now); err != nil {
				return err
			}
			if q.Limit < 0 {
				return errors.New("--limit: must be 0, for all, or more")
			}
			cfg, err := data.existing()
			if err != nil {
				return err
			}
			st, err := app.OpenStore(cmd.Context(), cfg, time.Now)
			if err != nil {
				return err
			}
			defer st.Close()
			list, err := st.Audit(cmd.Context(), q)
			if err != nil {
				return err
			}
			if p.format == "table" {
				return p.auditTable(list)
			}
			return each(p, list)
		},
	}
	f := cmd.Flags()
	f.StringVar(&since, "since", "", "only from then on: a time such as 2026-05-01T12:00:00Z, a date, or how long ago, such as 24h")
	f.StringVar(&until, "until", "", "only before then, likewise")
	f.StringVar(&q.Actor, "key", "", `only of this access key, or person as oidc:NAME; "command line" and "server" name changes without one`)
	f.StringVar(&q.Operation, "operation", "", "only of this operation, such as DeleteDetector")
	f.IntVar(&q.Limit, "limit", 100, "how many, at most; 0 for all")
	outputFlag(cmd, &output)
	return cmd
}

// timeFlag reads a time, a date, or how long ago.
func timeFlag(flag, s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(s); err == nil {
		return now.Add(-d.Abs()), nil
	}
	for _, form := range []string{time.RFC3339, time.DateTime, time.DateOnly} {
		if t, err := time.Parse(form, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%s: %q is no time: write 2026-05-01T12:00:00Z, 2026-05-01, or 24h for a day ago", flag, s)
}

func (p *printer) auditTable(list []store.AuditEntry) error {
	tw := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "TIME\tBY\tROLE\tFROM\tOPERATION\tOUTCOME\tTARGET")
	for _, e := range list {
		outcome := "unknown"
		if e.Status != 0 {
			outcome = strconv.Itoa(e.Status)
		}
		if e.Code != "" {
			outcome += " " + e.Code
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", e.At.UTC().Format(time.DateTime), printable(e.Actor), dash(e.Role), dash(e.Source),
			printable(e.Operation), printable(outcome), printable(e.Target))
	}
	return tw.Flush()
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return printable(s)
}

// noted makes a change with its entry in the audit log: before it, and again
// when it ended.
func noted(ctx context.Context, st *store.Store, operation string, ids []string, change func() error) error {
	return notedWith(ctx, st, operation, ids, "", change)
}

// notedWith is noted for a change that says more than what it is about.
func notedWith(ctx context.Context, st *store.Store, operation string, ids []string, request string, change func() error) error {
	e := store.AuditEntry{At: time.Now().UTC(), Actor: "command line", Operation: operation, Target: strings.Join(ids, " "), Request: request}
	n, err := st.BeginAudit(ctx, e)
	if err != nil {
		return err
	}
	err = change()
	e.Status = http.StatusOK
	if err != nil {
		e.Status = http.StatusBadRequest
	}
	return errors.Join(err, st.EndAudit(ctx, n, e))
}
