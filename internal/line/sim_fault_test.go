package line

import (
	"encoding/json"
	"strconv"
	"time"
)

// fault is a kind of what can go wrong.
type fault int

const (
	faultSlow         fault = iota // a call takes up to two seconds
	faultStall                     // an actor stops between two calls for longer than its lease
	faultKill                      // a process ends, its memory gone
	faultStore                     // a call of the store fails before it does anything
	faultUncertain                 // a commit is made but its answer is lost
	faultGhost                     // a commit of a process that died is made later
	faultConn                      // the store drops a transaction
	faultStoreDown                 // the store is out of reach for a while
	faultClock                     // the clock of the store or of a process jumps
	faultAppend                    // the journal does not take a message
	faultAppendLost                // it takes it, but the answer is lost
	faultAppendLate                // it takes it later, after it said no
	faultFull                      // it says that it is full
	faultLeader                    // a shard of the journal has no leader for a while
	faultRead                      // a reader ends with an error
	faultState                     // the journal does not tell its state
	faultSend                      // the target of the publisher does not answer
	faultSendLost                  // it has the events, but says no
	faultStop                      // a process is stopped in good order
	faultRename                    // a process starts again under another name
	faultAgain                     // a sender sends a batch again
	faultRecordAgain               // a sender sends a single record again
	faultPoison                    // a record cannot be judged
	faultPoisonDeadly              // judging a record ends the process
	faultWipe                      // the journal is made anew
	faults
)

func (f fault) String() string {
	return [faults]string{
		"slow call", "stall beyond the lease", "kill", "store call fails", "commit unanswered", "commit of the dead", "transaction dropped",
		"store out of reach", "clock jumps", "append fails", "append unanswered", "append arrives late", "journal full", "no leader",
		"reader fails", "state unknown", "target fails", "target unanswered", "orderly stop", "new name", "batch again", "record again",
		"poison", "deadly poison", "journal wiped",
	}[f]
}

// config is what a schedule is made from.
type config struct {
	seed   uint64
	mutant mutant // what is wrong with the world, to see that it is noticed
	hashed bool   // make the hash of the trace

	p            [faults]float64
	shards       int
	nodes        int
	scopes       int
	pushes       int
	lines        int // of the followed file
	poison       int
	deadly       int
	wipe         bool
	split        bool // ingest and detect are processes of their own
	patienceLess bool // senders give up after a moment
}

// draw chooses what a schedule is like. Most faults are absent from most
// schedules: so each can go far without another one cutting it short.
func (s *sim) draw() {
	r := s.rng
	for f := range s.p {
		switch r.IntN(6) {
		case 0:
			s.p[f] = 0.005
		case 1:
			s.p[f] = 0.03
		case 2:
			s.p[f] = 0.12
		}
	}
	s.p[faultKill] /= 4
	s.p[faultStall] /= 4
	s.p[faultStoreDown] /= 10
	s.p[faultLeader] /= 4
	s.p[faultClock] /= 4
	s.p[faultConn] /= 4
	s.shards = 1 + r.IntN(3)
	s.nodes = 1 + r.IntN(3)
	s.scopes = 1 + r.IntN(3)
	s.pushes = 4 + r.IntN(8)
	s.split = s.nodes > 1 && r.IntN(3) == 0
	s.patienceLess = r.IntN(3) == 0
	if r.IntN(2) == 0 {
		s.lines = 3 + r.IntN(6)
	}
	switch r.IntN(12) {
	case 0, 1:
		s.poison = 1 + r.IntN(2)
	case 2:
		s.deadly = 1
	case 3:
		s.poison, s.deadly = 1, 1
	}
	s.wipe = r.IntN(40) == 0
	s.heal = int64(5*time.Second) + r.Int64N(int64(15*time.Second))
}

func (s *sim) faulty() bool { return s.now < s.heal }

// hit says whether a fault happens now, and counts it.
func (s *sim) hit(f fault) bool {
	if s.p[f] == 0 || !s.faulty() || s.rng.Float64() >= s.p[f] {
		return false
	}
	s.note(f)
	return true
}

func (s *sim) note(f fault) {
	s.faults[f]++
	if f < faultAppend && f != faultSlow && s.onTrial() {
		s.world.unlucky++
	}
	s.tell("fault: %s", f)
}

// onTrial reports whether a strike is noted that may still be taken back.
func (s *sim) onTrial() bool {
	for _, r := range s.db.rows {
		var t trial
		data := s.db.state[[2]string{"shard/" + strconv.Itoa(r.N), trialName}]
		if data != "" && json.Unmarshal([]byte(data), &t) == nil && t.Position > r.Position && t.Strikes > 0 {
			return true
		}
	}
	return false
}

func (s *sim) between(from, to time.Duration) time.Duration {
	return from + time.Duration(s.rng.Int64N(int64(to-from)))
}

// call is a message on its way, in which time passes and all can happen.
func (s *sim) call(what string) {
	d := s.between(0, 4*time.Millisecond)
	if s.hit(faultSlow) {
		d = s.between(0, 2*time.Second)
	}
	if s.hit(faultStall) {
		d = s.between(simTTL, 9*simTTL)
	}
	s.sleep(d)
	s.tell("%s", what)
	if n := s.cur.node; n != nil && s.hit(faultKill) {
		n.kill()
	}
}
