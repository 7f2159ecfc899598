package line

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// simTx is a transaction.
type simTx struct {
	c      *dbClient
	ctx    context.Context
	xid    int64
	writes []func()
	own    map[[2]string]string // state it has written
	rows   []*shardRow          // it holds
	last   int64                // when the client said something last
	dropAt int64                // when a dead client is noticed
	closed bool
	n      int // changes
}

var _ Tx = (*simTx)(nil)

func (c *dbClient) Commit(ctx context.Context, fn func(tx *simTx) error) error {
	if err := c.enter(ctx, "begin"); err != nil {
		return err
	}
	c.db.xid++
	tx := &simTx{c: c, ctx: ctx, xid: c.db.xid, last: c.now}
	c.db.open = append(c.db.open, tx)
	committing := false
	defer func() {
		if tx.closed {
			return
		}
		if c.node.alive { // rolled back
			tx.close()
			return
		}
		tx.dropAt = c.now + int64(c.between(0, 3*time.Second))
		if committing && c.rng.IntN(2) == 0 { // the COMMIT was on its way
			c.note(faultGhost)
			c.spawn("a commit of "+c.name, nil, func() {
				c.sleep(c.between(0, 3*time.Second))
				tx.apply()
			})
		}
	}()
	if err := fn(tx); err != nil {
		return err
	}
	committing = true
	c.call("commit")
	if tx.closed || c.now < c.db.downTill || c.hit(faultStore) {
		return errSimUncertain // though it was not made
	}
	tx.apply()
	return c.answer()
}

// apply makes the writes of a transaction, all at once.
func (tx *simTx) apply() {
	if tx.closed {
		return
	}
	for _, write := range tx.writes {
		write()
	}
	tx.close()
	tx.c.checkCursor()
}

func (tx *simTx) close() {
	tx.closed = true
	for _, r := range tx.rows {
		if r.holder == tx {
			r.holder = nil
		}
	}
	db := tx.c.db
	db.open = slices.DeleteFunc(db.open, func(o *simTx) bool { return o == tx })
}

// ask is a statement that is waited for.
func (tx *simTx) ask(what string) error {
	tx.c.call(what)
	if err := tx.ctx.Err(); err != nil {
		return err
	}
	if tx.c.hit(faultConn) {
		tx.close()
	}
	if tx.closed || tx.c.now < tx.c.db.downTill || tx.c.hit(faultStore) {
		return errSimTemporary
	}
	tx.last = tx.c.now
	return nil
}

func (tx *simTx) write(fn func()) { tx.writes = append(tx.writes, fn) }

// lock takes a shard's row, and waits for it.
func (tx *simTx) lock(ctx context.Context, shard int) error {
	if err := tx.ask("lock"); err != nil {
		return err
	}
	r := tx.c.db.rows[shard]
	for r.holder != nil && r.holder != tx {
		if err := tx.c.db.awaitRow(ctx, r); err != nil {
			return err
		}
		tx.last = tx.c.now
	}
	if tx.closed {
		return errSimTemporary
	}
	r.holder = tx
	tx.rows = append(tx.rows, r)
	return nil
}

func (tx *simTx) Advance(shard int, epoch int64, from, to uint64) error {
	c, row := tx.c, tx.c.db.rows[shard]
	if err := tx.lock(tx.ctx, shard); err != nil {
		return fmt.Errorf("advance: %w", err)
	}
	m := c.mutant
	ignoreEpoch := m == mutantNoEpoch || m == mutantNoFence
	ignoreFrom := m == mutantNoFrom || m == mutantNoFence || m == mutantClaimFromMemoryNoFrom || m == mutantClaimNoLockNoFrom
	if row.Epoch != epoch && !ignoreEpoch || row.Position != from && !ignoreFrom {
		c.tell("fenced: shard %d has epoch %d position %d, not %d %d", shard, row.Epoch, row.Position, epoch, from)
		return fmt.Errorf("advance: %w", store.ErrFenced)
	}
	if m == mutantTrimEarly {
		c.journal.trim(shard, to)
	}
	if m == mutantUnlockEarly {
		row.holder = nil
	}
	tx.write(func() {
		c.tell("shard %d advances from %d to %d in epoch %d", shard, from, to, epoch)
		c.db.history = append(c.db.history, commitDone{shard, epoch, row.Journal, from, to, c.name, row.Epoch == epoch})
		row.Position, row.Attempts = to, 0
	})
	return nil
}

