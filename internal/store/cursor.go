package store

import (
	"context"
	"fmt"
)

// NamedCursor is a cursor and its name.
type NamedCursor struct {
	Name string
	Data []byte
}

// Cursors returns at most limit cursors whose names come after one name and
// before another, in order of their names.
func (s *Store) Cursors(ctx context.Context, after, before string, limit int) ([]NamedCursor, error) {
	rows, err := s.query(ctx, `SELECT name, data FROM cursor WHERE name > ? AND name < ? ORDER BY name LIMIT ?`, after, before, limit)
	if err != nil {
		return nil, fmt.Errorf("read cursors: %w", err)
	}
	defer rows.Close()
	var out []NamedCursor
	for rows.Next() {
		var c NamedCursor
		if err := rows.Scan(&c.Name, &c.Data); err != nil {
			return nil, fmt.Errorf("read cursors: %w", err)
		}
		out = append(out, c)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read cursors: %w", err)
	}
	return out, nil
}

// DeleteCursors forgets cursors that still are what they were.
func (s *Store) DeleteCursors(ctx context.Context, list []NamedCursor) error {
	err := s.Commit(ctx, func(tx *Tx) error {
		for _, c := range list {
			if err := tx.do(`DELETE FROM cursor WHERE name = ? AND data = ?`, c.Name, blob(c.Data)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("forget cursors: %w", err)
	}
	return nil
}
