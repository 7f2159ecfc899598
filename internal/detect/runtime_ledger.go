package detect

import (
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"github.com/vedette-project/vedette/internal/event"
)

// Bounds of what is remembered of runs of sensors.
const (
	maxSensorRuns = 8192
	maxHoles      = 64 // of one run
	// holeWait is how long, by the times of its own records, a run may leave a
	// number out before it counts as lost: what is sent again comes out of order.
	holeWait = 10 * time.Minute
	// runQuiet is after how long, by the times of others, a run that says
	// nothing more has lost what it left out.
	runQuiet = time.Hour
	// maxLost bounds what is believed of one number or count.
	maxLost = 1 << 40
)

// sensorLedger accounts for what never came from sensors: the numbers that a run
// left out, and what a sensor says it could not record. It counts each once.
type sensorLedger struct {
	runs  *table[sensorRun]
	clock int64 // newest event time, Unix seconds
	swept int64 // the minute of clock in which quiet runs were looked at last
}

func newSensorLedger() *sensorLedger {
	return &sensorLedger{runs: newTable[sensorRun](runtimeLog+"sensors", maxSensorRuns, 0)}
}

func (l *sensorLedger) memories() []memory { return []memory{l.runs} }

// sensorRun is one run of a sensor. It numbers its records from 1.
type sensorRun struct {
	next   uint64 // every number below it came, is in a hole, or was counted as lost
	holes  []hole // in order
	newest int64  // event time, Unix seconds
	lost   int64  // what it said it lost
}

// hole is a run of numbers that have not come; since is when that was noticed.
type hole struct {
	from, to uint64 // half-open
	since    int64
}

// SensorLoss is what a node's sensor lost, as a batch showed.
type SensorLoss struct {
	Scope event.Scope
	Node  string
	// Gap are records that the sensor numbered and that never came, Lost what it
	// says it could not record.
	Gap, Lost int64
}

// noteSensor accounts for what a record of a sensor shows to be missing. A scan
// does not: what is not in its input may be elsewhere.
func (e *Engine) noteSensor(sc *scope, ev *event.Event, r *Result) {
	if !e.opts.Durable {
		return
	}
	l := e.runtimeIn(sc).sensors
	gap, lost := l.note(ev)
	for _, c := range []struct {
		n      int64
		reason event.Reason
	}{{gap, event.ReasonSensorGap}, {lost, event.ReasonSensorLost}} {
		if c.n > 0 { // received, so that the accounting is even: they were on their way
			r.count(ev.Source, ev.Scope, event.Received, "", c.n, time.Time{})
			r.count(ev.Source, ev.Scope, event.Dropped, c.reason, c.n, ev.Time)
		}
	}
	if gap+lost > 0 {
		r.Losses = append(r.Losses, SensorLoss{Scope: ev.Scope, Node: ev.Runtime.Node.Name, Gap: gap, Lost: lost})
	}
}

// Came notes that a record which is not to be judged did come.
func (e *Engine) Came(ev *event.Event) {
	if s := ev.Runtime.Sensor; s.Session != "" && s.Sequence != 0 && e.opts.Durable {
		run := e.runtimeIn(e.scope(ev.Scope)).sensors.runs.touch(s.Session, ev.Time)
		run.came(s.Sequence, ev.Time.Unix())
	}
}

func (l *sensorLedger) note(ev *event.Event) (gap, lost int64) {
	r, now := ev.Runtime, ev.Time.Unix()
	if r.Sensor.Session == "" { // of another sensor: it tells what it lost since it told last
		if r.Status != nil {
			lost = sumOf(r.Status.Lost)
		}
		return 0, lost
	}
	run := l.runs.touch(r.Sensor.Session, ev.Time)
	if r.Sensor.Sequence != 0 {
		gap = run.came(r.Sensor.Sequence, now)
	}
	gap += run.settle(run.newest - int64(holeWait/time.Second))
	if st := r.Status; st != nil {
		if n := sumOf(st.Lost); n > run.lost {
			lost, run.lost = n-run.lost, n
		}
		if st.Ending { // what it had sent before has come by now
			gap += run.settle(run.newest)
		}
		if b := st.Before; b != nil && b.ID != "" && b.ID != r.Sensor.Session {
			before := l.runs.touch(b.ID, ev.Time)
			before.reach(b.Sequence+1, now)
			gap += before.settle(max(now, before.newest))
		}
	}
	l.clock = max(l.clock, now)
	if minute := l.clock / 60; minute > l.swept {
		l.swept = minute
		gap += l.sweep()
	}
	return gap, lost
}

