package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/store"
)

// Files of a data directory's own authority.
const (
	tlsFolder     = "tls"
	authorityFile = "authority.pem" // with its key; readable by its owner alone
	publicFile    = "ca.crt"        // without; to hand out
	// authorityName is where a database that servers share has it, sealed.
	authorityName = "tls-authority"
)

// AuthorityFile is where a data directory keeps the authority of the server's
// certificate, with its key.
func AuthorityFile(dataDir string) string { return filepath.Join(dataDir, tlsFolder, authorityFile) }

// keptInFolder opens the authority of a data directory, and makes it where there
// is none. Two processes that do so at once end up with the same one.
func keptInFolder(dataDir string, now time.Time) (*ownAuthority, error) {
	path := AuthorityFile(dataDir)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the server's authority: %w", err)
	}
	if err := keepPrivate(path); err != nil {
		return nil, fmt.Errorf("open the server's authority: %w", err)
	}
	a, err := readAuthority(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = createAuthority(path, now); err == nil {
			a, err = readAuthority(path)
		}
	}
	if err != nil {
		return nil, err
	}
	return a, handOut(filepath.Join(filepath.Dir(path), publicFile), a.pem())
}

// readAuthority reads the file of an authority, and refuses one that others may read.
func readAuthority(path string) (*ownAuthority, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open the server's authority: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("open the server's authority: %s has mode %04o: others may read its key; run: chmod 600 %s", path, mode, path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("open the server's authority: %w", err)
	}
	a, err := parseAuthority(text)
	if err != nil {
		return nil, fmt.Errorf("open the server's authority: %s: %w; restore it from a backup, or delete it: then a new one is made, which all who talk to the server must be told of", path, err)
	}
	return a, nil
}

// createAuthority makes a file that is whole or not there, and never replaces
// one that another process has just made.
func createAuthority(path string, now time.Time) error {
	a, err := drawAuthority(now)
	if err != nil {
		return err
	}
	text, err := a.secret()
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+authorityFile+"-*") // 0600 by contract
	if err != nil {
		return fmt.Errorf("make the server's authority: %w", err)
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(text)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err == nil {
		err = os.Link(tmp.Name(), path)
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("make the server's authority: %w", err)
	}
	return nil
}

// handOut writes the authority where people find it, if it is not there already.
func handOut(path string, text []byte) error {
	if have, err := os.ReadFile(path); err == nil && bytes.Equal(have, text) {
		return nil
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+publicFile+"-*")
	if err != nil {
		return fmt.Errorf("write the server's authority: %w", err)
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(text)
	if err = errors.Join(err, tmp.Chmod(0o644), tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write the server's authority: %w", err)
	}
	return nil
}

// keptInStore opens the authority of servers that share a database, sealed with
// the key that they share too. The first of them makes it, or brings that of
// its data directory along.
func keptInStore(ctx context.Context, st *store.Store, sealer *access.Sealer, dataDir string, now time.Time) (*ownAuthority, error) {
	sealed, err := st.State(ctx, serverScope, authorityName)
	if isNone(err) {
		var first *ownAuthority
		if first, err = readAuthority(AuthorityFile(dataDir)); errors.Is(err, fs.ErrNotExist) {
			first, err = drawAuthority(now)
		}
		if err != nil {
			return nil, err
		}
		var text []byte
		if text, err = first.secret(); err != nil {
			return nil, err
		}
		sealed, err = st.StateOnce(ctx, serverScope, authorityName, sealer.SealText(authorityName, text))
	}
	if err != nil {
		return nil, err
	}
	text, err := sealer.OpenText(authorityName, sealed)
	if err != nil {
		return nil, fmt.Errorf("server.tls.auto: %w; servers that share a database share one sealing key: put the first server's %s into each data directory, or name it in server.sealingKeyFile",
			err, access.KeyFileName)
	}
	a, err := parseAuthority(text)
	if err != nil {
		return nil, fmt.Errorf("server.tls.auto: the authority in the database: %w", err)
	}
	return a, nil
}

// keptAuthority opens the authority where a configuration keeps it.
func keptAuthority(ctx context.Context, c *config.Config, keys *Keys) (*ownAuthority, error) {
	if c.Store.Postgres.URL == "" {
		return keptInFolder(c.Store.DataDir, keys.now())
	}
	return keptInStore(ctx, keys.store, keys.sealer, c.Store.DataDir, keys.now())
}
