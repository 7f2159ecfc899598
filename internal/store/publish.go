package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// PublishItem is what one target was told of a finding, or of an incident of
// several, and what of it waits to be told.
type PublishItem struct {
	Key  string
	Rev  int64     // 0: it is not there yet
	Told time.Time // wall clock of the last event
	Due  time.Time // when what waits is to be sent; zero: nothing waits
	Data []byte    // JSON, the follower's own
}

// PublishStep is what one step of a follower makes durable: all of it, or nothing.
type PublishStep struct {
	Target string
	// Cursor is the name of the cursor that moves from Was to To. Where To is nil
	// it stays, and only must still be what it was.
	Cursor  string
	Was, To []byte
	Items   []PublishItem
	Dead    []DeadLetter
	Resent  []int64 // dead letters that were taken after all
	Status  []byte  // nil: as it was
}

// errCursorMoved says that another process follows, too.
var errCursorMoved = errors.New("the cursor was moved by another process")

const (
	selectItems = `SELECT key, rev, told, due, data FROM publish_item WHERE target = ?`
	insertItem  = `INSERT INTO publish_item (target, key, rev, told, due, data) VALUES (?, ?, 1, ?, ?, ?) ON CONFLICT (target, key) DO NOTHING`
	updateItem  = `UPDATE publish_item SET rev = rev + 1, told = ?, due = ?, data = ? WHERE target = ? AND key = ? AND rev = ?`
	reopenItem  = `UPDATE publish_item SET rev = rev + 1, due = ? WHERE target = ? AND key = ?`
	putStatus   = `INSERT INTO publish_status (target, data) VALUES (?, ?) ON CONFLICT (target) DO UPDATE SET data = excluded.data`
)

// PublishItems returns what is known of some keys of a target.
func (s *Store) PublishItems(ctx context.Context, target string, keys []string) (map[string]PublishItem, error) {
	list, err := scanItems(s.query(ctx, selectItems+` AND `+s.db.list("key"), target, s.db.listArg(keys)))
	if err != nil {
		return nil, fmt.Errorf("read what %s was told: %w", target, err)
	}
	out := make(map[string]PublishItem, len(list))
	for _, i := range list {
		out[i.Key] = i
	}
	return out, nil
}

// PublishDue returns items of a target of which something is due, the longest first.
func (s *Store) PublishDue(ctx context.Context, target string, now time.Time, limit int) ([]PublishItem, error) {
	out, err := scanItems(s.query(ctx, selectItems+` AND due IS NOT NULL AND due <= ? ORDER BY due, key LIMIT ?`, target, now.UnixMilli(), limit))
	if err != nil {
		return nil, fmt.Errorf("read what %s is due: %w", target, err)
	}
	return out, nil
}

// PublishWaiting counts the items of a target that wait for their time.
func (s *Store) PublishWaiting(ctx context.Context, target string) (n int64, err error) {
	err = s.queryRow(ctx, `SELECT count(*) FROM publish_item WHERE target = ? AND due IS NOT NULL`, target).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count what waits for %s: %w", target, err)
	}
	return n, nil
}

// StepPublish makes a step durable. It reports false, and stores nothing, where
// another process has moved the cursor meanwhile. An item that another process
// has written meanwhile becomes due at once: nobody knows whose event came last.
func (s *Store) StepPublish(ctx context.Context, p PublishStep) (moved bool, err error) {
	err = s.Commit(ctx, func(tx *Tx) error {
		if err := tx.movePublish(&p); err != nil {
			return err
		}
		for i := range p.Items {
			if err := tx.putItem(p.Target, &p.Items[i]); err != nil {
				return err
			}
		}
		for i := range p.Dead {
			if err := tx.putDead(p.Target, &p.Dead[i]); err != nil {
				return err
			}
		}
		for _, n := range p.Resent {
			if err := tx.do(`DELETE FROM publish_dead WHERE target = ? AND n = ?`, p.Target, n); err != nil {
				return err
			}
		}
		if p.Status == nil {
			return nil
		}
		return tx.do(putStatus, p.Target, document(p.Status))
	})
	if errors.Is(err, errCursorMoved) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("keep how far %s was told: %w", p.Target, err)
	}
	return true, nil
}

// LastChange is the cursor of the newest change; FirstChange if there is none.
func (s *Store) LastChange(ctx context.Context) (string, error) {
	out, err := lastChange(s.queryRow(ctx, selectLastChange(s.db)))
	if err != nil {
		return "", fmt.Errorf("read the newest change: %w", err)
	}
	return out, nil
}

func selectLastChange(d dialect) string {
	return `SELECT era, xid, n FROM change WHERE ` + d.settled() + ` ORDER BY era DESC, xid DESC, n DESC LIMIT 1`
}

