package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/store"
)

// check is one thing that doctor looked at.
type check struct {
	Name   string `json:"check"`
	Status string `json:"status"` // ok, note or fault
	Detail string `json:"detail"`
}

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
					fmt.Fprintf(tw, "%s\t%s\t%s\n", c.Status, c.Name, printable(c.Detail))
				}
				err = tw.Flush()
			} else {
				err = p.value(checks)
			}
			if err != nil {
				return err
			}
			for _, c := range checks {
				if c.Status == "fault" {
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
	cfg, err := data.load()
	if err != nil {
		return []check{{"configuration", "fault", err.Error()}}
	}
	out := []check{{"configuration", "ok", fmt.Sprintf("account %s, Region %s, data in %s", cfg.Account, cfg.Region, cfg.Store.DataDir)}}
	out = append(out, examineServer(ctx, cfg))
	for _, f := range cfg.Ingest.Follow {
		out = append(out, examineFile("followed log", f.Path))
	}
	path := app.StoreFile(cfg.Store.DataDir)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return append(out, check{"store", "note", "there is none in " + cfg.Store.DataDir + "; `vedette serve` makes it"})
	}
	sealing, sealer := examineSealing(cfg)
	out = append(out, sealing)
	st, err := store.Open(ctx, path, store.Options{Now: time.Now})
	if err != nil {
		var version *store.VersionError
		if !errors.As(err, &version) {
			err = fmt.Errorf("%w; %s", err, storeRemedy)
		}
		return append(out, check{"store", "fault", err.Error()})
	}
	defer st.Close()
	return append(out, examineStore(ctx, st, sealer)...)
}

// storeRemedy is for a store that is damaged.
const storeRemedy = "restore the data directory from a backup, or move it away and start anew"

func examineServer(ctx context.Context, cfg *config.Config) check {
	if cfg.Server.MetricsListen == "" {
		return check{"server", "note", "server.metricsListen is off, so its health cannot be asked for"}
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+cfg.Server.MetricsListen+"/readyz", nil)
	if err != nil {
		return check{"server", "fault", err.Error()}
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return check{"server", "note", "nothing answers at " + cfg.Server.MetricsListen + "; it is not running, or listens elsewhere"}
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return check{"server", "fault", fmt.Sprintf("it runs but is not ready: /readyz answers %d", res.StatusCode)}
	}
	return check{"server", "ok", "ready at " + cfg.Server.MetricsListen}
}

func examineFile(name, path string) check {
	f, err := os.Open(path)
	if err != nil {
		return check{name, "fault", err.Error()}
	}
	f.Close()
	return check{name, "ok", path}
}

// examineSealing returns the sealer, too, unless something is wrong with it.
func examineSealing(cfg *config.Config) (check, *access.Sealer) {
	path := filepath.Join(cfg.Store.DataDir, access.KeyFileName)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) { // opening would make a new one, which opens nothing
		return check{"sealing key", "fault", path + " is missing, and without it no access key works; restore it from a backup"}, nil
	}
	sealer, err := access.OpenSealer(cfg.Store.DataDir)
	if err != nil {
		return check{"sealing key", "fault", err.Error()}, nil
	}
	return check{"sealing key", "ok", "readable by its owner only"}, sealer
}

func examineKeys(ctx context.Context, st *store.Store, sealer *access.Sealer) check {
	keys, err := st.Keys(ctx)
	if err != nil {
		return check{"keys", "fault", err.Error()}
	}
	if sealer == nil {
		return check{"keys", "note", fmt.Sprintf("%d access keys, of no use without the sealing key", len(keys))}
	}
	lost, err := app.Unusable(ctx, st, sealer)
	if err != nil {
		return check{"keys", "fault", err.Error()}
	}
	if len(lost) > 0 {
		return check{"keys", "fault", strings.Join(lost, ", ") + " were sealed with another sealing key; restore it from a backup, or revoke them and make new ones"}
	}
	return check{"keys", "ok", fmt.Sprintf("%d access keys", len(keys))}
}

// examineStore checks the file and reads the ledger: what was lost is a fault,
// what was cut or came late is a note.
func examineStore(ctx context.Context, st *store.Store, sealer *access.Sealer) []check {
	faults, err := st.Check(ctx)
	if err != nil {
		faults = append(faults, err.Error())
	}
	var out []check
	for _, f := range faults {
		out = append(out, check{"store", "fault", f + "; " + storeRemedy})
	}
	if len(faults) == 0 {
		out = append(out, check{"store", "ok", "intact"})
	}
	out = append(out, examineKeys(ctx, st, sealer))
	rows, err := st.Ledger(ctx)
	if err != nil {
		return append(out, check{"ledger", "fault", err.Error()})
	}
	if len(rows) == 0 {
		return append(out, check{"records", "note", "none yet; point an audit webhook here (`vedette kube webhook-config`) or follow a log"})
	}
	for _, r := range rows {
		c := check{fmt.Sprintf("records of %s", r.Cluster), "ok", fmt.Sprintf("%d %s", r.Count, r.Outcome)}
		if r.Reason != "" {
			c.Detail += " (" + r.Reason + ")"
		}
		if !r.Last.IsZero() {
			c.Detail += ", newest of " + r.Last.UTC().Format(time.DateTime) + " UTC"
		}
		switch event.Outcome(r.Outcome) {
		case event.Malformed, event.Dropped, event.MarkTruncated, event.MarkLate:
			c.Status = "note"
		}
		out = append(out, c)
	}
	return out
}
