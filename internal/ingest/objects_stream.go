package ingest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"log/slog"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/trace"
)

// maxRatio is how much an object may grow when it is decompressed. Logs grow
// ten- to fiftyfold; only what was made to do harm grows more than this. Small
// objects may.
const (
	maxRatio    = 500
	ratioMatter = 64 << 20
)

// damaged is an error of the content: it does not go away by itself.
type damaged struct {
	what string
	err  error
}

func (e *damaged) Error() string { return e.what }
func (e *damaged) Unwrap() error { return e.err }

// stream reads the body and appends what the mark does not have yet.
func (o *Objects) stream(ctx context.Context, b *body, name string, m *Mark) error {
	src, err := o.plain(b)
	if err != nil {
		return err
	}
	defer src.close()
	k := parseKey(b.at.Key)
	base := event.Chunk{Stream: b.at.String(), Scope: k.scope(o.Scope), Source: k.source(), Format: o.Format}
	if base.Source == "" {
		base.Source = o.Source
	}
	f := &feed{Sink: o.Sink, Marks: o.Marks, Pool: o.Pool, Now: o.Now, Sleep: o.Sleep, Log: o.Log}
	return f.all(ctx, src, base, name, m)
}

// feed hands on the content of what is read once, each chunk together with the
// mark behind it.
type feed struct {
	Sink  Sink
	Marks *Marks
	Pool  *Pool
	Now   func() time.Time
	Sleep func(context.Context, time.Duration) error
	Log   *slog.Logger
}

// all hands on what the mark does not have yet.
func (o *feed) all(ctx context.Context, src *content, base event.Chunk, name string, m *Mark) error {
	f := NewFramer(src, o.Pool)
	var held *event.Chunk // its successor says whether it is the last
	var at int64          // records behind held
	for {
		c := base
		err := f.Next(&c)
		if broken := src.broken(); broken != nil { // what came with it may be torn
			return errors.Join(o.flush(ctx, held, name, m, at), broken)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return errors.Join(o.flush(ctx, held, name, m, at), err)
		}
		if err != nil {
			break
		}
		if err := o.flush(ctx, held, name, m, at); err != nil {
			return err
		}
		n := recordsIn(&c)
		if held = nil; skipRecords(&c, m.Records-at) {
			kept := c
			held = &kept
		} else {
			o.Pool.Put(c.Data)
		}
		at += n
	}
	m.Done, m.Sum, m.Bytes = true, hex.EncodeToString(src.sum.Sum(nil)), src.n
	if held == nil {
		held = &base // nothing is left but to say that it is done
	}
	return o.flush(ctx, held, name, m, at)
}

// flush appends a chunk together with the mark behind it.
func (o *feed) flush(ctx context.Context, c *event.Chunk, name string, m *Mark, at int64) error {
	if c == nil {
		return nil
	}
	now := o.Now().UTC()
	next := *m
	next.Records, next.At = max(at, m.Records), now.Unix()
	data, err := json.Marshal(next)
	if err != nil {
		return err
	}
	c.Received = now
	buffer := c.Data
	p := &Push{Chunk: *c, Cursor: Cursor{Name: name, Data: data}, Recycle: func() { o.Pool.Put(buffer) }, Trace: trace.From(ctx)}
	if err := o.append(ctx, p); err != nil {
		return fmt.Errorf("hand on %s: %w", c.Stream, err)
	}
	*m = next
	return o.Marks.put(ctx, name, next)
}

// append hands a push on until it is taken.
func (o *feed) append(ctx context.Context, p *Push) error {
	for {
		err := o.Sink.Append(ctx, p)
		var tooLarge *TooLargeError
		if err == nil || ctx.Err() != nil || errors.As(err, &tooLarge) {
			return err
		}
		if !errors.Is(err, ErrFull) {
			o.Log.WarnContext(ctx, "records were not taken; trying again", "stream", p.Chunk.Stream, "err", err)
		}
		p.Result = Result{}
		if err := o.Sleep(ctx, retryAfter); err != nil {
			return err
		}
	}
}

