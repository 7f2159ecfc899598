package line

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vedette-project/vedette/internal/decode"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/ingest"
	"github.com/vedette-project/vedette/internal/journal"
	"github.com/vedette-project/vedette/internal/trace"
)

// Bounds of what waits for the journal. Beyond them a sender is told to come
// again, so that memory stays bounded and nobody waits for long.
const (
	maxWaitingBytes  = 128 << 20
	maxWaitingPushes = 1024
	maxTailBytes     = 64 << 20
	// A push of more than twice pieceBytes is cut into entries of that size;
	// entries that wait go into one message until it has messageBytes.
	pieceBytes   = 1 << 20
	messageBytes = 4 << 20
	maxBatches   = 64 // kept for batches to come
)

// WriterOptions are what a writer needs; all fields but Tracer are required.
type WriterOptions struct {
	Journal Journal
	Sleep   func(context.Context, time.Duration) error
	// Retry is how long it waits after the first failure to append.
	Retry time.Duration
	Log   *slog.Logger
	// Appended is told of each message: its records' bytes, its own, and how
	// long the journal took.
	Appended func(raw, stored int, took time.Duration)
	Now      func() time.Time
	// Tracer follows pushes; nil follows none.
	Tracer *trace.Tracer
}

// Writer puts pushes into the journal. It implements ingest.Sink: what waits
// for a shard while the journal writes goes into the next message together.
type Writer struct {
	WriterOptions
	tail    *tail
	queues  []chan *pending
	waiting atomic.Int64 // bytes
	wg      sync.WaitGroup
	batches chan *decode.Batch // memory of batches that were judged
}

// pending is an entry that waits for the journal.
type pending struct {
	queue chan *pending // of its shard
	entry journal.Entry
	push  *Push
	done  chan error
}

// NewWriter returns a writer; Run makes it write.
func NewWriter(o WriterOptions) *Writer {
	w := &Writer{WriterOptions: o, tail: newTail(maxTailBytes), batches: make(chan *decode.Batch, maxBatches)}
	for range o.Journal.Shards() {
		w.queues = append(w.queues, make(chan *pending, maxWaitingPushes))
	}
	return w
}

// ShardOf spreads scopes over shards.
func ShardOf(s event.Scope, shards int) int {
	h := fnv.New32a()
	h.Write([]byte(s.String()))
	return int(h.Sum32() % uint32(shards))
}

// Append returns when the push is durable in the journal.
func (w *Writer) Append(ctx context.Context, p *ingest.Push) error {
	free, err := w.admit(p)
	if err != nil {
		return err
	}
	defer free()
	span := w.taking(p)
	defer span.End()
	decoding := w.Tracer.Start(span.Context(), "decode", trace.Internal)
	pieces, err := w.pieces(p)
	decoding.End()
	if err != nil {
		return err
	}
	for _, one := range pieces {
		one.push.Trace = span.Context()
	}
	storing := w.Tracer.Start(span.Context(), "journal append", trace.Producer)
	if err = w.store(ctx, p, pieces); err != nil {
		storing.Fail("the journal did not take it")
	}
	storing.End()
	return err
}

// store puts the pieces of a push into the journal.
func (w *Writer) store(ctx context.Context, p *ingest.Push, pieces []*pending) error {
	if p.Cursor.Name == "" {
		return w.put(ctx, pieces...)
	}
	for _, one := range pieces { // the cursor is behind all of them, so it must not outrun any
		if err := w.put(ctx, one); err != nil {
			return err
		}
	}
	return nil
}

// Submit queues a push without a cursor, behind those that were submitted
// before. It is durable when wait returns nil; wait is called once.
func (w *Writer) Submit(p *ingest.Push) (wait func(context.Context) error, err error) {
	free, err := w.admit(p)
	if err != nil {
		return nil, err
	}
	list, err := w.pieces(p)
	if err == nil {
		err = w.queue(list)
	}
	if err != nil {
		free()
		return nil, err
	}
	return func(ctx context.Context) error {
		defer free()
		return durable(ctx, list)
	}, nil
}

// admit takes a push if there is room for it in memory, until free is called.
func (w *Writer) admit(p *ingest.Push) (free func(), err error) {
	size := int64(len(p.Chunk.Data))
	if w.waiting.Add(size) > maxWaitingBytes && w.waiting.Load() != size {
		w.waiting.Add(-size)
		return nil, ingest.ErrFull
	}
	return func() { w.waiting.Add(-size) }, nil
}

