package journal_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/journal"
	"github.com/vedette-project/vedette/internal/testbed"
)

// writer appends one message after the other, each until it is taken.
type writer struct {
	shard, n int
	sent     []uint64 // positions
	slowest  time.Duration
}

func (w *writer) run(ctx context.Context, t *testing.T, j *journal.Journal) {
	for ctx.Err() == nil {
		id := fmt.Sprintf("%d-%d", w.n, len(w.sent))
		for {
			start := time.Now()
			p, err := j.Append(t.Context(), w.shard, id, []byte(id))
			w.slowest = max(w.slowest, time.Since(start))
			if err == nil {
				w.sent = append(w.sent, p)
				break
			}
			if !errors.Is(err, journal.ErrUnavailable) {
				t.Error(err)
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
}

// TestFaults: while nodes die and are cut off, what is acknowledged is there
// once, at its position, and readers see all of it in order.
func TestFaults(t *testing.T) {
	rounds := 6
	if testing.Short() {
		rounds = 2
	}
	c := testbed.NATSCluster(t, 3)
	j := open(t, external(c))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var writers []*writer
	var wg sync.WaitGroup
	for n := range 4 {
		w := &writer{shard: n % 2, n: n}
		writers = append(writers, w)
		wg.Go(func() { w.run(ctx, t, j) })
	}
	var readers [2]*journal.Reader
	var got [2][]journal.Message
	for shard := range 2 {
		readers[shard] = j.Read(shard, 0)
		wg.Go(func() {
			for {
				m, err := readers[shard].Next(ctx)
				if err != nil {
					return
				}
				got[shard] = append(got[shard], m)
				j.Trim(shard, m.Position)
			}
		})
	}
	for round := range rounds {
		time.Sleep(500 * time.Millisecond)
		stream := fmt.Sprintf("vedette-journal-%d", round%2)
		if rand.IntN(2) == 0 {
			i := c.KillLeader(stream)
			time.Sleep(time.Duration(rand.IntN(3000)) * time.Millisecond)
			c.StartNode(i)
		} else {
			i := c.WaitLeader(stream)
			c.Isolate(i)
			time.Sleep(time.Duration(rand.IntN(6000)) * time.Millisecond)
			c.Rejoin(i)
		}
		c.WaitReady()
	}
	time.Sleep(500 * time.Millisecond)
	stop()
	wg.Wait()

	var want [2]map[uint64]string
	for shard := range 2 {
		want[shard] = map[uint64]string{}
	}
	for _, w := range writers {
		for i, p := range w.sent {
			if have, ok := want[w.shard][p]; ok {
				t.Errorf("position %d of shard %d was given to two messages, %s too", p, w.shard, have)
			}
			want[w.shard][p] = fmt.Sprintf("%d-%d", w.n, i)
		}
		t.Logf("%d messages, the slowest answer came after %s", len(w.sent), w.slowest)
		if w.slowest > 6*time.Second {
			t.Error("that is too slow")
		}
	}
	for shard := range 2 {
		t.Logf("%d of %d messages were read meanwhile", len(got[shard]), len(want[shard]))
		for len(got[shard]) < len(want[shard]) {
			got[shard] = append(got[shard], next(t, readers[shard]))
		}
		for i, m := range got[shard] {
			if p := uint64(i + 1); m.Position != p || m.Missing != 0 || string(m.Data) != want[shard][p] {
				t.Fatalf("shard %d position %d: %d %q missing %d, want %q", shard, p, m.Position, m.Data, m.Missing, want[shard][p])
			}
		}
		if s, err := j.State(t.Context(), shard); err != nil || s.Last != uint64(len(want[shard])) {
			t.Fatalf("%+v %v, want %d messages", s, err, len(want[shard]))
		}
	}
}
