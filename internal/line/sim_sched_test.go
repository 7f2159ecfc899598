package line

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// The simulation runs the whole protocol in one goroutine: every sender,
// process, worker, lease and follower is an actor, a coroutine that gives way
// at each call of the journal, the store, the judge and the clock. A seed
// decides who goes on, how long a call takes, and what fails. The same seed
// always makes the same schedule.

// sim is one schedule.
type sim struct {
	config
	rng    *rand.Rand
	now    int64 // nanoseconds since the beginning of the schedule
	heal   int64 // when the last fault is over
	steps  int
	actors []*actor
	cur    *actor
	able   []*actor // scratch
	faults [faults]int

	db      *simDB
	journal *simJournal
	world   world

	hash   uint64
	trace  *strings.Builder // nil unless the schedule is told
	broken string           // the first invariant that did not hold
}

// actor is a coroutine.
type actor struct {
	name   string
	number int
	node   *node // in whose memory it lives; nil is the world outside
	resume func() (struct{}, bool)
	stop   func()
	yield  func(struct{}) bool
	// It goes on at wake, when ready says so, or at until.
	wake, until int64
	ready       func() bool
	dead, done  bool
	made        [4]int // which stream of each shard it has seen last
}

// killed unwinds an actor whose process ended.
type killed struct{}

func newSim(c config, traced bool) *sim {
	s := &sim{config: c, rng: rand.New(rand.NewPCG(mix(c.seed), mix(^c.seed))), hash: 14695981039346656037}
	if traced {
		s.trace = &strings.Builder{}
	}
	s.draw()
	return s
}

// mix makes neighbouring seeds as different as any.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func (s *sim) spawn(name string, n *node, fn func()) *actor {
	a := &actor{name: name, number: len(s.actors), node: n, wake: s.now}
	a.resume, a.stop = iter.Pull(func(yield func(struct{}) bool) {
		a.yield = yield
		defer func() {
			a.done = true
			if r := recover(); r != nil && r != any(killed{}) {
				s.fail("%s panics: %v\n%s", name, r, debug.Stack())
			}
		}()
		fn()
	})
	s.actors = append(s.actors, a)
	return a
}

// park gives way until wake is over and then ready is true or until is over.
func (s *sim) park(wake, until int64, ready func() bool) {
	a := s.cur
	if a.dead {
		panic(killed{})
	}
	a.wake, a.until, a.ready = wake, until, ready
	if !a.yield(struct{}{}) {
		a.dead = true
	}
	if a.dead {
		panic(killed{})
	}
}

func (s *sim) sleep(d time.Duration) { s.park(s.now+int64(d), 0, nil) }

// wait gives way until ready, or for so long at most; 0 is for ever.
func (s *sim) wait(d time.Duration, ready func() bool) {
	until := int64(0)
	if d > 0 {
		until = s.now + int64(d)
	}
	s.park(s.now, until, ready)
}

// pause is the Sleep of what runs in the simulation.
func (s *sim) pause(ctx context.Context, d time.Duration) error {
	s.wait(d, func() bool { return ctx.Err() != nil })
	return ctx.Err()
}

func (a *actor) able(now int64) bool {
	return now >= a.wake && (a.ready == nil || a.until > 0 && now >= a.until || a.ready())
}

// pick chooses who goes on, and lets time pass when all wait.
func (s *sim) pick() *actor {
	for {
		s.able = s.able[:0]
		next := int64(0)
		sooner := func(t int64) {
			if t > s.now && (next == 0 || t < next) {
				next = t
			}
		}
		for _, a := range s.actors {
			if a.able(s.now) {
				s.able = append(s.able, a)
			} else {
				sooner(a.wake)
				sooner(a.until)
			}
		}
		if len(s.able) > 0 {
			return s.able[s.rng.IntN(len(s.able))]
		}
		if next == 0 {
			return nil
		}
		s.now = next
	}
}

// run goes through the schedule.
func (s *sim) run() {
	defer s.end()
	for s.broken == "" && !s.over() {
		s.steps++
		a := s.pick()
		if a == nil {
			s.fail("everybody waits for ever")
			return
		}
		s.now += s.rng.Int64N(int64(100 * time.Microsecond))
		s.cur = a
		a.resume()
		s.sweep()
	}
}

// sweep takes the memory of those that died. What a process leaves behind, a
// commit on its way, may begin an actor of its own meanwhile.
func (s *sim) sweep() {
	for i := 0; i < len(s.actors); i++ {
		if a := s.actors[i]; a.dead && !a.done {
			s.cur = a
			a.stop()
			a.done = true // also if it never began
		}
	}
	s.cur = nil
	s.actors = slices.DeleteFunc(s.actors, func(a *actor) bool { return a.done })
}

// end stops everybody, so that no coroutine is left.
func (s *sim) end() {
	for len(s.actors) > 0 {
		for _, a := range s.actors {
			a.dead = true
		}
		s.sweep()
	}
}

func (s *sim) fail(format string, args ...any) {
	if s.broken == "" {
		s.broken = fmt.Sprintf(format, args...)
		s.tell("BROKEN %s", s.broken)
	}
}

// tell notes what happened, for the hash of the schedule and for people.
func (s *sim) tell(format string, args ...any) {
	if s.trace == nil && !s.hashed {
		return
	}
	who := "-"
	if s.cur != nil {
		who = s.cur.name
	}
	text := fmt.Sprintf("%10.3fs %-22s ", time.Duration(s.now).Seconds(), who) + fmt.Sprintf(format, args...)
	for _, b := range []byte(text) {
		s.hash = (s.hash ^ uint64(b)) * 1099511628211
	}
	if s.trace != nil {
		s.trace.WriteString(text + "\n")
	}
}

// logger tells what the real code logs.
func (s *sim) logger() *slog.Logger {
	if s.trace == nil {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(traceWriter{s}, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
}

type traceWriter struct{ *sim }

func (w traceWriter) Write(b []byte) (int, error) {
	if w.cur != nil && !w.cur.dead {
		w.tell("says %s", strings.TrimSpace(string(b)))
	}
	return len(b), nil
}
