package store

import (
	"context"
	"fmt"
	"strconv"
)

const putMeta = `INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`

func (tx *Tx) meta(name string) (string, error) {
	var value string
	err := tx.queryRow(`SELECT value FROM meta WHERE name = ?`, name).Scan(&value)
	return value, notFound(err)
}

// Ping makes a small commit, and so tells whether the store can be written to.
func (s *Store) Ping(ctx context.Context) error {
	err := s.Commit(ctx, func(tx *Tx) error {
		return tx.do(putMeta, "ping", strconv.FormatInt(s.options.Now().UnixNano(), 10))
	})
	if err != nil {
		return fmt.Errorf("write to the store: %w", err)
	}
	return nil
}
