package journal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats.go/jetstream"
)

// Journal is an open journal. Its methods may be called concurrently.
type Journal struct {
	opts   Options
	server *embedded // nil with an external cluster
	// Two connections, so that a backlog on its way to readers does not delay
	// acknowledgements.
	write, read *conn
	js          jetstream.JetStream // on write
	trims       []trim              // by shard
	silent      atomic.Int64        // since when nothing is answered on write; 0 is not

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup
	once   sync.Once
	mu     sync.Mutex // held to begin what wg counts, and to end
}

// Open starts the embedded server, or connects to the external cluster, and
// makes or updates the streams.
func Open(ctx context.Context, o Options) (*Journal, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	j := &Journal{opts: o, trims: make([]trim, o.Shards)}
	j.ctx, j.cancel = context.WithCancel(context.Background())
	if err := j.open(ctx); err != nil {
		j.cancel()
		j.disconnect()
		return nil, err
	}
	j.wg.Go(j.trimLoop)
	if j.server != nil {
		j.wg.Go(func() { j.server.watch(j.ctx) })
	}
	return j, nil
}

func (j *Journal) open(ctx context.Context) (err error) {
	if len(j.opts.URLs) == 0 {
		if j.server, err = startEmbedded(j.opts); err != nil {
			return err
		}
	}
	if j.write, err = connect(j.opts, j.server, "append"); err != nil {
		return err
	}
	if j.read, err = connect(j.opts, j.server, "read"); err != nil {
		return err
	}
	if j.js, err = jetstream.New(j.write.Conn, jetstream.WithDefaultTimeout(requestTimeout)); err != nil {
		return err
	}
	if err := j.ensureStreams(ctx); err != nil {
		return err
	}
	if j.server != nil {
		return j.server.syncDirs(j.opts)
	}
	return nil
}

// Close purges what has been trimmed, closes every reader and ends the embedded
// server. The context bounds the purge.
func (j *Journal) Close(ctx context.Context) error {
	var err error
	j.once.Do(func() {
		j.mu.Lock()
		j.cancel()
		j.mu.Unlock()
		j.wg.Wait()
		if err = j.purge(ctx, j.server != nil); errors.Is(err, ErrUnavailable) {
			err = nil // it is only space; the next start trims again
		}
		j.disconnect()
	})
	return err
}

func (j *Journal) disconnect() {
	for _, c := range []*conn{j.write, j.read} {
		if c != nil {
			c.Close()
		}
	}
	if j.server != nil {
		j.server.stop()
	}
}

// Shards is how many shards there are.
func (j *Journal) Shards() int { return j.opts.Shards }

// MaxMessage is the size of the largest message Append takes.
func (j *Journal) MaxMessage() int {
	n := j.write.MaxPayload()
	if n <= 0 { // before the first connection
		n = 1 << 20
	}
	return int(min(n, maxStored, j.opts.share()) - headRoom)
}

func (j *Journal) check(shard int) error {
	if shard < 0 || shard >= j.opts.Shards {
		return fmt.Errorf("shard %d of %d", shard, j.opts.Shards)
	}
	if j.ctx.Err() != nil {
		return ErrClosed
	}
	return nil
}
