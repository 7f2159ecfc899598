package sensor

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/sensor/kernel"
)

// Reasons for which something that was wanted became no record.
const (
	lostCPU    = "cpu_budget" // left out to stay under the ceiling
	lostRecord = "malformed"  // a record of the kernel that makes no sense
	lostEnding = "ending"     // still in the ring when the time to end was over
)

// status says how the sensor is.
func (s *Sensor) status(ending bool) error {
	s.out.Kind = event.KindStatus
	s.out.Time = s.clock.Now()
	st := event.Status{
		Up: time.Since(s.began).Seconds(), CPU: cpuTime().Seconds(), RSS: residentSize(),
		Lost: maps.Clone(s.tally.lost), Filtered: maps.Clone(s.tally.filtered), Missing: slices.Clone(s.missing), Ending: ending,
	}
	stats, err := s.probe.Stats()
	if err != nil {
		st.Missing = append(st.Missing, "the kernel's counters: "+err.Error())
	}
	addKernel(&st, &stats)
	if unread := stats.Unread(); ending && unread > 0 {
		st.Lost[lostEnding] += unread
	}
	if s.pods != nil {
		if err := s.pods.State(); err != nil {
			st.Missing = append(st.Missing, "service accounts, owners and addresses of pods: "+err.Error())
		}
	}
	for why, n := range s.tally.skipped {
		st.Missing = append(st.Missing, fmt.Sprintf("%s of %d programs", why, n))
	}
	slices.Sort(st.Missing)
	if s.opts.Discarded != nil {
		st.Discarded = s.opts.Discarded()
	}
	if s.tally.sent == 0 {
		st.Before = s.opts.Before
	}
	s.out.Status = &st
	st.Sent = s.tally.sent + 1 // this one, too
	return s.send()
}

// addKernel adds what the kernel has counted.
func addKernel(st *event.Status, stats *kernel.Stats) {
	total := stats.Total()
	st.Seen = int64(total.Seen)
	for d, n := range total.Dropped {
		if n > 0 {
			st.Lost[strings.ReplaceAll(kernel.Drop(d).String(), "-", "_")] += int64(n)
		}
	}
	if stats.Bad > 0 {
		st.Lost[lostRecord] += int64(stats.Bad)
	}
	for k, c := range stats.Kinds {
		if c.Folded > 0 {
			st.Filtered[kindName(kernel.Kind(k))] += int64(c.Folded)
		}
	}
}

// send numbers the record that is made, and gives it away.
func (s *Sensor) send() error {
	s.out.Sensor.Sequence++
	s.tally.sent++
	s.line.b = s.line.b[:0]
	s.line.record(&s.out)
	s.line.parents = nil
	err := s.emit(s.line.b, &s.out)
	s.reset()
	if err != nil {
		return fmt.Errorf("sensor: give a record away: %w", err)
	}
	return nil
}

// reset makes room for the next record.
func (s *Sensor) reset() {
	s.out = event.Runtime{Version: s.out.Version, Sensor: s.out.Sensor, Node: s.out.Node}
}
