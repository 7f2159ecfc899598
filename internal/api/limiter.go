package api

import (
	"math"
	"strconv"
	"sync"
	"time"
)

// limiter bounds how often each key may call. A key has a bucket that fills at
// the rate and holds two seconds of it. There is one bucket a key or person
// that exists, since only verified requests come here.
type limiter struct {
	rate float64 // of calls a second; 0: no bound

	mu      sync.Mutex
	buckets map[string]bucket // under mu
}

type bucket struct {
	calls float64 // that may be made at once
	at    time.Time
}

func newLimiter(perSecond int) *limiter {
	return &limiter{rate: float64(perSecond), buckets: map[string]bucket{}}
}

// take takes a call out of the key's bucket, or returns how long it takes
// until there is one.
func (l *limiter) take(key string, now time.Time) time.Duration {
	if l.rate <= 0 {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b, known := l.buckets[key]
	if !known {
		b = bucket{2 * l.rate, now}
	}
	if d := now.Sub(b.at).Seconds(); d > 0 {
		b.calls, b.at = min(2*l.rate, b.calls+d*l.rate), now
	}
	wait := time.Duration(0)
	if b.calls < 1 {
		wait = time.Duration((1 - b.calls) / l.rate * float64(time.Second))
	} else {
		b.calls--
	}
	l.buckets[key] = b
	return wait
}

// retryAfter is a wait as the header has it: whole seconds, at least one.
func retryAfter(wait time.Duration) string {
	return strconv.Itoa(max(1, int(math.Ceil(wait.Seconds()))))
}
