package publish

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
	"github.com/vedette-project/vedette/internal/trace"
)

// Store is what a follower reads; *store.Store satisfies it.
type Store interface {
	Changes(ctx context.Context, after string, limit int) ([]store.Change, error)
	Findings(ctx context.Context, detectorID string, ids []string, by finding.Sort) ([]*finding.Finding, error)
	Cursor(ctx context.Context, name string) ([]byte, error)
	PublishItems(ctx context.Context, target string, keys []string) (map[string]store.PublishItem, error)
	PublishDue(ctx context.Context, target string, now time.Time, limit int) ([]store.PublishItem, error)
	DeadToResend(ctx context.Context, target string, limit int) ([]store.DeadLetter, error)
	StepPublish(ctx context.Context, p store.PublishStep) (moved bool, err error)
	ReopenPublish(ctx context.Context, target, cursor string, was, back []byte, keys []string) (moved bool, err error)
	PublishStatus(ctx context.Context, target string) ([]byte, error)
	PutPublishStatus(ctx context.Context, target string, data []byte) error
	PrunePublish(ctx context.Context, target string, before time.Time) error
	PruneDead(ctx context.Context, target string, before time.Time) error
}

// Options are what a follower needs; all fields but Policy, Begin, Observe
// and Tracer are required.
type Options struct {
	// Name is the target's; the cursor is kept under it.
	Name   string
	Store  Store
	Target Target
	Policy Policy
	// Begin is the cursor behind which a target that is new begins; nil: with
	// the oldest change that is kept.
	Begin func(context.Context) (string, error)
	// May reports whether this process shall send; of several one does. It may
	// be wrong for a while, when one takes over from another.
	May func() bool
	// Now is the wall clock; Sleep waits, and returns an error when ctx ends before.
	Now   func() time.Time
	Sleep func(context.Context, time.Duration) error
	Log   *slog.Logger
	// Observe hears what became of calls.
	Observe func(Observation)
	// Tracer follows findings whose records were traced; nil follows none.
	Tracer *trace.Tracer
}

// Observation is what became of the events of one step.
type Observation struct {
	Taken, Refused int
	Err            error         // why something is to be tried again
	Behind         time.Duration // age of the oldest change that was not dealt with
	// Delays are how long after their change the events of findings that are
	// new arrived.
	Delays []time.Duration
}

// Follower carries the changes of the store to one target.
type Follower struct {
	Options
	// doubt is the cursor behind which something was, or may have been, sent
	// and the cursor not moved; nil when there is no doubt. doubted are the keys
	// of what was sent.
	doubt   []byte
	doubted map[string]bool
	// taken are ids of events that the target has, and that the cursor is not
	// behind, since another one before them failed.
	taken  map[string]bool
	limit  limiter
	size   int // of what is read at once
	status *Status
	pruned time.Time
}

// NewFollower returns a follower that has not looked at the store yet.
func NewFollower(o Options) *Follower {
	size := firstRead
	if o.Policy.Every > 0 {
		size = min(max(minRead, int(longStep/o.Policy.Every)), firstRead)
	}
	return &Follower{Options: o, size: size, doubted: map[string]bool{}, taken: map[string]bool{}, limit: limiter{every: o.Policy.Every, now: o.Now, sleep: o.Sleep}}
}

const (
	pollEvery = 250 * time.Millisecond
	// Changes are read so many at once, fewer where a step takes long: what a
	// step sent is forgotten by a crash in it, and sent again.
	minRead   = 10
	firstRead = 100
	maxRead   = 400
	longStep  = 5 * time.Second
	shortStep = time.Second
	firstWait = time.Second
	maxWait   = time.Minute
	maxAsked  = time.Hour // that a target may ask to be left alone for

	settleTimeout = 5 * time.Second
	pruneEvery    = time.Hour
	// itemsKept is how long it is remembered that a finding was told, and how
	// long dead letters are kept.
	itemsKept = 90 * 24 * time.Hour
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
	wait := firstWait
	for ctx.Err() == nil {
		if !f.May() && f.doubt == nil {
			_ = f.Sleep(ctx, pollEvery)
			continue
		}
		n, err := f.Step(ctx)
		if n > 0 { // something went through
			wait = firstWait
		}
		switch {
		case err != nil && ctx.Err() == nil:
			pause := f.backoff(wait, err)
			f.failed(ctx, err, pause)
			_ = f.Sleep(ctx, pause)
			wait = min(2*wait, maxWait)
			continue
		case n == 0:
			f.prune(ctx)
			_ = f.Sleep(ctx, pollEvery)
		}
		wait = firstWait
	}
}

// backoff is how long to wait after a failure: from half to all of what is given,
// by name and time, so that many followers do not come at once; and at least as
// long as was asked for.
func (f *Follower) backoff(wait time.Duration, err error) time.Duration {
	h := fnv.New64a()
	fmt.Fprint(h, f.Name, f.Now().UnixNano())
	pause := wait/2 + time.Duration(h.Sum64()%uint64(wait/2+1))
	if later := (*LaterError)(nil); errors.As(err, &later) {
		pause = max(pause, min(later.After, maxAsked))
	}
	return pause
}

