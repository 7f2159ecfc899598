package line

import (
	"flag"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	simSeeds   = flag.Int("seeds", 3000, "how many schedules TestSimulation runs")
	simFirst   = flag.Uint64("first", 1, "the seed of the first of them")
	simSeed    = flag.Uint64("seed", 0, "run this schedule alone, and tell it in full when it fails")
	simWorkers = flag.Int("cores", 0, "how many schedules to run at once; 0 is one a core")
)

// simulate runs one schedule and checks it.
func simulate(c config, traced bool) *sim {
	s := newSim(c, traced)
	s.build()
	s.run()
	s.check()
	return s
}

// TestSimulation runs many schedules of the whole protocol:
//
//	go test ./internal/line -run 'TestSimulation$' -timeout 0 -args -seeds 1000000
func TestSimulation(t *testing.T) {
	if *simSeed != 0 {
		s := simulate(config{seed: *simSeed, hashed: true}, true)
		if s.broken != "" {
			t.Fatalf("seed %d: %s\n%s", *simSeed, s.broken, s.trace)
		}
		t.Logf("seed %d holds: %s, trace %016x", *simSeed, s.summary(), s.hash)
		if testing.Verbose() {
			t.Log("\n" + s.trace.String())
		}
		return
	}
	defer debug.SetGCPercent(debug.SetGCPercent(200)) // each schedule leaves little behind
	if raced {
		*simSeeds = min(*simSeeds, 100)
	}
	start := time.Now()
	var next, steps, failed atomic.Uint64
	next.Store(*simFirst)
	end := *simFirst + uint64(*simSeeds)
	var mu sync.Mutex
	var total [faults]int
	var wg sync.WaitGroup
	cores := *simWorkers
	if cores == 0 {
		cores = runtime.GOMAXPROCS(0)
	}
	for range cores {
		wg.Go(func() {
			var mine [faults]int
			for seed := next.Add(1) - 1; seed < end && failed.Load() < 5; seed = next.Add(1) - 1 {
				s := simulate(config{seed: seed}, false)
				steps.Add(uint64(s.steps))
				for f, n := range s.faults {
					mine[f] += n
				}
				if s.broken != "" {
					failed.Add(1)
					t.Errorf("seed %d: %s\nreplay: go test ./internal/line -run 'TestSimulation$' -args -seed %d", seed, s.broken, seed)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			for f, n := range mine {
				total[f] += n
			}
		})
	}
	wg.Wait()
	took := time.Since(start)
	t.Logf("%d schedules, %d steps each, %v", *simSeeds, steps.Load()/uint64(*simSeeds), took.Round(time.Millisecond))
	for f, n := range total {
		t.Logf("%9d %v", n, fault(f))
	}
}

// TestSimulationRepeats: the same seed makes the same schedule, step by step.
func TestSimulationRepeats(t *testing.T) {
	t.Parallel()
	last := uint64(200)
	if raced {
		last = 10
	}
	for seed := uint64(1); seed <= last; seed++ {
		a, b := simulate(config{seed: seed, hashed: true}, false), simulate(config{seed: seed, hashed: true}, seed%4 == 0)
		if seed%4 != 0 && a.hash != b.hash || a.steps != b.steps || a.now != b.now {
			t.Fatalf("seed %d made two schedules: %x and %x", seed, a.hash, b.hash)
		}
	}
}
