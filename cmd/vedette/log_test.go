package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/trace"
)

// TestLogFormats: one line is one JSON object with the same keys each time, or
// text as before; debug messages show at that level alone.
func TestLogFormats(t *testing.T) {
	var out bytes.Buffer
	ctx := trace.With(t.Context(), trace.Parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"))
	log := logOf(&out, config.Log{Level: "info", Format: "json"})
	log.Debug("not this")
	log.With("error", errors.New("line 1\nline 2")).WarnContext(ctx, "it failed", "again in", 1500*time.Millisecond, "n", 7)
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || strings.Count(out.String(), "\n") != 1 {
		t.Fatalf("%v: %s", err, out.String())
	}
	if at, err := time.Parse(time.RFC3339Nano, got["time"].(string)); err != nil || time.Since(at) > time.Minute {
		t.Errorf("time is %v", got["time"])
	}
	delete(got, "time")
	want := map[string]any{
		"level": "WARN", "msg": "it failed", "err": "line 1\nline 2", "again_in": "1.5s", "n": 7.0,
		"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "span_id": "00f067aa0ba902b7",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	out.Reset()
	logOf(&out, config.Log{Level: "debug", Format: "text"}).Debug("this", "again in", time.Second)
	if !strings.Contains(out.String(), `level=DEBUG msg=this "again in"=1s`) {
		t.Error(out.String())
	}
}
