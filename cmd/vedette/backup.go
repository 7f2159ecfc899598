package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/vedette-project/vedette/internal/backup"
)

// backupFlags say what is backed up, and where to.
type backupFlags struct {
	data      dataFlags
	to, temp  string
	noSecrets bool
}

func backupCommand(s streams) *cobra.Command {
	var f backupFlags
	cmd := &cobra.Command{
		Use:   "backup",
		Short: "Back up a data directory, beside a running server",
		Long: `Writes one file that holds what a server knows, as it was at one moment: findings,
filters, access keys, what detection has learned, positions and accounting; the
sealing key and the server's own certificate authority; feeds and lists that were
fetched; and the configuration file. The server may run meanwhile. The file is a
tar archive, compressed by zstd, with the SHA-256 of every part.

Keep it where only you can read it: with the sealing key in it, whoever has the
file has every secret of the store. --without-key leaves out the sealing key
and the authority. Such a backup needs the sealing key from elsewhere: without it no
access key and no secret of a publishing target works after a restore, and senders
must be told of a new authority.

Records that wait in the journal, and those that come later, are not in it. Send them
again from the logs, after a restore, with ` + "`vedette push`" + `: what the server knows
counts as a duplicate.

A database (store.postgres.url) is backed up by its own tools; then the file holds
all the rest.`,
		Example: `  vedette backup --data-dir /var/lib/vedette --to vedette-2026-11-23.tar.zst
  kubectl -n vedette exec vedette-0 -- vedette backup --to - > vedette.tar.zst
  vedette backup verify vedette.tar.zst`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), s) },
	}
	configFlag(cmd.Flags(), &f.data.file, "")
	cmd.Flags().StringVar(&f.data.dataDir, "data-dir", "", `folder of the findings and keys (default "vedette-data")`)
	cmd.Flags().StringVar(&f.to, "to", "", "file to write, or - for standard output")
	cmd.Flags().StringVar(&f.temp, "temp-dir", "", "folder with room for a copy of the store, which is made first (default: the data directory)")
	cmd.Flags().BoolVar(&f.noSecrets, "without-key", false, "leave out the sealing key and the server's authority")
	cmd.AddCommand(backupVerify(s))
	return cmd
}

func (f *backupFlags) run(ctx context.Context, s streams) (err error) {
	switch {
	case f.to == "":
		return errors.New("--to is missing: name the file to write, or - for standard output")
	case f.to == "-" && isTerminal(s.out):
		return errors.New("--to -: a backup is no text for a terminal; send it to a file")
	}
	cfg, err := f.data.existing()
	if err != nil {
		return err
	}
	start := time.Now()
	stage, err := stageFolder(cmp.Or(f.temp, cfg.Store.DataDir))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(stage)) }()
	m := &backup.Manifest{Version: version(), Created: start.UTC().Truncate(time.Second), Secrets: !f.noSecrets}
	if err := f.collect(ctx, cfg, stage, m); err != nil {
		return err
	}
	size, err := f.write(s, stage, m)
	if err != nil {
		return err
	}
	if m.Store == storePostgres {
		fmt.Fprintln(s.err, "vedette: the database is not in the backup: use its own tools (pg_dump --schema=vedette, or continuous archiving)")
	}
	return jsonTo(s.err, struct {
		File    string  `json:"file"`
		Store   string  `json:"store"`
		Schema  int     `json:"schema,omitempty"`
		Secrets bool    `json:"secrets"`
		Parts   int     `json:"parts"`
		Bytes   int64   `json:"bytes"`
		Size    int64   `json:"size"` // of the file
		Seconds float64 `json:"seconds"`
	}{f.to, m.Store, m.Schema, m.Secrets, len(m.Parts), m.Bytes(), size, float64(time.Since(start).Milliseconds()) / 1000}, "")
}

// write writes the staged files to where the flag says.
func (f *backupFlags) write(s streams, stage string, m *backup.Manifest) (size int64, err error) {
	if f.to == "-" {
		w := &counted{w: s.out}
		err := backup.Write(w, stage, m)
		return w.n, err
	}
	if _, err := os.Lstat(f.to); err == nil {
		return 0, fmt.Errorf("--to %s is there already; name another file", f.to)
	}
	part := f.to + ".part"
	file, err := os.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, fmt.Errorf("--to: %w", err)
	}
	w := &counted{w: file}
	err = backup.Write(w, stage, m)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return 0, errors.Join(fmt.Errorf("write the backup: %w", err), os.Remove(part))
	}
	return w.n, os.Rename(part, f.to)
}

// counted counts what is written.
type counted struct {
	w io.Writer
	n int64
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

func backupVerify(s streams) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Check that a backup is whole, and print what is in it",
		Long: `Reads a backup to its end and compares every part with its SHA-256. It is not
unpacked; - is standard input. Exit status: 0 it is whole, 1 it is not.`,
		Example: `  vedette backup verify vedette.tar.zst`,
		Args:    oneArg("backup"),
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := printerFor(output, s)
			if err != nil {
				return err
			}
			in, err := openBackup(args[0], s)
			if err != nil {
				return err
			}
			defer in.Close()
			m, err := backup.Read(in, nil, nil)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return p.manifest(m)
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

func openBackup(path string, s streams) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(s.in), nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the backup: %w", err)
	}
	return f, nil
}

func (p *printer) manifest(m *backup.Manifest) error {
	if p.format != "table" {
		return p.value(m)
	}
	fmt.Fprintf(p.w, "Backup of %s, made by Vedette %s, store %s", m.Created.Format(time.RFC3339), printable(m.Version), printable(m.Store))
	if m.Schema > 0 {
		fmt.Fprintf(p.w, " (schema %d)", m.Schema)
	}
	if !m.Secrets {
		fmt.Fprint(p.w, ", without the sealing key")
	}
	fmt.Fprintln(p.w, ". Every part is whole.")
	tw := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "PART\tBYTES\tSHA-256")
	for _, part := range m.Parts {
		fmt.Fprintf(tw, "%s\t%d\t%s\n", printable(part.Name), part.Size, part.SHA256)
	}
	return tw.Flush()
}

// stageFolder makes a folder of our own, and removes those that a backup which
// was killed left a day ago and longer.
func stageFolder(parent string) (string, error) {
	old, _ := filepath.Glob(filepath.Join(parent, stagePrefix+"*")) // the pattern is right
	for _, dir := range old {
		if st, err := os.Stat(dir); err == nil && time.Since(st.ModTime()) > 24*time.Hour {
			_ = os.RemoveAll(dir) // the next one tries again
		}
	}
	dir, err := os.MkdirTemp(parent, stagePrefix)
	if err != nil {
		return "", fmt.Errorf("make a folder for the copy of the store (--temp-dir): %w", err)
	}
	return dir, nil
}

const stagePrefix = ".backup-"
