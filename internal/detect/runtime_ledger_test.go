package detect

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
)

var ledgerStart = time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC)

// sensorRecord is the n-th record of a run, so many seconds after the start.
func sensorRecord(run string, n uint64, seconds int, st *event.Status) event.Event {
	r := &event.Runtime{Version: "1", Kind: event.KindFork, Sensor: event.Sensor{Name: "vedette", Session: run, Sequence: n}, Node: event.Node{Name: "node-a"}, Status: st}
	if st != nil {
		r.Kind = event.KindStatus
	}
	at := ledgerStart.Add(time.Duration(seconds) * time.Second)
	return event.Event{Source: event.RuntimeEvents, Scope: event.Scope{Account: "111122223333", Region: "eu-central-1", Cluster: "prod"}, Time: at,
		Runtime: r, Raw: fmt.Appendf(nil, "%s %d", run, n)}
}

// tallied adds up what came of some records, each in a batch of its own, and
// takes the engine's memory to another one between them if restarts says so.
func tallied(t *testing.T, restarts bool, evs ...event.Event) map[string]int64 {
	t.Helper()
	e := New(Options{Durable: true})
	out := map[string]int64{}
	var runs []Run
	for i := range evs {
		r := e.Process(&event.Batch{Stream: "s", Events: evs[i : i+1]})
		var losses int64
		for _, c := range r.Counts {
			out[string(c.Outcome)+string(c.Reason)] += c.N
			if c.Outcome == event.Received {
				losses -= c.N
			}
		}
		for _, l := range r.Losses {
			if losses += l.Gap + l.Lost; l.Node != "node-a" {
				t.Errorf("lost by %q", l.Node)
			}
		}
		if losses != 0 {
			t.Errorf("record %d: %+v do not agree with the counts", i, r.Losses)
		}
		if !restarts {
			continue
		}
		delta, err := e.Delta(evs[i].Scope)
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, delta...)
		e = New(Options{Durable: true})
		for _, run := range runs {
			if err := e.RestoreRun(evs[i].Scope, run); err != nil {
				t.Fatal(err)
			}
		}
	}
	return out
}

func TestSensorGaps(t *testing.T) {
	rec := func(n uint64, seconds int) event.Event { return sensorRecord("run-1", n, seconds, nil) }
	ending := func(n uint64, seconds int) event.Event {
		return sensorRecord("run-1", n, seconds, &event.Status{Ending: true})
	}
	lost := func(n uint64, seconds int, counts map[string]int64) event.Event {
		return sensorRecord("run-1", n, seconds, &event.Status{Lost: counts})
	}
	foreign := sensorRecord("", 0, 5, &event.Status{Lost: map[string]int64{"syscall": 7}})
	next := func(before *event.Session) event.Event {
		return sensorRecord("run-2", 1, 30, &event.Status{Before: before})
	}
	for name, tc := range map[string]struct {
		evs       []event.Event
		gap, lost int64
	}{
		"all came":                     {evs: []event.Event{rec(1, 0), rec(2, 1), rec(3, 2)}},
		"out of order":                 {evs: []event.Event{rec(3, 2), rec(1, 0), rec(4, 3), rec(2, 1), rec(5, 3600)}},
		"sent again":                   {evs: []event.Event{rec(1, 0), rec(2, 0), rec(1, 0), rec(2, 0), rec(3, 3600)}},
		"not lost yet":                 {evs: []event.Event{rec(1, 0), rec(5, 1), rec(6, 300)}},
		"lost":                         {evs: []event.Event{rec(1, 0), rec(5, 1), rec(6, 700), rec(7, 1400)}, gap: 3},
		"some of it came late":         {evs: []event.Event{rec(1, 0), rec(10, 1), rec(5, 0), rec(4, 0), rec(9, 0), rec(11, 700)}, gap: 5},
		"came after it was lost":       {evs: []event.Event{rec(1, 0), rec(3, 1), rec(4, 700), rec(2, 0), rec(5, 1400)}, gap: 1},
		"from the beginning":           {evs: []event.Event{rec(4, 0), rec(5, 700)}, gap: 3},
		"it ended":                     {evs: []event.Event{rec(1, 0), rec(4, 1), ending(6, 2)}, gap: 3},
		"said by the next run":         {evs: []event.Event{rec(1, 0), rec(3, 1), next(&event.Session{ID: "run-1", Sequence: 10})}, gap: 8},
		"the next run has no news":     {evs: []event.Event{rec(1, 0), rec(2, 1), next(&event.Session{ID: "run-1", Sequence: 2}), next(nil)}},
		"a run that never got through": {evs: []event.Event{next(&event.Session{ID: "run-0", Sequence: 4})}, gap: 4},
		"a quiet run":                  {evs: []event.Event{rec(1, 0), rec(3, 1), sensorRecord("run-2", 1, 4000, nil), sensorRecord("run-2", 2, 9000, nil)}, gap: 1},
		"what it says":                 {evs: []event.Event{lost(1, 0, nil), lost(2, 60, map[string]int64{"ring": 5}), lost(3, 120, map[string]int64{"ring": 5}), lost(4, 180, map[string]int64{"ring": 6, "cpu": 2, "odd": -9})}, lost: 8},
		"status out of order":          {evs: []event.Event{lost(1, 0, nil), lost(3, 120, map[string]int64{"ring": 9}), lost(2, 60, map[string]int64{"ring": 5})}, lost: 9},
		"another sensor":               {evs: []event.Event{foreign}, lost: 7},
		"numbers of nobody":            {evs: []event.Event{rec(1, 0), rec(1<<63, 1), rec(2, 700)}},
	} {
		for _, restarts := range []bool{false, true} {
			got := tallied(t, restarts, tc.evs...)
			if got["droppedsensor_gap"] != tc.gap || got["droppedsensor_lost"] != tc.lost || got["received"] != tc.gap+tc.lost {
				t.Errorf("%s, restarts %v: %v, want %d and %d", name, restarts, got, tc.gap, tc.lost)
			}
		}
	}
}

