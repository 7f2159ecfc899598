package app

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/intel"
	"github.com/vedette-project/vedette/internal/intel/feed"
	"github.com/vedette-project/vedette/internal/intel/geo"
)

// current is the lists and databases by which this process judges. Each is
// swapped as a whole; who judges takes one state of them for a batch.
type current struct {
	set   atomic.Pointer[intel.Set]
	place atomic.Pointer[geo.DB]
	feeds atomic.Pointer[[]feed.Status]  // as they were last looked at
	files atomic.Pointer[[]OperatorFile] // likewise
	mu    sync.Mutex                     // held while the set is changed
	moved chan struct{}                  // of room for one: the set changed
}

func newCurrent(set *intel.Set, place *geo.DB) *current {
	c := &current{moved: make(chan struct{}, 1)}
	c.set.Store(set)
	c.place.Store(place)
	return c
}

func (c *current) get() (*intel.Set, *geo.DB) { return c.set.Load(), c.place.Load() }

// put swaps one part of the set. The memory of the one before is free once
// nobody judges by it anymore.
func (c *current) put(p *intel.Part) {
	c.mu.Lock()
	c.set.Store(c.set.Load().With(p))
	c.mu.Unlock()
	select {
	case c.moved <- struct{}{}:
	default: // who compares with the past will look anyway
	}
}

// startIntelligence keeps what this process judges by current: the operator's
// files, feeds, and the lists of the API.
func (a *App) startIntelligence(ctx context.Context) error {
	a.current = newCurrent(a.detect.Intel, a.detect.Geo)
	a.detect.Current = a.current.get
	a.registry.MustRegister(newIntelCollector(a.current))
	a.background("end looking at lists", a.watchFiles)
	a.startFeeds()
	if err := a.startLists(ctx); err != nil || a.Config.Intelligence.History.Days == 0 {
		return err
	}
	return a.beginPast(ctx)
}

// putPart judges by a part from now on, and counts that.
func (a *App) putPart(p *intel.Part) {
	a.current.put(p)
	a.metrics.intelChanges.WithLabelValues(p.Name()).Inc()
}

// startLists begins to judge by the lists of the API, and to read those that
// are wished.
func (a *App) startLists(ctx context.Context) error {
	active := &ActiveLists{Store: a.keys.store, Worker: a.workerID(), Sleep: pause}
	generation, err := a.adoptLists(ctx, active)
	if err != nil {
		return fmt.Errorf("load the lists in force: %w", err)
	}
	a.background("end following lists", func(ctx context.Context) { a.followLists(ctx, active, generation) })
	access := a.Config.Intelligence.ListBuckets
	account := a.Config.Account
	if access.Endpoint != "" {
		account = ""
	}
	l := NewLists(ListOptions{
		Store: a.keys.store, Folders: a.Config.Intelligence.ListFolders, S3: ListBuckets(access, a.Config.Region), Endpoint: access.Endpoint,
		Account: account, HTTP: NewListClient(), Now: a.Now, Sleep: pause, Log: a.Log,
	})
	a.background("end reading lists", func(ctx context.Context) { a.alone(ctx, "lists", l.Run) })
	return nil
}

// followLists takes up each change of the lists in force.
func (a *App) followLists(ctx context.Context, active *ActiveLists, generation int64) {
	var said said
	for active.Changes(ctx, generation) == nil {
		now, err := a.adoptLists(ctx, active)
		if said.news(err) && ctx.Err() == nil {
			a.Log.Error("a change of the lists cannot be taken up; trying again", "err", err)
		}
		if err != nil {
			_ = pause(ctx, listBeat*4) // an error says that ctx ended
			continue
		}
		generation = now
		a.metrics.intelChanges.WithLabelValues(listsPart).Inc()
	}
}

func (a *App) adoptLists(ctx context.Context, active *ActiveLists) (int64, error) {
	lists, generation, err := active.Load(ctx)
	if err != nil {
		return 0, err
	}
	p, err := ListsPart(lists)
	if err != nil {
		a.Log.Error("a list cannot be used as a whole; the others are", "err", err)
	}
	a.current.put(p)
	return generation, active.Adopted(ctx, generation)
}

// said is the fault that was told last of something that is tried again and
// again: each is told once.
type said struct{ text string }

// news reports whether an error was not told yet. Without one all is well, and
// the next is news again.
func (s *said) news(err error) bool {
	was := s.text
	if s.text = ""; err != nil {
		s.text = err.Error()
	}
	return s.text != "" && s.text != was
}

// OpenGeo opens the databases of a configuration; without any it is what is
// built in.
func OpenGeo(c *config.Config) (*geo.DB, error) {
	g := &c.Intelligence.Geo
	if *g == (config.Geo{}) {
		return geo.Builtin(), nil
	}
	db, err := geo.Open(geo.Files{Country: g.Country, City: g.City, ASN: g.ASN, ISP: g.ISP})
	if err != nil {
		return nil, fmt.Errorf("intelligence.geo: %w", err)
	}
	return db, nil
}
