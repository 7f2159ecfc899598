package trace

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/testbed"
)

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// counted is what became of spans.
type counted struct {
	mu sync.Mutex
	n  map[Outcome]int
}

func (c *counted) add(o Outcome, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[o] += n
}

func (c *counted) of(o Outcome) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[o]
}

func options(url string, c *counted) Options {
	return Options{
		URL: url, Client: http.DefaultClient, Header: func() (http.Header, error) { return http.Header{"X-Tenant": {"a"}}, nil },
		Sample: 1, Slow: time.Hour, Resource: map[string]string{"service.name": "vedette", "vedette.role": "all"}, Version: "1.2.3",
		Now: time.Now, Sleep: sleep, Log: slog.New(slog.DiscardHandler), Observe: c.add,
	}
}

// run has a tracer send until the test ends, or stop is called.
func run(t *testing.T, tr *Tracer) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); tr.Run(ctx) }()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(stop)
	return stop
}

// TestCollector: a real OpenTelemetry Collector understands what is sent as it
// was meant.
func TestCollector(t *testing.T) {
	collector := testbed.OTelCollector(t)
	got := &counted{n: map[Outcome]int{}}
	tr := New(options(collector.Endpoint+"/v1/traces", got))
	stop := run(t, tr)
	before := time.Now()
	ctx, root := tr.Begin(context.Background(), "push", Server)
	root.Text("k8s.cluster.name", "prod")
	root.Text("empty", "")
	root.Int("vedette.records", 1<<60)
	_, child := tr.Begin(ctx, "commit", Consumer)
	child.Fail("it could not be committed")
	child.End()
	root.End()
	dropped := tr.Start(Context{}, "forgotten", Client)
	dropped.Drop()
	dropped.End()
	for len(tr.queue) > 0 { // until they are gathered
		time.Sleep(time.Millisecond)
	}
	stop() // sends what is left
	spans := collector.Spans()
	if len(spans) != 2 || got.of(Sent) != 2 {
		t.Fatalf("%d spans came, %d were sent", len(spans), got.of(Sent))
	}
	for i := range spans {
		if s := &spans[i]; s.Start < before.UnixNano() || s.End < s.Start || s.End > time.Now().UnixNano() {
			t.Errorf("%s: from %d to %d", s.Name, s.Start, s.End)
		}
		spans[i].Start, spans[i].End = 0, 0
	}
	whose := map[string]string{"service.name": "vedette", "vedette.role": "all"}
	id := root.Context()
	want := []testbed.CollectedSpan{
		{TraceID: id.TraceID(), SpanID: child.Context().SpanID(), ParentID: id.SpanID(), Name: "commit", Kind: 5, Attributes: map[string]string{}, Resource: whose, Failed: true, Fault: "it could not be committed"},
		{TraceID: id.TraceID(), SpanID: id.SpanID(), Name: "push", Kind: 2, Attributes: map[string]string{"k8s.cluster.name": "prod", "vedette.records": "1152921504606846976"}, Resource: whose},
	}
	if d := cmp.Diff(want, spans); d != "" {
		t.Error(d)
	}
}

// TestParse: a traceparent of W3C is read as it says, and anything else is none.
func TestParse(t *testing.T) {
	const good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	if c := Parse(good); c.String() != good || !c.Sampled || c.TraceID() != "4bf92f3577b34da6a3ce929d0e0e4736" || c.SpanID() != "00f067aa0ba902b7" {
		t.Errorf("%+v", c)
	}
	if c := Parse(good[:54] + "2"); !c.Valid() || c.Sampled { // another flag
		t.Errorf("%+v", c)
	}
	if c := Parse("cc" + good[2:] + "-what-will-be"); !c.Valid() || c.Trace != Parse(good).Trace { // of a later version
		t.Errorf("%+v", c)
	}
	for _, bad := range []string{
		"", "00", good[:54], good + "-more", good + "0", "ff" + good[2:], "cc" + good[2:] + ".", strings.ToUpper(good), strings.Replace(good, "-", "_", 1), "0g" + good[2:],
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
	} {
		if c := Parse(bad); c != (Context{}) {
			t.Errorf("%q is read as %+v", bad, c)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	f.Fuzz(func(t *testing.T, s string) {
		if c := Parse(s); c != (Context{}) && (!c.Valid() || Parse(c.String()) != c) {
			t.Errorf("%q is read as %+v", s, c)
		}
	})
}

// TestSample: about the wanted part of traces is kept, whole; of the others
// what is slow, and not more than a few a second.
func TestSample(t *testing.T) {
	now := time.Unix(0, 0)
	o := options("http://127.0.0.1:1", &counted{n: map[Outcome]int{}})
	o.Sample, o.Slow, o.Now = 0.25, time.Second, func() time.Time { return now }
	tr := New(o)
	kept := 0
	for range 4000 {
		root := tr.Start(Context{}, "a", Internal)
		child := tr.Start(root.Context(), "b", Internal)
		if root.Context().Sampled != child.Context().Sampled || root.Context().Trace != child.Context().Trace {
			t.Fatal("a part of a trace is kept")
		}
		if root.Context().Sampled {
			kept++
		}
	}
	if kept < 850 || kept > 1150 {
		t.Errorf("%d of 4000 are kept", kept)
	}
	o.Sample = 0
	tr = New(o)
	var open []*Span
	for range 3 * slowPerSecond {
		open = append(open, tr.Start(Context{}, "slow", Internal))
	}
	quick := tr.Start(Parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"), "quick", Internal)
	quick.End()
	if now = now.Add(time.Second); len(tr.queue) != 0 {
		t.Error("a quick span is kept")
	}
	for _, s := range open {
		s.End()
	}
	if len(tr.queue) != slowPerSecond {
		t.Errorf("%d slow spans are kept", len(tr.queue))
	}
	asked := tr.Start(Parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), "asked for", Internal)
	if asked.End(); len(tr.queue) != slowPerSecond+1 {
		t.Error("a span whose caller keeps the trace is not kept")
	}
}

// TestAway: a receiver that hangs or is away slows nobody; what does not fit is
// dropped and counted, and the end does not wait for it.
func TestAway(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"hangs":   func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body); <-r.Context().Done() },
		"is down": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(handler)
			if handler == nil {
				srv.Close()
			} else {
				t.Cleanup(srv.Close)
			}
			got := &counted{n: map[Outcome]int{}}
			tr := New(options(srv.URL, got))
			stop := run(t, tr)
			const n = 3 * queueSpans
			for range n {
				tr.Start(Context{}, "a", Internal).End() // would wait here, if it did
			}
			if got.of(Full) < queueSpans {
				t.Errorf("%d spans were dropped of %d", got.of(Full), n)
			}
			begin := time.Now()
			stop()
			if d := time.Since(begin); d > 2*flushFor+5*time.Second {
				t.Errorf("the end took %s", d)
			}
			if sum := got.of(Full) + got.of(Failed); sum != n || got.of(Sent) != 0 {
				t.Errorf("%d of %d are accounted for: %v", sum, n, got.n)
			}
		})
	}
}

