package line

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// simDB is the database: transactions as PostgreSQL runs them under READ
// COMMITTED. Reads see what is committed when they are made, a row that one
// transaction changed makes others wait for its end, and a commit may be made
// though nobody hears of it.
type simDB struct {
	s        *sim
	rows     []*shardRow
	workers  map[string]int64 // end of the lease
	state    map[[2]string]string
	seen     map[string][]string
	counts   map[string]int // how often a record had its effect
	cursors  map[string]string
	asides   []store.SetAside
	ledger   map[[3]string]int64 // source, outcome, reason
	findings map[string]int64
	changes  []simChange
	open     []*simTx
	xid      int64
	downTill int64
	ahead    int64 // of its clock
	history  []commitDone
}

type shardRow struct {
	store.Shard
	expires int64
	holder  *simTx
}

type simChange struct {
	xid int64
	n   int
	store.Change
}

// commitDone is a commit that moved a shard.
type commitDone struct {
	shard      int
	epoch      int64
	journal    string
	from, to   uint64
	byWho      string
	stillOwner bool
}

var (
	errSimTemporary = errors.New("the store does not answer")
	errSimUncertain = errors.New("the connection was lost during the commit")
)

// idleTimeout ends a transaction whose client says nothing.
const idleTimeout = int64(20 * time.Second)

func newSimDB(s *sim) *simDB {
	db := &simDB{
		s: s, workers: map[string]int64{}, state: map[[2]string]string{}, seen: map[string][]string{}, counts: map[string]int{},
		cursors: map[string]string{}, ledger: map[[3]string]int64{}, findings: map[string]int64{},
	}
	for i := range s.shards {
		db.rows = append(db.rows, &shardRow{Shard: store.Shard{N: i}})
	}
	return db
}

func (db *simDB) clock() int64 { return db.s.now + db.ahead }

// expire ends the transactions whose clients are gone.
func (db *simDB) expire() {
	for _, tx := range slices.Clone(db.open) {
		if end := tx.end(); db.s.now >= end {
			db.s.tell("the store ends a transaction of %s", tx.c.name)
			tx.close()
		}
	}
}

// end is when the database gives a transaction up.
func (tx *simTx) end() int64 {
	if tx.dropAt > 0 {
		return min(tx.dropAt, tx.last+idleTimeout)
	}
	return tx.last + idleTimeout
}

// dbClient is how one process sees the database.
type dbClient struct {
	*sim
	db   *simDB
	node *node
	name string
}

// enter is the way to the database.
func (c *dbClient) enter(ctx context.Context, what string) error {
	c.call(what)
	if err := ctx.Err(); err != nil {
		return err
	}
	if c.hit(faultStoreDown) {
		c.db.downTill = c.now + int64(c.between(time.Second, 8*time.Second))
	}
	if c.hit(faultClock) {
		c.db.ahead += int64(c.between(-8*time.Second, 8*time.Second))
	}
	if c.now < c.db.downTill || c.hit(faultStore) {
		return errSimTemporary
	}
	c.db.expire()
	return nil
}

// answer is the way back of a commit that was made.
func (c *dbClient) answer() error {
	lost := c.hit(faultUncertain)
	c.call("answered")
	if lost {
		return errSimUncertain
	}
	return nil
}

func (c *dbClient) Heartbeat(ctx context.Context, worker string, ttl time.Duration) (store.Workers, error) {
	if err := c.enter(ctx, "heartbeat"); err != nil {
		return store.Workers{}, err
	}
	db := c.db
	mine := func(r *shardRow) bool { return r.Owner == worker }
	if err := db.unlocked(ctx, mine); err != nil {
		return store.Workers{}, err
	}
	now := db.clock()
	db.workers[worker] = now + int64(ttl)
	for _, r := range db.rows {
		if mine(r) && c.mutant != mutantNoProlong {
			r.expires = now + int64(ttl)
		}
	}
	maps.DeleteFunc(db.workers, func(_ string, expires int64) bool { return expires <= now })
	w := store.Workers{Live: slices.Sorted(maps.Keys(db.workers))}
	for _, r := range db.rows {
		w.Shards = append(w.Shards, r.Shard)
	}
	return w, c.answer()
}

