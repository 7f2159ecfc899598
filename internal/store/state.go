package store

import (
	"context"
	"fmt"
)

const (
	selectState = `SELECT data FROM state WHERE scope = ? AND name = ?`
	putState    = `INSERT INTO state (scope, name, data) VALUES (?, ?, ?)
		ON CONFLICT (scope, name) DO UPDATE SET data = excluded.data`
	selectCursor = `SELECT data FROM cursor WHERE name = ?`
	putCursor    = `INSERT INTO cursor (name, data) VALUES (?, ?)
		ON CONFLICT (name) DO UPDATE SET data = excluded.data`
)

// State returns what PutState stored, or finding.ErrNotFound.
func (s *Store) State(ctx context.Context, scope, name string) ([]byte, error) {
	var data []byte
	if err := s.queryRow(ctx, selectState, scope, name).Scan(&data); err != nil {
		return nil, fmt.Errorf("read state %s of %s: %w", name, scope, notFound(err))
	}
	return data, nil
}

// State returns what PutState stored, or finding.ErrNotFound.
func (tx *Tx) State(scope, name string) ([]byte, error) {
	var data []byte
	if err := tx.queryRow(selectState, scope, name).Scan(&data); err != nil {
		return nil, fmt.Errorf("read state %s of %s: %w", name, scope, notFound(err))
	}
	return data, nil
}

// PutState stores one detector's memory of one scope. The bytes are the
// detector's own; the store does not look inside.
func (tx *Tx) PutState(scope, name string, data []byte) error {
	if err := tx.do(putState, scope, name, blob(data)); err != nil {
		return fmt.Errorf("put state %s of %s: %w", name, scope, err)
	}
	return nil
}

// Cursor returns the position that PutCursor stored, or finding.ErrNotFound.
func (s *Store) Cursor(ctx context.Context, name string) ([]byte, error) {
	var data []byte
	if err := s.queryRow(ctx, selectCursor, name).Scan(&data); err != nil {
		return nil, fmt.Errorf("read cursor %s: %w", name, notFound(err))
	}
	return data, nil
}

// Cursor returns the position that PutCursor stored, or finding.ErrNotFound.
func (tx *Tx) Cursor(name string) ([]byte, error) {
	var data []byte
	if err := tx.queryRow(selectCursor, name).Scan(&data); err != nil {
		return nil, fmt.Errorf("read cursor %s: %w", name, notFound(err))
	}
	return data, nil
}

// PutCursor stores how far a source has been read, in the same commit as what
// was made of it.
func (tx *Tx) PutCursor(name string, data []byte) error {
	if err := tx.do(putCursor, name, blob(data)); err != nil {
		return fmt.Errorf("put cursor %s: %w", name, err)
	}
	return nil
}

// MoveCursor stores how far a follower has read, in a commit of its own, when
// the cursor still is what it was (nil when there was none). It reports false,
// and stores nothing, when somebody else moved it meanwhile.
func (s *Store) MoveCursor(ctx context.Context, name string, was, data []byte) (moved bool, err error) {
	err = s.Commit(ctx, func(tx *Tx) error {
		var n int64
		var err error
		if was == nil {
			n, err = tx.exec(`INSERT INTO cursor (name, data) VALUES (?, ?) ON CONFLICT (name) DO NOTHING`, name, blob(data))
		} else {
			n, err = tx.exec(`UPDATE cursor SET data = ? WHERE name = ? AND data = ?`, blob(data), name, was)
		}
		moved = n > 0
		return err
	})
	if err != nil {
		return false, fmt.Errorf("move cursor %s: %w", name, err)
	}
	return moved, nil
}

// nullBlob is NULL for nil.
func nullBlob(data []byte) any {
	if data == nil {
		return nil
	}
	return data
}

// blob keeps nil, which would be NULL, a value of no bytes.
func blob(data []byte) []byte {
	if data == nil {
		return []byte{}
	}
	return data
}
