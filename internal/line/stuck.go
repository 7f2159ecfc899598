package line

import (
	"fmt"
	"sync"
	"time"
)

// progress is where a worker and its leases are, for who asks whether they move.
type progress struct {
	mu   sync.Mutex
	turn time.Time         // the worker's loop came round
	busy map[int]time.Time // a shard's messages are being committed since
}

func (p *progress) turned(at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turn = at
}

// begun notes that messages of a shard are being committed; the function
// returned, that they are no more.
func (p *progress) begun(shard int, at time.Time) (done func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy == nil {
		p.busy = map[int]time.Time{}
	}
	p.busy[shard] = at
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.busy, shard)
	}
}

// Stuck says what has been at one and the same thing for longer than a time in
// which everything ends, also what ends with an error; "" when all moves. A
// worker that waits for messages, or that tries again and again, is not stuck.
func (w *Worker[T]) Stuck(limit time.Duration) string {
	now := w.Now()
	w.progress.mu.Lock()
	defer w.progress.mu.Unlock()
	for shard, since := range w.progress.busy {
		if took := now.Sub(since); took > limit {
			return fmt.Sprintf("the messages of shard %d are being judged for %s", shard, took.Round(time.Second))
		}
	}
	if turn := w.progress.turn; !turn.IsZero() && now.Sub(turn) > limit+w.Beat {
		return fmt.Sprintf("the worker has not looked at its shards for %s", now.Sub(turn).Round(time.Second))
	}
	return ""
}
