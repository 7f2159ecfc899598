package journal

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

// pump asks for batches, one ahead of what is being read, until it is closed.
func (r *Reader) pump() {
	defer close(r.done)
	err := r.follow()
	if r.ctx.Err() != nil {
		err = ErrClosed
	}
	r.err = err
}

func (r *Reader) follow() error {
	f, err := r.subscribe()
	if err != nil {
		return err
	}
	defer f.close()
	var checked time.Time
	backoff := firstPause
	for {
		if r.ctx.Err() != nil {
			return ErrClosed
		}
		batch, more, err := f.fetch(r.ctx, r.next)
		if err != nil && !errors.Is(err, context.Canceled) {
			r.j.opts.Log.Debug("read the journal", "shard", r.shard, "error", err)
		}
		if batch = r.accept(batch); len(batch) > 0 {
			backoff, r.stale, r.doubt = firstPause, 0, false
			select {
			case r.batches <- batch:
			case <-r.ctx.Done():
				return ErrClosed
			}
			if more {
				continue
			}
		} else if since := time.Since(checked); since > checkEvery || r.doubt && since > time.Second {
			if err := r.check(); err != nil {
				return err
			}
			checked = time.Now()
		}
		if r.newest.Load() >= r.next { // it is on its way to the server we ask
			r.sleep(backoff)
			backoff = min(2*backoff, pollEvery)
			continue
		}
		select {
		case <-r.woken:
		case <-time.After(pollEvery):
		case <-r.ctx.Done():
		}
	}
}

const (
	firstPause = time.Millisecond
	// pollEvery is how long a message can stay unseen whose wake call got lost.
	pollEvery = 500 * time.Millisecond
	// checkEvery is how often a reader without messages asks the leader why;
	// confirmAfter is how long a stream must look as if it was made anew.
	checkEvery   = 4 * time.Second
	confirmAfter = 12 * time.Second
)

func (r *Reader) sleep(d time.Duration) {
	select {
	case <-time.After(d):
	case <-r.ctx.Done():
	}
}

// accept drops what was read before and marks gaps, which it believes only
// when the stream's leader says so too. It returns what is good.
func (r *Reader) accept(batch []Message) []Message {
	good := batch[:0]
	for _, m := range batch {
		if m.Position < r.next {
			continue
		}
		if m.Position > r.next {
			if !r.j.gone(r.ctx, r.shard, r.next) || !r.j.gone(r.ctx, r.shard, m.Position-1) {
				break // ask again
			}
			m.Missing = m.Position - r.next
		}
		good = append(good, m)
		r.next = m.Position + 1
	}
	return good
}

// check asks the stream's leader when nothing is there for us. It returns
// ErrRewound if the stream has ended before our position for longer than a
// leader can be wrong about it. If there is more than we are given, the server
// we ask may be cut off from the others.
func (r *Reader) check() error {
	s, err := r.j.state(r.ctx, r.shard, 2*time.Second)
	switch {
	case err != nil:
		r.doubt = true // reading goes on as it can
		return nil
	case s.Last >= r.next:
		r.doubt = true
		if r.stale++; r.stale > 1 && r.j.server == nil {
			r.stale = 0
			r.j.read.move()
		}
		r.tell(s.Last)
		return nil
	case s.Last+1 == r.next:
		r.stale, r.doubt = 0, false
		return nil
	}
	if r.j.server == nil {
		r.sleep(confirmAfter)
		if s, err = r.j.State(r.ctx, r.shard); err != nil || s.Last+1 >= r.next {
			return nil
		}
	}
	return fmt.Errorf("%w: shard %d ends at %d, read after %d", ErrRewound, r.shard, s.Last, r.next-1)
}

// wake is called with the position of a new message.
func (r *Reader) wake(m *nats.Msg) {
	if n, err := strconv.ParseUint(string(m.Data), 10, 64); err == nil {
		r.tell(n)
	}
	select {
	case r.woken <- struct{}{}:
	default:
	}
}

// tell notes that there is a position.
func (r *Reader) tell(n uint64) {
	for {
		have := r.newest.Load()
		if have >= n || r.newest.CompareAndSwap(have, n) {
			return
		}
	}
}
