package journal

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// trimEvery is how long trims are collected before they are carried out.
	trimEvery = time.Second
	// trimGrace is how many of these pauses a message that was trimmed stays
	// while there is room. A server that starts again knows the ids of the
	// messages it has; whoever appends one again does so within this time.
	trimGrace = 20
)

// trim is how far a shard is no longer needed.
type trim struct {
	upTo atomic.Uint64

	// The rest is of the one goroutine that purges.
	purged uint64
	recent [trimGrace]uint64 // upTo at the last pauses, the oldest first
}

// age remembers what is trimmed now and returns what was trimmed a while ago.
func (t *trim) age() uint64 {
	oldest := t.recent[0]
	copy(t.recent[:], t.recent[1:])
	t.recent[trimGrace-1] = t.upTo.Load()
	return oldest
}

// Trim says that the messages of a shard up to a position are not needed any
// more. It only notes that; space is freed soon after. A position lower than
// one given before changes nothing.
//
// The newest of the trimmed messages stays stored: so a stream never becomes
// empty and its positions never start anew, whatever happens to its files.
func (j *Journal) Trim(shard int, upTo uint64) {
	if shard < 0 || shard >= len(j.trims) {
		return
	}
	t := &j.trims[shard]
	for {
		have := t.upTo.Load()
		if have >= upTo || t.upTo.CompareAndSwap(have, upTo) {
			return
		}
	}
}

func (j *Journal) trimLoop() {
	tick := time.NewTicker(trimEvery)
	defer tick.Stop()
	for {
		select {
		case <-j.ctx.Done():
			return
		case <-tick.C:
			if err := j.purge(j.ctx, false); err != nil && j.ctx.Err() == nil {
				j.opts.Log.Debug("the journal could not be trimmed, it is tried again", "error", err)
			}
		}
	}
}

// purge carries out the trims that were asked for: those of a while ago, or all.
func (j *Journal) purge(ctx context.Context, all bool) (first error) {
	for shard := range j.trims {
		if err := j.purgeShard(ctx, shard, all); err != nil && first == nil {
			first = err
		}
	}
	return first
}

func (j *Journal) purgeShard(ctx context.Context, shard int, all bool) error {
	t := &j.trims[shard]
	newest, old := t.upTo.Load(), t.age()
	if newest <= t.purged {
		return nil
	}
	wait, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	stream, err := j.js.Stream(wait, j.opts.stream(shard))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	state := stream.CachedInfo().State
	if all || j.short(state.Bytes) {
		old = newest
	}
	// A purge beyond the end would move the end.
	keep := min(old, state.LastSeq)
	if keep > state.FirstSeq {
		if err := stream.Purge(wait, jetstream.WithPurgeSequence(keep)); err != nil {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
	t.purged = max(t.purged, old)
	return nil
}

// short says that a shard of a size has no room for what is done with.
func (j *Journal) short(bytes uint64) bool {
	if int64(bytes) > j.opts.share()/4 {
		return true
	}
	if j.server == nil {
		return false
	}
	free, err := FreeBytes(j.opts.Dir)
	return err == nil && free < 2*j.opts.MinFree
}
