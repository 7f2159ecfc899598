package app

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/store"
)

// TestLive: a process whose judging hangs is to be started anew, unless it is
// the store that does not answer: a restart would not bring that back.
func TestLive(t *testing.T) {
	clock := newClock(time.Now())
	a := startWith(t, t.TempDir(), "all", clock.now, func(c *config.Config) { c.Detection.Sequences.Window = 0 })
	if code, text := probe(t, a, "/livez"); code != http.StatusOK || text != "ok\n" {
		t.Fatalf("%d %s", code, text)
	}
	mustPush(t, a, "prod", attack("mallory", 1))
	// Whoever holds the one write transaction keeps judging from going on.
	held, release, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- a.keys.store.Commit(t.Context(), func(tx *store.Tx) error {
			if err := tx.PutState("test", "held", nil); err != nil {
				return err
			}
			close(held)
			<-release
			return nil
		})
	}()
	<-held
	if code := push(t, a, "prod", eventList([]string{attack("mallory", 2)})); code != http.StatusOK {
		t.Fatalf("status %d", code)
	}
	until(t, "the push is being judged", func() bool { return strings.Contains(a.worker.Stuck(-time.Hour), "being judged") })
	if code, text := probe(t, a, "/livez"); code != http.StatusOK {
		t.Errorf("at once: %d %s", code, text)
	}
	clock.set(clock.now().Add(stuckAfter + time.Minute))
	if code, text := probe(t, a, "/livez"); code != http.StatusServiceUnavailable || !strings.Contains(text, "must be started anew: the messages of shard") {
		t.Errorf("later: %d %s", code, text)
	}
	if code, text := probe(t, a, "/readyz"); code != http.StatusOK {
		t.Errorf("it takes pushes all the same: %d %s", code, text)
	}
	if text := metricsPage(t, a); !strings.Contains(text, "vedette_journal_oldest_waiting_seconds") {
		t.Error("the metrics do not say how long it waits")
	}
	close(release)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	settle(t, a)
	until(t, "it moves again", func() bool {
		code, _ := probe(t, a, "/livez")
		return code == http.StatusOK || strings.Contains(a.worker.Stuck(stuckAfter), "not looked")
	})
}
