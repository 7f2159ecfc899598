package line

import (
	"context"
	"sync"
)

// gate keeps a trial apart from all else that the process judges, so that what
// ends the process meanwhile is what is on trial.
type gate struct {
	mu      sync.Mutex
	wanted  int // trials that wait or go on
	commits int // that go on
	trying  bool
}

// enter reports whether a trial, or a commit that is none, may go on now.
func (g *gate) enter(trial bool) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case trial && !g.trying && g.commits == 0:
		g.trying = true
	case !trial && g.wanted == 0:
		g.commits++
	default:
		return false
	}
	return true
}

func (g *gate) leave(trial bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if trial {
		g.trying = false
	} else {
		g.commits--
	}
}

func (g *gate) want(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.wanted += n
}

// apart runs a commit beside other commits, and a trial beside none.
func (l *lease[T]) apart(ctx context.Context, trial bool, run func() error) error {
	if trial {
		l.gate.want(1)
		defer l.gate.want(-1)
	}
	for !l.gate.enter(trial) {
		if err := l.Sleep(ctx, l.Retry); err != nil {
			return &notTriedError{err}
		}
	}
	defer l.gate.leave(trial)
	return run()
}
