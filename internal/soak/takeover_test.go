package soak

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/store"
	"github.com/vedette-project/vedette/internal/testbed"
)

// TestTakeover kills workers and prints how long it takes until each of their
// shards is held by another and has judged something new. Whether that is soon
// enough is for who reads it: the machine may be busy.
func TestTakeover(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it waits for leases to run out")
	}
	w := &world{t: t, dir: t.TempDir()}
	w.binary = filepath.Join(w.dir, "vedette")
	build(t, w.binary)
	w.postgres = testbed.PostgresWith(t, testbed.PostgresOptions{Durable: true})
	w.database = w.postgres.URL("vedette")
	w.nats = testbed.NATSCluster(t, 3)
	in := w.process("in", "ingest,api", "", w.sharedConfig("in"))
	workers := []*process{}
	for _, name := range []string{"d1", "d2", "d3"} {
		workers = append(workers, w.process(name, "detect", "", w.sharedConfig(name)))
	}
	for _, p := range append([]*process{in}, workers...) {
		p.start()
		p.waitReady()
	}
	st, err := store.OpenPostgres(t.Context(), w.database, store.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	ctx, stop := context.WithCancel(t.Context())
	var feeding sync.WaitGroup
	defer feeding.Wait()
	defer stop()
	lines := recorded(t)
	for i := range 3 * shards { // so that every shard has something
		s := &sender{
			t: t, corpus: newCorpus(t, lines, fmt.Sprintf("c%d", i), w.dir), to: []string{in.addr},
			rnd: rand.New(rand.NewPCG(1, uint64(i))), pause: 200 * time.Millisecond,
		}
		feeding.Go(func() { s.run(ctx) })
	}
	var took []string
	for i := range 6 {
		p := workers[i%len(workers)]
		var before map[int]store.Shard
		until(t, "the shards are spread", func() bool {
			before = map[int]store.Shard{}
			for _, sh := range shardsNow(t, st) {
				if sh.Owner == p.name {
					before[sh.N] = sh
				}
			}
			return len(before) == shards/len(workers)
		})
		p.signal(syscall.SIGKILL)
		start := time.Now()
		until(t, "others have taken over", func() bool {
			for _, sh := range shardsNow(t, st) {
				if old, was := before[sh.N]; was && (sh.Owner == p.name || sh.Owner == "" || sh.Position <= old.Position+1) {
					return false
				}
			}
			return true
		})
		took = append(took, time.Since(start).Round(10*time.Millisecond).String())
		<-p.exited()
		p.start()
		p.waitReady()
	}
	t.Logf("from the kill of a worker to new commits of all its shards by others: %s", strings.Join(took, ", "))
}

func shardsNow(t *testing.T, st *store.Store) []store.Shard {
	t.Helper()
	list, err := st.Shards(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return list
}
