package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestTraces: what is written is what is meant, and mistakes are named.
func TestTraces(t *testing.T) {
	c, err := Parse([]byte("traces: {endpoint: \"https://otel.example:4318/in\", sample: 0.5, slow: 2s, tokenFile: /t, caFile: /c, headers: {X-A: \"${A}\"}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := Traces{
		Endpoint: "https://otel.example:4318/in", Sample: 0.5, Slow: 2 * time.Second, TokenFile: "/t", CAFile: "/c", Headers: map[string]string{"X-A": "${A}"},
	}
	if d := cmp.Diff(want, c.Traces); d != "" {
		t.Error(d)
	}
	const good = "endpoint: \"http://127.0.0.1:4318\""
	for text, part := range map[string]string{
		"traces: {" + good + ", sample: 1.5}":                                    "traces.sample: 1.5 is not a part",
		"traces: {" + good + ", sample: -0.1}":                                   "traces.sample: -0.1 is not a part",
		"traces: {" + good + ", sample: .nan}":                                   "traces.sample: NaN is not a part",
		"traces: {" + good + ", slow: -1s}":                                      "traces.slow: -1s is below 0",
		"traces: {endpoint: \"127.0.0.1:4318\"}":                                 "traces.endpoint: it is not an http or https URL",
		"traces: {endpoint: \"grpc://x:4317\"}":                                  "traces.endpoint: it is not an http or https URL",
		"traces: {endpoint: \"http://u:hush@x:4318\"}":                           "traces.endpoint: it has more than host, port and path",
		"traces: {endpoint: \"http://x:4318?key=hush\"}":                         "traces.endpoint: it has more than host, port and path",
		"traces: {endpoint: \"http://x:4318/v1/traces\"}":                        "traces.endpoint: leave out /v1/traces",
		"traces: {tokenFile: /t}":                                                "traces.endpoint: is empty; name the OTLP receiver",
		"log: {format: xml}":                                                     `log.format: "xml" is not known; use text or json`,
		"server: {profiling: true, metricsListen: \"\"}":                         "server.profiling: profiles are served on server.metricsListen, which is empty",
		"log: {format: json}\nserver: {profiling: true}\ntraces: {" + good + "}": "",
	} {
		_, err := Parse([]byte(text + "\n"))
		switch {
		case part == "" && err != nil, part != "" && (err == nil || !strings.Contains(err.Error(), part)):
			t.Errorf("%s: %v, want %q in it", text, err, part)
		case err != nil && strings.Contains(err.Error(), "hush"):
			t.Errorf("%s: the error shows a secret: %v", text, err)
		}
	}
}
