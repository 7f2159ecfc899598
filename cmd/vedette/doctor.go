package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/config"
)

// check is one thing that doctor looked at. No two have the same name.
type check struct {
	Group  string `json:"group"`
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
	d := &doctor{now: time.Now}
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check an installation: configuration, machine, server, store, sources, publishing",
		Long: `Looks at everything that can be wrong with an installation and says what to do.
It changes nothing. Exit status 1 when something is at fault; a note is worth
knowing and no fault.

With --reach it also calls the server under the URL by which others call it,
and says whether they can: name, certificate, credentials.

Groups: ` + strings.Join(groups(), ", ") + `.`,
		Example: `  vedette doctor
  vedette doctor --reach https://vedette.internal:8700 --token-file token
  vedette doctor --only reach --reach https://vedette.vedette.svc:8700 --ca-file ca.crt`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := printerFor(output, s)
			if err != nil {
				return err
			}
			if err := d.checkFlags(); err != nil {
				return err
			}
			d.examine(cmd.Context(), &data)
			if output == "table" {
				err = d.table(s.out)
			} else {
				err = p.value(d.checks)
			}
			if err != nil {
				return err
			}
			for _, c := range d.checks {
				if c.Status == statusFault {
					return exitCode(exitError)
				}
			}
			return nil
		},
	}
	data.register(cmd)
	f := cmd.Flags()
	f.StringSliceVar(&d.only, "only", nil, "look at these groups alone")
	d.reachFlags(cmd)
	outputFlag(cmd, &output)
	return cmd
}

func (d *doctor) checkFlags() error {
	for _, g := range d.only {
		if !isGroup(g) {
			return fmt.Errorf("--only %q is not a group; use some of %s", g, strings.Join(groups(), ", "))
		}
	}
	return d.checkReach()
}

// examine looks at one part after the other.
func (d *doctor) examine(ctx context.Context, data *dataFlags) {
	var err error
	d.in("configuration")
	if d.cfg, err = data.load(); err != nil {
		d.group = "configuration"
		d.say(statusFault, "configuration", "%v", err)
		return
	}
	if d.in("configuration") {
		d.say(statusOK, "configuration", "account %s, Region %s, data in %s", d.cfg.Account, d.cfg.Region, dataOf(d.cfg))
	}
	if d.in("server") {
		d.server(ctx)
		d.certificates(ctx)
		d.people(ctx)
	}
	if d.in("machine") {
		d.folder()
		d.secrets()
		d.room()
	}
	if d.in("sources") {
		for _, f := range d.cfg.Ingest.Follow {
			d.readable("followed log "+f.Path, f.Path)
		}
		for _, f := range d.cfg.Ingest.Folders {
			d.readable("folder "+f.Path, f.Path)
		}
	}
	if d.in("intelligence") {
		d.intelligence()
	}
	d.store(ctx)
	if d.in("sensor") {
		d.sensor()
	}
	if d.in("reach") {
		d.reached(ctx)
	}
}

// doctor looks at one part after the other and notes what it finds.
type doctor struct {
	cfg    *config.Config
	now    func() time.Time
	only   []string     // groups to look at; none is all
	group  string       // of what is looked at
	silent bool         // no server answered
	loads  map[int]load // what the running server tells of its shards
	reach  reach
	// account and region are what the store's server serves.
	account, region string
	checks          []check
}

// in begins a group, and reports whether it is asked for.
func (d *doctor) in(group string) bool {
	d.group = group
	return d.wants(group)
}

// say notes a finding. Errors of several lines become one.
func (d *doctor) say(status, name, format string, args ...any) {
	detail := strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", "; ")
	d.checks = append(d.checks, check{d.group, name, status, detail})
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
