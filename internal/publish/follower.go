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
	MoveCursor(ctx context.Context, name string, was, data []byte) (bool, error)
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
	// May reports whether this process shall send; of several one does. It may
	// be wrong for a while, when one takes over from another.
	May func() bool
	// Sleep waits, and returns an error when ctx ends before.
	Sleep func(context.Context, time.Duration) error
	Log   *slog.Logger
}

// Follower carries the changes of the store to one target.
type Follower struct {
	Options
	// doubt is the cursor behind which something was, or may have been, sent
	// and the cursor not moved; nil when there is no doubt.
	doubt []byte
}

// NewFollower returns a follower that has not looked at the store yet.
func NewFollower(o Options) *Follower { return &Follower{Options: o} }

const (
	pollEvery = 250 * time.Millisecond
	batch     = 50 // as many findings as one call of the API
	maxRetry  = 30 * time.Second

	settleTimeout = 5 * time.Second
)

// Run follows until ctx ends.
func (f *Follower) Run(ctx context.Context) {
	defer func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
		defer cancel()
		if err := f.settle(last); err != nil {
			f.Log.Warn("another process may have published while this one did; the newest event of a finding may be an old one", "target", f.Name, "err", err)
		}
	}()
	wait := pollEvery
	for ctx.Err() == nil {
		if !f.May() && f.doubt == nil {
			_ = f.Sleep(ctx, pollEvery)
			continue
		}
		n, err := f.Step(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			f.Log.Error("changes could not be published; trying again", "target", f.Name, "err", err)
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
	if err := f.settle(ctx); err != nil {
		return 0, err
	}
	was, err := f.at(ctx)
	if err != nil {
		return 0, err
	}
	changes, err := f.Store.Changes(ctx, string(was), batch)
	if err != nil || len(changes) == 0 {
		return 0, err
	}
	events, err := f.events(ctx, changes)
	if err != nil {
		return 0, err
	}
	if !f.May() { // what was read may be old by now
		return 0, nil
	}
	if len(events) > 0 {
		f.doubt = was
		if was == nil {
			f.doubt = []byte(store.FirstChange)
		}
		if err := f.Target.Send(ctx, events); err != nil {
			return 0, err
		}
	}
	moved, err := f.Store.MoveCursor(ctx, f.name(), was, []byte(changes[len(changes)-1].Cursor))
	if err != nil {
		return 0, fmt.Errorf("keep how far was published: %w", err)
	}
	if !moved {
		return 0, f.settle(ctx)
	}
	f.doubt = nil
	return len(changes), nil
}

// at is the cursor; nil when nothing was published yet.
func (f *Follower) at(ctx context.Context) ([]byte, error) {
	data, err := f.Store.Cursor(ctx, f.name())
	if err != nil && !errors.Is(err, finding.ErrNotFound) {
		return nil, fmt.Errorf("read how far was published: %w", err)
	}
	return data, nil
}

// settle has everything after the cursor in doubt published again, if another
// process moved on from it: what this one sent may be older, and have arrived
// later, so that the target's newest event of a finding would be an old one.
func (f *Follower) settle(ctx context.Context) error {
	for f.doubt != nil {
		now, err := f.at(ctx)
		if err != nil {
			return err
		}
		ahead, err := store.ChangeBefore(string(f.doubt), string(now))
		if err != nil {
			return fmt.Errorf("compare how far was published: %w", err)
		}
		if ahead {
			moved, err := f.Store.MoveCursor(ctx, f.name(), now, f.doubt)
			if err != nil {
				return fmt.Errorf("publish again: %w", err)
			}
			if !moved { // somebody was faster; look again
				continue
			}
		}
		f.doubt = nil
	}
	return nil
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