// TestSensorShuffle: whatever the order within the wait, what is missing is
// counted once, and nothing else.
func TestSensorShuffle(t *testing.T) {
	for seed := range uint64(30) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		var evs []event.Event
		missing := int64(0)
		for n := uint64(1); n <= 200; n++ {
			if rnd.IntN(5) == 0 && n < 200 {
				missing++
				continue
			}
			evs = append(evs, sensorRecord("run-1", n, int(n), nil))
		}
		rnd.Shuffle(len(evs), func(i, j int) { // not far: no more holes than are kept
			if j-i < 40 && i-j < 40 {
				evs[i], evs[j] = evs[j], evs[i]
			}
		})
		evs = append(evs, evs[:20]...) // and some once more
		evs = append(evs, sensorRecord("run-1", 201, 5000, nil))
		if got := tallied(t, seed%10 == 0, evs...); got["droppedsensor_gap"] != missing || got["duplicateseen_before"] != 20 {
			t.Fatalf("seed %d: %v, %d are missing", seed, got, missing)
		}
	}
}

// TestSensorLedgerBounds: a sensor that numbers without sense takes no memory.
func TestSensorLedgerBounds(t *testing.T) {
	var run sensorRun
	gap := int64(0)
	for n := uint64(1); n < 100_000; n += 2 {
		gap += run.came(n+1, int64(n))
	}
	if len(run.holes) > maxHoles || gap+run.settle(1<<40) != 50_000 {
		t.Errorf("%d holes, %d counted", len(run.holes), gap)
	}
	e := New(Options{Durable: true})
	for i := range maxSensorRuns + 100 {
		ev := sensorRecord(fmt.Sprint("run-", i), 1, i, nil)
		e.Process(&event.Batch{Events: []event.Event{ev}})
		if n := e.runtimeIn(e.scope(ev.Scope)).sensors.runs.len(); n > maxSensorRuns {
			t.Fatalf("%d runs are remembered", n)
		}
	}
}

// TestSensorDropped: a record that is not to be judged did come.
func TestSensorDropped(t *testing.T) {
	e := New(Options{Durable: true})
	out := map[event.Reason]int64{}
	for i, n := range []uint64{1, 2, 3, 4, 5} {
		ev := sensorRecord("run-1", n, 700*i, nil)
		if n == 3 {
			e.Came(&ev)
			continue
		}
		for _, c := range e.Process(&event.Batch{Events: []event.Event{ev}}).Counts {
			out[c.Reason] += c.N
		}
	}
	if out[event.ReasonSensorGap] != 0 {
		t.Errorf("%v", out)
	}
}

// TestSensorScan: a scan accounts for its input alone.
func TestSensorScan(t *testing.T) {
	e := New(Options{})
	ev := sensorRecord("run-1", 500, 0, &event.Status{Lost: map[string]int64{"ring": 5}, Ending: true})
	if r := e.Process(&event.Batch{Events: []event.Event{ev}}); len(r.Counts) != 1 || len(r.Losses) != 0 {
		t.Errorf("%+v", r)
	}
}

// TestSensorIdentity: a record is told by its place in the run, and else by its text.
func TestSensorIdentity(t *testing.T) {
	a, b := sensorRecord("run-1", 7, 0, nil), sensorRecord("run-1", 7, 9, nil)
	c, d := sensorRecord("run-1", 8, 0, nil), sensorRecord("run-2", 7, 0, nil)
	b.Raw = []byte("other text")
	x, y := sensorRecord("", 0, 0, nil), sensorRecord("", 0, 0, nil)
	y.Raw = []byte("other text")
	cut := sensorRecord("run-1", 7, 0, nil)
	cut.Truncated = true
	batch := event.Batch{Events: []event.Event{a, b, c, d, x, y, cut}}
	var id Identifier
	id.Identify(&batch)
	seen := map[[2]uint64][]int{}
	for i := range batch.Events {
		seen[batch.Events[i].ID] = append(seen[batch.Events[i].ID], i)
	}
	if len(seen) != 6 || batch.Events[0].ID != batch.Events[1].ID {
		t.Errorf("%v", seen)
	}
}

func FuzzSensorRun(f *testing.F) {
	run := sensorRun{next: 9, newest: 100, lost: 3, holes: []hole{{2, 4, 90}, {6, 7, 95}}}
	b, _ := run.MarshalBinary()
	f.Add(b, uint64(3))
	f.Fuzz(func(t *testing.T, b []byte, n uint64) {
		var r sensorRun
		if r.UnmarshalBinary(b) != nil {
			return
		}
		r.came(n, 5)
		r.settle(1 << 60)
		if len(r.holes) > maxHoles {
			t.Errorf("%d holes", len(r.holes))
		}
	})
}