// TestAnswers: what the receiver answers decides whether spans are sent again.
func TestAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		first, body string
		want        map[Outcome]int
		calls       int32
	}{
		"busy once":     {"429", "", map[Outcome]int{Sent: 2}, 2},
		"away once":     {"503", "", map[Outcome]int{Sent: 2}, 2},
		"refused":       {"400", "", map[Outcome]int{Refused: 2}, 1},
		"no such place": {"404", "", map[Outcome]int{Refused: 2}, 1},
		"in part":       {"200", `{"partialSuccess":{"rejectedSpans":"1","errorMessage":"x"}}`, map[Outcome]int{Sent: 1, Refused: 1}, 1},
		"nonsense":      {"200", `{"partialSuccess":{"rejectedSpans":"-5"}}`, map[Outcome]int{Sent: 2}, 1},
		"overdone":      {"200", `{"partialSuccess":{"rejectedSpans":99}}`, map[Outcome]int{Refused: 2, Sent: 0}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("X-Tenant") != "a" || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("User-Agent") != "vedette/1.2.3" {
					t.Errorf("headers: %v", r.Header)
				}
				if calls.Add(1) == 1 {
					code := map[string]int{"429": 429, "503": 503, "400": 400, "404": 404, "200": 200}[c.first]
					w.Header().Set("Retry-After", "1")
					w.WriteHeader(code)
					io.WriteString(w, c.body)
				}
			}))
			defer srv.Close()
			got := &counted{n: map[Outcome]int{}}
			o := options(srv.URL, got)
			o.Sleep = func(context.Context, time.Duration) error { return nil }
			tr := New(o)
			batch := []*Span{tr.Start(Context{}, "a", Internal), tr.Start(Context{}, "b", Internal)}
			tr.send(t.Context(), batch)
			if d := cmp.Diff(c.want, got.n); d != "" || calls.Load() != c.calls {
				t.Errorf("%d calls: %s", calls.Load(), d)
			}
		})
	}
}

// TestLostToken: a token file that is being replaced is no reason to drop spans.
func TestLostToken(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer srv.Close()
	got := &counted{n: map[Outcome]int{}}
	o := options(srv.URL, got)
	o.Sleep = func(context.Context, time.Duration) error { return nil }
	missing := true
	o.Header = func() (http.Header, error) {
		if missing {
			missing = false
			return nil, errors.New("no such file")
		}
		return nil, nil
	}
	tr := New(o)
	tr.send(t.Context(), []*Span{tr.Start(Context{}, "a", Internal)})
	if got.of(Sent) != 1 {
		t.Errorf("%v", got.n)
	}
}

// TestLogHandler: a log line says which trace it is of, if that is kept.
func TestLogHandler(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(LogHandler(slog.NewTextHandler(&out, nil)))
	c := Parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	log.With("a", 1).InfoContext(With(t.Context(), c), "one")
	if !strings.Contains(out.String(), "a=1 trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7") {
		t.Error(out.String())
	}
	out.Reset()
	c.Sampled = false
	log.InfoContext(With(t.Context(), c), "two")
	log.Info("three")
	if strings.Contains(out.String(), "trace_id") {
		t.Error(out.String())
	}
}

// TestOff: without a tracer nothing is done, and nothing is allocated.
func TestOff(t *testing.T) {
	var tr *Tracer
	ctx := context.Background()
	n := testing.AllocsPerRun(100, func() {
		inner, span := tr.Begin(ctx, "push", Server)
		span.Follow(Parse(""))
		span.Text("key", "value")
		span.Int("key", 1)
		child := tr.Start(span.Context(), "decode", Internal)
		child.Fail("no")
		child.End()
		span.Rename("other")
		span.End()
		span.Drop()
		if inner != ctx || span != nil {
			t.Fatal("there is a span")
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkSpan(b *testing.B) {
	tr := New(Options{Sample: 0, Slow: time.Hour, Now: time.Now})
	for name, tr := range map[string]*Tracer{"off": nil, "not-kept": tr} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s := tr.Start(Context{}, "a", Internal)
				s.Int("vedette.records", 1)
				s.End()
			}
		})
	}
}
