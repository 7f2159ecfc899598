package proc

import (
	"sync"
	"time"
)

// Group keeps processes in the order of their start and ends them in the
// opposite order, so that nothing outlives what it depends on.
type Group struct {
	mu    sync.Mutex
	procs []*Process
}

// Start runs a program as part of the group.
func (g *Group) Start(s Spec) (*Process, error) {
	p, err := Start(s)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.procs = append(g.procs, p)
	return p, nil
}

// Stop ends every process of the group, the youngest first.
func (g *Group) Stop(grace time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := len(g.procs) - 1; i >= 0; i-- {
		g.procs[i].Stop(grace)
	}
	g.procs = nil
}
