package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// TestThinnedLog: an error that comes every second for an hour is shown about
// once a minute, with the number of those that were not; other messages, other
// shards, and whatever is below a warning are shown all the same.
func TestThinnedLog(t *testing.T) {
	var out bytes.Buffer
	h := thinned(slog.NewTextHandler(&out, nil))
	start := time.Unix(0, 0)
	say := func(h slog.Handler, second int, level slog.Level, msg string, attrs ...slog.Attr) {
		r := slog.NewRecord(start.Add(time.Duration(second)*time.Second), level, msg, 0)
		r.AddAttrs(attrs...)
		if err := h.Handle(context.Background(), r); err != nil {
			t.Fatal(err)
		}
	}
	for s := range 3600 {
		say(h, s, slog.LevelError, "the store does not answer", slog.Any("err", errors.New(fmt.Sprint("port ", s))))
		say(h, s, slog.LevelInfo, "an event")
		if s%600 == 0 {
			say(h, s, slog.LevelError, "a shard does not move", slog.Int("shard", s))
			say(h.WithAttrs([]slog.Attr{slog.Int("n", s)}), s, slog.LevelError, "the store does not answer")
		}
	}
	text := out.String()
	for part, want := range map[string]int{
		`msg="the store does not answer" err`: thinBurst + 59, "repeated=57": 1, "repeated=59": 58,
		"msg=\"an event\"": 3600, "does not move": 6, " n=": 6,
	} {
		if n := strings.Count(text, part); n != want {
			t.Errorf("%q is there %d times, want %d", part, n, want)
		}
	}
	for s := range 5000 { // kinds without end do not fill the memory
		say(h, 4000, slog.LevelWarn, "a kind", slog.Int("n", s))
	}
	if n := len(h.(*thin).seen.kinds); n > thinKinds {
		t.Errorf("%d kinds are kept", n)
	}
}
