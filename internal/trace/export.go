package trace

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/vedette-project/vedette/internal/otlp"
)

const (
	batchSpans = 512
	batchEvery = 2 * time.Second
	sendFor    = 10 * time.Second // one request
	// A batch is tried for so long; by then the queue may be full, too.
	tryFor    = 30 * time.Second
	firstWait = time.Second
	maxWait   = 10 * time.Second
	flushFor  = 3 * time.Second // what is left when the tracer ends
	maxAnswer = 64 << 10
)

// Run sends spans until ctx ends, and then, for a moment, what is left.
func (t *Tracer) Run(ctx context.Context) {
	var batch []*Span
	for ctx.Err() == nil {
		if batch = t.gather(ctx); len(batch) > 0 && t.send(ctx, batch) {
			batch = nil
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushFor)
	defer cancel()
	for batch = t.waiting(batch); len(batch) > 0; batch = t.waiting(nil) {
		if !t.send(last, batch) {
			t.Observe(Failed, len(batch))
		}
	}
}

// gather waits until there are many spans, or some and enough time went by.
func (t *Tracer) gather(ctx context.Context) []*Span {
	var batch []*Span
	select {
	case s := <-t.queue:
		batch = append(batch, s)
	case <-ctx.Done():
		return nil
	}
	timer := time.NewTimer(batchEvery)
	defer timer.Stop()
	for len(batch) < batchSpans {
		select {
		case s := <-t.queue:
			batch = append(batch, s)
		case <-timer.C:
			return batch
		case <-ctx.Done():
			return t.waiting(batch)
		}
	}
	return batch
}

// waiting adds what is in the queue already.
func (t *Tracer) waiting(batch []*Span) []*Span {
	for len(batch) < batchSpans {
		select {
		case s := <-t.queue:
			batch = append(batch, s)
		default:
			return batch
		}
	}
	return batch
}

// send sends a batch, again while that may help. It returns false if ctx ended
// before it was known what became of the batch.
func (t *Tracer) send(ctx context.Context, batch []*Span) bool {
	body, err := json.Marshal(t.request(batch))
	if err != nil { // texts and numbers: cannot be
		t.Observe(Failed, len(batch))
		return true
	}
	begin, wait := t.Now(), firstWait
	for {
		rejected, err := t.post(ctx, body)
		later := new(laterError)
		switch {
		case err == nil:
			rejected = min(rejected, len(batch))
			t.Observe(Sent, len(batch)-rejected)
			if rejected > 0 {
				t.Log.Warn("the receiver of traces refused spans", "spans", rejected)
				t.Observe(Refused, rejected)
			}
			return true
		case !errors.As(err, &later):
			t.Log.Warn("the receiver of traces refused spans", "spans", len(batch), "err", err)
			t.Observe(Refused, len(batch))
			return true
		}
		pause := max(wait, min(later.after, maxWait))
		if ctx.Err() != nil {
			return false
		}
		if t.Now().Sub(begin)+pause > tryFor {
			t.Log.Warn("spans are dropped: their receiver does not answer; traces.endpoint says where it is", "spans", len(batch), "err", err)
			t.Observe(Failed, len(batch))
			return true
		}
		if t.Sleep(ctx, pause) != nil {
			return false
		}
		wait = min(2*wait, maxWait)
	}
}

// laterError is a failure that may go away.
type laterError struct {
	err   error
	after time.Duration // asked for by the receiver
}

func (e *laterError) Error() string { return e.err.Error() }
func (e *laterError) Unwrap() error { return e.err }

// post sends one request. An error shows neither headers nor the URL.
func (t *Tracer) post(ctx context.Context, body []byte) (rejected int, err error) {
	ctx, cancel := context.WithTimeout(ctx, sendFor)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL, bytes.NewReader(body))
	if err != nil {
		return 0, errors.New("traces.endpoint is not a URL")
	}
	header, err := t.Header()
	if err != nil { // a file that is being replaced
		return 0, &laterError{err: err}
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "vedette/"+t.Version)
	res, err := t.Client.Do(req)
	if err != nil {
		if u := (*url.Error)(nil); errors.As(err, &u) {
			err = u.Err
		}
		return 0, &laterError{err: fmt.Errorf("reach %s: %w", req.URL.Host, err)}
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return 0, &laterError{err: fmt.Errorf("read the answer of %s: %w", req.URL.Host, err)}
	}
	return verdict(res, text)
}

// verdict says what an answer means, as OTLP defines it.
func verdict(res *http.Response, text []byte) (rejected int, err error) {
	switch {
	case res.StatusCode >= 200 && res.StatusCode < 300:
		rejected, _ = otlp.Rejected(text)
		return rejected, nil
	case res.StatusCode == http.StatusTooManyRequests, res.StatusCode == http.StatusBadGateway,
		res.StatusCode == http.StatusServiceUnavailable, res.StatusCode == http.StatusGatewayTimeout:
		after, _ := strconv.Atoi(res.Header.Get("Retry-After"))
		return 0, &laterError{fmt.Errorf("it answered %d", res.StatusCode), time.Duration(min(max(after, 0), 3600)) * time.Second}
	}
	return 0, fmt.Errorf("it answered %d", res.StatusCode)
}
