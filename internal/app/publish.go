package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/publish"
	"github.com/vedette-project/vedette/internal/store"
)

var _ publish.Store = (*store.Store)(nil)

// PublishFile is the name of the target that publish.file is.
const PublishFile = "file"

// startPublishing begins to send changes to where they are wanted.
func (a *App) startPublishing(ctx context.Context) error {
	m := newPublishMetrics()
	a.registry.MustRegister(m.events, m.failures, m.behind, m.delay)
	if err := a.publishFile(m); err != nil {
		return err
	}
	for i := range a.Config.Publish.Targets {
		t := &a.Config.Publish.Targets[i]
		built, err := BuildTarget(ctx, a.Config, t, a.Now, a.Version)
		if err != nil {
			return fmt.Errorf("publish.targets[%d] (%s): %w", i, t.Name, err)
		}
		o := a.following(t.Name, built.Target, m)
		o.Policy = built.Policy
		if built.Detector { // updates as often as the detector says
			o.Policy.Quiet = quietOf(a.keys.store, a.Now)
		}
		if t.From != "all" {
			o.Begin = a.keys.store.LastChange
		}
		a.background("end publishing to "+t.Name, publish.NewFollower(o).Run)
	}
	d := &destinations{app: a, metrics: m, running: map[string]*destination{}}
	a.background("end exporting", d.run)
	return nil
}

func (a *App) publishFile(m *publishMetrics) error {
	c := a.Config.Publish
	if c.File == "" {
		return nil
	}
	f, err := os.OpenFile(c.File, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("publish.file: %w", err)
	}
	f.Close()
	a.background("end publishing", publish.NewFollower(a.following(PublishFile, publish.File{Path: c.File}, m)).Run)
	return nil
}

// following are the options of a follower that sends everything at once.
func (a *App) following(name string, t publish.Target, m *publishMetrics) publish.Options {
	return publish.Options{
		Name: name, Store: a.keys.store, Target: t, Now: a.Now, Sleep: pause, Log: a.Log, Observe: m.observe(name), Tracer: a.tracer,
		May: func() bool { _, first := a.worker.Held(); return first },
	}
}

const frequencyFor = 10 * time.Second // how long a detector's frequency is not read again

// quietOf reads how often a detector wants updates to be sent.
func quietOf(st *store.Store, now func() time.Time) func(context.Context, string) (time.Duration, error) {
	type known struct {
		pause time.Duration
		at    time.Time
	}
	seen := map[string]known{} // by detector; of one follower
	return func(ctx context.Context, detectorID string) (time.Duration, error) {
		if k, ok := seen[detectorID]; ok && now().Sub(k.at) < frequencyFor {
			return k.pause, nil
		}
		d, err := st.Detector(ctx, detectorID)
		if err != nil && !errors.Is(err, finding.ErrNotFound) {
			return 0, fmt.Errorf("read how often updates are wanted: %w", err)
		}
		k := known{Frequency(d.Frequency), now()}
		seen[detectorID] = k
		return k.pause, nil
	}
}

// Frequency is how long updates are gathered; GuardDuty's default is six hours.
func Frequency(name string) time.Duration {
	switch name {
	case "immediate":
		return 0
	case "FIFTEEN_MINUTES":
		return 15 * time.Minute
	case "ONE_HOUR":
		return time.Hour
	}
	return 6 * time.Hour
}
