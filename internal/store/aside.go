package store

import (
	"context"
	"fmt"
	"time"
)

// SetAside is a journal message that could not be worked on, kept for people.
type SetAside struct {
	Shard    int
	Position uint64 // in the journal
	Stream   string // of the journal
	Reason   string
	Data     []byte
	At       time.Time
}

// SetAside keeps a journal message, in the commit that moves on past it.
func (tx *Tx) SetAside(a SetAside) error {
	err := tx.do(`INSERT INTO set_aside (shard, pos, stream, reason, data, at) VALUES (?, ?, ?, ?, ?, ?)`,
		a.Shard, int64(a.Position), a.Stream, a.Reason, blob(a.Data), a.At.UnixNano())
	if err != nil {
		return fmt.Errorf("set message %d of %s aside: %w", a.Position, a.Stream, err)
	}
	return nil
}

// SetAsides returns at most limit of the messages that were set aside, the
// newest first.
func (s *Store) SetAsides(ctx context.Context, limit int) ([]SetAside, error) {
	rows, err := s.query(ctx, `SELECT shard, pos, stream, reason, data, at FROM set_aside ORDER BY n DESC LIMIT ?`, limit)
	if err != nil {
		return nil, fmt.Errorf("read messages set aside: %w", err)
	}
	defer rows.Close()
	var out []SetAside
	for rows.Next() {
		var a SetAside
		var position, at int64
		if err := rows.Scan(&a.Shard, &position, &a.Stream, &a.Reason, &a.Data, &at); err != nil {
			return nil, fmt.Errorf("read messages set aside: %w", err)
		}
		a.Position, a.At = uint64(position), time.Unix(0, at).UTC()
		out = append(out, a)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read messages set aside: %w", err)
	}
	return out, nil
}
