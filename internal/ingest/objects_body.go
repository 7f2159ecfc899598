package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// ErrChanged is that an object was written again while it was being read, or
// since it was announced.
var ErrChanged = errors.New("the object was written again meanwhile")

// Bounds of reading an object over a connection that breaks.
const (
	maxReopens   = 5 // in a row without a byte
	reopenAfter  = 200 * time.Millisecond
	stalledAfter = time.Minute // without a byte
)

// body reads an object from its beginning, and over broken connections. All of
// it is of one ETag.
type body struct {
	ctx    context.Context
	client *s3.Client
	sleep  func(context.Context, time.Duration) error
	at     Object // its ETag and Size are those of what is read

	modified time.Time
	meta     map[string]string

	pos     int64
	end     int64         // where reading ends
	part    io.ReadCloser // nil: to be opened again
	cancel  context.CancelFunc
	reopens int
	failed  error // why reading ended before the end
}

// openBody begins to read an object.
func openBody(ctx context.Context, c *s3.Client, sleep func(context.Context, time.Duration) error, at Object) (*body, error) {
	b := &body{ctx: ctx, client: c, sleep: sleep, at: at}
	b.at.ETag = "" // what is there counts; the caller compares
	out, err := b.open("")
	if err != nil {
		return nil, err
	}
	b.at.ETag, b.at.Size = cleanETag(aws.ToString(out.ETag)), aws.ToInt64(out.ContentLength)
	b.end = b.at.Size
	b.modified, b.meta = aws.ToTime(out.LastModified), out.Metadata
	return b, nil
}

// open asks for a range of the object, or all of it, and waits for the answer.
func (b *body) open(byteRange string) (*s3.GetObjectOutput, error) {
	part, cancel := context.WithCancelCause(b.ctx)
	watch := time.AfterFunc(callFor, func() { cancel(context.DeadlineExceeded) })
	out, err := b.client.GetObject(part, b.input(byteRange))
	if !watch.Stop() && err != nil { // it says only that it was ended
		err = context.Cause(part)
	}
	if err != nil {
		cancel(nil)
		return nil, b.fault(err)
	}
	b.part, b.cancel = out.Body, func() { cancel(nil) }
	return out, nil
}

// input asks for a range of the object, or all of it.
func (b *body) input(byteRange string) *s3.GetObjectInput {
	in := &s3.GetObjectInput{Bucket: &b.at.Bucket, Key: &b.at.Key}
	if b.at.Version != "" {
		in.VersionId = &b.at.Version
	}
	if b.at.ETag != "" {
		in.IfMatch = aws.String(`"` + b.at.ETag + `"`)
	}
	if byteRange != "" {
		in.Range = &byteRange
	}
	return in
}

func (b *body) fault(err error) error {
	if code, _ := codeOf(err); code == "PreconditionFailed" || isStatus(err, 412) {
		return fmt.Errorf("read %s: %w", b.at, ErrChanged)
	}
	permission := "s3:GetObject"
	if b.at.Version != "" {
		permission = "s3:GetObjectVersion"
	}
	return awsError(err, "read "+b.at.String(), permission, "arn:aws:s3:::"+b.at.Bucket+"/"+b.at.Key)
}

// Read gives the next bytes, opening the object again where a connection broke.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.failed = err
	}
	return n, err
}

func (b *body) read(p []byte) (int, error) {
	for {
		if b.pos >= b.end {
			return 0, io.EOF
		}
		if b.part == nil {
			if err := b.reopen(); err != nil {
				return 0, err
			}
		}
		n, err := b.readPart(p)
		b.pos += int64(n)
		if n > 0 {
			b.reopens = 0
			return n, nil // an error comes again, or the object is opened again
		}
		if err == nil {
			continue
		}
		b.closePart()
		if err := b.ctx.Err(); err != nil {
			return 0, err
		}
		if b.pos < b.end {
			if b.reopens++; b.reopens > maxReopens {
				return 0, fmt.Errorf("read %s: the connection broke again and again at byte %d of %d: %w", b.at, b.pos, b.at.Size, err)
			}
			if err := b.sleep(b.ctx, reopenAfter<<b.reopens); err != nil {
				return 0, err
			}
		}
	}
}

// readPart reads from the connection, and ends it when nothing comes.
func (b *body) readPart(p []byte) (int, error) {
	watch := time.AfterFunc(stalledAfter, b.cancel)
	defer watch.Stop()
	return b.part.Read(p)
}

func (b *body) reopen() error {
	_, err := b.open(fmt.Sprintf("bytes=%d-%d", b.pos, b.end-1))
	return err
}

func (b *body) closePart() {
	if b.part != nil {
		b.cancel()
		b.part.Close()
		b.part = nil
	}
}

// Close ends the connection.
func (b *body) Close() error { b.closePart(); return nil }

// Bounds of reading here and there in an object, as Parquet needs it.
const (
	blockSize = 1 << 20
	maxBlocks = 24
)

// blocks reads an object at any place, in blocks of which the last ones used
// are kept.
type blocks struct {
	*body
	mu    sync.Mutex
	kept  map[int64][]byte
	order []int64 // least recently read first
}

// ReadAt reads at an offset.
func (b *blocks) ReadAt(p []byte, off int64) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for n < len(p) {
		if off >= b.at.Size {
			return n, io.EOF
		}
		block, err := b.block(off / blockSize)
		if err != nil {
			return n, err
		}
		m := copy(p[n:], block[off%blockSize:])
		n, off = n+m, off+int64(m)
	}
	return n, nil
}

func (b *blocks) block(i int64) ([]byte, error) {
	if data, ok := b.kept[i]; ok {
		for k, v := range b.order {
			if v == i {
				b.order = append(append(b.order[:k:k], b.order[k+1:]...), i)
				break
			}
		}
		return data, nil
	}
	one := *b.body
	one.part, one.pos, one.reopens = nil, i*blockSize, 0
	one.end = min(one.pos+blockSize, one.at.Size)
	data := make([]byte, one.end-one.pos)
	_, err := io.ReadFull(&one, data)
	one.closePart()
	if err != nil {
		b.failed = err
		return nil, err
	}
	if len(b.order) >= maxBlocks {
		delete(b.kept, b.order[0])
		b.order = b.order[1:]
	}
	b.kept[i] = data
	b.order = append(b.order, i)
	return data, nil
}

// cleanETag is an ETag without its quotes.
func cleanETag(s string) string { return strings.Trim(strings.TrimPrefix(s, "W/"), `"`) }
