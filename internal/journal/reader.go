package journal

import (
	"context"
	"sync/atomic"
	"time"
)

// Message is one message of a shard.
type Message struct {
	Position uint64
	Data     []byte
	Stored   time.Time
	// Missing is how many positions before this one are gone. It is 0 unless
	// messages were lost or trimmed.
	Missing uint64
	// Carried are the words that it was sent with; see [Carry].
	Carried []string
}

// Reader returns the messages of a shard, in order, each once. One goroutine
// may use it.
type Reader struct {
	j     *Journal
	shard int
	next  uint64 // the position to ask for; of the pump
	stale int    // how often in a row the leader knew more than we were given
	doubt bool   // the leader is to be asked again soon

	batches chan []Message
	batch   []Message     // what Next takes from
	woken   chan struct{} // there may be something new
	newest  atomic.Uint64 // the highest position somebody told us of

	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{} // closed when the pump has ended
	err    error         // why; read after done
}

// Read opens a reader of the messages behind a position. It does not fail: it
// tries for ever, and goes on by itself when connections or leaders change.
func (j *Journal) Read(shard int, after uint64) *Reader {
	r := &Reader{
		j: j, shard: shard, next: after + 1,
		batches: make(chan []Message, 1),
		woken:   make(chan struct{}, 1),
		done:    make(chan struct{}),
	}
	r.ctx, r.cancel = context.WithCancel(j.ctx)
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.ctx.Err() != nil {
		r.err = ErrClosed
		close(r.done)
		return r
	}
	j.wg.Go(r.pump)
	return r
}

// Next waits for the next message. It ends with the context, with ErrClosed, or
// with ErrRewound.
func (r *Reader) Next(ctx context.Context) (Message, error) {
	for len(r.batch) == 0 {
		select {
		case r.batch = <-r.batches:
		case <-ctx.Done():
			return Message{}, context.Cause(ctx)
		case <-r.done:
			return Message{}, r.err
		}
	}
	return r.pop(), nil
}

// TryNext returns a message if one has arrived already.
func (r *Reader) TryNext(ctx context.Context) (Message, bool, error) {
	if err := ctx.Err(); err != nil {
		return Message{}, false, context.Cause(ctx)
	}
	if len(r.batch) == 0 {
		select {
		case r.batch = <-r.batches:
		case <-r.done:
			return Message{}, false, r.err
		default:
			return Message{}, false, nil
		}
	}
	return r.pop(), true, nil
}

func (r *Reader) pop() Message {
	m := r.batch[0]
	r.batch[0] = Message{} // its bytes are the caller's now
	r.batch = r.batch[1:]
	return m
}

// Close ends the reader.
func (r *Reader) Close() {
	r.cancel()
	<-r.done
}
