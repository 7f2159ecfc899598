package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vedette-project/vedette/internal/dirlock"
)

// leaveIn is how long a server that ends may take to leave its data directory.
const leaveIn = 10 * time.Second

// LockData keeps a second server off a data directory: each would overwrite
// what the other knows.
func LockData(dataDir string) (unlock func() error, err error) {
	unlock, err = dirlock.Take(dataDir, "serve.lock")
	if errors.Is(err, dirlock.ErrHeld) {
		return nil, fmt.Errorf("another server runs on %s (%w); stop it, or name another folder with --data-dir", dataDir, dirlock.ErrHeld)
	}
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	return unlock, nil
}

// lock takes the data directory for this process, if the store is in it, and
// waits so long for another server to leave it.
func (a *App) lock(ctx context.Context, atMost time.Duration) error {
	dir := a.Config.Store.DataDir
	if a.Config.Store.Postgres.URL != "" {
		return nil
	}
	unlock, err := dirlock.Await(ctx, atMost, func() (func() error, error) { return LockData(dir) }, func(err error) {
		a.Log.Warn("the data directory is in use; waiting for its server to end", "for", atMost, "err", err)
	})
	if err != nil {
		return err
	}
	a.onStop("unlock the data directory", func(context.Context) error { return unlock() })
	return nil
}