// put queues entries and waits until all of them are durable.
func (w *Writer) put(ctx context.Context, list ...*pending) error {
	if err := w.queue(list); err != nil {
		return err
	}
	return durable(ctx, list)
}

// queue hands entries to those who write. Where there is no room for all of
// them, it waits for the others.
func (w *Writer) queue(list []*pending) error {
	for i, one := range list {
		select {
		case one.queue <- one:
		default:
			list = list[:i]
			one.done <- ingest.ErrFull
			for _, rest := range list { // they count all the same; sent again they are duplicates
				<-rest.done
			}
			return ingest.ErrFull
		}
	}
	return nil
}

// durable waits until all of them are durable.
func durable(ctx context.Context, list []*pending) error {
	var errs []error
	for _, one := range list {
		select {
		case err := <-one.done:
			errs = append(errs, err)
		case <-ctx.Done(): // kept all the same; the sender will come again and be a duplicate
			return ctx.Err()
		}
	}
	return errors.Join(errs...)
}

// pieces decodes a push, to count its records and to tell the sender, and cuts
// a large one into several entries.
func (w *Writer) pieces(p *ingest.Push) ([]*pending, error) {
	chunks := []event.Chunk{p.Chunk}
	if len(p.Chunk.Data) > 2*pieceBytes && len(p.Chunk.Records) <= 1 && !p.Chunk.Cut {
		var err error
		if chunks, err = split(p.Chunk); err != nil {
			return nil, err
		}
	}
	out := make([]*pending, 0, len(chunks))
	var d decode.Decoder
	for i := range chunks {
		b := w.batch()
		d.Decode(&chunks[i], b)
		if p.Confined && strays(&chunks[i], &b.Batch) {
			return nil, ingest.OtherCluster(p.Chunk.Scope.Cluster)
		}
		addResult(&p.Result, &b.Batch)
		others := apart(&chunks[i], &b.Batch)
		for j := range others {
			ob := w.batch()
			d.Decode(&others[j], ob)
			out = append(out, w.pending(&others[j], ob, nil))
		}
		var recycle func()
		if len(chunks) == 1 {
			recycle = p.Recycle
		}
		one := w.pending(&chunks[i], b, recycle)
		if len(others) == 0 || one.entry.Records > 0 {
			out = append(out, one)
		}
	}
	if p.Cursor.Name == "" {
		return out, nil
	}
	// The cursor stands behind all others, and in the shard of its stream, so
	// that an older one of the stream never comes after it.
	if n := len(out); n == 0 || out[n-1].entry.Chunk.Scope != p.Chunk.Scope {
		out = append(out, w.pending(&event.Chunk{Stream: p.Chunk.Stream, Received: p.Chunk.Received, Scope: p.Chunk.Scope}, w.batch(), nil))
	}
	last := out[len(out)-1]
	last.entry.CursorName, last.entry.CursorData, last.push.Cursor = p.Cursor.Name, p.Cursor.Data, p.Cursor
	return out, nil
}

// pending makes an entry of a chunk that was decoded into a batch.
func (w *Writer) pending(c *event.Chunk, b *decode.Batch, recycle func()) *pending {
	e := journal.Entry{Chunk: *c, Records: count(&b.Batch)}
	one := &pending{
		queue: w.queues[ShardOf(c.Scope, len(w.queues))],
		entry: e, push: pushOf(&e, &b.Batch), done: make(chan error, 1),
	}
	one.push.recycle = func() {
		select {
		case w.batches <- b:
		default:
		}
		if recycle != nil {
			recycle()
		}
	}
	return one
}

func (w *Writer) batch() *decode.Batch {
	select {
	case b := <-w.batches:
		b.Reset()
		return b
	default:
		return &decode.Batch{}
	}
}

// split cuts a chunk at record boundaries.
func split(c event.Chunk) ([]event.Chunk, error) {
	f := ingest.NewFramer(bytes.NewReader(c.Data), ingest.NewPool(0))
	var out []event.Chunk
	for {
		piece := c
		err := f.Next(&piece)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("cut a large push: %w", err)
		}
		out = append(out, piece)
	}
}

func addResult(r *ingest.Result, b *event.Batch) {
	switch {
	case r.Source != "":
	case len(b.Events) > 0:
		r.Source = b.Events[0].Source
	case len(b.Rejects) > 0:
		r.Source = b.Rejects[0].Source
	}
	r.Events += int64(len(b.Events))
	for _, rej := range b.Rejects {
		if rej.Outcome != event.Malformed {
			r.Events += rej.Count
			continue
		}
		if r.Malformed += rej.Count; r.Detail == "" {
			r.Detail = rej.Detail
		}
	}
}

