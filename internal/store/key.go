package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
)

// Key is an access key. What is secret of it is sealed by its owner;
// the store only keeps the bytes.
type Key struct {
	ID, Role  string
	Sealed    []byte // the secret, encrypted
	CreatedAt time.Time
	RevokedAt time.Time // zero: in force
	Comment   string
	Account   string // that the key acts for; "": the installation's own
}

const selectKeys = `SELECT id, role, sealed, created, revoked, comment, account FROM access_key`

// PutKey stores a new key; an id that is there gives finding.ErrExists, so
// that a revoked key can never come back. Entries of the audit log come with it.
func (s *Store) PutKey(ctx context.Context, k Key, entries ...AuditEntry) error {
	err := s.Commit(ctx, func(tx *Tx) error {
		err := mustChange(tx.exec(`INSERT INTO access_key (id, role, sealed, created, revoked, comment, account)
			VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			k.ID, k.Role, nullBlob(k.Sealed), nanos(k.CreatedAt).Int64, nanos(k.RevokedAt), k.Comment, k.Account))
		if errors.Is(err, finding.ErrNotFound) {
			return finding.ErrExists
		}
		if err != nil {
			return err
		}
		return tx.addAudits(entries)
	})
	if err != nil {
		return fmt.Errorf("store key %s: %w", k.ID, err)
	}
	return nil
}

// Key returns a key, revoked or not, or finding.ErrNotFound. It reads the file
// each time, so that a key that another process made or revoked counts at once.
func (s *Store) Key(ctx context.Context, id string) (Key, error) {
	k, err := scanKey(s.queryRow(ctx, selectKeys+` WHERE id = ?`, id).Scan)
	if err != nil {
		return Key{}, fmt.Errorf("read key %s: %w", id, notFound(err))
	}
	return k, nil
}

// Keys returns all keys, oldest first.
func (s *Store) Keys(ctx context.Context) ([]Key, error) {
	rows, err := s.query(ctx, selectKeys+` ORDER BY created, id`)
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	defer rows.Close()
	var out []Key
	for rows.Next() {
		k, err := scanKey(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("read keys: %w", err)
		}
		out = append(out, k)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	return out, nil
}

// RevokeKey marks a key as revoked now. One that is revoked already keeps its
// time; one that is not there gives finding.ErrNotFound.
// Entries of the audit log come with it.
func (s *Store) RevokeKey(ctx context.Context, id string, entries ...AuditEntry) error {
	err := s.Commit(ctx, func(tx *Tx) error {
		err := mustChange(tx.exec(`UPDATE access_key SET revoked = coalesce(revoked, ?) WHERE id = ?`, s.options.Now().UnixNano(), id))
		if err != nil {
			return err
		}
		return tx.addAudits(entries)
	})
	if err != nil {
		return fmt.Errorf("revoke key %s: %w", id, err)
	}
	return nil
}

func scanKey(scan func(...any) error) (Key, error) {
	var k Key
	var created int64
	var revoked sql.NullInt64
	err := scan(&k.ID, &k.Role, &k.Sealed, &created, &revoked, &k.Comment, &k.Account)
	k.CreatedAt = fromNanos(sql.NullInt64{Int64: created, Valid: created != 0})
	k.RevokedAt = fromNanos(revoked)
	return k, err
}
