package publish

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// Store is what a follower reads; *store.Store satisfies it.
type Store interface {
	Changes(ctx context.Context, after string, limit int) ([]store.Change, error)
	Findings(ctx context.Context, detectorID string, ids []string, by finding.Sort) ([]*finding.Finding, error)
	Cursor(ctx context.Context, name string) ([]byte, error)
	PutCursor(ctx context.Context, name string, data []byte) error
}

// Target takes events. When Send returns nil it has all of them, for good.
type Target interface {
	Send(ctx context.Context, events []Event) error
}

// Options are what a follower needs; all fields are required.
type Options struct {
	// Name is the target's; the cursor is kept under it.
	Name            string
	Store           Store
	Target          Target
	Account, Region string
	// May reports whether this process shall send; of several one does.
	May func() bool
	// Sleep waits, and returns an error when ctx ends before.
	Sleep func(context.Context, time.Duration) error
	Log   *slog.Logger
}

// Follower carries the changes of the store to one target.
type Follower struct {
	Options
	cursor string
	known  bool // cursor
}

// NewFollower returns a follower that has not looked at the store yet.
func NewFollower(o Options) *Follower { return &Follower{Options: o} }

const (
	pollEvery = 250 * time.Millisecond
	batch     = 50 // as many findings as one call of the API
	maxRetry  = 30 * time.Second
)

// Run follows until ctx ends.
func (f *Follower) Run(ctx context.Context) {
	wait := pollEvery
	for ctx.Err() == nil {
		if !f.May() {
			f.known = false // another process moves the cursor meanwhile
			_ = f.Sleep(ctx, pollEvery)
			continue
		}
		n, err := f.Step(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			f.Log.Error("changes could not be published; trying again", "target", f.Name, "err", err)
			f.known = false
			_ = f.Sleep(ctx, wait)
			wait = min(2*wait, maxRetry)
			continue
		case n == 0:
			_ = f.Sleep(ctx, pollEvery)
		}
		wait = pollEvery
	}
}

// Step sends the next changes and moves the cursor behind them. It returns how
// many changes there were.
func (f *Follower) Step(ctx context.Context) (int, error) {
	if !f.known {
		data, err := f.Store.Cursor(ctx, f.name())
		if err != nil && !errors.Is(err, finding.ErrNotFound) {
			return 0, fmt.Errorf("read how far was published: %w", err)
		}
		f.cursor, f.known = string(data), true
	}
	changes, err := f.Store.Changes(ctx, f.cursor, batch)
	if err != nil || len(changes) == 0 {
		return 0, err
	}
	events, err := f.events(ctx, changes)
	if err != nil {
		return 0, err
	}
	if len(events) > 0 {
		if err := f.Target.Send(ctx, events); err != nil {
			return 0, err
		}
	}
	cursor := changes[len(changes)-1].Cursor
	if err := f.Store.PutCursor(ctx, f.name(), []byte(cursor)); err != nil {
		return 0, fmt.Errorf("keep how far was published: %w", err)
	}
	f.cursor = cursor
	return len(changes), nil
}

func (f *Follower) name() string { return CursorName(f.Name) }

// CursorName is under which name the store keeps how far a target's follower
// has come.
func CursorName(target string) string { return "publish:" + target }

// events are the changes as the target sees them. A finding that changed
// several times is sent as it is now, once; one that is gone, or archived, not
// at all.
func (f *Follower) events(ctx context.Context, changes []store.Change) ([]Event, error) {
	ids := map[string][]string{} // by detector
	for _, c := range changes {
		if c.Kind == store.ChangeFinding {
			ids[c.DetectorID] = append(ids[c.DetectorID], c.ID)
		}
	}
	now := map[string]*finding.Finding{}
	for detector, list := range ids {
		fs, err := f.Store.Findings(ctx, detector, list, finding.Sort{})
		if err != nil {
			return nil, fmt.Errorf("read the findings that changed: %w", err)
		}
		for _, x := range fs {
			now[detector+"/"+x.ID] = x
		}
	}
	var out []Event
	for _, c := range changes {
		switch c.Kind {
		case store.ChangeFinding:
			key := c.DetectorID + "/" + c.ID
			if x := now[key]; x != nil && (x.Service == nil || !x.Service.Archived) {
				out = append(out, f.findingEvent(x, c.At))
			}
			delete(now, key)
		case store.ChangeSource:
			e, err := f.sourceEvent(c)
			if err != nil {
				return nil, err
			}
			out = append(out, e)
		}
	}
	return out, nil
}