// Step sends the next changes, and what has become due, and moves the cursor
// behind them. It returns how many changes and due items were dealt with; with
// an error, too, some may have been.
func (f *Follower) Step(ctx context.Context) (int, error) {
	if err := f.settle(ctx); err != nil {
		return 0, err
	}
	was, err := f.at(ctx)
	if err != nil {
		return 0, err
	}
	changes, err := f.Store.Changes(ctx, string(was), f.readAtOnce())
	if err != nil {
		return 0, err
	}
	now := f.Now()
	behind := time.Duration(0)
	if len(changes) > 0 {
		behind = max(0, now.Sub(changes[0].At))
	}
	if len(changes) > 0 && len(changes) < f.readAtOnce() && behind < f.Policy.Gather {
		changes = nil // more may come
	}
	w, err := f.plan(ctx, changes, now)
	if err != nil {
		return 0, err
	}
	if len(changes) == 0 && len(w.units) == 0 && len(w.held) == 0 {
		f.observe(Observation{Behind: behind})
		return 0, nil
	}
	if !f.May() { // what was read may be old by now
		return 0, nil
	}
	if len(w.units) > 0 {
		f.enterDoubt(was, w)
	}
	full := len(changes) == f.readAtOnce()
	failure := f.send(ctx, w)
	f.resize(f.Now().Sub(now), full)
	return f.keep(ctx, was, w, failure)
}

func (f *Follower) readAtOnce() int { return max(f.size, f.Policy.Batch) }

// resize reads less at once after a step that took long, and more after a short
// one after which more waits.
func (f *Follower) resize(took time.Duration, full bool) {
	switch {
	case took > longStep:
		f.size = max(f.size/2, minRead)
	case took < shortStep && full:
		f.size = min(f.size*2, maxRead)
	}
}

func (f *Follower) enterDoubt(was []byte, w *work) {
	f.doubt = was
	if was == nil {
		f.doubt = []byte(store.FirstChange)
	}
	for _, u := range w.units {
		if u.held != nil {
			f.doubted[u.held.item.Key] = true
		}
	}
}

// keep makes durable what became of a step's work.
func (f *Follower) keep(ctx context.Context, was []byte, w *work, failure error) (int, error) {
	step := store.PublishStep{Target: f.Name, Cursor: f.name(), Was: was}
	done := w.outcome(&step)
	if done > 0 {
		step.To = []byte(w.changes[done-1].Cursor)
	}
	seen := w.observation(f.Now())
	if failure != nil {
		seen.Err = failure
		if done < len(w.changes) {
			seen.Behind = max(0, f.Now().Sub(w.changes[done].At))
		}
	}
	f.observe(seen)
	if seen.Taken+seen.Refused > 0 {
		if err := f.loadStatus(ctx); err != nil {
			return 0, err
		}
		f.status.sent(seen, f.Now())
		step.Status = f.status.encode()
	}
	if step.To == nil && len(step.Items)+len(step.Dead)+len(step.Resent) == 0 && step.Status == nil {
		return 0, failure
	}
	moved, err := f.Store.StepPublish(ctx, step)
	if err != nil {
		return 0, err
	}
	if !moved {
		return 0, errors.Join(failure, f.settle(ctx))
	}
	f.doubt = nil
	clear(f.doubted)
	clear(f.taken)
	if failure != nil {
		for _, u := range w.units {
			if u.state == unitTaken && u.change >= done {
				f.taken[u.event.ID] = true
			}
		}
		if len(w.units) > 0 {
			from := was
			if step.To != nil {
				from = step.To
			}
			f.enterDoubt(from, w)
		}
	}
	return done + len(step.Items), failure
}

// at is the cursor; nil when nothing was published yet.
func (f *Follower) at(ctx context.Context) ([]byte, error) {
	data, err := f.Store.Cursor(ctx, f.name())
	if err != nil && !errors.Is(err, finding.ErrNotFound) {
		return nil, fmt.Errorf("read how far was published: %w", err)
	}
	if data != nil || f.Begin == nil || !f.May() {
		return data, nil
	}
	last, err := f.Begin(ctx)
	if err != nil {
		return nil, fmt.Errorf("find where publishing to %s begins: %w", f.Name, err)
	}
	begin := store.PublishStep{Target: f.Name, Cursor: f.name(), To: []byte(last)}
	if moved, err := f.Store.StepPublish(ctx, begin); err != nil || moved {
		return begin.To, err
	}
	return f.at(ctx) // another process was faster
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
			moved, err := f.Store.ReopenPublish(ctx, f.Name, f.name(), now, f.doubt, f.doubtedKeys())
			if err != nil {
				return fmt.Errorf("publish again: %w", err)
			}
			if !moved { // somebody was faster; look again
				continue
			}
			clear(f.taken)
		}
		f.doubt = nil
		clear(f.doubted)
	}
	return nil
}

func (f *Follower) doubtedKeys() []string {
	out := make([]string, 0, len(f.doubted))
	for k := range f.doubted {
		out = append(out, k)
	}
	return out
}

// prune forgets, now and then, what was told long ago.
func (f *Follower) prune(ctx context.Context) {
	now := f.Now()
	if now.Sub(f.pruned) < pruneEvery || !f.May() {
		return
	}
	f.pruned = now
	err := errors.Join(f.Store.PrunePublish(ctx, f.Name, now.Add(-itemsKept)), f.Store.PruneDead(ctx, f.Name, now.Add(-itemsKept)))
	if err != nil && ctx.Err() == nil {
		f.Log.Warn("what was published long ago could not be forgotten; trying again later", "target", f.Name, "err", err)
	}
}

func (f *Follower) observe(o Observation) {
	if f.Observe != nil {
		f.Observe(o)
	}
}

func (f *Follower) name() string { return CursorName(f.Name) }

// CursorName is under which name the store keeps how far a target's follower
// has come.
func CursorName(target string) string { return "publish:" + target }
