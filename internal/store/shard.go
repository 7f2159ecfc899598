package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
)

// ErrFenced is what a commit gets that was made for a shard which another
// worker has claimed since, or which has moved on.
var ErrFenced = errors.New("another worker holds this shard")

// ErrHeld is what Claim gets for a shard whose lease is another worker's.
var ErrHeld = errors.New("the shard is held by another worker")

// Shard is one share of the journal: who works on it and how far they are.
type Shard struct {
	N        int
	Owner    string    // "" when nobody holds it
	Epoch    int64     // grows with every Claim: the fencing token
	Journal  string    // which journal the position counts in ("" before the first Rebase)
	Position uint64    // of the last journal message whose effects are committed
	Expires  time.Time // end of the lease; zero when nobody holds it
	Attempts int       // claims since the position last moved
}

const (
	selectShards = `SELECT n, owner, epoch, journal, pos, expires, attempts FROM shard`
	advanceShard = `UPDATE shard SET pos = ?, attempts = 0 WHERE n = ? AND epoch = ? AND pos = ?`
)

// ResizeShards makes the shards 0…n-1 exist: new ones unheld and with position
// 0, those that are there as they are. Surplus ones are removed, and whoever
// works on one of them is fenced off. It may be called by several processes at
// once, and again.
func (s *Store) ResizeShards(ctx context.Context, n int) error {
	err := s.administer(ctx, func(tx *Tx) error {
		// A shard that comes back must not accept the tokens of its former life.
		last, err := tx.lastEpoch()
		if err != nil {
			return err
		}
		if err := tx.do(putMeta, "epoch", strconv.FormatInt(last, 10)); err != nil {
			return err
		}
		if err := tx.do(`DELETE FROM shard WHERE n >= ?`, n); err != nil {
			return err
		}
		have, err := scanShards(tx.query(selectShards))
		if err != nil {
			return err
		}
		there := make(map[int]bool, len(have))
		for _, sh := range have {
			there[sh.N] = true
		}
		for i := range n {
			if there[i] {
				continue
			}
			if err := tx.do(`INSERT INTO shard (n, epoch) VALUES (?, ?)`, i, last); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("make %d shards: %w", n, err)
	}
	return nil
}

// lastEpoch is not smaller than the epoch of any shard that was ever removed.
// It only has to grow when shards are.
func (tx *Tx) lastEpoch() (int64, error) {
	text, err := tx.meta("epoch")
	if err != nil && !errors.Is(err, finding.ErrNotFound) {
		return 0, err
	}
	var last int64
	if text != "" {
		if last, err = strconv.ParseInt(text, 10, 64); err != nil {
			return 0, err
		}
	}
	var highest int64
	err = tx.queryRow(`SELECT coalesce(max(epoch), 0) FROM shard`).Scan(&highest)
	return max(last, highest), err
}

// Shards returns all shards in order.
func (s *Store) Shards(ctx context.Context) ([]Shard, error) {
	out, err := scanShards(s.query(ctx, selectShards+` ORDER BY n`))
	if err != nil {
		return nil, fmt.Errorf("read shards: %w", err)
	}
	return out, nil
}

// Advance moves a shard on from one position to another, in the commit of what
// was made of the messages between. It fails with ErrFenced, and so must the
// commit, when epoch is not that of the last Claim or the shard is not at
// from; the latter is also so when this very commit was made before and only
// its acknowledgement was lost. It takes the lock of the shard: a Claim that
// comes during the commit waits for its end, one that came before has won.
func (tx *Tx) Advance(n int, epoch int64, from, to uint64) error {
	if from > math.MaxInt64 || to > math.MaxInt64 {
		return fmt.Errorf("advance shard %d: position %d is too large", n, max(from, to))
	}
	err := mustChange(tx.exec(advanceShard, int64(to), n, epoch, int64(from)))
	if err != nil {
		return fmt.Errorf("advance shard %d: %w", n, fenced(err))
	}
	return nil
}

// Rebase says in which journal the shard's position counts from now on, and
// where it is. It fails with ErrFenced when epoch is not that of the last Claim.
func (tx *Tx) Rebase(n int, epoch int64, journal string, position uint64) error {
	if position > math.MaxInt64 {
		return fmt.Errorf("rebase shard %d: position %d is too large", n, position)
	}
	err := mustChange(tx.exec(`UPDATE shard SET journal = ?, pos = ?, attempts = 0 WHERE n = ? AND epoch = ?`,
		journal, int64(position), n, epoch))
	if err != nil {
		return fmt.Errorf("rebase shard %d: %w", n, fenced(err))
	}
	return nil
}

// fenced puts ErrFenced in the place of "no such row".
func fenced(err error) error {
	if errors.Is(err, finding.ErrNotFound) {
		return ErrFenced
	}
	return err
}

func scanShards(rows result, err error) ([]Shard, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Shard
	for rows.Next() {
		sh, err := scanShard(rows.Scan)
		if err != nil {
			return nil, err
		}
		out = append(out, sh)
	}
	return out, rows.Err()
}

func scanShard(scan func(...any) error) (Shard, error) {
	var sh Shard
	var position, expires int64
	err := scan(&sh.N, &sh.Owner, &sh.Epoch, &sh.Journal, &position, &expires, &sh.Attempts)
	sh.Position = uint64(position)
	if expires != 0 {
		sh.Expires = time.UnixMilli(expires).UTC()
	}
	return sh, err
}
