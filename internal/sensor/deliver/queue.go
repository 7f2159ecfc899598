package deliver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/vedette-project/vedette/internal/uplink"
)

// Options are what a queue needs; fields without a comment on a default are required.
type Options struct {
	// URL is where batches are posted to.
	URL *url.URL
	// Server is as whom, and whom to trust.
	Server uplink.Server
	// Dir is the folder in which records wait while the server is away.
	Dir string
	// MaxSpool bounds what waits there, in bytes, compressed. The oldest makes room.
	MaxSpool int64
	// MaxWait is how long a record waits for others to travel with; default 200 ms.
	MaxWait time.Duration
	Now     func() time.Time
	Log     *slog.Logger
}

// Sizes, in bytes before compression.
const (
	fullBatch = 512 << 10
	// maxHeld bounds what is in memory. It is reached only when the disk is
	// slower than the records come.
	maxHeld = 8 << 20
)

// postFor bounds one attempt.
const postFor = 30 * time.Second

// awayWait is how long records wait for others while the server is away: it
// makes fewer files.
const awayWait = 2 * time.Second

// Queue holds records until they are delivered.
type Queue struct {
	opts   Options
	client *uplink.Client
	spool  *spool
	zip    *zstd.Encoder
	wake   chan struct{}
	away   bool      // the last attempt failed
	next   time.Time // of the next attempt
	pause  time.Duration

	mu    sync.Mutex
	held  batch
	stats Stats
}

// Stats are counts since the queue was opened.
type Stats struct {
	Sent int64 // records that the server has
	// Discarded are records that nobody will get: the folder was full, or the
	// server refuses them for good.
	Discarded int64
	Waiting   int64 // records in the folder and in memory
	SpoolSize int64 // bytes in the folder
}

// batch is a run of lines.
type batch struct {
	data []byte
	n    int
}

// Open opens the folder. What an earlier run left there is delivered first.
func Open(o Options) (*Queue, error) {
	if o.MaxWait == 0 {
		o.MaxWait = 200 * time.Millisecond
	}
	s, err := openSpool(o.Dir, o.MaxSpool)
	if err != nil {
		return nil, err
	}
	// One small window: the memory belongs to the workloads of the node.
	zip, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(256<<10), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, err
	}
	return &Queue{opts: o, spool: s, zip: zip, wake: make(chan struct{}, 1), client: uplink.New(o.Server, postFor)}, nil
}

// Add takes a record without its line end and copies it. It never waits.
func (q *Queue) Add(line []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.held.data)+len(line) >= maxHeld {
		q.stats.Discarded++
		return
	}
	q.held.data = append(append(q.held.data, line...), '\n')
	if q.held.n++; q.held.n == 1 || len(q.held.data) >= fullBatch {
		select {
		case q.wake <- struct{}{}:
		default:
		}
	}
}

// Stats returns the counts of the moment.
func (q *Queue) Stats() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.stats
	n, size := q.spool.waiting()
	s.Waiting, s.SpoolSize = n+int64(q.held.n), size
	return s
}

// Run delivers until the context ends. What is on its way or in memory then
// goes to the server within the grace, or to the folder.
func (q *Queue) Run(ctx context.Context, grace time.Duration) error {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	for ctx.Err() == nil {
		q.idle(ctx)
		if err := q.flush(work); err != nil {
			return err
		}
	}
	q.away, q.next = false, time.Time{} // one more attempt
	err := q.flush(work)
	for n := int64(1); n > 0 && err == nil && !q.away && work.Err() == nil; n, _ = q.spool.waiting() {
		err = q.drain(work)
	}
	q.client.Close()
	return errors.Join(err, q.zip.Close())
}

// idle waits until a batch is full or old enough, or it is time to try again.
func (q *Queue) idle(ctx context.Context) {
	var again <-chan time.Time
	wait := q.opts.MaxWait
	if n, _ := q.spool.waiting(); n > 0 {
		again = time.After(max(0, q.next.Sub(q.opts.Now())))
		wait = max(wait, awayWait)
	}
	var old <-chan time.Time
	for !q.full() {
		select {
		case <-ctx.Done():
			return
		case <-again:
			return
		case <-old:
			return
		case <-q.wake:
			if old == nil {
				old = time.After(wait)
			}
		}
	}
}

func (q *Queue) full() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.held.data) >= fullBatch
}

// flush delivers what is in memory, and of what waits in the folder the oldest
// batch. While something waits there the rest goes behind it.
func (q *Queue) flush(ctx context.Context) error {
	for b := q.take(); b.n > 0; {
		part, rest := b.split(fullBatch)
		b = rest
		if err := q.deliver(ctx, part); err != nil {
			return err
		}
	}
	return q.drain(ctx)
}

// deliver sends a batch, or has it wait.
func (q *Queue) deliver(ctx context.Context, b batch) error {
	zipped := q.zip.EncodeAll(b.data, nil)
	if n, _ := q.spool.waiting(); n == 0 {
		err := q.send(ctx, zipped, b.n)
		if err == nil {
			return nil
		}
		q.failed(ctx, err)
	}
	q.keep(zipped, b.n)
	return nil
}

// drain sends the batch of the folder that waits longest, if it is time.
func (q *Queue) drain(ctx context.Context) error {
	if n, _ := q.spool.waiting(); n == 0 || q.opts.Now().Before(q.next) || ctx.Err() != nil {
		return nil
	}
	f, err := q.spool.oldest()
	if err != nil {
		return fmt.Errorf("read what waits: %w", err)
	}
	if err := q.send(ctx, f.data, f.n); err != nil {
		q.failed(ctx, err)
		return nil
	}
	return q.spool.remove(f.name)
}

// failed notes that the server is away, unless it was we who gave up.
func (q *Queue) failed(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	const first, last = 200 * time.Millisecond, 30 * time.Second
	q.pause = min(max(2*q.pause, first), last)
	wait := jitter(q.pause)
	var later *laterError
	if errors.As(err, &later) {
		wait = max(wait, later.after)
	}
	if !q.away {
		q.opts.Log.Warn("the server does not take records; they wait", "err", err, "dir", q.opts.Dir)
	}
	q.away, q.next = true, q.opts.Now().Add(wait)
}

func (q *Queue) keep(zipped []byte, n int) {
	dropped, err := q.spool.add(zipped, n)
	q.discard(dropped)
	if err != nil {
		// A full disk is no reason to end: what is lost is counted.
		q.opts.Log.Error("records cannot wait on disk and are lost", "records", n, "err", err)
		q.discard(int64(n))
	}
}

func (q *Queue) discard(n int64) {
	q.mu.Lock()
	q.stats.Discarded += n
	q.mu.Unlock()
}

func (q *Queue) take() batch {
	q.mu.Lock()
	defer q.mu.Unlock()
	b := q.held
	q.held = batch{}
	return b
}

// split cuts a batch behind the line in which it becomes larger than size.
func (b batch) split(size int) (head, rest batch) {
	if len(b.data) <= size {
		return b, batch{}
	}
	return b.cut(size)
}

func unzip(b []byte) ([]byte, error) {
	r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(2*maxHeld), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return r.DecodeAll(b, nil)
}
