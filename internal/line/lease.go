package line

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/journal"
	"github.com/vedette-project/vedette/internal/store"
)

// Bounds of one commit.
const (
	maxCommitMessages = 64
	maxCommitBytes    = 16 << 20 // of records
)

// commitTimeout bounds one commit; a database that hangs must not hang a shard
// for ever.
const commitTimeout = 30 * time.Second

// errLost ends a lease: somebody else holds the shard.
var errLost = errors.New("the shard is held by another worker")

// lease is a shard held by this worker, and the memory that goes with it. One
// goroutine runs it.
type lease[T Tx] struct {
	*Worker[T]
	shard  int
	judge  Judge[T]
	cancel context.CancelFunc

	// Set by claim; epoch is read by the worker under its lock.
	epoch    int64
	journal  string // in which position counts
	position uint64 // committed
	attempts int    // claims since the position moved
	source   *source
	trial    trial
	// adrift: position and epoch may not be what the store has, because a
	// commit ended with an error, after which it may have happened or not.
	adrift bool
}

// run commits until ctx ends or the shard is lost. What is being committed
// when ctx ends is committed.
func (l *lease[T]) run(ctx context.Context) {
	defer l.end(ctx)
	wait := l.Retry
	for ctx.Err() == nil {
		err := l.step(ctx)
		switch {
		case err == nil:
			wait = l.Retry
		case errors.Is(err, errLost):
			l.Log.Info("a shard is held by another worker now", "shard", l.shard)
			return
		case ctx.Err() == nil:
			l.Log.Error("a shard does not move; trying again", "shard", l.shard, "position", l.position, "err", err)
			if l.Sleep(ctx, wait) != nil {
				return
			}
			wait = min(2*wait, maxRetry)
		}
	}
}

const maxRetry = 5 * time.Second

// end gives the shard back, so that the next worker need not wait for the
// lease to run out.
func (l *lease[T]) end(ctx context.Context) {
	l.closeSource()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	if err := l.Store.Release(ctx, l.shard, l.ID, l.epoch); err != nil {
		l.Log.Warn("a shard could not be given back; others take it when its lease is over", "shard", l.shard, "err", err)
	}
	l.forget(l)
}

const releaseTimeout = 5 * time.Second

func (l *lease[T]) closeSource() {
	if l.source != nil {
		l.source.close()
		l.source = nil
	}
}

// step waits for messages and commits what they hold.
func (l *lease[T]) step(ctx context.Context) error {
	if l.adrift {
		if err := l.claim(ctx); err != nil {
			return err
		}
	}
	if l.source == nil {
		ahead := l.Ahead
		if l.careful() { // nothing is opened but what is on trial
			ahead = 0
		}
		l.source = newSource(l.Journal.Read(l.shard, l.position), l.tail, ahead, l.Tracer)
	}
	group, err := l.gather(ctx)
	if err != nil {
		l.closeSource() // and read on from the position
		if errors.Is(err, journal.ErrRewound) {
			l.adrift = true // the position is one of another journal
		}
		return fmt.Errorf("read the journal: %w", err)
	}
	done := l.progress.begun(l.shard, l.Now())
	if l.careful() {
		err = l.try(ctx, group[0])
		if err == nil && !l.careful() {
			l.closeSource() // what comes now may be opened ahead again
		}
	} else {
		err = l.apart(ctx, false, func() error { return l.commit(ctx, group) })
	}
	if err != nil {
		l.judge.Forget()
		l.adrift = true
	}
	done()
	return err
}

// claim makes sure of the shard, and learns from the store how far it has come.
func (l *lease[T]) claim(ctx context.Context) error {
	sh, err := l.Store.Claim(ctx, l.shard, l.ID, l.TTL)
	if errors.Is(err, store.ErrHeld) {
		return errLost
	}
	if err != nil {
		return fmt.Errorf("claim the shard: %w", err)
	}
	l.judge.Forget()
	l.closeSource()
	l.mu.Lock()
	l.epoch = sh.Epoch
	l.mu.Unlock()
	l.position, l.attempts = sh.Position, sh.Attempts
	if err := l.locate(ctx, sh); err != nil {
		return err
	}
	if err := l.loadTrial(ctx); err != nil {
		return err
	}
	l.adrift = false
	return nil
}

