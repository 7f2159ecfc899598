package app

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/intel"
	"github.com/vedette-project/vedette/internal/intel/feed"
	"github.com/vedette-project/vedette/internal/intel/geo"
)

// filesEvery is how often the operator's files are looked at.
const filesEvery = 10 * time.Second

// feedsAfter is how long after a start feeds are asked for, at the earliest.
const feedsAfter = 30 * time.Second

// current is the lists and databases by which this process judges. Each is
// swapped as a whole; who judges takes one state of them for a batch.
type current struct {
	set   atomic.Pointer[intel.Set]
	place atomic.Pointer[geo.DB]
	mu    sync.Mutex // one change of the set at a time
	moved chan struct{}
}

func (c *current) get() (*intel.Set, *geo.DB) { return c.set.Load(), c.place.Load() }

// put swaps one part of the set.
func (c *current) put(p *intel.Part) {
	c.mu.Lock()
	c.set.Store(c.set.Load().With(p))
	c.mu.Unlock()
	select {
	case c.moved <- struct{}{}:
	default: // who compares with the past will look anyway
	}
}

// startIntelligence loads what was known when the process ended, and keeps it
// current from then on.
func (a *App) startIntelligence(ctx context.Context) error {
	c := &current{moved: make(chan struct{}, 1)}
	c.set.Store(a.detect.Intel)
	c.place.Store(a.detect.Geo)
	a.current, a.detect.Current = c, c.get
	a.background("end looking at lists", func(ctx context.Context) { a.watchFiles(ctx, listStamp(a.Config)) })
	if err := a.startFeeds(); err != nil {
		return err
	}
	if err := a.startLists(ctx); err != nil {
		return err
	}
	if a.Config.Intelligence.History.Days > 0 {
		a.background("end looking into the past", func(ctx context.Context) { a.alone(ctx, "past", a.tellPast) })
	}
	return nil
}

// startFeeds fetches feeds if that is wished. What was fetched before is in use
// already.
func (a *App) startFeeds() error {
	var u *feed.Updater
	adopt := func([]string) {
		p, err := FeedsPart(u)
		if err != nil {
			a.Log.Error("a feed cannot be used; the others are", "err", err)
		}
		if p != nil {
			a.current.put(p)
		}
	}
	u, err := NewFeeds(a.Config, feed.Options{
		Now: a.Now, Sleep: pause, Log: a.Log, Agent: feedAgent(a.Version), Changed: adopt,
		Rand: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())),
	})
	if err != nil {
		return err
	}
	if a.Config.Intelligence.Feeds.Enabled {
		first := feedsAfter + rand.N(feedsAfter) // not all installations at once after a cut of the power
		a.background("end fetching feeds", func(ctx context.Context) {
			if pause(ctx, first) == nil {
				u.Run(ctx)
			}
		})
	}
	return nil
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
	for active.Changes(ctx, generation) == nil {
		now, err := a.adoptLists(ctx, active)
		if err != nil {
			if ctx.Err() == nil {
				a.Log.Error("a change of the lists cannot be taken up; trying again", "err", err)
			}
			_ = pause(ctx, time.Second) // an error says that ctx ended
			continue
		}
		generation = now
	}
}

func (a *App) adoptLists(ctx context.Context, active *ActiveLists) (int64, error) {
	lists, generation, err := active.Load(ctx)
	if err != nil {
		return 0, err
	}
	p, err := ListsPart(lists)
	if err != nil {
		a.Log.Error("a list cannot be used; the others are", "err", err)
	}
	a.current.put(p)
	return generation, active.Adopted(ctx, generation)
}

// watchFiles reads the files that the configuration names again when they
// change. What cannot be read leaves in force what was.
func (a *App) watchFiles(ctx context.Context, was string) {
	for pause(ctx, filesEvery) == nil {
		if now := listStamp(a.Config); now != was {
			was = now
			d := &a.Config.Detection
			p, err := intel.LoadPart(intel.OperatorPart, listFiles(d.ThreatLists), listFiles(d.TrustedLists))
			if err != nil {
				a.Log.Error("a list changed and cannot be read; what it said before stays in force", "err", err)
			} else {
				a.current.put(p)
				a.Log.Info("lists were read again")
			}
		}
		if a.current.place.Load().Stale() {
			db, err := OpenGeo(a.Config)
			if err != nil {
				a.Log.Error("a geo database changed and cannot be read; the one before stays in use", "err", err)
				continue
			}
			a.current.place.Store(db)
		}
	}
}

// listStamp changes when one of the operator's files does.
func listStamp(c *config.Config) string {
	var out string
	for _, l := range append(listFiles(c.Detection.ThreatLists), listFiles(c.Detection.TrustedLists)...) {
		info, err := os.Stat(l.Path)
		if err != nil {
			out += fmt.Sprintf("%s %v\n", l.Path, errors.Unwrap(err))
			continue
		}
		out += fmt.Sprintf("%s %d %d\n", l.Path, info.Size(), info.ModTime().UnixNano())
	}
	return out
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