// sweep counts what quiet runs left out.
func (l *sensorLedger) sweep() (gap int64) {
	before := l.clock - int64(runQuiet/time.Second)
	for row := l.runs.oldest; row != nil && row.touched < before; {
		next := row.newer
		if len(row.value.holes) > 0 {
			gap += l.runs.touch(row.key, time.Unix(row.touched, 0)).settle(l.clock)
		}
		row = next
	}
	return gap
}

func sumOf(counts map[string]int64) (n int64) {
	for _, reason := range slices.Sorted(maps.Keys(counts)) {
		n = min(n+min(max(counts[reason], 0), maxLost), maxLost)
	}
	return n
}

// maxNumber is more than a run can have numbered.
const maxNumber = 1 << 62

// came notes a number. Holes beyond the bound are counted as lost.
func (run *sensorRun) came(n uint64, now int64) (gap int64) {
	if n >= maxNumber {
		return 0
	}
	if run.newest = max(run.newest, now); n < run.next {
		run.fill(n)
	} else {
		run.reach(n, now)
		run.next = n + 1
	}
	for len(run.holes) > maxHoles {
		gap += run.drop(0)
	}
	return gap
}

// reach opens a hole for what is below a number and has not come.
func (run *sensorRun) reach(n uint64, now int64) {
	run.next = max(run.next, 1)
	if n > run.next && n <= maxNumber {
		run.holes = append(run.holes, hole{run.next, n, now})
		run.next = n
	}
}

// fill takes a number out of the hole it is in.
func (run *sensorRun) fill(n uint64) {
	for i := range run.holes {
		h := &run.holes[i]
		switch {
		case n < h.from || n >= h.to:
			continue
		case n == h.from:
			h.from++
		case n == h.to-1:
			h.to--
		default:
			rest := hole{n + 1, h.to, h.since}
			h.to = n
			run.holes = slices.Insert(run.holes, i+1, rest)
			return
		}
		if h.from == h.to {
			run.holes = slices.Delete(run.holes, i, i+1)
		}
		return
	}
}

// settle counts the holes that were noticed at or before a time as lost.
func (run *sensorRun) settle(before int64) (gap int64) {
	for i := 0; i < len(run.holes); {
		if run.holes[i].since > before {
			i++
			continue
		}
		gap += run.drop(i)
	}
	return gap
}

func (run *sensorRun) drop(i int) int64 {
	h := run.holes[i]
	run.holes = slices.Delete(run.holes, i, i+1)
	return int64(min(h.to-h.from, maxLost))
}

// MarshalBinary implements encoding.BinaryMarshaler.
func (run *sensorRun) MarshalBinary() ([]byte, error) {
	b := binary.AppendUvarint(nil, run.next)
	b = appendInts(b, run.newest, run.lost)
	b = binary.AppendUvarint(b, uint64(len(run.holes)))
	for _, h := range run.holes {
		b = binary.AppendUvarint(binary.AppendUvarint(b, h.from), h.to)
		b = appendInts(b, h.since)
	}
	return b, nil
}

// UnmarshalBinary implements encoding.BinaryUnmarshaler.
func (run *sensorRun) UnmarshalBinary(b []byte) error {
	s := saved{b: b}
	*run = sensorRun{next: s.uvarint(), newest: s.int(), lost: s.int()}
	for range s.count(maxHoles) {
		run.holes = append(run.holes, hole{s.uvarint(), s.uvarint(), s.int()})
	}
	return s.err()
}

// uvarint reads a number that may take all 64 bits.
func (s *saved) uvarint() uint64 {
	v, n := binary.Uvarint(s.b)
	if s.bad || n <= 0 {
		s.bad = true
		return 0
	}
	s.b = s.b[n:]
	return v
}