// locate checks that the position is one of the journal that is there. A
// journal that was wiped or restored begins with other messages, which must
// not be taken for committed ones.
func (l *lease[T]) locate(ctx context.Context, sh store.Shard) error {
	st, err := l.Journal.State(ctx, l.shard)
	if err != nil {
		return fmt.Errorf("look into the journal: %w", err)
	}
	l.journal = st.ID
	var position uint64
	switch {
	case sh.Journal != st.ID:
		position = max(st.First, 1) - 1
		if sh.Journal != "" {
			l.Log.Error("the journal is not the one that the store knows; it is read from its beginning", "shard", l.shard, "stored position", sh.Position, "begins at", position+1)
		}
	case st.Last < sh.Position:
		position = st.Last
		l.Log.Error("the journal ends before the position in the store; it was restored from an older copy", "shard", l.shard, "stored position", sh.Position, "ends at", st.Last)
	default:
		return nil
	}
	err = l.Store.Commit(ctx, func(tx T) error { return tx.Rebase(l.shard, sh.Epoch, st.ID, position) })
	if err != nil {
		return fmt.Errorf("take up another journal: %w", err)
	}
	l.position = position
	return nil
}

// gather waits for a message and takes those that are there behind it.
func (l *lease[T]) gather(ctx context.Context) ([]*message, error) {
	m, err := l.source.next(ctx)
	if err != nil {
		return nil, err
	}
	group, size := []*message{m}, int64(0)
	if l.careful() {
		return group, nil
	}
	for {
		m.open(l.tail)
		if size += m.bytes; size >= maxCommitBytes || len(group) == maxCommitMessages {
			return group, nil
		}
		if m, err = l.source.tryNext(ctx); err != nil || m == nil {
			return group, nil // an error comes again
		}
		group = append(group, m)
	}
}

// commit judges messages and commits what they came to.
func (l *lease[T]) commit(ctx context.Context, group []*message) error {
	// Once begun it is finished: an end in the middle would only repeat it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	start := l.Now()
	to := group[len(group)-1].position
	spans := l.committing(group)
	err := l.Store.Commit(ctx, func(tx T) error {
		if err := tx.Advance(l.shard, l.epoch, l.position, to); err != nil {
			return err
		}
		for _, m := range group {
			if err := l.add(tx, m); err != nil {
				return err
			}
		}
		return l.judge.Finish(tx)
	})
	endAll(spans, err, "what it came to could not be committed; it is tried again")
	if err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	l.position, l.attempts = to, 0
	l.judge.Committed(l.Now().Sub(start))
	l.Journal.Trim(l.shard, to)
	for _, m := range group {
		for _, p := range m.pushes {
			if p.recycle != nil {
				p.recycle()
			}
		}
	}
	return nil
}

// add adds the effects of a message.
func (l *lease[T]) add(tx T, m *message) error {
	if m.missing > 0 {
		l.Log.Error("the journal lost messages before they were judged", "shard", l.shard, "before", m.position, "messages", m.missing)
		if err := tx.AddLedger(lostRow(event.ReasonJournalGap, int64(m.missing))); err != nil {
			return err
		}
	}
	if m.fault != nil {
		l.Log.Error("a message of the journal cannot be read; it is set aside", "shard", l.shard, "position", m.position, "err", m.fault)
		if err := tx.AddLedger(lostRow(event.ReasonJournalCorrupt, 1)); err != nil {
			return err
		}
		return tx.SetAside(store.SetAside{
			Shard: l.shard, Position: m.position, Reason: "it cannot be read: " + m.fault.Error(), Data: m.data, At: l.Now().UTC(),
		})
	}
	for _, a := range m.aside {
		if err := tx.SetAside(a); err != nil {
			return err
		}
	}
	old := l.MaxAge > 0 && l.Now().Sub(m.stored) > l.MaxAge
	for _, p := range m.pushes {
		if old && p.Drop == "" {
			p.Drop = event.ReasonTooOld
		}
		span := l.detecting(p)
		err := l.judge.Judge(tx, p)
		if err != nil {
			span.Fail("it could not be judged; it is tried again")
		}
		span.End()
		if err != nil {
			return err
		}
		if p.Cursor.Name == "" {
			continue
		}
		if err := tx.PutCursor(p.Cursor.Name, p.Cursor.Data); err != nil {
			return err
		}
	}
	return nil
}

// lostRow counts whole messages that were lost, whose records nobody can count.
func lostRow(reason event.Reason, n int64) []store.LedgerRow {
	return []store.LedgerRow{{Source: string(event.Journal), Outcome: string(event.Dropped), Reason: string(reason), Count: n}}
}