// Run writes until ctx ends; what was accepted before is still written.
func (w *Writer) Run(ctx context.Context) {
	for shard, queue := range w.queues {
		out, buffers := make(chan *outgoing), make(chan []byte, 2)
		w.wg.Go(func() { defer close(out); w.encode(ctx, queue, out, buffers) })
		w.wg.Go(func() {
			for o := range out {
				o.answer(w.send(context.WithoutCancel(ctx), shard, o))
				select {
				case buffers <- o.data[:0]:
				default:
				}
			}
		})
	}
	w.wg.Wait()
}

// outgoing is a message on its way into the journal.
type outgoing struct {
	id      string // hexadecimal
	data    []byte
	raw     int
	entries []*pending
	traces  []string // of the entries
}

func (o *outgoing) answer(err error) {
	for _, p := range o.entries {
		p.done <- err
	}
}

// encode makes messages of what waits, while send writes the one before.
func (w *Writer) encode(ctx context.Context, queue <-chan *pending, out chan<- *outgoing, buffers <-chan []byte) {
	for {
		select {
		case p := <-queue:
			w.hand(gather(p, queue), out, buffers)
		case <-ctx.Done():
			for {
				select {
				case p := <-queue:
					w.hand(gather(p, queue), out, buffers)
				default:
					return
				}
			}
		}
	}
}

func (w *Writer) hand(group []*pending, out chan<- *outgoing, buffers <-chan []byte) {
	var buffer []byte
	select {
	case buffer = <-buffers:
	default:
	}
	o, err := w.outgoing(group, buffer)
	if tooLarge := new(ingest.TooLargeError); errors.As(err, &tooLarge) && len(group) > 1 {
		for _, p := range group {
			w.hand([]*pending{p}, out, buffers)
		}
		return
	}
	if err != nil {
		(&outgoing{entries: group}).answer(err)
		return
	}
	out <- o
}

// gather takes what else is waiting, so that one write serves many pushes.
func gather(first *pending, queue <-chan *pending) []*pending {
	group, size := []*pending{first}, len(first.entry.Chunk.Data)
	for size < messageBytes {
		select {
		case p := <-queue:
			group = append(group, p)
			size += len(p.entry.Chunk.Data)
		default:
			return group
		}
	}
	return group
}

func (w *Writer) outgoing(group []*pending, buffer []byte) (*outgoing, error) {
	var id [idLen]byte
	if _, err := rand.Read(id[:]); err != nil {
		return nil, err
	}
	o := &outgoing{id: hex.EncodeToString(id[:]), entries: group, traces: carry(group)}
	entries := make([]journal.Entry, len(group))
	for i, p := range group {
		entries[i] = p.entry
		o.raw += len(p.entry.Chunk.Data)
	}
	o.data = journal.Encode(append(buffer[:0], id[:]...), entries)
	if len(o.data) > w.Journal.MaxMessage() {
		return nil, &ingest.TooLargeError{Size: len(o.data), Max: w.Journal.MaxMessage()}
	}
	return o, nil
}

// sendFor is how long a message is tried for before its senders are told to
// come again. The webhook of an API server waits 30 s for an answer.
const sendFor = 10 * time.Second

// send appends a message, again and again with the same id: the journal keeps
// one of them.
func (w *Writer) send(ctx context.Context, shard int, o *outgoing) error {
	pushes := make([]*Push, len(o.entries))
	for i, p := range o.entries {
		pushes[i] = p.push
	}
	w.tail.keep(o.id, pushes)
	ctx = journal.Carry(ctx, o.traces)
	start, wait := w.Now(), w.Retry
	for {
		_, err := w.Journal.Append(ctx, shard, o.id, o.data)
		took := w.Now().Sub(start)
		switch {
		case err == nil:
			w.Appended(o.raw, len(o.data), took)
			return nil
		case errors.Is(err, journal.ErrFull):
			w.tail.take(o.id)
			return fmt.Errorf("%w: %w", ingest.ErrFull, err)
		case !errors.Is(err, journal.ErrUnavailable) || took > sendFor:
			w.tail.take(o.id)
			return fmt.Errorf("append to the journal: %w", err)
		}
		w.Log.Warn("the journal does not take a message; trying again", "shard", shard, "err", err)
		if err := w.Sleep(ctx, wait); err != nil {
			return err
		}
		wait = min(2*wait, time.Second)
	}
}
