package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/backup"
	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/store"
)

// What a backup holds, under these names, which are those of a data directory.
const (
	partStore  = "vedette.db"
	partConfig = "vedette.yaml"

	storeSQLite   = "sqlite"
	storePostgres = "postgresql"
)

// collect copies all that belongs into a backup to a folder.
func (f *backupFlags) collect(ctx context.Context, cfg *config.Config, stage string, m *backup.Manifest) (err error) {
	dir := cfg.Store.DataDir
	if m.Store = storePostgres; cfg.Store.Postgres.URL == "" {
		m.Store = storeSQLite
		if m.Schema, err = store.Backup(ctx, app.StoreFile(dir), filepath.Join(stage, partStore), store.Options{Now: time.Now}); err != nil {
			return err
		}
	}
	// A feed or list is replaced whole; what is copied is one of its contents.
	folders := []string{"feeds", "lists"}
	if m.Secrets {
		folders = append(folders, "tls")
		key := cfg.Server.SealingKeyFile
		if key == "" {
			key = filepath.Join(dir, access.KeyFileName)
		}
		if err := copyInto(key, filepath.Join(stage, access.KeyFileName)); err != nil {
			return fmt.Errorf("the sealing key: %w; name the server's configuration with --config, or leave the key out with --without-key", err)
		}
	}
	for _, folder := range folders {
		if err := copyFolder(filepath.Join(dir, folder), filepath.Join(stage, folder)); err != nil {
			return err
		}
	}
	if f.data.file != "" {
		return copyInto(f.data.file, filepath.Join(stage, partConfig))
	}
	return nil
}

// copyFolder copies the files of a folder and those below. One that is not
// there has none, and files may go while it looks.
func copyFolder(from, to string) error {
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if err := copyInto(path, filepath.Join(to, rel)); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// copyInto copies a file to one that is not there, in a folder that may not be.
func copyInto(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
