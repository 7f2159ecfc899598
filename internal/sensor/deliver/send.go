package deliver

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
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
	status, msg, after, err := q.post(ctx, zipped)
	switch {
	case err != nil:
		return err
	case status == http.StatusOK:
		q.delivered(n)
		return nil
	case status == http.StatusRequestEntityTooLarge && n > 1:
		return q.halves(ctx, zipped)
	case status == http.StatusRequestEntityTooLarge, status == http.StatusBadRequest:
		// Also a batch of which the machine's end left only a part.
		q.opts.Log.Error("the server refuses records for good", "records", n, "status", status, "answer", msg)
		q.discard(int64(n))
		return nil
	}
	// What is wrong with a token or an address can be mended; nothing is lost
	// until the folder is full.
	return &laterError{fmt.Sprintf("%s answers %d: %s", q.opts.URL.Redacted(), status, msg), after}
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

func (q *Queue) post(ctx context.Context, zipped []byte) (status int, msg string, after time.Duration, err error) {
	client, err := q.trusting()
	if err != nil {
		return 0, "", 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, q.opts.URL.String(), bytes.NewReader(zipped))
	if err != nil {
		return 0, "", 0, err
	}
	req.Header.Set("Content-Type", "application/x-ndjson")
	req.Header.Set("Content-Encoding", "zstd")
	req.Header.Set("User-Agent", "vedette-sensor/"+q.opts.Version)
	if q.opts.Token != nil {
		token, err := q.opts.Token()
		if err != nil {
			return 0, "", 0, fmt.Errorf("read the token: %w", err)
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", 0, err
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection can be used again
	seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
	return resp.StatusCode, strings.TrimSpace(string(body)), time.Duration(min(max(seconds, 0), 60)) * time.Second, nil
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
