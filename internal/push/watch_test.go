package push

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// TestWatch: what is asked of a push that follows a log is answered while it
// works: that the server is away, how much waits, and that all is well again.
func TestWatch(t *testing.T) {
	r := newReceiver(t)
	r.answers(func(*http.Request) int { return http.StatusServiceUnavailable })
	dir := t.TempDir()
	path := filepath.Join(dir, "audit.log")
	text := strings.Join(auditLines(0, 10), "\n") + "\nwhat is this\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w := &Watch{}
	h, err := w.Handler(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	ask := func(path string) (int, string) {
		out := httptest.NewRecorder()
		h.ServeHTTP(out, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		return out.Code, out.Body.String()
	}
	if code, body := ask("/readyz"); code != http.StatusOK {
		t.Errorf("before anything was read: %d %s", code, body)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := Follow(ctx, FollowOptions{Options: r.options(t), Paths: []string{path}, Dir: filepath.Join(dir, "positions"), Poll: 5 * time.Millisecond, Watch: w})
		done <- err
	}()
	until := func(what string, ok func() bool) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				_, metrics := ask("/metrics")
				t.Fatalf("waited until %s:\n%s", what, metrics)
			}
		}
	}
	shows := func(want ...string) func() bool {
		return func() bool {
			_, metrics := ask("/metrics")
			for _, line := range want {
				if !strings.Contains(metrics, strings.Replace(line, "{", `{file="`+path+`"`, 1)+"\n") {
					return false
				}
			}
			return true
		}
	}
	until("a try was counted", shows("vedette_push_retries_total{} 1", "vedette_push_sent_records_total{} 0", "vedette_push_ready{} 0"))
	if code, body := ask("/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(body, path+" are not taken: the server answers 503") {
		t.Errorf("%d %s", code, body)
	}
	if code, _ := ask("/livez"); code != http.StatusOK {
		t.Errorf("a server that is away is no reason to start this process anew: %d", code)
	}
	if _, metrics := ask("/metrics"); !strings.Contains(metrics, "vedette_push_waiting_bytes{") || strings.Contains(metrics, "vedette_push_waiting_bytes{file=\""+path+"\"} 0\n") || strings.Contains(metrics, "vedette_push_since_answer_seconds{") {
		t.Errorf("%s", metrics)
	}
	r.answers(nil)
	until("all was sent", shows("vedette_push_sent_records_total{} 11", "vedette_push_malformed_records_total{} 1", `vedette_push_refused_records_total{,reason="damaged"} 0`,
		"vedette_push_bodies_total{} 1", "vedette_push_waiting_bytes{} 0", "vedette_push_ready{} 1"))
	if _, metrics := ask("/metrics"); !strings.Contains(metrics, "vedette_push_since_answer_seconds{") || !strings.Contains(metrics, "vedette_push_read_bytes_total{") {
		t.Errorf("%s", metrics)
	}
	if code, body := ask("/readyz"); code != http.StatusOK {
		t.Errorf("%d %s", code, body)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestWatchOwnFault: what is wrong on this side keeps a push from being ready, too.
func TestWatchOwnFault(t *testing.T) {
	r := newReceiver(t)
	dir := t.TempDir()
	path, positions := filepath.Join(dir, "audit.log"), filepath.Join(dir, "positions")
	if err := os.WriteFile(path, []byte(auditLine(1)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(positions, positionsFile+".part"), 0o700); err != nil { // no position can be written
		t.Fatal(err)
	}
	w := &Watch{}
	h, err := w.Handler(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := Follow(ctx, FollowOptions{Options: r.options(t), Paths: []string{path}, Dir: positions, Poll: 5 * time.Millisecond, Watch: w})
		done <- err
	}()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		out := httptest.NewRecorder()
		h.ServeHTTP(out, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil))
		if body, _ := io.ReadAll(out.Body); out.Code == http.StatusServiceUnavailable && strings.Contains(string(body), "keep the position") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("it is ready, and keeps no position")
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
