package app

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestPushFromWebPages: on a loopback server programs need no token, but pages
// that somebody opens in a browser on the machine are kept out.
func TestPushFromWebPages(t *testing.T) {
	t.Parallel()
	a := startApp(t, t.TempDir(), nil)
	for name, tc := range map[string]struct {
		header, value, host string
		want                int
	}{
		"a program":           {"", "", "", http.StatusOK},
		"a program by name":   {"", "", "localhost:8700", http.StatusOK},
		"a page":              {"Origin", "https://evil.example", "", http.StatusForbidden},
		"a page without CORS": {"Sec-Fetch-Site", "cross-site", "", http.StatusForbidden},
		"a rebound name":      {"", "", "evil.example:8700", http.StatusForbidden},
	} {
		req, err := http.NewRequest(http.MethodPost, "http://"+a.Addr+"/ingest/k8s-audit/c", strings.NewReader(eventList(nil)))
		if err != nil {
			t.Fatal(err)
		}
		if tc.header != "" {
			req.Header.Set(tc.header, tc.value)
		}
		req.Host = tc.host
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != tc.want {
			t.Errorf("%s: status %d, want %d", name, res.StatusCode, tc.want)
		}
	}
}

// TestOneServerPerDataDirectory: a second server is refused while the first
// runs, and welcome after it.
func TestOneServerPerDataDirectory(t *testing.T) {
	a := startApp(t, t.TempDir(), nil)
	o := Options{Config: a.Config, Now: time.Now, Log: slog.New(slog.DiscardHandler), Version: "test", Role: "all"}
	if _, err := Start(context.Background(), o); err == nil || !strings.Contains(err.Error(), "another server runs") {
		t.Fatalf("a second server: %v", err)
	}
	if err := a.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	b, err := Start(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}
