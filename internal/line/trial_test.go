package line

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/ingest"
)

// calm is a simulation in which nothing happens but what script does.
func calm(t *testing.T, shards, nodes int, script func(*sim)) *sim {
	t.Helper()
	s := newSim(config{seed: 1}, true)
	s.p, s.heal = [faults]float64{}, 0
	s.config = config{seed: 1, shards: shards, nodes: nodes, pushes: 1}
	s.build()
	s.world.senders = 1
	s.spawn("script", nil, func() {
		script(s)
		s.world.senders--
	})
	s.run()
	s.check()
	if s.broken != "" {
		t.Fatalf("%s\n%s", s.broken, s.trace)
	}
	return s
}

// put pushes records through a process, and waits for the answer.
func (s *sim) put(slot int, scope event.Scope, ids ...string) {
	for {
		n := s.world.nodes[slot]
		if n != nil && n.alive {
			if err := n.take(&ingest.Push{Chunk: chunkOf("push", scope, ids)}, 30*time.Second); err == nil {
				break
			}
		}
		s.sleep(time.Second)
	}
	for _, id := range ids {
		s.world.acked[id] = true
	}
}

func (s *sim) wantAside(t *testing.T, ids ...string) {
	t.Helper()
	var got []string
	for _, a := range s.db.asides {
		got = append(got, recordIDs(a.Data)...)
	}
	if strings.Join(got, " ") != strings.Join(ids, " ") {
		t.Errorf("set aside are %v, want %v", got, ids)
	}
}

func (s *sim) wantLedger(t *testing.T, o event.Outcome, r event.Reason, n int64) {
	t.Helper()
	if got := s.db.ledger[[3]string{simSource, string(o), string(r)}]; got != n {
		t.Errorf("%d records are %s %s, want %d", got, o, r, n)
	}
}

func TestRecordsThatCannotBeJudgedAreSetAsideAlone(t *testing.T) {
	s := calm(t, 1, 1, func(s *sim) {
		s.world.poison["r1"], s.world.poison["r3"] = true, true
		s.put(0, scopeOf(0), "r0", "r1", "r2", "r3", "r4")
		s.put(0, scopeOf(0), "r5")
	})
	s.wantAside(t, "r1", "r3")
	s.wantLedger(t, event.Received, "", 6)
	s.wantLedger(t, event.Evaluated, "", 4)
	s.wantLedger(t, event.Dropped, event.ReasonPoison, 2)
	if took := time.Duration(s.now); took > time.Minute {
		t.Errorf("it took %v", took)
	}
}

func TestDeadlyRecordIsFoundThoughTheProcessDiesOfIt(t *testing.T) {
	s := calm(t, 3, 1, func(s *sim) {
		s.world.deadly["r1"] = true
		for i := range 3 {
			s.put(0, scopeOf(i), "a"+scopeOf(i).Cluster, "b"+scopeOf(i).Cluster)
		}
		s.put(0, scopeOf(0), "r0", "r1", "r2")
	})
	s.wantAside(t, "r1")
	if n := s.faults[faultPoisonDeadly]; n < 3 || n > 10 {
		t.Errorf("the process died %d times of it", n)
	}
}

// Two shards are on trial in one process; what one of them dies of must not be
// held against the other.
func TestDeadlyRecordHasNoOtherTakenForIt(t *testing.T) {
	var one, other event.Scope
	for i := range 10 {
		if sc := scopeOf(i); ShardOf(sc, 2) == 0 {
			one = sc
		} else {
			other = sc
		}
	}
	s := calm(t, 2, 1, func(s *sim) {
		s.world.deadly["r1"], s.world.poison["r4"] = true, true
		s.put(0, one, "r0", "r1", "r2")
		s.put(0, other, "r3", "r4", "r5")
	})
	if len(s.db.asides) != 2 {
		t.Errorf("set aside are %v", s.db.asides)
	}
}

