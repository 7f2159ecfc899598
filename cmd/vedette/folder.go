package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/vedette-project/vedette/internal/dirlock"
)

// leaveIn is how long another process of the same kind may take to end: longer
// than what a sensor gives itself for its last records.
const leaveIn = 20 * time.Second

// awaitFolder takes a data directory for this process alone. Two would confuse
// what each of them remembers there.
func awaitFolder(ctx context.Context, dir, lock, kind string, log *slog.Logger) (unlock func() error, err error) {
	unlock, err = dirlock.Await(ctx, leaveIn, func() (func() error, error) { return dirlock.Take(dir, lock) }, func(error) {
		log.Warn("another "+kind+" is at work in the data directory; waiting for it to end", "dir", dir, "for", leaveIn)
	})
	if errors.Is(err, dirlock.ErrHeld) {
		return nil, fmt.Errorf("another %s is at work in %s (%w); stop it, or name another folder with --data-dir", kind, dir, dirlock.ErrHeld)
	}
	if err != nil {
		return nil, fmt.Errorf("--data-dir: %w", err)
	}
	return unlock, nil
}
