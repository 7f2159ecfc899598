package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// identity is the account and Region that a data directory's server serves.
type identity struct {
	Account string `json:"account"`
	Region  string `json:"region"`
}

const (
	serverScope  = "server"
	identityName = "identity"
)

// remember notes in the store what the server serves, for commands that are
// given the data directory alone.
func remember(ctx context.Context, st *store.Store, id identity) error {
	data, err := json.Marshal(id)
	if err != nil {
		return err
	}
	return st.Commit(ctx, func(tx *store.Tx) error { return tx.PutState(serverScope, identityName, data) })
}

// Served returns the account and Region that the store's server serves, or the
// given ones if no server ever ran on it.
func Served(ctx context.Context, st *store.Store, account, region string) (string, string) {
	var id identity
	data, err := st.State(ctx, serverScope, identityName)
	if err != nil || json.Unmarshal(data, &id) != nil || id.Account == "" {
		return account, region
	}
	return id.Account, id.Region
}

// Keys makes, lists and revokes access keys. It works on the data directory,
// beside a running server as well as without one.
type Keys struct {
	store  *store.Store
	sealer *access.Sealer
	now    func() time.Time
	// Who the audit log names: a command of this program, or a person with a
	// role who came from an address.
	actor, role, source string
}

// StoreFile is the path of the store in a data directory.
func StoreFile(dataDir string) string { return filepath.Join(dataDir, "vedette.db") }

// OpenStore opens the store that a configuration names: a database, or the
// file in the data directory.
func OpenStore(ctx context.Context, c *config.Config, now func() time.Time) (*store.Store, error) {
	o := store.Options{Now: now}
	pg := c.Store.Postgres
	if pg.URL == "" {
		if err := os.MkdirAll(c.Store.DataDir, 0o700); err != nil {
			return nil, fmt.Errorf("make the data directory: %w", err)
		}
		return store.Open(ctx, StoreFile(c.Store.DataDir), o)
	}
	password, err := secret("store.postgres.passwordFile", pg.PasswordFile)
	if err != nil {
		return nil, err
	}
	target, err := withPassword(pg.URL, password)
	if err != nil {
		return nil, err
	}
	o.Readers = pg.MaxConns / 2
	o.Writers = pg.MaxConns - o.Readers
	st, err := store.OpenPostgres(ctx, target, o)
	if err != nil {
		return nil, fmt.Errorf("store.postgres: %w", err)
	}
	return st, nil
}

// withPassword puts a password into the URL of a database.
func withPassword(target, password string) (string, error) {
	if password == "" {
		return target, nil
	}
	u, err := url.Parse(target)
	if err != nil {
		return "", fmt.Errorf("store.postgres.url: %w", err)
	}
	u.User = url.UserPassword(u.User.Username(), password)
	return u.String(), nil
}

// OpenKeys opens the keys of a store, and the sealing key that they need,
// making both where they are not there. Close releases it.
func OpenKeys(ctx context.Context, c *config.Config, now func() time.Time) (*Keys, error) {
	if err := os.MkdirAll(c.Store.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	sealer, err := openSealer(c)
	if err != nil {
		return nil, err
	}
	st, err := OpenStore(ctx, c, now)
	if err != nil {
		return nil, err
	}
	return &Keys{store: st, sealer: sealer, now: now, actor: "command line"}, nil
}

func openSealer(c *config.Config) (*access.Sealer, error) {
	if c.Server.SealingKeyFile != "" {
		sealer, err := access.OpenSealerFile(c.Server.SealingKeyFile)
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%w; copy %s there from the first server's data directory", err, access.KeyFileName)
		}
		if err != nil {
			return nil, fmt.Errorf("server.sealingKeyFile: %w", err)
		}
		return sealer, nil
	}
	if err := keepPrivate(filepath.Join(c.Store.DataDir, access.KeyFileName)); err != nil {
		return nil, fmt.Errorf("open sealing key: %w", err)
	}
	return access.OpenSealer(c.Store.DataDir)
}

// Served returns the account and Region that the keys are good for.
func (k *Keys) Served(ctx context.Context, account, region string) (string, string) {
	return Served(ctx, k.store, account, region)
}

// Close releases the store.
func (k *Keys) Close() error { return k.store.Close() }

// Create draws and stores a key. Its secret is shown once, in the result.
func (k *Keys) Create(ctx context.Context, role access.Role, comment string) (access.Key, error) {
	return k.CreateFor(ctx, role, "", comment)
}

// CreateFor draws and stores a key that acts for an account, "" for the
// server's own.
func (k *Keys) CreateFor(ctx context.Context, role access.Role, account, comment string) (access.Key, error) {
	key, err := access.NewKey(role)
	if err == nil && account != "" {
		key, err = key.ForAccount(account)
	}
	if err != nil {
		return access.Key{}, err
	}
	request, err := json.Marshal(map[string]string{"role": string(role), "account": account, "comment": comment})
	if err != nil {
		return access.Key{}, err
	}
	err = k.store.PutKey(ctx, store.Key{
		ID: key.ID, Role: string(key.Role), Sealed: k.sealer.Seal(key), CreatedAt: k.now().UTC(), Comment: comment, Account: account,
	}, k.entry("CreateAccessKey", key.ID, string(request)))
	return key, err
}

// entry is what the audit log keeps of a change of a key.
func (k *Keys) entry(operation, id, request string) store.AuditEntry {
	return store.AuditEntry{
		At: k.now().UTC(), Actor: k.actor, Role: k.role, Source: k.source, Operation: operation, Target: id, Request: request, Status: http.StatusOK,
	}
}

// List returns all keys, oldest first, without their secrets.
func (k *Keys) List(ctx context.Context) ([]store.Key, error) { return k.store.Keys(ctx) }

// Unusable names the keys in force that the sealing key does not open: they
// were sealed with another one, or changed since.
func Unusable(ctx context.Context, st *store.Store, sealer *access.Sealer) ([]string, error) {
	list, err := st.Keys(ctx)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, k := range list {
		if !k.RevokedAt.IsZero() {
			continue
		}
		if _, err := sealer.OpenFor(k.ID, access.Role(k.Role), k.Account, k.Sealed); err != nil {
			out = append(out, k.ID)
		}
	}
	return out, nil
}

// Revoke ends a key; requests that it signs are refused from now on.
func (k *Keys) Revoke(ctx context.Context, id string) error {
	err := k.store.RevokeKey(ctx, id, k.entry("RevokeAccessKey", id, ""))
	if errors.Is(err, finding.ErrNotFound) {
		return fmt.Errorf("there is no access key %s; `vedette keys list` shows those there are", id)
	}
	return err
}

// lookup finds a key in force for a request. It is an access.Lookup.
func (k *Keys) lookup(ctx context.Context, id string) (access.Key, error) {
	row, err := k.store.Key(ctx, id)
	if errors.Is(err, finding.ErrNotFound) || err == nil && !row.RevokedAt.IsZero() {
		return access.Key{}, access.ErrNoKey
	}
	if err != nil {
		return access.Key{}, err
	}
	return k.sealer.OpenFor(row.ID, access.Role(row.Role), row.Account, row.Sealed)
}
