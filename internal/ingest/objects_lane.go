package ingest

import (
	"slices"
	"sync"
)

// lanes work on jobs: those of one lane one after the other, in order of time
// as far as they wait together; several lanes at once.
type lanes struct {
	work chan struct{} // one for each job that is worked on
	wg   sync.WaitGroup

	mu      sync.Mutex
	waiting map[string][]*job // present while somebody works on the lane
}

// add puts a job into a lane.
func (l *lanes) add(lane string, j *job, do func(*job)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	list, running := l.waiting[lane]
	i := len(list)
	for i > 0 && j.notice.order().Before(list[i-1].notice.order()) {
		i--
	}
	l.waiting[lane] = slices.Insert(list, i, j)
	if running {
		return
	}
	l.wg.Go(func() {
		for {
			l.work <- struct{}{}
			next := l.next(lane)
			if next == nil {
				<-l.work
				return
			}
			do(next)
			<-l.work
		}
	})
}

// next takes the first job of a lane; without one the lane ends.
func (l *lanes) next(lane string) *job {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.waiting[lane]
	if len(list) == 0 {
		delete(l.waiting, lane)
		return nil
	}
	l.waiting[lane] = list[1:]
	return list[0]
}
