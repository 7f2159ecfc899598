package push

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/vedette-project/vedette/internal/decode"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/uplink"
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
	server *url.URL
	send   attempt
	zip    *zstd.Encoder
	log    *slog.Logger
	// patient never gives up: what is wrong with a token, an address or a server
	// can be mended. Others give up after retryFor, and on such faults at once.
	patient  bool
	retryFor time.Duration
	sum      *Summary
	decoder  decode.Decoder
	away     bool
}

// attempt posts a body once.
type attempt func(ctx context.Context, url, media string, zipped []byte) (uplink.Answer, error)

func newPoster(o *Options, sum *Summary, send attempt) (*poster, error) {
	zip, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, err
	}
	return &poster{server: o.URL, send: send, zip: zip, log: o.Log, patient: o.Patient, retryFor: o.RetryFor, sum: sum}, nil
}

// post returns nil when the body need not be sent again: the server has it, or
// will never take it, which is counted.
func (p *poster) post(ctx context.Context, b *body) error {
	zipped, to := p.zip.EncodeAll(b.text(), nil), b.route.on(p.server).String()
	start := time.Now()
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		a, err := p.send(ctx, to, b.media(), zipped)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		switch {
		case err == nil && a.Status == http.StatusOK:
			p.taken(b, len(zipped))
			return nil
		case err == nil && a.Status == http.StatusRequestEntityTooLarge:
			if head, rest, ok := b.halves(); ok {
				if err := p.post(ctx, p.recount(head)); err != nil {
					return err
				}
				return p.post(ctx, p.recount(rest))
			}
			p.refuse(b, reasonTooLarge, a)
			return nil
		case err == nil && a.NoRecord:
			p.refuse(b, reasonMalformed, a)
			return nil
		}
		mayCome := mayCome(a, err)
		if err == nil {
			err = fmt.Errorf("the server answers %d: %s", a.Status, a.Text)
		}
		fault := fmt.Errorf("%s: %w", b.where(), err)
		if !p.patient && !mayCome {
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
		case <-time.After(max(wait/2+rand.N(wait), a.After)):
		}
	}
}

// mayCome reports whether the same body may be taken later, although nobody
// mends anything here.
func mayCome(a uplink.Answer, err error) bool {
	if err != nil {
		var local *uplink.LocalError
		return !errors.As(err, &local) && !uplink.IsTrust(err)
	}
	return a.Status == http.StatusTooManyRequests || a.Status >= http.StatusInternalServerError || a.Status == http.StatusRequestTimeout
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

func (p *poster) refuse(b *body, reason string, a uplink.Answer) {
	p.log.Error("the server refuses records for good", "at", b.where(), "records", b.records, "status", a.Status, "answer", a.Text)
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
