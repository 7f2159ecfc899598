package app

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/testbed"
)

// shared starts processes (here: servers) that share a NATS cluster and a
// PostgreSQL database.
type shared struct {
	postgres *testbed.PostgresServer
	database string
	nats     *testbed.NATS
	traces   string          // an endpoint, if there is one
	targets  []config.Target // of publishing
}

func newShared(t *testing.T, nodes int) *shared {
	t.Helper()
	s := &shared{postgres: testbed.Postgres(t), nats: testbed.NATSCluster(t, nodes)}
	s.database = s.postgres.URL("vedette")
	return s
}

func (s *shared) start(t *testing.T, name, role string) *App {
	t.Helper()
	return startAs(t, t.TempDir(), role, func(c *config.Config) {
		c.Server.Name = name
		c.Store.Postgres.URL = s.database
		c.Journal.NATS.URL, c.Journal.NATS.Replicas = strings.Join(s.nats.URLs(), ","), len(s.nats.URLs())
		c.Journal.Shards = 6
		if s.traces != "" {
			c.Traces.Endpoint, c.Traces.Sample = s.traces, 0
		}
		c.Publish.Targets = s.targets
	})
}

// shardsOf waits until every process holds as many shards as wanted.
func shardsOf(t *testing.T, want map[*App]int) {
	t.Helper()
	until(t, "the shards are spread", func() bool {
		for a, n := range want {
			if held, _ := a.worker.Held(); held != n {
				return false
			}
		}
		return true
	})
}

// TestScaleOutAndIn: workers come and go while records come in; each record
// counts once, and the shards are spread evenly over who is there.
func TestScaleOutAndIn(t *testing.T) {
	t.Parallel()
	s := newShared(t, 3)
	in := s.start(t, "in", "ingest,api")
	d1 := s.start(t, "d1", "detect")
	shardsOf(t, map[*App]int{d1: 6})

	done := make(chan struct{})
	var wg sync.WaitGroup
	sent := make([]int64, 4)
	for i := range sent {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				body := eventList([]string{attack(fmt.Sprintf("mallory%d", i), n), benign("jane", n)})
				if code := push(t, in, fmt.Sprintf("c%d", i), body); code != http.StatusOK {
					t.Errorf("status %d", code)
					return
				}
				sent[i]++
			}
		})
	}
	d2 := s.start(t, "d2", "detect")
	shardsOf(t, map[*App]int{d1: 3, d2: 3})
	d3 := s.start(t, "d3", "detect")
	shardsOf(t, map[*App]int{d1: 2, d2: 2, d3: 2})
	if err := d1.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	shardsOf(t, map[*App]int{d2: 3, d3: 3})
	time.Sleep(300 * time.Millisecond)
	close(done)
	wg.Wait()

	want, total := map[string]int64{}, int64(0)
	for i, n := range sent {
		want[fmt.Sprintf("mallory%d", i)] = n
		total += 2 * n
	}
	if d := cmp.Diff(want, counts(stored(t, in))); d != "" {
		t.Errorf("attacks that were made, and those counted:\n%s", d)
	}
	if d := cmp.Diff(map[string]int64{"received": total, "evaluated": total}, ledger(t, in.keys.store)); d != "" {
		t.Error(d)
	}
	t.Logf("%d records", total)
}
