package app

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/store"
)

// hold keeps every commit of the server waiting until release is called.
func hold(t *testing.T, a *App) (release func()) {
	t.Helper()
	held, open, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- a.keys.store.Commit(context.Background(), func(*store.Tx) error {
			close(held)
			<-open
			return nil
		})
	}()
	<-held
	return sync.OnceFunc(func() {
		close(open)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestFullJournal: while nothing can be committed, pushes are taken until the
// journal is full; then senders are told to come again at once, and none that
// was taken is lost.
func TestFullJournal(t *testing.T) {
	a := startApp(t, t.TempDir(), func(c *config.Config) { c.Journal.Shards, c.Journal.MaxBytes = 1, 16<<20 })
	release := hold(t, a)
	defer release()
	accepted := int64(0)
	for status := http.StatusOK; status == http.StatusOK; {
		body := bigRecord(t, int(accepted), 1<<20)
		res, err := http.Post("http://"+a.Addr+"/ingest/k8s-audit/prod", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		switch status = res.StatusCode; {
		case status == http.StatusOK:
			accepted++
		case status != http.StatusTooManyRequests || res.Header.Get("Retry-After") == "":
			t.Fatalf("status %d, Retry-After %q", status, res.Header.Get("Retry-After"))
		}
		if accepted > 100 {
			t.Fatal("the journal is never full")
		}
	}
	if accepted < 8 {
		t.Errorf("only %d MiB fit into a journal of 16", accepted)
	}
	release()
	settle(t, a)
	until(t, "there is room again", func() bool { return push(t, a, "prod", attack("late", 1)) == http.StatusOK })
	if d := cmp.Diff(map[string]int64{"late": 1}, counts(stored(t, a))); d != "" {
		t.Error(d)
	}
	got := ledger(t, a.keys.store)
	if got["evaluated"] != accepted+1 || got["received"] < accepted+1 {
		t.Errorf("%v: %d were taken", got, accepted+1)
	}
}

// bigRecord is a record of ordinary work that cannot be compressed.
func bigRecord(t *testing.T, n, size int) string {
	t.Helper()
	noise := make([]byte, size*3/4)
	rand.NewChaCha8([32]byte{byte(n)}).Read(noise)
	return strings.Replace(benign("jane", n), `"level"`, `"requestObject":{"data":"`+base64.StdEncoding.EncodeToString(noise)+`"},"level"`, 1)
}

// TestManySenders: many at once, several of one cluster, some records twice.
func TestManySenders(t *testing.T) {
	t.Parallel()
	a := startApp(t, t.TempDir(), nil)
	const senders, pushes = 50, 10
	want := map[string]int64{}
	var wg sync.WaitGroup
	for s := range senders {
		user := fmt.Sprintf("mallory%d", s)
		want[user] = pushes
		wg.Go(func() {
			for n := range pushes {
				lines := []string{attack(user, n), benign(user, pushes+n), attack(user, n)}
				if code := push(t, a, fmt.Sprintf("c%d", s%7), eventList(lines)); code != http.StatusOK {
					t.Errorf("status %d", code)
				}
			}
		})
	}
	wg.Wait()
	if d := cmp.Diff(want, counts(stored(t, a))); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]int64{"received": 3 * senders * pushes, "evaluated": 2 * senders * pushes, "duplicate/seen_before": senders * pushes}, ledger(t, a.keys.store)); d != "" {
		t.Error(d)
	}
}

// TestGracefulStop: what was taken when the stop began is kept and answered,
// and judged now or after the next start; new senders find nobody.
func TestGracefulStop(t *testing.T) {
	dir := t.TempDir()
	a := startApp(t, dir, nil)
	release := hold(t, a)
	defer release()
	const pushes = 8
	for n := range pushes {
		if code := push(t, a, fmt.Sprintf("c%d", n), attack("mallory", n)); code != http.StatusOK {
			t.Fatalf("status %d", code)
		}
	}
	stopped := make(chan error, 1)
	go func() { stopped <- a.Stop(context.Background()) }()
	until(t, "the server takes no connections", func() bool {
		c, err := net.Dial("tcp", a.Addr)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	release()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if got := counts(stored(t, startApp(t, dir, nil)))["mallory"]; got != pushes {
		t.Errorf("%d occurrences are there, %d were acknowledged", got, pushes)
	}
}
