package store

import (
	"context"
	"fmt"
	"time"
)

// Workers is who works, and on what.
type Workers struct {
	Live   []string // sorted
	Shards []Shard  // all, in order
}

// Heartbeat notes that a worker lives, for the time ttl, and prolongs the
// leases of the shards it owns: also those that had run out, when nobody has
// claimed the shard meanwhile. It returns the live workers, itself included,
// and all shards. Leases go by [Options.Now] in SQLite and by the database's
// own clock in PostgreSQL.
func (s *Store) Heartbeat(ctx context.Context, worker string, ttl time.Duration) (Workers, error) {
	var w Workers
	err := s.Commit(ctx, func(tx *Tx) (err error) {
		now, err := tx.leaseNow()
		if err != nil {
			return err
		}
		expires := now + ttl.Milliseconds()
		err = tx.do(`INSERT INTO worker (name, expires) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET expires = excluded.expires`, worker, expires)
		if err != nil {
			return err
		}
		if err := tx.do(`UPDATE shard SET expires = ? WHERE owner = ?`, expires, worker); err != nil {
			return err
		}
		if err := tx.do(`DELETE FROM worker WHERE name IN (SELECT name FROM worker WHERE expires <= ?`+tx.store.skipLocked()+`)`, now); err != nil {
			return err
		}
		if w.Live, err = scanTexts(tx.query(`SELECT name FROM worker WHERE expires > ? ORDER BY name`, now)); err != nil {
			return err
		}
		w.Shards, err = scanShards(tx.query(selectShards + ` ORDER BY n`))
		return err
	})
	if err != nil {
		return Workers{}, fmt.Errorf("heartbeat of %s: %w", worker, err)
	}
	return w, nil
}

// Claim takes a shard that nobody holds, whose lease is over, or that is the
// worker's own. The new epoch fences off whoever held it before. Another's
// shard is ErrHeld, one that does not exist finding.ErrNotFound.
func (s *Store) Claim(ctx context.Context, n int, worker string, ttl time.Duration) (Shard, error) {
	var sh Shard
	err := s.Commit(ctx, func(tx *Tx) (err error) {
		sh, err = scanShard(tx.queryRow(selectShards+` WHERE n = ?`+tx.store.forUpdate(), n).Scan)
		if err != nil {
			return notFound(err)
		}
		now, err := tx.leaseNow() // after the wait for the row
		if err != nil {
			return err
		}
		if sh.Owner != "" && sh.Owner != worker && sh.Expires.UnixMilli() > now {
			return ErrHeld
		}
		sh.Owner, sh.Epoch, sh.Attempts = worker, sh.Epoch+1, sh.Attempts+1
		sh.Expires = time.UnixMilli(now + ttl.Milliseconds()).UTC()
		return tx.do(`UPDATE shard SET owner = ?, epoch = ?, attempts = ?, expires = ? WHERE n = ?`,
			sh.Owner, sh.Epoch, sh.Attempts, sh.Expires.UnixMilli(), n)
	})
	if err != nil {
		return Shard{}, fmt.Errorf("claim shard %d: %w", n, err)
	}
	return sh, nil
}

// Release gives a shard back. It is no error when the worker does not hold it
// (with this epoch) any more.
func (s *Store) Release(ctx context.Context, n int, worker string, epoch int64) error {
	err := s.Commit(ctx, func(tx *Tx) error {
		return tx.do(`UPDATE shard SET owner = '', expires = 0 WHERE n = ? AND owner = ? AND epoch = ?`, n, worker, epoch)
	})
	if err != nil {
		return fmt.Errorf("release shard %d: %w", n, err)
	}
	return nil
}

// Leave gives all of a worker's shards back and forgets it.
func (s *Store) Leave(ctx context.Context, worker string) error {
	err := s.Commit(ctx, func(tx *Tx) error {
		// In the order of Heartbeat, so that the two never wait for each other.
		if err := tx.do(`DELETE FROM worker WHERE name = ?`, worker); err != nil {
			return err
		}
		return tx.do(`UPDATE shard SET owner = '', expires = 0 WHERE owner = ?`, worker)
	})
	if err != nil {
		return fmt.Errorf("worker %s leaves: %w", worker, err)
	}
	return nil
}
