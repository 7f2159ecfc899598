package deliver

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/vedette-project/vedette/internal/uplink"
)

// laterError says that the server is to be asked again.
type laterError struct {
	msg   string
	after time.Duration
}

func (e *laterError) Error() string { return e.msg }

// send posts a batch of n records until it is decided: nil says that it need
// not be sent again, because the server has it or will never take it.
func (q *Queue) send(ctx context.Context, zipped []byte, n int) error {
	a, err := q.client.Post(ctx, q.opts.URL.String(), uplink.MediaLines, zipped)
	switch {
	case err != nil:
		return err
	case a.Status == http.StatusOK:
		q.delivered(n)
		return nil
	case a.Status == http.StatusRequestEntityTooLarge && n > 1:
		return q.halves(ctx, zipped)
	case a.Status == http.StatusRequestEntityTooLarge, a.NoRecord, a.Status == http.StatusBadRequest && isTorn(zipped):
		q.opts.Log.Error("the server refuses records for good", "records", n, "status", a.Status, "answer", a.Text)
		q.discard(int64(n))
		return nil
	}
	// What is wrong with a token, an address or a proxy can be mended; nothing is
	// lost until the folder is full.
	return &laterError{fmt.Sprintf("%s answers %d: %s", q.opts.URL.Redacted(), a.Status, a.Text), a.After}
}

// isTorn reports whether the machine's end left only a part of a batch.
func isTorn(zipped []byte) bool {
	_, err := unzip(zipped)
	return err != nil
}

// halves sends a batch that is too large in two. If the second half fails, the
// first comes again with it: the server knows records it has.
func (q *Queue) halves(ctx context.Context, zipped []byte) error {
	data, err := unzip(zipped)
	if err != nil {
		return fmt.Errorf("divide a batch: %w", err)
	}
	b := batch{data, bytes.Count(data, []byte{'\n'})}
	first, second := b.cut(len(data) / 2)
	for _, part := range []batch{first, second} {
		if part.n == 0 {
			continue
		}
		if err := q.send(ctx, q.zip.EncodeAll(part.data, nil), part.n); err != nil {
			return err
		}
	}
	return nil
}

// cut splits a batch at the line that a place is in: there are lines on both
// sides if there are two.
func (b batch) cut(at int) (head, rest batch) {
	end := bytes.IndexByte(b.data[min(at, len(b.data)-1):], '\n') + min(at, len(b.data)-1) + 1
	if end == len(b.data) && b.n > 1 {
		end = bytes.LastIndexByte(b.data[:end-1], '\n') + 1
	}
	n := bytes.Count(b.data[:end], []byte{'\n'})
	return batch{b.data[:end], n}, batch{b.data[end:], b.n - n}
}

func (q *Queue) delivered(n int) {
	if q.away {
		q.opts.Log.Info("the server takes records again")
	}
	q.away, q.pause, q.next = false, 0, time.Time{}
	q.mu.Lock()
	q.stats.Sent += int64(n)
	q.mu.Unlock()
}

// jitter keeps the sensors of a cluster from coming back all at once.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d) }
