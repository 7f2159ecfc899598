package proc

import (
	"sync/atomic"
	"time"
)

// Patience bounds how long the sensor waits for files of others. A file system
// that a container brought along may answer late or never; the sensor goes on
// without what it wanted to know. Who hangs costs a goroutine each time, so
// after a few of them nobody is asked any more until one comes back.
type Patience struct {
	limit time.Duration
	hung  atomic.Int32
}

// maxHung is how many may hang at a time.
const maxHung = 4

// NewPatience waits at most so long.
func NewPatience(limit time.Duration) *Patience { return &Patience{limit: limit} }

// Do runs f and reports whether it came back in time. f may go on after that;
// it must leave alone what its caller uses.
func (p *Patience) Do(f func()) bool {
	if p.hung.Load() >= maxHung {
		return false
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	timer := time.NewTimer(p.limit)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		p.hung.Add(1)
		go func() {
			<-done
			p.hung.Add(-1)
		}()
		return false
	}
}
