package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/store"
)

func storeCommand(s streams) *cobra.Command {
	return group(&cobra.Command{Use: "store", Short: "Move findings and state between a data directory and PostgreSQL"}, storeCopy(s))
}

func storeCopy(s streams) *cobra.Command {
	var data dataFlags
	var from, to, output string
	cmd := &cobra.Command{
		Use:   "copy",
		Short: "Copy a store to PostgreSQL, or back to a data directory",
		Long: `Copies everything, findings, filters, keys, models, positions and what
publishing has sent so far, between the store in a data directory and a
PostgreSQL database. The one copied to must be empty, and no server may run on
either. It is copied whole or not at all; the one copied from stays as it is.
Records that wait in a journal are not copied: judge them first.

The URL need not hold the password: PGPASSWORD and PGPASSFILE are read too.

Access keys are of no use without the sealing key, ` + access.KeyFileName + ` in the data
directory, which is not copied: put it into the data directory of every server.`,
		Example: `  vedette store copy --data-dir /var/lib/vedette --to 'postgres://vedette@db/vedette?sslmode=verify-full'
  vedette store copy --from 'postgres://vedette@db/vedette?sslmode=verify-full' --data-dir /var/lib/vedette`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := printerFor(output, s)
			if err != nil {
				return err
			}
			if (from == "") == (to == "") {
				return errors.New("name the database, either with --to (copy from the data directory) or with --from (copy to it)")
			}
			load := data.load
			if to != "" {
				load = data.withStore
			}
			cfg, err := load()
			if err != nil {
				return err
			}
			rows, err := copyStore(cmd.Context(), cfg.Store.DataDir, from, to)
			if err != nil {
				return err
			}
			if err := p.copied(rows); err != nil {
				return err
			}
			seal := filepath.Join(cfg.Store.DataDir, access.KeyFileName)
			if to != "" {
				fmt.Fprintf(s.err, "copied; %s must go along: without it no access key works with the copy\n", seal)
			} else if _, err := os.Stat(seal); errors.Is(err, fs.ErrNotExist) {
				fmt.Fprintf(s.err, "copied; put the servers' %s there too, as %s: without it no access key works\n", access.KeyFileName, seal)
			}
			return nil
		},
	}
	data.register(cmd)
	cmd.Flags().StringVar(&from, "from", "", "URL of the PostgreSQL database to copy to the data directory")
	cmd.Flags().StringVar(&to, "to", "", "URL of the PostgreSQL database to copy the data directory to")
	outputFlag(cmd, &output)
	return cmd
}

// withStore is load where the data directory must hold a store, whatever the
// configuration says of a database.
func (f *dataFlags) withStore() (*config.Config, error) {
	cfg, err := f.load()
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(app.StoreFile(cfg.Store.DataDir)); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no store in %s; name the server's folder with --data-dir", cfg.Store.DataDir)
	}
	return cfg, nil
}

// copiedTable says how many rows of a table were copied.
type copiedTable struct {
	Table string `json:"table"`
	Rows  int64  `json:"rows"`
}

// copyStore copies the store in the data directory to a database or, where
// from is given, the other way round. What cannot be copied is found out before
// anything is made.
func copyStore(ctx context.Context, dataDir, from, to string) (rows []copiedTable, err error) {
	o := store.Options{Now: time.Now}
	open := func() (*store.Store, error) {
		st, err := store.OpenPostgres(ctx, from+to, o)
		if err != nil {
			return nil, err
		}
		return st, unused(ctx, st)
	}
	var database, file *store.Store
	closes := func(what **store.Store) {
		if *what != nil {
			err = errors.Join(err, (*what).Close())
		}
	}
	defer closes(&database)
	if from != "" {
		if database, err = open(); err != nil {
			return nil, err
		}
	}
	unlock, err := app.LockData(dataDir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	defer closes(&file)
	if file, err = store.Open(ctx, app.StoreFile(dataDir), o); err != nil {
		return nil, err
	}
	if err := app.Drained(ctx, dataDir, file); err != nil && to != "" {
		return nil, fmt.Errorf("%w; start the server once more and end it in order, then copy", err)
	}
	source, target := database, file
	if to != "" {
		if database, err = open(); err != nil {
			return nil, err
		}
		source, target = file, database
	}
	var total int64
	err = store.Copy(ctx, source, target, func(table string, n int64) {
		rows = append(rows, copiedTable{table, n})
		total += n
	})
	if errors.Is(err, store.ErrNotEmpty) {
		err = fmt.Errorf("%w; name another, or remove what is in it", err)
	}
	if err == nil && total == 0 {
		err = errors.New("there was nothing to copy: no server ever ran on it; is it the right one?")
	}
	return rows, err
}

// unused refuses a database whose shards a server works on.
func unused(ctx context.Context, s *store.Store) error {
	shards, err := s.Shards(ctx)
	if err != nil {
		return err
	}
	for _, sh := range shards {
		if sh.Owner != "" && time.Now().Before(sh.Expires) {
			return fmt.Errorf("the server %s works on the database; stop all of them", sh.Owner)
		}
	}
	return nil
}

func (p *printer) copied(rows []copiedTable) error {
	if p.format != "table" {
		return p.value(rows)
	}
	tw := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "TABLE\tROWS")
	for _, r := range rows {
		fmt.Fprintf(tw, "%s\t%d\n", r.Table, r.Rows)
	}
	return tw.Flush()
}
