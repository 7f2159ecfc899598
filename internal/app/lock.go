package app

import (
	"context"
	"errors"
	"time"
)

// lock takes the data directory for this process, if the store is in it.
func (a *App) lock() error {
	if a.Config.Store.Postgres.URL != "" {
		return nil
	}
	unlock, err := LockData(a.Config.Store.DataDir)
	if err == nil {
		a.onStop("unlock the data directory", func(context.Context) error { return unlock() })
	}
	return err
}

// errLocked says that the data directory is in use.
var errLocked = errors.New("another server runs")

// leaveIn is how long a server that ends may take to leave its data directory:
// a pod deleted by force may have a process that runs for a while beside its
// successor.
const leaveIn = 10 * time.Second

// awaitLock is lock, but it lets a server that ends do so.
func (a *App) awaitLock(ctx context.Context) error {
	err := a.lock()
	if errors.Is(err, errLocked) {
		a.Log.Warn("the data directory is in use; waiting for its server to end", "for", leaveIn, "err", err)
	}
	for start := time.Now(); errors.Is(err, errLocked) && time.Since(start) < leaveIn; err = a.lock() {
		if pause(ctx, 100*time.Millisecond) != nil {
			return err
		}
	}
	return err
}
