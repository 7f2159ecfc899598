package trace

import (
	"context"
	"encoding/binary"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// Options are what a tracer needs; all fields are required.
type Options struct {
	// URL is where spans are posted to, with its path.
	URL    string
	Client *http.Client
	// Header is asked for each request, so that a token may change.
	Header func() (http.Header, error)
	// Sample is which part of the traces that begin here is kept, from 0 to 1.
	Sample float64
	// Slow is how long work takes of which the span is kept in any case; 0: none.
	Slow time.Duration
	// Resource says whose spans they are.
	Resource map[string]string
	Version  string
	Now      func() time.Time
	Sleep    func(context.Context, time.Duration) error
	Log      *slog.Logger
	// Observe is told what became of spans.
	Observe func(outcome Outcome, spans int)
}

// Outcome is what becomes of a span that is to be kept.
type Outcome string

// The outcomes.
const (
	Sent    Outcome = "sent"
	Full    Outcome = "queue_full" // dropped: the receiver does not keep up
	Refused Outcome = "refused"    // by the receiver, for good
	Failed  Outcome = "failed"     // dropped: the receiver was not reached for too long
)

// Outcomes are all of them.
func Outcomes() []Outcome { return []Outcome{Sent, Full, Refused, Failed} }

// Tracer makes spans and sends those that are kept. Its methods may be called
// concurrently.
type Tracer struct {
	Options
	below uint64 // traces whose number is smaller are kept
	queue chan *Span

	mu    sync.Mutex
	since time.Time // the second in which slow spans are counted
	slow  int
}

// Bounds of what a tracer keeps.
const (
	queueSpans = 4096
	// slowPerSecond bounds the spans that are kept only because they are slow:
	// when everything is, a few tell as much.
	slowPerSecond = 20
)

// New returns a tracer; Run makes it send.
func New(o Options) *Tracer {
	t := &Tracer{Options: o, queue: make(chan *Span, queueSpans)}
	switch {
	case o.Sample >= 1:
		t.below = math.MaxUint64
	case o.Sample > 0:
		t.below = uint64(o.Sample * math.MaxUint64)
	}
	return t
}

// Start begins a span, within a trace if there is a parent. It returns nil for
// a nil tracer.
func (t *Tracer) Start(parent Context, name string, kind Kind) *Span {
	if t == nil {
		return nil
	}
	s := &Span{tracer: t, name: name, kind: kind, start: t.Now()}
	binary.BigEndian.PutUint64(s.self.Span[:], rand.Uint64()|1) // never 0, which is no span
	if parent.Valid() {
		s.self.Trace, s.self.Sampled, s.parent = parent.Trace, parent.Sampled, parent.Span
		return s
	}
	low := rand.Uint64()
	binary.BigEndian.PutUint64(s.self.Trace[:8], rand.Uint64())
	binary.BigEndian.PutUint64(s.self.Trace[8:], low|1)
	s.self.Sampled = low < t.below || t.below == math.MaxUint64
	return s
}

// Begin begins a span of what a context causes, and returns the context of
// what the span causes.
func (t *Tracer) Begin(ctx context.Context, name string, kind Kind) (context.Context, *Span) {
	if t == nil {
		return ctx, nil
	}
	s := t.Start(From(ctx), name, kind)
	return With(ctx, s.self), s
}

// keep queues a span that ended, if it is to be kept and there is room.
func (t *Tracer) keep(s *Span) {
	if !s.self.Sampled && (t.Slow <= 0 || s.end.Sub(s.start) < t.Slow || !t.maySlow(s.end)) {
		return
	}
	select {
	case t.queue <- s:
	default:
		t.Observe(Full, 1)
	}
}

// maySlow reports whether one more span may be kept only because it is slow.
func (t *Tracer) maySlow(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.since) >= time.Second || now.Before(t.since) {
		t.since, t.slow = now, 0
	}
	t.slow++
	return t.slow <= slowPerSecond
}