func (tx *simTx) Rebase(shard int, epoch int64, journal string, position uint64) error {
	row := tx.c.db.rows[shard]
	if err := tx.lock(tx.ctx, shard); err != nil {
		return err
	}
	if row.Epoch != epoch {
		return store.ErrFenced
	}
	tx.write(func() { row.Journal, row.Position, row.Attempts = journal, position, 0 })
	return nil
}

func (tx *simTx) State(scope, name string) ([]byte, error) {
	if err := tx.ask("read state"); err != nil {
		return nil, err
	}
	key := [2]string{scope, name}
	v, ok := tx.own[key]
	if !ok {
		v, ok = tx.c.db.state[key]
	}
	if !ok {
		return nil, finding.ErrNotFound
	}
	return []byte(v), nil
}

func (tx *simTx) PutState(scope, name string, data []byte) error {
	if tx.c.mutant == mutantNoStrikes && name == trialName {
		return nil
	}
	key := [2]string{scope, name}
	if tx.own == nil {
		tx.own = map[[2]string]string{}
	}
	tx.own[key] = string(data)
	tx.write(func() { tx.c.db.state[key] = string(data) })
	return nil
}

func (tx *simTx) PutCursor(name string, data []byte) error {
	put := func() { tx.c.db.cursors[name] = string(data) }
	if tx.c.mutant == mutantCursorApart {
		put()
		return nil
	}
	tx.write(put)
	return nil
}

func (tx *simTx) SetAside(a store.SetAside) error {
	tx.write(func() { tx.c.db.asides = append(tx.c.db.asides, a) })
	return nil
}

func (tx *simTx) AddLedger(rows []store.LedgerRow) error {
	for _, r := range rows {
		tx.write(func() { tx.c.db.ledger[[3]string{r.Source, r.Outcome, r.Reason}] += r.Count })
	}
	return nil
}

// What the judge writes besides.

func (tx *simTx) addSeen(scope string, ids []string) {
	if tx.c.mutant != mutantNoSeen {
		tx.write(func() { tx.c.db.seen[scope] = append(tx.c.db.seen[scope], ids...) })
	}
}

func (tx *simTx) effect(id string) {
	count := func() { tx.c.db.counts[id]++ }
	if tx.c.mutant == mutantEffectsApart {
		count()
		return
	}
	tx.write(count)
}

func (tx *simTx) addFinding(id string) {
	tx.change(store.Change{Kind: store.ChangeFinding, DetectorID: simDetector, ID: id})
	tx.write(func() {
		tx.c.db.findings[id]++
		tx.c.tell("finding %s has count %d", id, tx.c.db.findings[id])
	})
}

func (tx *simTx) change(c store.Change) {
	tx.n++
	n := tx.n
	tx.write(func() {
		db := tx.c.db
		// Of one length, so that they compare as text too.
		c.Cursor = fmt.Sprintf("1.%d.%d", 1000000+tx.xid, 1000000+n)
		ch := simChange{xid: tx.xid, n: n, Change: c}
		i, _ := slices.BinarySearchFunc(db.changes, ch, compareChanges)
		db.changes = slices.Insert(db.changes, i, ch)
	})
}

func compareChanges(a, b simChange) int {
	return cmp.Or(cmp.Compare(a.xid, b.xid), cmp.Compare(a.n, b.n))
}

// Changes returns those behind a cursor that no transaction still open can
// come before.
func (c *dbClient) Changes(ctx context.Context, after string, limit int) ([]store.Change, error) {
	if err := c.enter(ctx, "read changes"); err != nil {
		return nil, err
	}
	settled := c.db.xid + 1
	for _, tx := range c.db.open {
		if c.mutant != mutantUnsettled {
			settled = min(settled, tx.xid)
		}
	}
	var out []store.Change
	for _, ch := range c.db.changes {
		if ch.Cursor > after && ch.xid < settled && len(out) < limit {
			out = append(out, ch.Change)
		}
	}
	return out, nil
}

func (c *dbClient) Findings(ctx context.Context, _ string, ids []string, _ finding.Sort) ([]*finding.Finding, error) {
	if err := c.enter(ctx, "read findings"); err != nil {
		return nil, err
	}
	var out []*finding.Finding
	for _, id := range ids {
		n := c.db.findings[id]
		out = append(out, &finding.Finding{ID: id, ARN: id, UpdatedAt: strconv.FormatInt(n, 10), Service: &finding.Service{Count: n}})
	}
	return out, nil
}
