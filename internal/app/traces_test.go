package app

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/testbed"
	"github.com/vedette-project/vedette/internal/trace"
)

// traced is a webhook that keeps in which traces it was called.
type traced struct {
	*httptest.Server
	mu      sync.Mutex
	parents []string
}

func newTraced(t *testing.T) *traced {
	h := &traced{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		h.mu.Lock()
		defer h.mu.Unlock()
		h.parents = append(h.parents, r.Header.Get(trace.Header))
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *traced) calls() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.parents)
}

// pushIn pushes a record as a part of a trace.
func pushIn(t *testing.T, a *App, cluster, traceparent, line string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+a.Addr+"/ingest/k8s-audit/"+cluster, strings.NewReader(eventList([]string{line})))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(trace.Header, traceparent)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("status %d", res.StatusCode)
	}
}

const (
	parentTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	parentSpan  = "00f067aa0ba902b7"
)

// chainOf waits until a trace has as many spans as wanted, and returns them as
// the names of the spans from the first to each.
func chainOf(t *testing.T, c *testbed.Collector, id string, want []string) map[string]testbed.CollectedSpan {
	t.Helper()
	chain := func() (paths []string, byPath map[string]testbed.CollectedSpan) {
		byID, byPath := map[string]testbed.CollectedSpan{}, map[string]testbed.CollectedSpan{}
		for _, s := range c.Spans() {
			if s.TraceID == id {
				byID[s.SpanID] = s
			}
		}
		for _, s := range byID {
			path := s.Name
			for up, ok := byID[s.ParentID]; ok; up, ok = byID[up.ParentID] {
				path = up.Name + "/" + path
			}
			paths, byPath[path] = append(paths, path), s
		}
		slices.Sort(paths)
		return paths, byPath
	}
	deadline := time.Now().Add(time.Minute)
	for {
		paths, byPath := chain()
		if slices.Equal(paths, want) {
			return byPath
		}
		if time.Now().After(deadline) {
			t.Fatal(cmp.Diff(want, paths))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestTrace: a finding can be followed from the push of its record to the
// webhook that was told of it, as a part of the pusher's trace.
func TestTrace(t *testing.T) {
	collector, hook := testbed.OTelCollector(t), newTraced(t)
	a := startApp(t, t.TempDir(), func(c *config.Config) {
		c.Traces.Endpoint, c.Traces.Sample = collector.Endpoint, 0
		c.Publish.Targets = []config.Target{webhook("pager", hook.URL, "")}
	})
	pushIn(t, a, "prod", "00-"+parentTrace+"-"+parentSpan+"-01", attack("mallory", 1))
	pushIn(t, a, "prod", "00-"+strings.Repeat("1", 32)+"-"+parentSpan+"-00", attack("eve", 2)) // its caller keeps nothing
	spans := chainOf(t, collector, parentTrace, []string{"push", "push/take", "push/take/commit", "push/take/decode", "push/take/detect", "push/take/journal append", "push/take/publish"})
	push, publish := spans["push"], spans["push/take/publish"]
	if push.ParentID != parentSpan || push.Kind != 2 || push.Start >= publish.End || push.Failed {
		t.Errorf("%+v", push)
	}
	if d := cmp.Diff(map[string]string{
		"http.request.method": "POST", "http.route": "/ingest/k8s-audit/{cluster}", "http.response.status_code": "200", "k8s.cluster.name": "prod",
		"vedette.source": "k8s-audit", "vedette.records": "1", "vedette.bytes": push.Attributes["vedette.bytes"],
	}, push.Attributes); d != "" {
		t.Error(d)
	}
	f := stored(t, a)[0]
	if d := cmp.Diff(map[string]string{"vedette.target": "pager", "vedette.events": "1", "vedette.finding.id": f.ID, "vedette.finding.type": f.Type}, publish.Attributes); d != "" {
		t.Error(d)
	}
	if push.Resource["service.name"] != "vedette" || push.Resource["service.version"] != "test" || push.Resource["vedette.role"] != "all" || push.Resource["service.instance.id"] == "" {
		t.Errorf("%v", push.Resource)
	}
	until(t, "the webhook is told of both", func() bool { return len(hook.calls()) == 2 })
	if want := "00-" + parentTrace + "-" + publish.SpanID + "-01"; !slices.Contains(hook.calls(), want) {
		t.Errorf("the webhook was called in %v, want %s", hook.calls(), want)
	}
	for _, s := range collector.Spans() {
		if s.TraceID != parentTrace {
			t.Errorf("a span of a trace that nobody keeps: %+v", s)
		}
		for k, v := range s.Attributes {
			if strings.Contains(v, "mallory") || strings.Contains(v, "203.0.113.7") {
				t.Errorf("%s shows what is in a record: %s %s", s.Name, k, v)
			}
		}
	}
	_, page := get(t, "http://"+a.MetricsAddr+"/metrics")
	if n := samples(t, page)[`vedette_trace_spans_total{outcome="sent"}`]; n != float64(len(collector.Spans())) {
		t.Errorf("%v spans were sent", n)
	}
}

// TestTraceAcrossProcesses: the trace goes on in the process that judges, and
// in the one that publishes.
func TestTraceAcrossProcesses(t *testing.T) {
	t.Parallel()
	s, collector, hook := newShared(t, 1), testbed.OTelCollector(t), newTraced(t)
	s.traces, s.targets = collector.Endpoint, []config.Target{webhook("pager", hook.URL, "")}
	in := s.start(t, "in", "ingest,api")
	judges := s.start(t, "judges", "detect")
	shardsOf(t, map[*App]int{judges: 6})
	pushIn(t, in, "prod", "00-"+parentTrace+"-"+parentSpan+"-01", attack("mallory", 1))
	spans := chainOf(t, collector, parentTrace, []string{"push", "push/take", "push/take/commit", "push/take/decode", "push/take/decode", "push/take/detect", "push/take/journal append", "push/take/publish"})
	for path, role := range map[string]string{"push": "ingest,api", "push/take/commit": "detect", "push/take/publish": "detect"} {
		if got := spans[path].Resource["vedette.role"]; got != role {
			t.Errorf("%s was done by %s, want %s", path, got, role)
		}
	}
}

// TestTraceAPI: requests of the API are traced by operation; those of strangers
// are not, whatever they ask for.
func TestTraceAPI(t *testing.T) {
	collector := testbed.OTelCollector(t)
	a := startApp(t, t.TempDir(), func(c *config.Config) { c.Traces.Endpoint, c.Traces.Sample = collector.Endpoint, 1 })
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+a.Addr+"/detector", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(trace.Header, "00-"+strings.Repeat("2", 32)+"-"+parentSpan+"-01")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusForbidden {
		t.Fatalf("a stranger gets %d", res.StatusCode)
	}
	if _, err := newUser(t, a).client.ListDetectors(t.Context(), &guardduty.ListDetectorsInput{}); err != nil {
		t.Fatal(err)
	}
	a.Log.Error("an error")
	a.Log.With("a", 1).WithGroup("b").Warn("a warning")
	_, page := get(t, "http://"+a.MetricsAddr+"/metrics")
	m := samples(t, page)
	for sample, want := range map[string]float64{
		`vedette_api_requests_total{code="200",operation="ListDetectors"}`: 1, `vedette_api_requests_total{code="403",operation="unknown"}`: 1,
		"vedette_api_request_seconds_count": 3, `vedette_log_messages_total{level="error"}`: 1,
	} {
		if m[sample] != want {
			t.Errorf("%s is %v, want %v", sample, m[sample], want)
		}
	}
	if m[`vedette_log_messages_total{level="warn"}`] < 1 {
		t.Error("a warning is not counted")
	}
	if err := a.Stop(t.Context()); err != nil { // sends what is left
		t.Fatal(err)
	}
	var got []string
	for _, s := range collector.Spans() {
		got = append(got, s.Name+" "+s.Attributes["http.response.status_code"])
	}
	slices.Sort(got)
	if want := []string{"api CreateDetector 200", "api ListDetectors 200"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestTraceReceiverAway: with a receiver that hangs the line goes on as before.
func TestTraceReceiverAway(t *testing.T) {
	held := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-held }))
	t.Cleanup(srv.Close)
	t.Cleanup(func() { close(held) })
	a := startApp(t, t.TempDir(), func(c *config.Config) { c.Traces.Endpoint, c.Traces.Sample = srv.URL, 1 })
	for n := range 1500 {
		if code := push(t, a, "prod", eventList([]string{benign("jane", n)})); code != http.StatusOK {
			t.Fatalf("status %d", code)
		}
	}
	settle(t, a)
	until(t, "spans are dropped", func() bool {
		_, page := get(t, "http://"+a.MetricsAddr+"/metrics")
		return samples(t, page)[`vedette_trace_spans_total{outcome="queue_full"}`] > 0
	})
}

// TestTraceSettings: what is wrong with the receiver's settings is said at the start.
func TestTraceSettings(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*config.Traces){
		"traces.tokenFile: open ":                    func(c *config.Traces) { c.TokenFile = filepath.Join(dir, "none") },
		"traces.caFile: there is no certificate in ": func(c *config.Traces) { c.CAFile = empty },
		"traces.headers.X-Key: the variable VEDETTE_TEST_NONE is not set in the environment": func(c *config.Traces) { c.Headers = map[string]string{"X-Key": "${VEDETTE_TEST_NONE}"} },
	} {
		a := &App{Options: Options{Config: config.Default()}}
		a.Config.Traces.Endpoint = "http://127.0.0.1:4318"
		change(&a.Config.Traces)
		if err := a.startTraces(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q in it", err, want)
		}
	}
}

// TestProfiling: profiles are there when they are asked for, and only for who
// calls from the same machine.
func TestProfiling(t *testing.T) {
	off := startApp(t, t.TempDir(), nil)
	if code, _ := get(t, "http://"+off.MetricsAddr+"/debug/pprof/"); code != http.StatusNotFound {
		t.Errorf("without server.profiling: status %d", code)
	}
	a := startApp(t, t.TempDir(), func(c *config.Config) { c.Server.Profiling = true })
	code, heap := get(t, "http://"+a.MetricsAddr+"/debug/pprof/heap")
	if code != http.StatusOK || !bytes.HasPrefix([]byte(heap), []byte{0x1f, 0x8b}) {
		t.Errorf("status %d, %d bytes", code, len(heap))
	}
	if code, _ := get(t, "http://"+a.Addr+"/debug/pprof/heap"); code == http.StatusOK {
		t.Error("profiles are served to everybody who reaches the API")
	}
	mux := http.NewServeMux()
	profiling(mux)
	for name, change := range map[string]func(*http.Request){
		"another machine":   func(r *http.Request) { r.RemoteAddr = "192.0.2.7:4000" },
		"through a proxy":   func(r *http.Request) { r.Header.Set("X-Forwarded-For", "192.0.2.7") },
		"another proxy":     func(r *http.Request) { r.Header.Set("Forwarded", "for=192.0.2.7") },
		"no address at all": func(r *http.Request) { r.RemoteAddr = "" },
	} {
		r := httptest.NewRequest(http.MethodGet, "/debug/pprof/heap", nil)
		r.RemoteAddr = "127.0.0.1:4000"
		change(r)
		w := httptest.NewRecorder()
		if mux.ServeHTTP(w, r); w.Code != http.StatusForbidden {
			t.Errorf("%s: status %d", name, w.Code)
		}
	}
}
