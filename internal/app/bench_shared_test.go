package app

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/detect"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/ingest"
	"github.com/vedette-project/vedette/internal/store"
	"github.com/vedette-project/vedette/internal/testbed"
)

// BenchmarkWorkers compares 1, 2 and 4 workers on a NATS cluster of three and
// PostgreSQL: how fast they judge what waits in the journal, the log that
// AUDIT_LOG names, of eight clusters on eight shards.
func BenchmarkWorkers(b *testing.B) {
	path := os.Getenv("AUDIT_LOG")
	if path == "" {
		b.Skip("AUDIT_LOG names no audit log")
	}
	bodies, events := batches(b, path)
	for _, workers := range []int{1, 2, 4} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				pg := testbed.PostgresWith(b, testbed.PostgresOptions{Durable: true})
				url, urls := pg.URL("vedette"), strings.Join(testbed.NATSCluster(b, 3).URLs(), ",")
				start := func(name, role string) *App {
					c := config.Default()
					c.Server.Listen, c.Server.MetricsListen, c.Server.Name = "127.0.0.1:0", "", name
					c.Store.DataDir, c.Store.Postgres.URL = b.TempDir(), url
					c.Journal.NATS.URL, c.Journal.Shards = urls, 8
					c.Intelligence.Feeds.Enabled = false
					a, err := Start(context.Background(), Options{Config: c, Now: time.Now, Log: slog.New(slog.DiscardHandler), Version: "bench", Role: role})
					if err != nil {
						b.Fatal(err)
					}
					return a
				}
				in := start("in", "ingest")
				appendAll(b, in, bodies)
				var running []*App
				b.StartTimer()
				for i := range workers {
					running = append(running, start(fmt.Sprintf("d%d", i), "detect"))
				}
				drainAll(b, in)
				b.StopTimer()
				for _, a := range append(running, in) {
					if err := a.Stop(context.Background()); err != nil {
						b.Error(err)
					}
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(events*b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

// appendAll puts every body into the journal, body by body another cluster's.
func appendAll(b *testing.B, a *App, bodies [][]byte) {
	b.Helper()
	for i, body := range bodies {
		p := &ingest.Push{Chunk: event.Chunk{
			Stream: "bench", Received: time.Now(), OneAccount: true, Data: body, Records: []event.Span{{End: len(body)}},
			Scope: event.Scope{Account: a.Config.Account, Region: a.Config.Region, Cluster: fmt.Sprintf("c%d", i%8)},
		}}
		if err := a.writer.Append(context.Background(), p); err != nil {
			b.Fatal(err)
		}
	}
}

func drainAll(b *testing.B, a *App) {
	b.Helper()
	for shard := range a.Config.Journal.Shards {
		for {
			behind, err := a.behind(context.Background(), shard)
			if err != nil {
				b.Fatal(err)
			}
			if behind == 0 {
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
}

// BenchmarkRestore is the time until a worker that took over a shard can judge
// the first record of a scope, by how many records of it are remembered.
func BenchmarkRestore(b *testing.B) {
	for _, records := range []int{10_000, 100_000, 1_000_000, 2_000_000} {
		b.Run(fmt.Sprint(records), func(b *testing.B) {
			st, err := store.Open(b.Context(), StoreFile(b.TempDir()), store.Options{Now: time.Now})
			if err != nil {
				b.Fatal(err)
			}
			defer st.Close()
			sc := event.Scope{Account: "111122223333", Region: "eu-central-1", Cluster: "c"}
			rnd := rand.New(rand.NewPCG(1, 2))
			err = st.Commit(b.Context(), func(tx *store.Tx) error {
				for left := records; left > 0; left -= 400 { // as many as one push has
					var keys []byte
					for range min(left, 400) {
						keys = binary.LittleEndian.AppendUint64(keys, rnd.Uint64())
						keys = binary.LittleEndian.AppendUint64(keys, rnd.Uint64()&^15|4)
					}
					if err := tx.AddSeen(sc.String(), int64((records-left)/(1<<20)), keys); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
			reg := newJudge(detect.Options{}, config.History{}, slog.New(slog.DiscardHandler), nil, time.Now)
			for b.Loop() {
				err := st.Commit(b.Context(), func(tx *store.Tx) error { return reg.restore(tx, sc) })
				if err != nil || !reg.engine.Knows(sc) {
					b.Fatal(err)
				}
				reg.Forget()
			}
		})
	}
}
