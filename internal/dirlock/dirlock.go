// Package dirlock keeps a second process out of a folder in which one works.
package dirlock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// ErrHeld says that another process has the lock.
var ErrHeld = errors.New("its lock is held")

// Take makes the folder and takes the lock that is the file of this name in it.
// The lock ends with the process, however that ends. Where there are no such
// locks it only makes the folder.
func Take(dir, name string) (release func() error, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the folder: %w", err)
	}
	if err := lock(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return f.Close, nil
}

// Await takes a lock as take does, but it waits a while for the process that
// has it to end: a pod deleted by force may have one that still runs beside its
// successor. waits is told once, with what is in the way.
func Await(ctx context.Context, atMost time.Duration, take func() (func() error, error), waits func(error)) (release func() error, err error) {
	release, err = take()
	if errors.Is(err, ErrHeld) && atMost > 0 {
		waits(err)
	}
	for start := time.Now(); errors.Is(err, ErrHeld) && time.Since(start) < atMost; release, err = take() {
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(100 * time.Millisecond):
		}
	}
	return release, err
}
