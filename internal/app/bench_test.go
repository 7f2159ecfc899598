package app

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/ingest"
)

// BenchmarkLine compares, over the audit log that AUDIT_LOG names, a scan of
// the file with the way through HTTP, journal, detection and store to the last
// commit: batches of 400 events as API servers send them, of as many clusters
// as there are senders.
func BenchmarkLine(b *testing.B) {
	path := os.Getenv("AUDIT_LOG")
	if path == "" {
		b.Skip("AUDIT_LOG names no audit log")
	}
	bodies, events := batches(b, path)
	b.Run("scan", func(b *testing.B) {
		for b.Loop() {
			if _, err := Scan(context.Background(), scanOptions(b, []string{path})); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(events*b.N)/b.Elapsed().Seconds(), "records/s")
	})
	for _, senders := range []int{1, 4, 16} {
		b.Run(fmt.Sprintf("serve/senders=%d", senders), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				a := benchApp(b)
				b.StartTimer()
				serveAll(b, a, bodies, senders)
				b.StopTimer()
				if err := a.Stop(context.Background()); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(events*b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

func batches(b *testing.B, path string) (bodies [][]byte, events int) {
	b.Helper()
	f, err := ingest.Open(path, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	in := bufio.NewScanner(f)
	in.Buffer(nil, 16<<20)
	var lines [][]byte
	flush := func() {
		bodies = append(bodies, []byte(`{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[`+string(bytes.Join(lines, []byte(",")))+`]}`))
		lines = nil
	}
	for in.Scan() {
		lines = append(lines, bytes.Clone(in.Bytes()))
		if events++; len(lines) == 400 {
			flush()
		}
	}
	flush()
	return bodies, events
}

func benchApp(b *testing.B) *App {
	b.Helper()
	c := config.Default()
	c.Server.Listen, c.Server.MetricsListen = "127.0.0.1:0", "127.0.0.1:0"
	dir := os.Getenv("BENCH_DIR")
	if dir == "" {
		dir = b.TempDir()
	}
	c.Store.DataDir = filepath.Join(dir, fmt.Sprint(time.Now().UnixNano()))
	c.Intelligence.Feeds.Enabled = false
	a, err := Start(context.Background(), Options{Config: c, Now: time.Now, Log: slog.New(slog.DiscardHandler), Version: "bench", Role: "all"})
	if err != nil {
		b.Fatal(err)
	}
	return a
}

// serveAll pushes every body, once, and waits until all of it is committed.
func serveAll(b *testing.B, a *App, bodies [][]byte, senders int) {
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := s; i < len(bodies); i += senders {
				res, err := http.Post(fmt.Sprintf("http://%s/ingest/k8s-audit/c%d", a.Addr, s), "application/json", bytes.NewReader(bodies[i]))
				if err != nil {
					b.Error(err)
					return
				}
				res.Body.Close()
				if res.StatusCode != http.StatusOK {
					b.Errorf("status %d", res.StatusCode)
				}
			}
		})
	}
	wg.Wait()
	drainAll(b, a)
}
