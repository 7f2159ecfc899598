package detect

import (
	"time"

	"github.com/vedette-project/vedette/internal/event"
)

// LearnedKeys is the log of which records a scope has learned from. It is apart
// from that of records judged: a record that was learned from is judged when it
// comes live. Logs does not name it, since only who learns needs it restored.
const LearnedKeys = "learned-keys"

// lessons is what a scope knows of the old logs that it learned from.
type lessons struct {
	now    bool      // the record at hand is only learned from
	keys   seen      // of the records
	newest time.Time // of their times, for records that lost theirs
}

// learnFrom lets the detectors look at a record of an old log, and keeps what
// they learned. What they claim is dropped, the clocks of streams stay where
// they are, and it is no contact that is looked for in the past.
func (e *Engine) learnFrom(sc *scope, b *event.Batch, ev *event.Event, r *Result) {
	l := &sc.lessons
	l.keys.record = e.opts.Durable
	if ev.Time.IsZero() {
		timed := *ev
		if timed.Time = l.newest; timed.Time.IsZero() {
			timed.Time = b.Received
		}
		ev = &timed
	}
	key, stage := e.ids.key(b, ev), stageOf(ev)
	if sc.seen.has(key, stage) || l.keys.add(key, stage) {
		r.count(ev.Source, ev.Scope, event.Duplicate, event.ReasonLearnedBefore, 1, ev.Time)
		return
	}
	if ev.Time.After(l.newest) {
		l.newest = ev.Time
	}
	l.now, sc.late = true, ev.Time.Before(l.newest.Add(-lateAfter(ev.Source)))
	_, err := e.guarded(sc, ev)
	l.now = false
	if err != nil {
		r.count(ev.Source, ev.Scope, event.Dropped, event.ReasonFault, 1, ev.Time)
		r.Faults = append(r.Faults, err)
		return
	}
	r.count(ev.Source, ev.Scope, event.Evaluated, event.ReasonLearned, 1, ev.Time)
	if ev.Truncated {
		r.count(ev.Source, ev.Scope, event.MarkTruncated, "", 1, ev.Time)
	}
}

// has reports whether a stage of a call was noted.
func (s *seen) has(k callKey, stage uint64) bool {
	k.lo &^= stageMask
	for _, g := range [...]*generation{&s.now, &s.before} {
		if slot := g.find(k); slot != nil && slot.lo&stage != 0 {
			return true
		}
	}
	return false
}
