package main

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/push"
)

// TestPushMetrics: the address is served until the following ends, and no longer.
func TestPushMetrics(t *testing.T) {
	var said bytes.Buffer
	end, err := servePushMetrics(t.Context(), "127.0.0.1:0", &push.Watch{}, slog.New(slog.NewTextHandler(&said, nil)))
	if err != nil {
		t.Fatal(err)
	}
	addr := regexp.MustCompile(`address=(\S+)`).FindStringSubmatch(said.String())[1]
	get := func(path string) (string, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return "", err
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		return string(b), err
	}
	for path, want := range map[string]string{"/livez": "ok", "/readyz": "ok", "/metrics": "process_resident_memory_bytes"} {
		if body, err := get(path); err != nil || !strings.Contains(body, want) {
			t.Errorf("%s: %q %v", path, body, err)
		}
	}
	// An alert looks for this one to be absent: it is a server's.
	if body, _ := get("/metrics"); strings.Contains(body, "vedette_build_info") {
		t.Error("it looks like a server")
	}
	if _, err := servePushMetrics(t.Context(), addr, &push.Watch{}, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "--metrics-listen "+addr) {
		t.Errorf("an address that is taken: %v", err)
	}
	if err := end(); err != nil {
		t.Error(err)
	}
	if _, err := get("/livez"); err == nil {
		t.Error("it is still served")
	}
}
