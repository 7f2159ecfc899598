package app

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/guardduty/types"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/store"
	"github.com/vedette-project/vedette/internal/testbed"
)

// BenchmarkListActivation is the time from the call that makes a list of 250,000
// addresses, which lies on an S3 server, until all workers judge by it and it is
// ACTIVE, while audit records are pushed to the same process as fast as they are
// taken.
func BenchmarkListActivation(b *testing.B) {
	server := testbed.S3(b)
	server.Bucket("lists")
	server.Put("lists", "bad.txt", []byte(addresses(maxThreatIPs)), nil)
	buckets := config.Access{Region: testbed.AWSRegion, Endpoint: server.Endpoint, PathStyle: true}
	b.Run("SQLite", func(b *testing.B) {
		benchActivation(b, func(c *config.Config) { c.Intelligence.ListBuckets = buckets })
	})
	b.Run("PostgreSQL", func(b *testing.B) {
		pg := testbed.PostgresWith(b, testbed.PostgresOptions{Durable: true})
		benchActivation(b, func(c *config.Config) {
			c.Intelligence.ListBuckets, c.Store.Postgres.URL = buckets, pg.URL("lists")
		})
	})
}

func startFor(b *testing.B, change func(*config.Config)) *App {
	b.Helper()
	c := config.Default()
	c.Account, c.Region = listAccount, listRegion
	c.Server.Listen, c.Server.MetricsListen, c.Store.DataDir = "127.0.0.1:0", "", b.TempDir()
	c.Intelligence.Feeds.Enabled = false
	change(c)
	a, err := Start(context.Background(), Options{Config: c, Now: time.Now, Log: slog.New(slog.DiscardHandler), Version: "bench", Role: "all"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := a.Stop(context.Background()); err != nil {
			b.Error(err)
		}
	})
	return a
}

func benchActivation(b *testing.B, change func(*config.Config)) {
	a := startFor(b, change)
	ctx, cancel := context.WithCancel(b.Context())
	var running sync.WaitGroup
	b.Cleanup(func() { cancel(); running.Wait() })
	w := newListWorld(b, a.keys.store, nil)
	pushed := 0
	running.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			var records []string
			for i := range 100 {
				records = append(records, benign(fmt.Sprint("user", i), n*100+i))
			}
			if res, err := http.Post("http://"+a.Addr+"/ingest/k8s-audit/prod", "application/json", strings.NewReader(eventList(records))); err == nil {
				res.Body.Close()
				pushed += len(records)
			}
		}
	})
	var took []time.Duration
	var whole time.Duration
	for b.Loop() {
		start := time.Now()
		out, err := w.client.CreateThreatIntelSet(ctx, &guardduty.CreateThreatIntelSetInput{DetectorId: w.det, Name: aws.String("bad"), Format: types.ThreatIntelSetFormatTxt, Location: aws.String("s3://lists/bad.txt"), Activate: aws.Bool(true)})
		if err != nil {
			b.Fatal(err)
		}
		become(b, w, *out.ThreatIntelSetId, store.ListActive)
		took = append(took, time.Since(start))
		if _, err := w.client.DeleteThreatIntelSet(ctx, &guardduty.DeleteThreatIntelSetInput{DetectorId: w.det, ThreatIntelSetId: out.ThreatIntelSetId}); err != nil {
			b.Fatal(err)
		}
		become(b, w, *out.ThreatIntelSetId, store.ListDeleted)
		whole += time.Since(start)
	}
	cancel()
	running.Wait()
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2].Seconds()*1000, "median-ms")
	b.ReportMetric(took[len(took)-1].Seconds()*1000, "worst-ms")
	b.ReportMetric(float64(pushed)/whole.Seconds(), "records/s")
}

// become waits until a threat intel set has a status.
func become(b *testing.B, w *listWorld, id, status string) {
	b.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		out, err := w.client.GetThreatIntelSet(b.Context(), &guardduty.GetThreatIntelSetInput{DetectorId: w.det, ThreatIntelSetId: &id})
		if err != nil {
			b.Fatal(err)
		}
		if string(out.Status) == status {
			return
		}
		if time.Now().After(deadline) {
			b.Fatalf("the list is %s, want %s", out.Status, status)
		}
	}
}
