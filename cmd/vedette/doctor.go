package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/config"
)

// check is one thing that doctor looked at. No two have the same name.
type check struct {
	Name   string `json:"check"`
	Status string `json:"status"`
	Detail string `json:"detail"`
}

// The statuses of a check. A fault makes the exit status 1.
const (
	statusOK    = "ok"
	statusNote  = "note"
	statusFault = "fault"
)

func doctorCommand(s streams) *cobra.Command {
	var data dataFlags
	var output string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check an installation: configuration, store, server and the accounting of records",
		Long:  "Looks at everything that can be wrong with an installation and says what to do. Exit status 1 when something is.",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := printerFor(output, s)
			if err != nil {
				return err
			}
			checks := examine(cmd.Context(), &data)
			if output == "table" {
				tw := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
				for _, c := range checks {
					fmt.Fprintf(tw, "%s\t%s\t%s\n", c.Status, printable(c.Name), printable(c.Detail))
				}
				err = tw.Flush()
			} else {
				err = p.value(checks)
			}
			if err != nil {
				return err
			}
			for _, c := range checks {
				if c.Status == statusFault {
					return exitCode(exitError)
				}
			}
			return nil
		},
	}
	data.register(cmd)
	outputFlag(cmd, &output)
	return cmd
}

func examine(ctx context.Context, data *dataFlags) []check {
	d := &doctor{now: time.Now}
	var err error
	if d.cfg, err = data.load(); err != nil {
		d.say(statusFault, "configuration", "%v", err)
		return d.checks
	}
	d.say(statusOK, "configuration", "account %s, Region %s, data in %s", d.cfg.Account, d.cfg.Region, dataOf(d.cfg))
	d.server(ctx)
	d.people(ctx)
	d.room()
	for _, f := range d.cfg.Ingest.Follow {
		d.readable("followed log "+f.Path, f.Path)
	}
	for _, f := range d.cfg.Ingest.Folders {
		d.readable("folder "+f.Path, f.Path)
	}
	d.intelligence()
	d.store(ctx)
	d.sensor()
	return d.checks
}

// doctor looks at one part after the other and notes what it finds.
type doctor struct {
	cfg    *config.Config
	now    func() time.Time
	silent bool         // no server answered
	loads  map[int]load // what the running server tells of its shards
	// account and region are what the store's server serves.
	account, region string
	checks          []check
}

// say notes a finding. Errors of several lines become one.
func (d *doctor) say(status, name, format string, args ...any) {
	detail := strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", "; ")
	d.checks = append(d.checks, check{name, status, detail})
}

// shared reports whether the store is a database that processes share.
func (d *doctor) shared() bool { return d.cfg.Store.Postgres.URL != "" }

// dataOf says where the findings are, without the password of a database.
func dataOf(cfg *config.Config) string {
	if cfg.Store.Postgres.URL == "" {
		return cfg.Store.DataDir
	}
	u, err := url.Parse(cfg.Store.Postgres.URL)
	if err != nil || u.Host == "" {
		return "PostgreSQL"
	}
	return "PostgreSQL at " + u.Host + u.Path
}

// journalOf says where the journal is, without passwords.
func journalOf(cfg *config.Config) string {
	var hosts []string
	for _, one := range cfg.Journal.NATS.URLs() {
		if u, err := url.Parse(one); err == nil {
			hosts = append(hosts, u.Host)
		}
	}
	if len(hosts) == 0 {
		return "embedded"
	}
	return "NATS at " + strings.Join(hosts, ",")
}

func (d *doctor) readable(what, path string) {
	f, err := os.Open(path)
	if err != nil {
		d.say(statusFault, what, "%v", err)
		return
	}
	f.Close()
	d.say(statusOK, what, "it can be read")
}
