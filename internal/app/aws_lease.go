package app

import (
	"context"
	"fmt"
	"time"
)

// queueWait is for how long one call waits for a message, at most what SQS allows.
const queueWait = 20 * time.Second

// Times of work that one of several processes does. It is taken over when the
// other one's lease did not change for so long, by the clock of who waits.
const (
	aloneBeat = 5 * time.Second
	aloneTTL  = 20 * time.Second
)

// alone runs something that only one of the processes that share a store may
// do at a time, until ctx ends. A process that cannot prolong its lease stops.
func (a *App) alone(ctx context.Context, what string, run func(context.Context)) {
	if a.Config.Store.Postgres.URL == "" { // nobody else can be there
		run(ctx)
		return
	}
	name := "alone:" + what
	var seen []byte
	since := a.Now()
	for n := 0; ctx.Err() == nil; n++ {
		now, err := a.cursor(ctx, name)
		if err != nil {
			a.Log.Warn("it cannot be told who does a work; waiting", "work", what, "err", err)
			since = a.Now()
		} else if string(now) != string(seen) || n == 0 {
			seen, since = now, a.Now()
		}
		if err == nil && (now == nil || a.Now().Sub(since) >= aloneTTL) {
			a.lead(ctx, name, now, run)
			since = a.Now()
		}
		if pause(ctx, aloneBeat) != nil {
			return
		}
	}
}

// lead takes a lease and runs for as long as it can be prolonged.
func (a *App) lead(ctx context.Context, name string, was []byte, run func(context.Context)) {
	turn := func(n int) []byte {
		return fmt.Appendf(nil, "%s %s %d", a.machine(), a.Now().UTC().Format(time.RFC3339Nano), n)
	}
	mine := turn(0)
	if moved, err := a.keys.store.MoveCursor(ctx, name, was, mine); err != nil || !moved {
		return
	}
	work, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); run(work) }()
	defer func() { cancel(); <-done }()
	last := a.Now()
	for n := 1; ; n++ {
		if pause(work, aloneBeat) != nil {
			return
		}
		next := turn(n)
		moved, err := a.keys.store.MoveCursor(ctx, name, mine, next)
		switch {
		case err == nil && !moved, err != nil && a.Now().Sub(last) > aloneTTL/2:
			a.Log.Warn("another process goes on with a work of this one", "work", name, "err", err)
			return
		case err == nil:
			mine, last = next, a.Now()
		}
	}
}
