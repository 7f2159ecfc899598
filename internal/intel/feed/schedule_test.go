package feed

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"
)

// TestBackOff: each failure in a row waits longer, within bounds; a publisher
// that says when to come is heeded.
func TestBackOff(t *testing.T) {
	w := newWorld(t, Source{Refresh: time.Hour})
	s := &w.u.sources[0]
	prev := time.Duration(0)
	for n := 1; n <= 40; n++ {
		d := w.u.backOff(s, n, errors.New("x"))
		if d < firstRetry*9/10 || d > lastRetry*11/10 || n < 6 && d <= prev {
			t.Errorf("%d failures: %v after %v", n, d, prev)
		}
		prev = d
	}
	if d := w.u.backOff(s, 1, fmt.Errorf("x: %w", &refused{status: 404})); d < 54*time.Minute {
		t.Errorf("404: %v", d)
	}
	for name, after := range map[string]string{"seconds": "7200", "date": w.clock.Now().Add(2 * time.Hour).Format(http.TimeFormat)} {
		w.on("/list.txt", func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Retry-After", after)
			http.Error(rw, "busy", http.StatusServiceUnavailable)
		})
		if err := w.update(); err == nil {
			t.Error("no error")
		}
		if d := w.status().Next.Sub(w.clock.Now()); d < 108*time.Minute || d > 132*time.Minute {
			t.Errorf("%s: comes again in %v", name, d)
		}
	}
}

// TestJitter: the same time is not used by everybody.
func TestJitter(t *testing.T) {
	w := newWorld(t)
	var all []time.Duration
	for range 100 {
		all = append(all, w.u.jitter(time.Hour))
	}
	if lo, hi := slices.Min(all), slices.Max(all); lo < 54*time.Minute || hi > 66*time.Minute || hi-lo < 6*time.Minute {
		t.Errorf("from %v to %v", lo, hi)
	}
}

// TestRun: feeds are fetched when they are due, what changes is told, also if
// another process fetched it, and the end of the context ends it.
func TestRun(t *testing.T) {
	w := newWorld(t, Source{Name: "hourly", URL: "SERVER/list.txt", Refresh: time.Hour}, Source{Name: "daily", URL: "SERVER/daily.txt", Refresh: 24 * time.Hour})
	w.list("192.0.2.1\n")
	w.on("/daily.txt", func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, "192.0.2.2\n") })
	other := w.u
	w.restart()
	ctx, stop := context.WithCancel(context.Background())
	start, turns := w.clock.Now(), 0
	w.u.o.Sleep = func(ctx context.Context, d time.Duration) error {
		if d <= 0 || d > glance {
			t.Errorf("sleeps %v", d)
		}
		w.clock.move(d)
		turns++
		switch now := w.clock.Now().Sub(start); {
		case turns == 1 && !slices.Equal(w.told, []string{"hourly", "daily"}):
			t.Errorf("told %v", w.told)
		case now > 30*time.Minute && len(w.told) == 2: // another process does what is not due yet
			w.on("/daily.txt", func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, "192.0.2.3\n") })
			if err := other.Update(context.Background(), "daily"); err != nil {
				t.Error(err)
			}
		case now > 10*time.Hour:
			stop()
		}
		return ctx.Err()
	}
	w.u.Run(ctx)
	if !slices.Equal(w.told, []string{"hourly", "daily", "daily"}) {
		t.Errorf("told %v", w.told)
	}
	hourly := 0
	for _, r := range w.requests() {
		if r.URL.Path == "/list.txt" {
			hourly++
		}
	}
	if hourly < 9 || hourly > 12 {
		t.Errorf("asked %d times in ten hours", hourly)
	}
}

// TestStopIsNoFailure: to be stopped says nothing of the feed.
func TestStopIsNoFailure(t *testing.T) {
	w := newWorld(t)
	w.sources = []Source{{}}
	w.restart()
	ctx, stop := context.WithCancel(context.Background())
	w.on("/list.txt", func(_ http.ResponseWriter, r *http.Request) {
		stop()
		<-r.Context().Done()
	})
	if err := w.u.Update(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if s := w.status(); s.State != Waiting || s.Failures != 0 {
		t.Errorf("%+v", s)
	}
}
