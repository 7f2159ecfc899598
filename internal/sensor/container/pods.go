package container

import (
	"sync"
	"time"
)

const (
	// maxPods bounds the cache: a node runs a few hundred at most.
	maxPods = 4096
	// keepEnded is how long a pod is remembered that is no more: what its
	// processes did is still being told.
	keepEnded = 10 * time.Minute
)

// Pods is what the API server has said of this node's pods, ended ones too.
// It may be used by several goroutines.
type Pods struct {
	now func() time.Time

	mu    sync.Mutex
	byUID map[string]*PodInfo // by the UID that the node knows
	ended map[string]time.Time
	state error // why it knows less than it should; nil: all is well
}

// NewPods returns an empty cache.
func NewPods(now func() time.Time) *Pods {
	return &Pods{now: now, byUID: map[string]*PodInfo{}, ended: map[string]time.Time{}, state: errNotYet}
}

// Get is a pod; nil when it is not known.
func (p *Pods) Get(uid string) *PodInfo {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.byUID[uid]
}

// State is why the cache may know less than it should; nil when all is well.
func (p *Pods) State() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state
}

func (p *Pods) setState(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = err
}

// put keeps what is said of a pod.
func (p *Pods) put(info *PodInfo) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.prune()
	uid := info.Pod.UID
	if old := p.byUID[uid]; old != nil {
		delete(p.ended, uid)
		if info.Pod.Address == "" { // an ended pod loses its address, not its past
			info.Pod.Address = old.Pod.Address
		}
		for id, c := range old.Containers { // a container that was started anew replaces the one before
			if _, ok := info.Containers[id]; !ok && len(info.Containers) < maxStatuses {
				info.Containers[id] = c
			}
		}
	}
	if len(p.byUID) >= maxPods && p.byUID[uid] == nil {
		p.dropOldest()
	}
	p.byUID[uid] = info
}

// end says that a pod is no more.
func (p *Pods) end(uid string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byUID[uid] != nil {
		p.ended[uid] = p.now()
	}
	p.prune()
}

// keep ends all pods but those: what a list does not name is gone.
func (p *Pods) keep(uids map[string]bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for uid := range p.byUID {
		if _, ok := p.ended[uid]; !ok && !uids[uid] {
			p.ended[uid] = p.now()
		}
	}
	p.prune()
}

// prune forgets pods that ended long ago.
func (p *Pods) prune() {
	for uid, at := range p.ended {
		if p.now().Sub(at) > keepEnded {
			delete(p.ended, uid)
			delete(p.byUID, uid)
		}
	}
}

// dropOldest makes room: for the pod that ended first, else for any.
func (p *Pods) dropOldest() {
	victim, when := "", time.Time{}
	for uid, at := range p.ended {
		if victim == "" || at.Before(when) {
			victim, when = uid, at
		}
	}
	if victim == "" {
		for victim = range p.byUID {
			break
		}
	}
	delete(p.ended, victim)
	delete(p.byUID, victim)
}
