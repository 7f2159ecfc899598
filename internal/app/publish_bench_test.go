package app

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/publish"
	"github.com/vedette-project/vedette/internal/store"
)

// counting is a webhook that counts what it takes.
type counting struct {
	mu   sync.Mutex
	n    int
	want int
	done chan struct{}
}

func (c *counting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	buf := make([]byte, 32<<10)
	for {
		if _, err := r.Body.Read(buf); err != nil {
			break
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n++; c.n == c.want {
		close(c.done)
	}
}

// BenchmarkPublish: two webhooks take findings as fast as they come while a
// third is down. An operation is a finding with both.
func BenchmarkPublish(b *testing.B) {
	st, err := store.Open(b.Context(), filepath.Join(b.TempDir(), "a.db"), store.Options{Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	for at := 0; at < b.N; at += 500 {
		err := st.Commit(b.Context(), func(tx *store.Tx) error {
			for k := at; k < min(at+500, b.N); k++ {
				if err := tx.PutFinding(numbered(k)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(b.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	c := config.Default()
	follow := func(name, url string) {
		t := config.Target{Name: name, Type: "webhook", URL: url}
		built, err := BuildTarget(ctx, c, &t, time.Now, "")
		if err != nil {
			b.Fatal(err)
		}
		built.Policy.Quiet = func(context.Context, string) (time.Duration, error) { return time.Hour, nil }
		f := publish.NewFollower(publish.Options{
			Name: name, Store: st, Target: built.Target, Policy: built.Policy, May: func() bool { return true }, Now: time.Now, Sleep: pause, Log: slog.New(slog.DiscardHandler),
		})
		wg.Go(func() { f.Run(ctx) })
	}
	b.ResetTimer()
	before := processorTime(b)
	hooks := []*counting{{want: b.N, done: make(chan struct{})}, {want: b.N, done: make(chan struct{})}}
	for i, h := range hooks {
		follow([]string{"up", "other"}[i], serveHook(b, h))
	}
	follow("down", "http://127.0.0.1:1/")
	for _, h := range hooks {
		select {
		case <-h.done:
		case <-time.After(5 * time.Minute):
			b.Fatal("they were not told of all")
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "findings/s")
	b.ReportMetric(float64((processorTime(b)-before).Microseconds())/float64(b.N), "cpu-us/finding") // with that of the webhooks
}

// processorTime is that which the process has used.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func serveHook(b *testing.B, h http.Handler) string {
	s := httptest.NewServer(h)
	b.Cleanup(s.Close)
	return s.URL
}
