package proc

import "time"

// Clock turns the kernel's time since boot into the time of day. The
// difference of the two is taken once, so that records keep the order and
// distance that the kernel gave them. When the time of day is set meanwhile,
// Adjust notices and takes the new difference: from then on. What the kernel
// said before the step and is read after it gets the new time, too; these are
// the records of less than a second.
type Clock struct {
	now    func() (boot, wall int64) // nanoseconds; read as near together as can be
	offset int64
	steps  int
}

// slack is how far the difference may seem to move between two readings on a
// busy machine. Slewing moves both clocks alike.
const slack = int64(50 * time.Millisecond)

// NewClock takes the difference. now reads the time since boot, with the time
// that the machine was suspended, and the time of day.
func NewClock(now func() (boot, wall int64)) *Clock {
	c := &Clock{now: now}
	boot, wall := now()
	c.offset = wall - boot
	return c
}

// Adjust takes the difference again if the time of day was set, and reports
// whether it was.
func (c *Clock) Adjust() bool {
	boot, wall := c.now()
	offset := wall - boot
	if moved := offset - c.offset; -slack < moved && moved < slack {
		return false
	}
	c.offset = offset
	c.steps++
	return true
}

// Steps is how often the time of day was set.
func (c *Clock) Steps() int { return c.steps }

// Time is the time of day so many nanoseconds after the boot.
func (c *Clock) Time(boot uint64) time.Time {
	return time.Unix(0, int64(boot)+c.offset).UTC()
}

// Now is the time of day, as Time would tell it.
func (c *Clock) Now() time.Time {
	boot, _ := c.now()
	return c.Time(uint64(boot))
}

// KeyTime is when a process started.
func (c *Clock) KeyTime(k Key) time.Time { return c.Time(k.Start * tick) }
