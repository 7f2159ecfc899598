package sensor

import (
	"errors"
	"fmt"
	"time"

	"github.com/vedette-project/vedette/internal/sensor/kernel"
)

// drainFor is how long a sensor that ends reads what the kernel has for it. A
// full ring takes less; nothing else bounds it, for there is no ceiling of CPU
// at the end.
const drainFor = 3 * time.Second

// drain reads what the programs saw until now: an upgrade loses no record that
// was in the ring. What is left after some time is counted as lost.
func (s *Sensor) drain(atMost time.Duration) error {
	if err := s.probe.Detach(); err != nil {
		s.opts.Log.Warn("a program of the kernel's part did not end", "err", err)
	}
	deadline := time.Now().Add(atMost) // a busy kernel may take seconds to end the programs
	var rec kernel.Record
	for n := 1; ; n++ {
		ok, err := s.probe.TryRead(&rec)
		switch {
		case errors.Is(err, kernel.ErrRecord):
			s.opts.Log.Warn("a record of the kernel makes no sense", "err", err) // counted by the probe
		case err != nil:
			return fmt.Errorf("sensor: read from the kernel: %w", err)
		case ok:
			if err := s.handle(&rec); err != nil {
				return err
			}
		}
		if ok && n%64 != 0 {
			continue
		}
		stats, err := s.probe.Stats()
		if err != nil || stats.Unread() <= 0 || time.Now().After(deadline) {
			return err
		}
	}
}
