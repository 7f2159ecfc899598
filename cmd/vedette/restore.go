package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/backup"
	"github.com/vedette-project/vedette/internal/store"
)

func restoreCommand(s streams) *cobra.Command {
	var data dataFlags
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Restore a backup to a new data directory",
		Long: `Unpacks a backup (- is standard input) into a data directory that is empty or not
there. Every part is compared with its SHA-256, and the store is checked, before
anything is put in its place. A store of a newer version of Vedette is refused.

The configuration of the backup is put beside it, as vedette.yaml, and is not used
by itself. Start the server on the directory, then send again what came since the
backup, with ` + "`vedette push`" + `.`,
		Example: `  vedette restore vedette.tar.zst --data-dir /var/lib/vedette-new
  vedette serve --data-dir /var/lib/vedette-new`,
		Args: oneArg("backup"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := data.load()
			if err != nil {
				return err
			}
			in, err := openBackup(args[0], s)
			if err != nil {
				return err
			}
			defer in.Close()
			dir := cfg.Store.DataDir
			r := restore{dir: dir, temp: filepath.Join(dir, restoreFolder)}
			m, err := r.run(cmd.Context(), func(accept func(*backup.Manifest) error) (*backup.Manifest, error) {
				return backup.Extract(in, r.temp, accept)
			})
			if err != nil {
				return fmt.Errorf("restore %s: %w", args[0], err)
			}
			fmt.Fprintf(s.err, "restored to %s: the store as it was at %s\n", dir, m.Created.Format(time.RFC3339))
			for _, note := range restoreNotes(m, dir) {
				fmt.Fprintln(s.err, note)
			}
			return nil
		},
	}
	data.register(cmd)
	return cmd
}

// restoreNotes are what is left to do.
func restoreNotes(m *backup.Manifest, dir string) (out []string) {
	if m.Store == storePostgres {
		out = append(out, "the database is not in the backup: restore it with its own tools")
	}
	if !m.Secrets {
		out = append(out, fmt.Sprintf("the sealing key is not in the backup: put it there as %s (mode 0600) before the server starts; without it no access key works", filepath.Join(dir, access.KeyFileName)))
	}
	if m.Has(partConfig) {
		out = append(out, "its configuration is "+filepath.Join(dir, partConfig)+"; put it where the server reads it")
	}
	return append(out, "start the server, then send what came since with `vedette push`: what it knows counts as a duplicate")
}

// restoreFolder is where a backup is unpacked, inside the data directory.
const restoreFolder = ".restore"

// restore puts a backup in its place: all of it or nothing.
type restore struct{ dir, temp string }

func (r *restore) run(ctx context.Context, extract func(accept func(*backup.Manifest) error) (*backup.Manifest, error)) (m *backup.Manifest, err error) {
	if err := r.empty(); err != nil {
		return nil, err
	}
	unlock, err := app.LockData(r.dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if err := os.RemoveAll(r.temp); err != nil { // of a restore that was killed
		return nil, err
	}
	if err := os.Mkdir(r.temp, 0o700); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.temp)) }()
	if m, err = extract(accepts); err != nil {
		return nil, err
	}
	if m.Store == storeSQLite {
		if err := r.check(ctx); err != nil {
			return nil, err
		}
	}
	return m, r.place()
}

// empty refuses a folder that has anything in it but what a file system, or a
// restore that was killed, puts there.
func (r *restore) empty() error {
	list, err := os.ReadDir(r.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range list {
		switch e.Name() {
		case "lost+found", "serve.lock", restoreFolder:
		default:
			return fmt.Errorf("%s is not empty: it has %s; name a new folder with --data-dir", r.dir, e.Name())
		}
	}
	return nil
}

// accepts refuses a backup that this program cannot use, before it is unpacked.
func accepts(m *backup.Manifest) error {
	known, err := store.Schema()
	switch {
	case err != nil:
		return err
	case m.Store != storeSQLite && m.Store != storePostgres:
		return fmt.Errorf("its store is %q, which this program does not know: use a newer program", m.Store)
	case m.Schema > known:
		return fmt.Errorf("version %s wrote it: %w", m.Version, &store.VersionError{File: m.Schema, Binary: known})
	case m.Store == storeSQLite && !m.Has(partStore):
		return errors.New("there is no store in it")
	}
	for _, p := range m.Parts {
		top, _, nested := strings.Cut(p.Name, "/")
		folder := top == "feeds" || top == "lists" || top == "tls"
		if nested != folder || !nested && top != partStore && top != partConfig && top != access.KeyFileName {
			return fmt.Errorf("%q does not belong into a data directory", p.Name)
		}
	}
	return nil
}

// check looks at the store before anything is put in its place.
func (r *restore) check(ctx context.Context) error {
	_, problems, err := store.CheckBackup(ctx, filepath.Join(r.temp, partStore), store.Options{Now: time.Now})
	if err != nil {
		return err
	}
	if len(problems) > 0 {
		return fmt.Errorf("the store in it is damaged: %s", strings.Join(problems, "; "))
	}
	return nil
}

// place moves what was unpacked, the store last: without it a server would
// begin anew.
func (r *restore) place() error {
	list, err := os.ReadDir(r.temp)
	if err != nil {
		return err
	}
	move := func(name string) error { return os.Rename(filepath.Join(r.temp, name), filepath.Join(r.dir, name)) }
	last := false
	for _, e := range list {
		if last = last || e.Name() == partStore; e.Name() == partStore {
			continue
		}
		if err := move(e.Name()); err != nil {
			return err
		}
	}
	if last {
		if err := move(partStore); err != nil {
			return err
		}
	}
	d, err := os.Open(r.dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