// recordsIn counts what a chunk holds in the unit of marks.
func recordsIn(c *event.Chunk) int64 {
	if c.Records != nil {
		return int64(len(c.Records))
	}
	n := int64(bytes.Count(c.Data, []byte{'\n'}))
	if len(c.Data) > 0 && c.Data[len(c.Data)-1] != '\n' {
		n++
	}
	return n
}

// skipRecords takes the first n records out of a chunk; it reports whether any
// are left.
func skipRecords(c *event.Chunk, n int64) bool {
	switch {
	case n <= 0:
		return true
	case n >= recordsIn(c):
		return false
	case c.Records != nil:
		c.Records = c.Records[n:]
		return true
	}
	if c.FirstLine > 0 {
		c.FirstLine += n
	}
	for ; n > 0; n-- {
		c.Data = c.Data[bytes.IndexByte(c.Data, '\n')+1:]
	}
	return true
}

// content is the decompressed content of an object, always read in full
// buffers: so it is cut into the same chunks each time.
type content struct {
	r     io.Reader
	name  string
	body  *body        // nil for a file
	raw   func() int64 // bytes read, compressed
	max   int64
	n     int64
	sum   hash.Hash
	err   error
	close func()
}

// Read fills p, unless the content ends.
func (c *content) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	n, err := 0, error(nil)
	for n < len(p) && err == nil {
		var m int
		m, err = c.r.Read(p[n:])
		n += m
	}
	c.n += int64(n)
	c.sum.Write(p[:n])
	switch {
	case c.n > c.max:
		err = &damaged{what: fmt.Sprintf("read %s: it has more than %d bytes, decompressed; raise ingest.objects.maxBytes if it is a log all the same", c.name, c.max)}
	case c.n > ratioMatter && c.n/maxRatio > c.raw():
		err = &damaged{what: fmt.Sprintf("read %s: it grows more than %d times when it is decompressed, as no log does", c.name, maxRatio)}
	case err != nil && !errors.Is(err, io.EOF):
		err = c.blame(err)
	}
	c.err = err
	return n, err
}

// blame tells an error of the content from one of the connection.
func (c *content) blame(err error) error {
	if c.body != nil && c.body.failed != nil {
		return c.body.failed
	}
	return &damaged{fmt.Sprintf("read %s: its content is damaged after %d bytes, decompressed: %v; have it written again, or delete it", c.name, c.n, err), err}
}

// broken is why what was read is not to be used: the connection broke, or the
// content is of no use. Content that is damaged is good up to there.
func (c *content) broken() error {
	var d *damaged
	if c.err == nil || errors.Is(c.err, io.EOF) || errors.As(c.err, &d) && d.err != nil {
		return nil
	}
	return c.err
}

// plain opens the content of a body, decompressed, by what it begins with.
func (o *Objects) plain(b *body) (*content, error) {
	c := &content{name: b.at.String(), body: b, max: o.MaxBytes, sum: sha256.New(), close: func() {}, raw: func() int64 { return max(b.pos, 1) }}
	br := bufio.NewReaderSize(b, bufferOf(b.at.Size))
	head, err := br.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if string(head) == parquetMagic {
		return c, o.parquet(b, c)
	}
	in := &Input{Name: c.name}
	if err := in.decompress(br); err != nil {
		return nil, c.blame(err)
	}
	if in.Binary {
		in.Close()
		return nil, &damaged{what: fmt.Sprintf("read %s: it is neither text nor gzip, zstd or Parquet; keep its key out with exclude", c.name)}
	}
	c.r, c.close = in, func() { in.Close() }
	return c, nil
}

func (o *Objects) parquet(b *body, c *content) error {
	size := b.at.Size
	r, err := ParquetText(&blocks{body: b, kept: map[int64][]byte{}}, size)
	if err != nil {
		return c.blame(err)
	}
	c.r, c.close = r, func() { r.Close() }
	c.raw = func() int64 { return max(size, 1) }
	return nil
}
