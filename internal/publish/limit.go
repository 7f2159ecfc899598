package publish

import (
	"context"
	"sync"
	"time"
)

// limiter spaces the beginnings of calls.
type limiter struct {
	every time.Duration
	now   func() time.Time
	sleep func(context.Context, time.Duration) error

	mu   sync.Mutex
	next time.Time
}

// wait returns when a call may begin.
func (l *limiter) wait(ctx context.Context) error {
	if l.every <= 0 {
		return ctx.Err()
	}
	l.mu.Lock()
	now := l.now()
	at := l.next
	if at.Before(now) {
		at = now
	}
	l.next = at.Add(l.every)
	l.mu.Unlock()
	if d := at.Sub(now); d > 0 {
		return l.sleep(ctx, d)
	}
	return ctx.Err()
}
