package push

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/decode"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/ingest"
	"github.com/vedette-project/vedette/internal/uplink"
)

// receiver is the server's own way in, with a sink that keeps what it is given.
type receiver struct {
	*httptest.Server
	max int64 // of a body's bytes

	mu     sync.Mutex
	answer func(*http.Request) int // 0: let it through
	events []seen
	bodies int
	tally
}

// seen is a record as the server decoded it.
type seen struct {
	Source    event.Source
	Cluster   string
	Raw       string
	Truncated bool
}

// sendDirect pushes input to a receiver without a connection, which is many times
// faster, and returns what is told of it on both sides.
func sendDirect(t testing.TB, kind event.Chunk, input []byte) (Summary, []seen, tally) {
	t.Helper()
	r := newReceiver(t)
	o := r.options(t)
	o.Log = slog.New(slog.DiscardHandler)
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	s.poster.send = func(ctx context.Context, url, media string, zipped []byte) (uplink.Answer, error) {
		req := httptest.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(zipped))
		req.Header.Set("Content-Type", media)
		req.Header.Set("Content-Encoding", "zstd")
		w := httptest.NewRecorder()
		r.Config.Handler.ServeHTTP(w, req)
		return uplink.Answer{Status: w.Code, Text: w.Body.String(), NoRecord: w.Header().Get(uplink.HeaderRefused) == uplink.RefusedRecords}, nil
	}
	sum, err := sendBy(t, s, kind, input)
	if err != nil {
		t.Fatalf("%v, of %q", err, input)
	}
	got, there := r.got()
	return sum, got, there
}

func newReceiver(t testing.TB) *receiver {
	r := &receiver{max: 64 << 20}
	push := ingest.NewPush(ingest.PushOptions{
		Sink: r, Scope: event.Scope{Account: "111122223333", Region: "eu-central-1"}, Cluster: "own",
		ValidCluster: func(string) bool { return true }, Authorize: func(*http.Request) error { return nil },
		MaxBody: r.max, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		answer := r.answer
		r.mu.Unlock()
		if answer != nil {
			if status := answer(req); status != 0 {
				w.Header().Set("Retry-After", "0")
				http.Error(w, "told to", status)
				return
			}
		}
		push.ServeHTTP(w, req)
	}))
	t.Cleanup(r.Close)
	return r
}

// Append decodes what came, as the writer of a server does.
func (r *receiver) Append(_ context.Context, p *ingest.Push) error {
	var b decode.Batch
	new(decode.Decoder).Decode(&p.Chunk, &b)
	r.mu.Lock()
	defer r.mu.Unlock()
	t := tallyOf(&b.Batch)
	r.tally.add(t)
	r.bodies++
	p.Result.Events, p.Result.Malformed = t.good, t.records-t.good
	r.events = append(r.events, see(&b.Batch)...)
	return nil
}

func see(b *event.Batch) (out []seen) {
	for _, ev := range b.Events {
		out = append(out, seen{ev.Source, ev.Scope.Cluster, string(ev.Raw), ev.Truncated})
	}
	return out
}

func (r *receiver) answers(how func(*http.Request) int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = how
}

func (r *receiver) got() ([]seen, tally) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events), r.tally
}

func (r *receiver) options(t testing.TB) Options {
	u, err := url.Parse(r.URL)
	if err != nil {
		t.Fatal(err)
	}
	return Options{URL: u, Cluster: "prod", RetryFor: time.Minute, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
}

// frames reads input as a scan and a push do.
func frames(t testing.TB, kind event.Chunk, input []byte, take func(*event.Chunk)) {
	f := ingest.NewFramer(bytes.NewReader(input), ingest.NewPool(0))
	for {
		c := kind
		c.Stream = "in.log"
		switch err := f.Next(&c); {
		case errors.Is(err, io.EOF):
			return
		case err != nil:
			t.Fatal(err)
		}
		take(&c)
	}
}

// send pushes input and returns what became of it.
func send(t testing.TB, o Options, kind event.Chunk, input []byte) (Summary, error) {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return sendBy(t, s, kind, input)
}

// sendBy pushes input by a sender, which it closes.
func sendBy(t testing.TB, s *Sender, kind event.Chunk, input []byte) (Summary, error) {
	t.Helper()
	defer s.Close()
	var err error
	frames(t, kind, input, func(c *event.Chunk) {
		if err == nil {
			err = s.Take(t.Context(), c)
		}
	})
	if err == nil {
		err = s.Flush(t.Context())
	}
	return s.Summary(), err
}

// direct decodes input without a server between.
func direct(t testing.TB, kind event.Chunk, input []byte) (out []seen, sum tally) {
	frames(t, kind, input, func(c *event.Chunk) {
		var b decode.Batch
		new(decode.Decoder).Decode(c, &b)
		out = append(out, see(&b.Batch)...)
		sum.add(tallyOf(&b.Batch))
	})
	return out, sum
}
