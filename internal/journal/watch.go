package journal

import (
	"context"
	"fmt"
	"time"
)

// watch starts the server again when it has stopped itself or one of its
// streams, as JetStream does after a write that failed, and there is room.
func (e *embedded) watch(ctx context.Context) {
	const pause, longest = time.Second, 30 * time.Second
	backoff := pause
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(backoff):
		case <-e.kicked:
		}
		backoff = pause
		err := e.examine()
		changed := e.setSick(err)
		if err == nil {
			continue
		}
		if changed {
			e.opts.Log.Error("the embedded journal has failed", "error", err)
		}
		if free, ferr := FreeBytes(e.opts.Dir); ferr == nil && free < max(e.opts.MinFree, restartRoom) {
			continue // it would fail again
		}
		e.shutdown()
		if err := e.start(); err != nil {
			e.opts.Log.Error("the embedded journal does not start, it is tried again", "error", err)
			backoff = min(2*backoff, longest)
			continue
		}
		e.setSick(nil)
		e.opts.Log.Warn("the embedded journal has been restarted")
	}
}

// setSick notes why nothing can be appended, nil if it can, and whether that is
// another answer than before.
func (e *embedded) setSick(err error) (changed bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	changed = (err == nil) != (e.sick == nil)
	e.sick = err
	switch {
	case !changed:
	case err == nil:
		e.failed = make(chan struct{})
	default:
		close(e.failed)
	}
	return changed
}

// untilFailed is a context that ends when the server is found sick.
func (e *embedded) untilFailed(ctx context.Context) (context.Context, context.CancelFunc) {
	e.mu.Lock()
	failed := e.failed
	e.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-failed:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// restartRoom is what a restart needs for its own files.
const restartRoom = 1 << 20

// examine asks the server how it is.
func (e *embedded) examine() error {
	e.mu.Lock()
	s := e.srv
	e.mu.Unlock()
	if s == nil {
		return errRestarting
	}
	if h := s.Healthz(nil); h.Error != "" {
		return fmt.Errorf("embedded journal: %s", h.Error)
	}
	return nil
}

// kick has the server examined now.
func (e *embedded) kick() {
	select {
	case e.kicked <- struct{}{}:
	default:
	}
}

// health is nil if messages can be appended.
func (e *embedded) health() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.sick != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, e.sick)
	}
	return nil
}

// room is ErrFull if a message of n bytes would leave too little space on the
// file system. JetStream would stop itself at its end.
func (e *embedded) room(n int64) error {
	sick := e.health()
	least := e.opts.MinFree
	if sick != nil {
		least = max(least, restartRoom)
	}
	if free, err := FreeBytes(e.opts.Dir); err == nil && free-n < least {
		return fmt.Errorf("%w: %d bytes are free on its file system, %d stay free", ErrFull, free, least)
	}
	return sick
}
