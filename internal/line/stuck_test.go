package line

import (
	"strings"
	"testing"
	"time"
)

// TestStuck: what is at one thing for too long is told of, what ended is not.
func TestStuck(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	w := NewWorker(Options[*stuckTx]{Beat: time.Minute, Now: func() time.Time { return now }})
	look := func(after time.Duration, want string) {
		t.Helper()
		now = now.Add(after)
		if got := w.Stuck(10 * time.Minute); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	look(time.Hour, "") // it was not started yet
	w.progress.turned(now)
	done := w.progress.begun(3, now)
	look(10*time.Minute, "")
	look(time.Second, "the messages of shard 3 are being judged for 10m1s")
	done()
	look(0, "")
	look(time.Minute, "the worker has not looked at its shards for 11m1s")
	w.progress.turned(now)
	look(0, "")
	again := w.progress.begun(3, now)
	other := w.progress.begun(4, now)
	again()
	look(11*time.Minute, "shard 4")
	other()
	look(0, "")
}

type stuckTx struct{ Tx }
