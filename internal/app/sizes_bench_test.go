package app

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	sending "github.com/vedette-project/vedette/internal/push"
	"github.com/vedette-project/vedette/internal/store"
)

// BenchmarkSizes pushes ordinary logs to a server and tells what a record takes,
// in bytes: as it is, on the wire, in the journal, and in the store, of which the
// second half of the log shows how it grows. docs/sizing.md has the results.
func BenchmarkSizes(b *testing.B) {
	for _, kind := range []struct {
		name  string
		count int
		write func(w io.Writer, rnd *rand.Rand, n int)
	}{{"k8s-audit", 400_000, auditLog}, {"cloudtrail", 250_000, trailLog}, {"vpc-flow", 2_000_000, flowLog}, {"dns", 700_000, queryLog}} {
		b.Run(kind.name, func(b *testing.B) {
			for range b.N {
				measureSizes(b, kind.count, kind.write)
			}
		})
	}
}

func measureSizes(b *testing.B, count int, write func(io.Writer, *rand.Rand, int)) {
	a := benchApp(b)
	defer a.Stop(context.Background())
	rnd := rand.New(rand.NewPCG(1, 2))
	var sum sending.Summary
	var sizes [2]int64
	var journal float64
	for half := range sizes {
		path := filepath.Join(b.TempDir(), fmt.Sprint(half))
		f, err := os.Create(path)
		if err != nil {
			b.Fatal(err)
		}
		w := bufio.NewWriter(f)
		write(w, rnd, count)
		if err := w.Flush(); err != nil {
			b.Fatal(err)
		}
		one := pushLog(b, a, path)
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
		sum.Sent, sum.Bytes, sum.Posted = sum.Sent+one.Sent, sum.Bytes+one.Bytes, sum.Posted+one.Posted
		drainAll(b, a)
		sizes[half] = storeSize(b, a)
	}
	families, err := a.registry.Gather()
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "vedette_journal_appended_bytes_total" {
			for _, m := range f.GetMetric() {
				journal += m.GetCounter().GetValue()
			}
		}
	}
	n := float64(sum.Sent)
	b.ReportMetric(float64(sum.Bytes)/n, "B/record")
	b.ReportMetric(float64(sum.Posted)/n, "wire-B/record")
	b.ReportMetric(journal/n, "journal-B/record")
	b.ReportMetric(float64(sizes[0])*2/n, "store-B/record")
	b.ReportMetric(float64(sizes[1]-sizes[0])*2/n, "store-more-B/record")
}

func pushLog(b *testing.B, a *App, path string) sending.Summary {
	b.Helper()
	u := &url.URL{Scheme: "http", Host: a.Addr}
	s, err := sending.New(sending.Options{URL: u, Cluster: "prod", RetryFor: time.Minute, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	_, unread, err := ReadLogs(b.Context(), ReadOptions{
		Paths: []string{path}, Kind: event.Chunk{}, Log: slog.New(slog.DiscardHandler), Take: s.Take,
		Damaged: func(path string, _ event.Reason, detail string) { b.Error(path, detail) },
	})
	if err == nil {
		err = s.Flush(b.Context())
	}
	sum := s.Summary()
	if err != nil || len(unread) > 0 || sum.Sent != sum.Records || sum.Malformed > 0 {
		b.Fatalf("%+v, %v, %v", sum, unread, err)
	}
	return sum
}

// storeSize is that of a copy, which has no room for what was deleted.
func storeSize(b *testing.B, a *App) int64 {
	b.Helper()
	to := filepath.Join(b.TempDir(), "copy")
	if _, err := store.Backup(b.Context(), StoreFile(a.Config.Store.DataDir), to, store.Options{Now: time.Now}); err != nil {
		b.Fatal(err)
	}
	st, err := os.Stat(to)
	if err != nil {
		b.Fatal(err)
	}
	return st.Size()
}

// auditLog writes what kubelets and controllers of a cluster of 60 nodes do.
func auditLog(w io.Writer, rnd *rand.Rand, n int) {
	verbs := [][3]string{{"patch", "nodes", "status"}, {"get", "leases", ""}, {"update", "leases", ""}, {"list", "pods", ""}, {"watch", "configmaps", ""}, {"create", "events", ""}, {"get", "secrets", ""}}
	for i := range n {
		v, k := verbs[rnd.IntN(len(verbs))], rnd.IntN(60)
		at := time.Unix(benchStart+int64(i/110), int64(i%110)*9e6).UTC().Format("2006-01-02T15:04:05.000000Z")
		fmt.Fprintf(w, `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"%08x-%04x-4000-8000-%012x","stage":"ResponseComplete",`+
			`"requestURI":"/api/v1/namespaces/app-%[4]d/%[5]s/item-%[6]d?timeout=10s","verb":%[7]q,"user":{"username":"system:node:node-%[8]d","groups":["system:nodes","system:authenticated"]},`+
			`"sourceIPs":["10.0.0.%[8]d"],"userAgent":"kubelet/v1.34.2 (linux/amd64) kubernetes/abcdef0","objectRef":{"resource":%[5]q,"namespace":"app-%[4]d","name":"item-%[6]d","apiVersion":"v1","subresource":%[9]q},`+
			`"responseStatus":{"metadata":{},"code":200},"requestReceivedTimestamp":%[10]q,"stageTimestamp":%[10]q,"annotations":{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":""}}`+"\n",
			rnd.Uint32(), rnd.IntN(1<<16), rnd.Int64N(1<<48), k%20, v[1], rnd.IntN(200), v[0], k+1, v[2], at)
	}
}
