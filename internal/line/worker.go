package line

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/vedette-project/vedette/internal/store"
	"github.com/vedette-project/vedette/internal/trace"
)

// Options are what a worker needs; all fields are required unless said
// otherwise.
type Options[T Tx] struct {
	// ID names the worker among those that share a store. A process that starts
	// again under the same ID takes its shards back at once.
	ID       string
	Journal  Journal
	Store    Store[T]
	NewJudge func(shard int) Judge[T]
	// TTL is how long a worker that is not heard of keeps its shards; Beat is
	// how often it is heard of.
	TTL, Beat time.Duration
	// Retry is how long it waits after the first failure.
	Retry time.Duration
	// Ahead is how many messages are opened while those before them are judged;
	// 0 opens them one after the other.
	Ahead int
	// MaxAge drops what waited longer in the journal, counted; 0 means never.
	MaxAge time.Duration
	// Temporary reports whether an error is the store's rather than a record's.
	Temporary func(error) bool
	Now       func() time.Time
	Sleep     func(context.Context, time.Duration) error
	// Go runs what goes on beside the caller.
	Go  func(func())
	Log *slog.Logger
	// Tail, if set, is a writer in the same process whose messages need not be
	// decoded again.
	Tail *Writer
	// Tracer follows what was traced when it was taken; nil follows nothing.
	Tracer *trace.Tracer
}

// Worker holds its share of the shards and commits what their messages hold.
type Worker[T Tx] struct {
	Options[T]
	tail     *tail
	gate     gate
	progress progress

	mu     sync.Mutex
	leases map[int]*lease[T]
	ending bool
	wg     sync.WaitGroup
}

// NewWorker returns a worker that holds nothing yet.
func NewWorker[T Tx](o Options[T]) *Worker[T] {
	w := &Worker[T]{Options: o, leases: map[int]*lease[T]{}}
	if o.Tail != nil {
		w.tail = o.Tail.tail
	}
	return w
}

// Run works until ctx ends, then finishes what it is at and gives its shards
// back.
func (w *Worker[T]) Run(ctx context.Context) {
	for ctx.Err() == nil {
		w.progress.turned(w.Now())
		if err := w.beat(ctx); err != nil && ctx.Err() == nil {
			w.Log.Error("the store does not answer; shards stay where they are", "err", err)
		}
		_ = w.Sleep(ctx, w.Beat) // an error says that ctx ended
	}
	w.mu.Lock()
	w.ending = true
	for _, l := range w.leases {
		l.cancel()
	}
	w.mu.Unlock()
	w.wg.Wait()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	if err := w.Store.Leave(ctx, w.ID); err != nil {
		w.Log.Warn("the store was not told that this worker ends; its lease runs out by itself", "err", err)
	}
}

// beat says that the worker lives, and takes or gives back shards so that all
// live workers have their share.
func (w *Worker[T]) beat(ctx context.Context) error {
	view, err := w.Store.Heartbeat(ctx, w.ID, w.TTL)
	if err != nil {
		return fmt.Errorf("heartbeat: %w", err)
	}
	share := shareOf(view, w.ID)
	w.mu.Lock()
	held := len(w.leases)
	for _, sh := range view.Shards {
		l := w.leases[sh.N]
		if l != nil && sh.Owner != w.ID && sh.Epoch > l.epoch { // it learns so itself at its next commit, if it has one
			l.cancel()
		} else if l != nil && held > share {
			l.cancel()
			held--
		}
	}
	w.mu.Unlock()
	for _, sh := range view.Shards {
		mine := sh.Owner == w.ID
		if w.holds(sh.N) || !mine && slices.Contains(view.Live, sh.Owner) {
			continue
		}
		switch {
		case held < share:
			w.start(ctx, sh.N)
			held++
		case mine: // from a life before, or it could not be given back: nobody else takes it while we live
			if err := w.Store.Release(ctx, sh.N, w.ID, sh.Epoch); err != nil {
				return fmt.Errorf("give back shard %d: %w", sh.N, err)
			}
		}
	}
	return nil
}

// shareOf is how many shards a worker is to hold: all alike, the first ones
// one more where they do not come out even.
func shareOf(view store.Workers, id string) int {
	i := slices.Index(view.Live, id)
	if i < 0 {
		return 0
	}
	share := len(view.Shards) / len(view.Live)
	if i < len(view.Shards)%len(view.Live) {
		share++
	}
	return share
}

func (w *Worker[T]) holds(shard int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.leases[shard] != nil
}

// Held is how many shards are held, and whether one of them is the first,
// whose holder does what only one of several workers shall do.
func (w *Worker[T]) Held() (n int, first bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := w.leases[0]
	return len(w.leases), l != nil && l.epoch > 0
}

// Shards are those held.
func (w *Worker[T]) Shards() []int {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make([]int, 0, len(w.leases))
	for n := range w.leases {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

// start runs a lease; its first step claims the shard.
func (w *Worker[T]) start(ctx context.Context, shard int) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	l := &lease[T]{Worker: w, shard: shard, judge: w.NewJudge(shard), cancel: cancel, adrift: true}
	w.mu.Lock()
	if w.ending {
		w.mu.Unlock()
		cancel()
		return
	}
	w.leases[shard] = l
	w.wg.Add(1)
	w.mu.Unlock()
	w.Go(func() {
		defer w.wg.Done()
		defer cancel()
		l.run(ctx)
	})
}

// forget takes a lease that ended off the list.
func (w *Worker[T]) forget(l *lease[T]) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.leases[l.shard] == l {
		delete(w.leases, l.shard)
	}
}