func (c *dbClient) Claim(ctx context.Context, shard int, worker string, ttl time.Duration) (sh store.Shard, err error) {
	db, row := c.db, c.db.rows[shard]
	if c.mutant == mutantClaimFromMemory || c.mutant == mutantClaimFromMemoryNoFrom {
		if old, ok := c.node.claims[shard]; ok && row.Owner == worker {
			return old, c.enter(ctx, "claim from memory")
		}
	}
	err = c.Commit(ctx, func(tx *simTx) error {
		if c.mutant != mutantClaimNoLock && c.mutant != mutantClaimNoLockNoFrom {
			if err := tx.lock(ctx, shard); err != nil {
				return err
			}
		}
		now := db.clock()
		if row.Owner != "" && row.Owner != worker && row.expires > now && c.mutant != mutantNoLease {
			c.tell("shard %d is held by %s", shard, row.Owner)
			return store.ErrHeld
		}
		sh = row.Shard
		sh.Owner = worker
		if c.mutant != mutantSameEpoch {
			sh.Epoch++
		}
		if c.mutant != mutantNoAttempts {
			sh.Attempts++
		}
		tx.write(func() {
			row.Owner, row.Epoch, row.Attempts, row.expires = sh.Owner, sh.Epoch, sh.Attempts, now+int64(ttl)
			c.tell("shard %d is claimed by %s: epoch %d position %d attempts %d", shard, worker, sh.Epoch, sh.Position, sh.Attempts)
		})
		return nil
	})
	if err == nil {
		c.node.claims[shard] = sh
	}
	return sh, err
}

func (c *dbClient) Release(ctx context.Context, shard int, worker string, epoch int64) error {
	return c.update(ctx, "release", func(r *shardRow) bool { return r.N == shard && r.Owner == worker && r.Epoch == epoch }, func(r *shardRow) {
		c.tell("shard %d is given back", r.N)
		r.Owner, r.expires = "", 0
	})
}

func (c *dbClient) Leave(ctx context.Context, worker string) error {
	return c.update(ctx, "leave", func(r *shardRow) bool { return r.Owner == worker }, func(r *shardRow) {
		r.Owner, r.expires = "", 0
		delete(c.db.workers, worker)
	})
}

func (c *dbClient) update(ctx context.Context, what string, which func(*shardRow) bool, change func(*shardRow)) error {
	if err := c.enter(ctx, what); err != nil {
		return err
	}
	if err := c.db.unlocked(ctx, which); err != nil {
		return err
	}
	for _, r := range c.db.rows {
		if which(r) {
			change(r)
		}
	}
	return c.answer()
}

// unlocked waits until nobody holds the rows.
func (db *simDB) unlocked(ctx context.Context, which func(*shardRow) bool) error {
	for _, r := range db.rows {
		for which(r) && r.holder != nil {
			if err := db.awaitRow(ctx, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// awaitRow waits for the end of the transaction that holds a row.
func (db *simDB) awaitRow(ctx context.Context, r *shardRow) error {
	db.s.tell("waits for shard %d", r.N)
	tx := r.holder
	db.s.park(db.s.now, tx.end(), func() bool { return r.holder != tx || ctx.Err() != nil })
	db.expire()
	return ctx.Err()
}

// Position is how far a shard is; caughtUp asks.
func (c *dbClient) Position(ctx context.Context, shard int) (store.Shard, error) {
	if err := c.enter(ctx, "read shards"); err != nil {
		return store.Shard{}, err
	}
	return c.db.rows[shard].Shard, nil
}

// The rest is what a publisher asks.

func (c *dbClient) Cursor(ctx context.Context, name string) ([]byte, error) {
	if err := c.enter(ctx, "read a cursor"); err != nil {
		return nil, err
	}
	v, ok := c.db.cursors[name]
	if !ok {
		return nil, finding.ErrNotFound
	}
	return []byte(v), nil
}

// move moves the publisher's cursor, if it is where the publisher thinks.
func (c *dbClient) move(name string, was, to []byte) bool {
	now, ok := c.db.cursors[name]
	if ok != (was != nil) || now != string(was) {
		return false
	}
	if to != nil {
		c.db.cursors[name] = string(to)
		c.node.sending = false
	}
	return true
}

func (c *dbClient) StepPublish(ctx context.Context, p store.PublishStep) (bool, error) {
	if err := c.enter(ctx, "keep a step of publishing"); err != nil {
		return false, err
	}
	moved := c.move(p.Cursor, p.Was, p.To)
	return moved, c.answer()
}

func (c *dbClient) ReopenPublish(ctx context.Context, _, cursor string, was, back []byte, _ []string) (bool, error) {
	if err := c.enter(ctx, "have things published again"); err != nil {
		return false, err
	}
	moved := c.move(cursor, was, back)
	return moved, c.answer()
}

// The publisher of the simulation sends all at once, so it remembers nothing of
// what it told, and its target refuses nothing for good.

func (c *dbClient) PublishItems(context.Context, string, []string) (map[string]store.PublishItem, error) {
	return nil, nil
}

func (c *dbClient) PublishDue(context.Context, string, time.Time, int) ([]store.PublishItem, error) {
	return nil, nil
}

func (c *dbClient) DeadToResend(context.Context, string, int) ([]store.DeadLetter, error) {
	return nil, nil
}

func (c *dbClient) PublishStatus(context.Context, string) ([]byte, error)  { return nil, nil }
func (c *dbClient) PutPublishStatus(context.Context, string, []byte) error { return nil }
func (c *dbClient) PrunePublish(context.Context, string, time.Time) error  { return nil }
func (c *dbClient) PruneDead(context.Context, string, time.Time) error     { return nil }