func TestMessageThatCannotBeReadIsSetAsideWhole(t *testing.T) {
	for _, data := range []string{"short", "0123456789abcdef and no message"} {
		s := newSim(config{seed: 1}, true)
		s.p, s.heal = [faults]float64{}, 0
		s.config = config{seed: 1, shards: 1, nodes: 1, pushes: 1}
		s.build()
		s.world.senders = 1
		s.spawn("script", nil, func() {
			s.journal.store(0, "x", []byte(data))
			s.put(0, scopeOf(0), "r0")
			s.world.senders--
		})
		s.run() // and no check, which could not read it either
		if s.broken != "" || s.db.counts["r0"] != 1 {
			t.Errorf("%s: the record behind it has %d effects", s.broken, s.db.counts["r0"])
		}
		if len(s.db.asides) != 1 || string(s.db.asides[0].Data) != data || s.db.asides[0].Position != 1 {
			t.Errorf("set aside are %v", s.db.asides)
		}
		if n := s.db.ledger[[3]string{string(event.Journal), string(event.Dropped), string(event.ReasonJournalCorrupt)}]; n != 1 {
			t.Errorf("the ledger has it %d times", n)
		}
	}
}

func TestRecordsThatCannotBeJudgedTogether(t *testing.T) {
	s := calm(t, 1, 1, func(s *sim) {
		s.world.feud, s.world.unlucky = [2]string{"r0", "r1"}, recordStrikes
		s.put(0, scopeOf(0), "r0", "r1")
		s.put(0, scopeOf(0), "r2")
	})
	if len(s.db.asides) != 1 || !strings.Contains(s.db.asides[0].Reason, "together") || s.db.counts["r2"] != 1 {
		t.Errorf("set aside are %v", s.db.asides)
	}
}

// An end in good order in the middle of a trial is nobody's fault.
func TestTrialIsInterruptedByTheEndOfTheProcess(t *testing.T) {
	for after := time.Millisecond; after < 60*time.Millisecond; after += 3 * time.Millisecond {
		s := calm(t, 1, 1, func(s *sim) {
			s.world.poison["r1"] = true
			s.put(0, scopeOf(0), "r0", "r1", "r2", "r3", "r4")
			tried := func() (tr trial) {
				_ = json.Unmarshal([]byte(s.db.state[[2]string{"shard/0", trialName}]), &tr)
				return tr
			}
			s.wait(0, func() bool { return tried().Single })
			s.sleep(after)
			n := s.world.nodes[0]
			n.cancel()
			s.wait(0, n.stopped)
			if tr := tried(); tr.Position == 1 && tr.Record != 1 && tr.Strikes > 0 && s.db.rows[0].Position == 0 {
				s.fail("an end after %v left a strike on record %d", after, tr.Record)
			}
			n.exit() // and the operator starts it again
		})
		s.wantAside(t, "r1")
	}
}

// A worker that starts again under its name may own more shards than are now
// its share. Nobody else takes them as long as it lives, so it gives them back.
func TestWorkerGivesBackWhatItDoesNotHold(t *testing.T) {
	calm(t, 4, 2, func(s *sim) {
		s.sleep(10 * time.Second)
		s.world.nodes[1].exit()
		for i, r := range s.db.rows { // as if the first had been alone before it died
			r.Owner, r.expires = s.world.nodes[0].name, s.db.clock()+int64(simTTL)
			r.Epoch += int64(i)
		}
		s.world.nodes[0].exit()
		s.sleep(10 * time.Second)
		for i := range 10 {
			s.put(1, scopeOf(i), "r"+scopeOf(i).Cluster)
		}
		s.wait(20*time.Second, func() bool { return len(s.db.counts) == 10 })
		for slot, n := range s.world.nodes {
			if held, _ := n.worker.Held(); held != 2 {
				s.fail("worker %d holds %v of 4 shards", slot, n.worker.Shards())
			}
		}
	})
}

// While a message is on trial nothing is opened ahead of it; then it is again.
func TestReadingBeginsAnewAfterATrial(t *testing.T) {
	s := calm(t, 1, 1, func(s *sim) {
		s.world.poison["r1"] = true
		s.put(0, scopeOf(0), "r0", "r1")
		s.put(0, scopeOf(0), "r2")
	})
	s.wantAside(t, "r1")
	if !strings.Contains(s.trace.String(), "reads shard 0 after 1") {
		t.Error("the reader of the trial is used on")
	}
}