func lastChange(r row) (string, error) {
	var c changeCursor
	err := r.Scan(&c.era, &c.xid, &c.n)
	if errors.Is(err, sql.ErrNoRows) {
		return FirstChange, nil
	}
	return c.String(), err
}

func (tx *Tx) movePublish(p *PublishStep) error {
	to := p.To
	if to == nil {
		to = p.Was
	}
	var n int64
	var err error
	switch {
	case p.Was == nil && to == nil:
		var there int64
		if err := tx.queryRow(`SELECT count(*) FROM cursor WHERE name = ?`, p.Cursor).Scan(&there); err != nil {
			return err
		}
		n = 1 - there
	case p.Was == nil:
		n, err = tx.exec(`INSERT INTO cursor (name, data) VALUES (?, ?) ON CONFLICT (name) DO NOTHING`, p.Cursor, blob(to))
	default:
		n, err = tx.exec(`UPDATE cursor SET data = ? WHERE name = ? AND data = ?`, blob(to), p.Cursor, p.Was)
	}
	if err == nil && n <= 0 {
		err = errCursorMoved
	}
	return err
}

func (tx *Tx) putItem(target string, i *PublishItem) error {
	due := nullMillis(i.Due)
	var n int64
	var err error
	if i.Rev == 0 {
		n, err = tx.exec(insertItem, target, i.Key, i.Told.UnixMilli(), due, document(i.Data))
	} else {
		n, err = tx.exec(updateItem, i.Told.UnixMilli(), due, document(i.Data), target, i.Key, i.Rev)
	}
	if err != nil || n > 0 {
		return err
	}
	return tx.do(reopenItem, tx.store.options.Now().UnixMilli(), target, i.Key)
}

// ReopenPublish has everything after a cursor published again, and what of the
// keys was told told again, if the cursor still is what it was.
func (s *Store) ReopenPublish(ctx context.Context, target, cursor string, was, back []byte, keys []string) (moved bool, err error) {
	err = s.Commit(ctx, func(tx *Tx) error {
		if err := tx.movePublish(&PublishStep{Cursor: cursor, Was: was, To: back}); err != nil {
			return err
		}
		now := tx.store.options.Now().UnixMilli()
		for _, k := range keys {
			if err := tx.do(reopenItem, now, target, k); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, errCursorMoved) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("have %s told again: %w", target, err)
	}
	return true, nil
}

// PrunePublish forgets some of what a target was told before a moment of the
// wall clock, and of which nothing waits.
func (s *Store) PrunePublish(ctx context.Context, target string, before time.Time) error {
	err := s.Commit(ctx, func(tx *Tx) error {
		return tx.do(`DELETE FROM publish_item WHERE target = ? AND key IN
			(SELECT key FROM publish_item WHERE target = ? AND told < ? AND due IS NULL ORDER BY told LIMIT ?)`, target, target, before.UnixMilli(), deleteBatch)
	})
	if err != nil {
		return fmt.Errorf("forget what %s was told: %w", target, err)
	}
	return nil
}

// ForgetPublish forgets all of a target, as if it had never been.
func (s *Store) ForgetPublish(ctx context.Context, target, cursor string) error {
	err := s.Commit(ctx, func(tx *Tx) error {
		for _, table := range []string{"publish_item", "publish_dead", "publish_status"} {
			if err := tx.do(`DELETE FROM `+table+` WHERE target = ?`, target); err != nil {
				return err
			}
		}
		return tx.do(`DELETE FROM cursor WHERE name = ?`, cursor)
	})
	if err != nil {
		return fmt.Errorf("forget target %s: %w", target, err)
	}
	return nil
}

// PublishStatus is how a target is, in the words of its follower; nil if nobody
// knows.
func (s *Store) PublishStatus(ctx context.Context, target string) ([]byte, error) {
	var data []byte
	err := s.queryRow(ctx, `SELECT data FROM publish_status WHERE target = ?`, target).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read how %s is: %w", target, err)
	}
	return data, nil
}

// PutPublishStatus writes how a target is.
func (s *Store) PutPublishStatus(ctx context.Context, target string, data []byte) error {
	err := s.Commit(ctx, func(tx *Tx) error { return tx.do(putStatus, target, document(data)) })
	if err != nil {
		return fmt.Errorf("note how %s is: %w", target, err)
	}
	return nil
}

func scanItems(rows result, err error) ([]PublishItem, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []PublishItem
	for rows.Next() {
		var i PublishItem
		var told int64
		var due sql.NullInt64
		if err := rows.Scan(&i.Key, &i.Rev, &told, &due, &i.Data); err != nil {
			return nil, err
		}
		i.Told = time.UnixMilli(told).UTC()
		if due.Valid {
			i.Due = time.UnixMilli(due.Int64).UTC()
		}
		out = append(out, i)
	}
	return out, rows.Err()
}

func nullMillis(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}
