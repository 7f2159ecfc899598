package app

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/store"
)

// TestQuietSource: a cluster that sent records and sends no more becomes
// unhealthy, everywhere that is shown, and healthy with its next record.
func TestQuietSource(t *testing.T) {
	dir := t.TempDir()
	events := filepath.Join(dir, "events.jsonl")
	var ahead atomic.Int64 // of the clock
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	a := startWith(t, filepath.Join(dir, "data"), "all", now, func(c *config.Config) { c.Publish.File = events })
	health := func(cluster string) (status, issue string) {
		t.Helper()
		if err := a.lookAtSources(t.Context()); err != nil {
			t.Fatal(err)
		}
		list, err := a.keys.store.Sources(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range list {
			if s.Cluster == cluster {
				return s.Status, s.Issue
			}
		}
		return "", ""
	}
	mustPush(t, a, "prod", benign("jane", 1))
	mustPush(t, a, "other", benign("jane", 1))
	if status, _ := health("prod"); status != store.Healthy {
		t.Errorf("a cluster that talks is %q", status)
	}
	ahead.Store(int64(a.Config.Ingest.QuietAfter + time.Minute))
	release := hold(t, a) // a backlog is not quiet
	if code := push(t, a, "prod", benign("jane", 2)); code != 200 {
		t.Fatalf("status %d", code)
	}
	waiting, err := a.healthWhileHeld(t, "prod")
	if err != nil || waiting != store.Healthy {
		t.Errorf("with a record of it in the journal it is %q, %v", waiting, err)
	}
	release()
	settle(t, a)
	if status, issue := health("other"); status != store.Unhealthy || !strings.HasPrefix(issue, "No records received:") {
		t.Errorf("a cluster that went quiet is %q: %q", status, issue)
	}
	_, page := get(t, "http://"+a.MetricsAddr+"/metrics")
	if got := samples(t, page)[`vedette_ingest_source_healthy{cluster="other",source="k8s-audit"}`]; got != 0 {
		t.Errorf("the metric says %v", got)
	}
	mustPush(t, a, "other", benign("jane", 3))
	if status, issue := health("other"); status != store.Healthy || issue != "" {
		t.Errorf("a cluster that talks again is %q: %q", status, issue)
	}
	until(t, "both changes are published", func() bool {
		b, err := os.ReadFile(events)
		return err == nil && strings.Count(string(b), `"Vedette Source Unhealthy"`) == 1 && strings.Count(string(b), `"Vedette Source Healthy"`) == 1
	})
}

// healthWhileHeld looks at a source without writing, which would wait.
func (a *App) healthWhileHeld(t *testing.T, cluster string) (string, error) {
	t.Helper()
	list, err := a.keys.store.Sources(t.Context())
	for _, s := range list {
		if s.Cluster == cluster {
			status, _, err := a.healthOf(t.Context(), &s)
			return status, err
		}
	}
	return "", err
}

// TestTooOld: what waited longer than it may is dropped, and counted so.
func TestTooOld(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := startApp(t, dir, func(c *config.Config) { c.Journal.MaxAge = time.Second })
	release := hold(t, a)
	for n := range 3 {
		if code := push(t, a, "prod", attack("mallory", n)); code != 200 {
			t.Fatalf("status %d", code)
		}
	}
	time.Sleep(1200 * time.Millisecond) // real time: the journal stamps what it stores
	release()
	settle(t, a)
	mustPush(t, a, "prod", attack("mallory", 10))
	got := ledger(t, a.keys.store)
	old := got["dropped/"+string(event.ReasonTooOld)]
	// The first was taken up before the commits were held.
	if got["received"] != 4 || old < 2 || got["evaluated"]+old != 4 || counts(stored(t, a))["mallory"] != got["evaluated"] {
		t.Errorf("%v", got)
	}
}
