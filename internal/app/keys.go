package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// Keys makes, lists and revokes access keys. It works on the data directory,
// beside a running server as well as without one.
type Keys struct {
	store  *store.Store
	sealer *access.Sealer
	now    func() time.Time
}

// StoreFile is the path of the store in a data directory.
func StoreFile(dataDir string) string { return filepath.Join(dataDir, "vedette.db") }

// openData opens the store and the sealing key of a data directory, making
// both where they are not there.
func openData(ctx context.Context, dataDir string, now func() time.Time) (*store.Store, *access.Sealer, error) {
	if err := os.MkdirAll(dataDir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("make the data directory: %w", err)
	}
	sealer, err := access.OpenSealer(dataDir)
	if err != nil {
		return nil, nil, err
	}
	st, err := store.Open(ctx, StoreFile(dataDir), store.Options{Now: now})
	if err != nil {
		return nil, nil, err
	}
	return st, sealer, nil
}

// OpenKeys opens the keys of a data directory. Close releases it.
func OpenKeys(ctx context.Context, dataDir string, now func() time.Time) (*Keys, error) {
	st, sealer, err := openData(ctx, dataDir, now)
	if err != nil {
		return nil, err
	}
	return &Keys{st, sealer, now}, nil
}

// Close releases the store.
func (k *Keys) Close() error { return k.store.Close() }

// Create draws and stores a key. Its secret is shown once, in the result.
func (k *Keys) Create(ctx context.Context, role access.Role, comment string) (access.Key, error) {
	key, err := access.NewKey(role)
	if err != nil {
		return access.Key{}, err
	}
	err = k.store.PutKey(ctx, store.Key{
		ID: key.ID, Role: string(key.Role), Sealed: k.sealer.Seal(key), CreatedAt: k.now().UTC(), Comment: comment,
	})
	return key, err
}

// List returns all keys, oldest first, without their secrets.
func (k *Keys) List(ctx context.Context) ([]store.Key, error) { return k.store.Keys(ctx) }

// Revoke ends a key; requests that it signs are refused from now on.
func (k *Keys) Revoke(ctx context.Context, id string) error {
	err := k.store.RevokeKey(ctx, id)
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
	return k.sealer.Open(row.ID, access.Role(row.Role), row.Sealed)
}
