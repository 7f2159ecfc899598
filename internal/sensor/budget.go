package sensor

import (
	"time"
)

// budget holds the sensor to its share of the CPU. It looks at what the
// process has used, ten times a second. Over the ceiling in a second, the
// lightest kinds of records are left out from then on, then the next; well
// under it they come back one by one. When that is not enough, nothing is read
// for the rest of the second: the kernel's ring fills, and the kernel counts
// what does not fit.
type budget struct {
	ceiling float64 // CPUs
	now     func() time.Time
	used    func() time.Duration // CPU time of the process so far

	// level is the weight below which, and at which, kinds are left out.
	level int
	// This second:
	began     time.Time
	usedThen  time.Duration
	nextCheck time.Time
}

const (
	maxLevel    = 3
	checkEvery  = 100 * time.Millisecond
	budgetSpan  = time.Second
	comfortable = 0.6 // of the ceiling
)

func newBudget(ceiling float64, now func() time.Time, used func() time.Duration) *budget {
	b := &budget{ceiling: ceiling, now: now, used: used}
	b.restart(now())
	return b
}

func (b *budget) restart(now time.Time) {
	b.began, b.usedThen, b.nextCheck = now, b.used(), now.Add(checkEvery)
}

// sheds reports whether a kind of some weight is left out.
func (b *budget) sheds(weight int) bool { return weight <= b.level }

// check looks at the use, if it is time, and says how long to do nothing.
func (b *budget) check() (pause time.Duration) {
	now := b.now()
	if now.Before(b.nextCheck) {
		return 0
	}
	b.nextCheck = now.Add(checkEvery)
	passed, used := now.Sub(b.began), b.used()-b.usedThen
	allowed := time.Duration(b.ceiling * float64(budgetSpan))
	if used >= allowed && passed < budgetSpan {
		if b.level < maxLevel {
			b.level++
			b.restart(now)
			return 0
		}
		return budgetSpan - passed
	}
	if passed < budgetSpan {
		return 0
	}
	share := float64(used) / float64(passed) / b.ceiling
	switch {
	case share >= 1 && b.level < maxLevel:
		b.level++
	case share < comfortable && b.level > 0:
		b.level--
	}
	b.restart(now)
	return 0
}
