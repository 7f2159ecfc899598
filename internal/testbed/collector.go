package testbed

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/klauspost/compress/gzip"
)

//go:embed testdata/collector/main.go.txt
var collectorSource string

// Collector is a real OpenTelemetry Collector, on the loopback interface. What
// it took it hands on, in its own words, to the test.
type Collector struct {
	Endpoint string // of OTLP over HTTP, without a path

	mu    sync.Mutex
	spans []CollectedSpan
}

// CollectedSpan is a span as the Collector understood it.
type CollectedSpan struct {
	TraceID, SpanID, ParentID, Name string
	Kind                            int
	Start, End                      int64 // nanoseconds since the epoch
	Attributes, Resource            map[string]string
	Failed                          bool
	Fault                           string
}

// OTelCollector starts a collector that ends with the test.
func OTelCollector(t testing.TB) *Collector {
	t.Helper()
	const parts = "go.opentelemetry.io/collector/"
	bin := tool{
		name: "otelcol", module: parts + "otelcol", version: "v0.165.0", source: collectorSource,
		also: []string{parts + "service/telemetry/otelconftelemetry", parts + "receiver/otlpreceiver", parts + "exporter/otlphttpexporter"},
	}.path(t)
	c := &Collector{}
	sink := httptest.NewServer(http.HandlerFunc(c.take))
	t.Cleanup(sink.Close)
	addr := FreeAddr(t)
	file := filepath.Join(t.TempDir(), "otelcol.yaml")
	text := fmt.Sprintf(`receivers: {otlp: {protocols: {http: {endpoint: %q}}}}
exporters: {otlp_http: {endpoint: %q, encoding: json, sending_queue: {enabled: false}}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], exporters: [otlp_http]}}
`, addr, sink.URL)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	launch(t, exec.Command(bin, "--config", "file:"+file), addr)
	c.Endpoint = "http://" + addr
	return c
}

// Spans are those that came so far.
func (c *Collector) Spans() []CollectedSpan {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.spans)
}

// collected is the JSON of OTLP, as far as tests look at it.
type collected struct {
	ResourceSpans []struct {
		Resource struct {
			Attributes collectedAttributes `json:"attributes"`
		} `json:"resource"`
		ScopeSpans []struct {
			Spans []struct {
				TraceID    string              `json:"traceId"`
				SpanID     string              `json:"spanId"`
				ParentID   string              `json:"parentSpanId"`
				Name       string              `json:"name"`
				Kind       int                 `json:"kind"`
				Start      string              `json:"startTimeUnixNano"`
				End        string              `json:"endTimeUnixNano"`
				Attributes collectedAttributes `json:"attributes"`
				Status     struct {
					Code    int    `json:"code"`
					Message string `json:"message"`
				} `json:"status"`
			} `json:"spans"`
		} `json:"scopeSpans"`
	} `json:"resourceSpans"`
}

type collectedAttributes []struct {
	Key   string `json:"key"`
	Value struct {
		Text string `json:"stringValue"`
		Int  string `json:"intValue"`
	} `json:"value"`
}

func (a collectedAttributes) all() map[string]string {
	out := map[string]string{}
	for _, one := range a {
		out[one.Key] = one.Value.Text + one.Value.Int
	}
	return out
}

func (c *Collector) take(w http.ResponseWriter, r *http.Request) {
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		zr, err := gzip.NewReader(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = zr
	}
	var in collected
	if err := json.NewDecoder(body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, rs := range in.ResourceSpans {
		for _, ss := range rs.ScopeSpans {
			for _, s := range ss.Spans {
				one := CollectedSpan{
					TraceID: s.TraceID, SpanID: s.SpanID, ParentID: s.ParentID, Name: s.Name, Kind: s.Kind,
					Attributes: s.Attributes.all(), Resource: rs.Resource.Attributes.all(), Failed: s.Status.Code == 2, Fault: s.Status.Message,
				}
				one.Start, _ = strconv.ParseInt(s.Start, 10, 64)
				one.End, _ = strconv.ParseInt(s.End, 10, 64)
				c.spans = append(c.spans, one)
			}
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, "{}")
}
