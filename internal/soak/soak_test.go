package soak

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// settings come from the environment: SOAK_FOR is how long to do harm,
// SOAK_KILLS how many kills to make at least, SOAK_SEED what to do in which
// order, SOAK_KEEP a folder for the servers' logs when the test fails.
type settings struct {
	duration time.Duration
	kills    int
	seed     uint64
	keep     string
}

func fromEnvironment(t *testing.T) settings {
	t.Helper()
	s := settings{duration: 20 * time.Second, kills: 20, seed: rand.Uint64(), keep: os.Getenv("SOAK_KEEP")}
	for name, read := range map[string]func(string) error{
		"SOAK_FOR":   func(v string) (err error) { s.duration, err = time.ParseDuration(v); return err },
		"SOAK_KILLS": func(v string) (err error) { s.kills, err = strconv.Atoi(v); return err },
		"SOAK_SEED":  func(v string) (err error) { s.seed, err = strconv.ParseUint(v, 10, 64); return err },
	} {
		if v := os.Getenv(name); v != "" {
			if err := read(v); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
	return s
}

func TestSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it runs for half a minute")
	}
	s := fromEnvironment(t)
	t.Logf("repeat with: SOAK_FOR=%v SOAK_KILLS=%d SOAK_SEED=%d go test ./internal/soak", s.duration, s.kills, s.seed)
	rnd := rand.New(rand.NewPCG(s.seed, 1))
	w := newWorld(t, s.keep)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var feeding sync.WaitGroup
	lines := recorded(t)
	var feeds []*corpus
	var senders []*sender
	for i := range 8 {
		name, to := fmt.Sprintf("c%d", i), []string{w.sharing[0].addr, w.sharing[1].addr}
		if i >= 6 {
			name, to = fmt.Sprintf("alone%d", i), []string{w.alone.addr}
		}
		c := newCorpus(t, lines, name, w.dir)
		x := &sender{t: t, corpus: c, to: to, rnd: rand.New(rand.NewPCG(s.seed, uint64(10+i))), pause: 40 * time.Millisecond}
		feeds, senders = append(feeds, c), append(senders, x)
		feeding.Go(func() { x.run(ctx) })
	}
	for i, path := range w.followed {
		c := newCorpus(t, lines, []string{"shared-followed", "alone-followed"}[i], w.dir)
		x := &writer{t: t, corpus: c, path: path, rnd: rand.New(rand.NewPCG(s.seed, uint64(20+i))), pause: 60 * time.Millisecond}
		feeds = append(feeds, c)
		feeding.Go(func() { x.run(ctx) })
	}
	c := &chaos{world: w, rnd: rnd, begun: time.Now()}
	limit, cancel := context.WithTimeout(ctx, s.duration)
	c.run(limit, s.kills)
	cancel()
	took := time.Since(c.begun)
	stop()
	feeding.Wait()
	w.settle(feeds)
	v := w.judge(feeds)

	report := map[string]any{
		"seed": s.seed, "seconds": int(took.Seconds()), "kills": c.kills, "harm": c.done, "records": v.records, "findings": v.findings, "published": v.published,
		"attack sequences": v.sequences, "notes of steps": v.notes,
	}
	for _, x := range senders {
		v.again, v.refused, v.lost = v.again+x.again, v.refused+x.refused, v.lost+x.lost
	}
	report["sent again on purpose"], report["told to come again"], report["without an answer"], report["duplicates counted"] = v.again, v.refused, v.lost, v.duplicates
	out, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(string(out))
	if names := slices.Sorted(maps.Keys(c.done)); c.kills < s.kills || len(names) < 3 {
		t.Errorf("%d kills and %v; the test says little", c.kills, names)
	}
}
