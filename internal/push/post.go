package push

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/vedette-project/vedette/internal/decode"
	"github.com/vedette-project/vedette/internal/event"
)

// Why records were refused.
const (
	reasonMalformed = "malformed" // nothing in the body is a record
	reasonTooLarge  = "too_large" // one record is more than the server or its journal takes
	reasonDamaged   = "damaged"   // what was read is no text, or its compression is broken
)

// Waits between attempts.
const (
	firstWait = 200 * time.Millisecond
	lastWait  = 30 * time.Second
)

// poster brings bodies to the server, one after the other, each until it is
// decided. One goroutine owns it.
type poster struct {
	connection connection
	zip        *zstd.Encoder
	log        *slog.Logger
	// patient never gives up: what is wrong with a token, an address or a server
	// can be mended. Others give up after retryFor, and on such faults at once.
	patient  bool
	retryFor time.Duration
	sum      *Summary
	decoder  decode.Decoder
	away     bool
}

func newPoster(s Server, log *slog.Logger, sum *Summary) (*poster, error) {
	zip, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, err
	}
	return &poster{connection: connection{Server: s}, zip: zip, log: log, sum: sum}, nil
}

func (p *poster) close() error {
	p.connection.close()
	return p.zip.Close()
}

// post returns nil when the body need not be sent again: the server has it, or
// will never take it, which is counted.
func (p *poster) post(ctx context.Context, b *body) error {
	zipped := p.zip.EncodeAll(b.text(), nil)
	start := time.Now()
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		a := p.attempt(ctx, b.route, zipped)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		switch {
		case a.status == http.StatusOK:
			p.taken(b, len(zipped))
			return nil
		case a.status == http.StatusRequestEntityTooLarge:
			if head, rest, ok := b.halves(); ok {
				if err := p.post(ctx, p.recount(head)); err != nil {
					return err
				}
				return p.post(ctx, p.recount(rest))
			}
			p.refuse(b, reasonTooLarge, a)
			return nil
		case a.status == http.StatusBadRequest && b.good == 0:
			p.refuse(b, reasonMalformed, a)
			return nil
		}
		fault := fmt.Errorf("%s: %w", b.where(), a.fault())
		if !p.patient && !a.mayCome() {
			return fault
		}
		if !p.patient && time.Since(start) > p.retryFor {
			return fmt.Errorf("gave up after %s: %w", time.Since(start).Round(time.Second), fault)
		}
		if !p.away {
			p.away = true
			p.log.Warn("the server does not take records; they are sent again", "err", fault)
		}
		p.sum.Retries++
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(max(wait/2+rand.N(wait), a.after)):
		}
	}
}

// answer is what became of one attempt.
type answer struct {
	status int
	msg    string
	after  time.Duration // when to come again
	err    error         // why there is no status
}

func (a *answer) fault() error {
	if a.err != nil {
		return a.err
	}
	return fmt.Errorf("the server answers %d: %s", a.status, a.msg)
}

// mayCome reports whether the same body may be taken later, although nobody
// mends anything here.
func (a *answer) mayCome() bool {
	if a.err != nil {
		var local *localError
		return !errors.As(a.err, &local) && !isTrust(a.err)
	}
	return a.status == http.StatusTooManyRequests || a.status >= http.StatusInternalServerError || a.status == http.StatusRequestTimeout
}

// localError is a fault of this side's files.
type localError struct{ error }

func (e *localError) Unwrap() error { return e.error }

// attempt posts a body once.
func (p *poster) attempt(ctx context.Context, to route, zipped []byte) answer {
	client, err := p.connection.client()
	if err != nil {
		return answer{err: &localError{err}}
	}
	token, err := p.connection.token()
	if err != nil {
		return answer{err: &localError{err}}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.on(p.connection.URL).String(), bytes.NewReader(zipped))
	if err != nil {
		return answer{err: &localError{err}}
	}
	req.Header.Set("Content-Encoding", "zstd")
	req.Header.Set("Content-Type", "application/octet-stream")
	req.Header.Set("User-Agent", "vedette-push/"+p.connection.Version)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := client.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection can be used again
	seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
	return answer{resp.StatusCode, strings.TrimSpace(string(text)), time.Duration(min(max(seconds, 0), 60)) * time.Second, nil}
}

func (p *poster) taken(b *body, zipped int) {
	if p.away {
		p.away = false
		p.log.Info("the server takes records again")
	}
	p.sum.Bodies++
	p.sum.Posted += int64(zipped)
	p.sum.Sent += b.records
	p.sum.Malformed += b.records - b.good
}

func (p *poster) refuse(b *body, reason string, a answer) {
	p.log.Error("the server refuses records for good", "at", b.where(), "records", b.records, "status", a.status, "answer", a.msg)
	p.sum.refuse(b.tally, reason)
}

// recount decodes a body that was split, to know what is in it.
func (p *poster) recount(b *body) *body {
	c := event.Chunk{Data: b.text(), Source: b.route.source, Format: b.route.format}
	if b.list {
		c.Records = []event.Span{{Start: 0, End: len(c.Data)}}
	}
	var batch decode.Batch
	p.decoder.Decode(&c, &batch)
	b.tally = tallyOf(&batch.Batch)
	return b
}
