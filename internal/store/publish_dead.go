package store

import (
	"context"
	"fmt"
	"time"
)

// DeadLetter is an event that a target refused for good.
type DeadLetter struct {
	N      int64
	Event  string // its id
	Reason string
	Data   []byte // JSON of the event
	At     time.Time
	Resend bool // somebody wants it sent again
}

const selectDead = `SELECT n, event, reason, data, at, resend FROM publish_dead WHERE target = ?`

// DeadLetters returns at most limit dead letters of a target after one, the
// oldest first.
func (s *Store) DeadLetters(ctx context.Context, target string, after int64, limit int) ([]DeadLetter, error) {
	out, err := scanDead(s.query(ctx, selectDead+` AND n > ? ORDER BY n LIMIT ?`, target, after, limit))
	if err != nil {
		return nil, fmt.Errorf("read dead letters of %s: %w", target, err)
	}
	return out, nil
}

// DeadToResend returns dead letters of a target that somebody wants sent again.
func (s *Store) DeadToResend(ctx context.Context, target string, limit int) ([]DeadLetter, error) {
	out, err := scanDead(s.query(ctx, selectDead+` AND resend = 1 ORDER BY n LIMIT ?`, target, limit))
	if err != nil {
		return nil, fmt.Errorf("read dead letters of %s: %w", target, err)
	}
	return out, nil
}

// CountDead is how many dead letters a target has.
func (s *Store) CountDead(ctx context.Context, target string) (n int64, err error) {
	if err = s.queryRow(ctx, `SELECT count(*) FROM publish_dead WHERE target = ?`, target).Scan(&n); err != nil {
		return 0, fmt.Errorf("count dead letters of %s: %w", target, err)
	}
	return n, nil
}

// ResendDead marks dead letters to be sent again: those of some numbers, or all
// if none is given. It returns how many there are.
func (s *Store) ResendDead(ctx context.Context, target string, numbers []int64) (n int64, err error) {
	err = s.Commit(ctx, func(tx *Tx) (err error) {
		if len(numbers) == 0 {
			n, err = tx.exec(`UPDATE publish_dead SET resend = 1 WHERE target = ?`, target)
			return err
		}
		n, err = tx.exec(`UPDATE publish_dead SET resend = 1 WHERE target = ? AND `+s.db.list("n"), target, s.db.listArg(numbers))
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("resend dead letters of %s: %w", target, err)
	}
	return n, nil
}

// putDead keeps what was refused. One that was refused again keeps its number.
func (tx *Tx) putDead(target string, d *DeadLetter) error {
	return tx.do(`INSERT INTO publish_dead (target, event, reason, data, at, resend) VALUES (?, ?, ?, ?, ?, 0)
		ON CONFLICT (target, event) DO UPDATE SET reason = excluded.reason, data = excluded.data, at = excluded.at, resend = 0`,
		target, d.Event, document([]byte(d.Reason)), document(d.Data), d.At.UnixNano())
}

// PruneDead deletes dead letters older than a moment of the wall clock.
func (s *Store) PruneDead(ctx context.Context, target string, before time.Time) error {
	err := s.Commit(ctx, func(tx *Tx) error {
		return tx.do(`DELETE FROM publish_dead WHERE target = ? AND at < ?`, target, before.UnixNano())
	})
	if err != nil {
		return fmt.Errorf("forget dead letters of %s: %w", target, err)
	}
	return nil
}

func scanDead(rows result, err error) ([]DeadLetter, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []DeadLetter
	for rows.Next() {
		var d DeadLetter
		var at, resend int64
		if err := rows.Scan(&d.N, &d.Event, &d.Reason, &d.Data, &at, &resend); err != nil {
			return nil, err
		}
		d.At, d.Resend = time.Unix(0, at).UTC(), resend != 0
		out = append(out, d)
	}
	return out, rows.Err()
}
