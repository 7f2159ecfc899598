package main

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// thin is a log handler that lets a warning or an error that comes again and
// again through a few times a minute only, and says then how many there were.
// What tells repetitions apart are the message and its attributes, but for
// those that say why and where.
type thin struct {
	slog.Handler
	prefix string // attributes of the logger
	seen   *repetitions
}

const (
	thinWindow = time.Minute
	thinBurst  = 3 // of one kind in a window
	thinKinds  = 1000
)

// vary are attributes that differ among repetitions of the same.
var vary = map[string]bool{"err": true, "error": true, "path": true}

type repetitions struct {
	mu    sync.Mutex
	kinds map[string]*repetition
}

type repetition struct {
	since      time.Time
	shown, cut int
}

func thinned(h slog.Handler) slog.Handler {
	return &thin{Handler: h, seen: &repetitions{kinds: map[string]*repetition{}}}
}

func (t *thin) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelWarn {
		return t.Handler.Handle(ctx, r)
	}
	var kind strings.Builder
	kind.WriteString(t.prefix + r.Level.String() + r.Message)
	r.Attrs(func(a slog.Attr) bool {
		if !vary[a.Key] {
			kind.WriteString(" " + a.String())
		}
		return true
	})
	show, cut := t.seen.note(kind.String(), r.Time)
	if !show {
		return nil
	}
	if cut > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int("repeated", cut))
	}
	return t.Handler.Handle(ctx, r)
}

// note reports whether one of a kind is shown, and how many were not before it.
func (s *repetitions) note(kind string, now time.Time) (show bool, cut int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.kinds[kind]
	if k == nil {
		s.forget(now)
		k = &repetition{since: now}
		s.kinds[kind] = k
	}
	if now.Sub(k.since) >= thinWindow {
		cut = k.cut
		*k = repetition{since: now}
		if cut > 0 { // it goes on: once a window is enough
			k.shown = thinBurst - 1
		}
	}
	if k.shown == thinBurst {
		k.cut++
		return false, 0
	}
	k.shown++
	return true, cut
}

// forget bounds the memory.
func (s *repetitions) forget(now time.Time) {
	if len(s.kinds) < thinKinds {
		return
	}
	for kind, k := range s.kinds {
		if now.Sub(k.since) >= thinWindow {
			delete(s.kinds, kind)
		}
	}
	if len(s.kinds) >= thinKinds {
		clear(s.kinds)
	}
}

func (t *thin) WithAttrs(attrs []slog.Attr) slog.Handler {
	prefix := t.prefix
	for _, a := range attrs {
		prefix += a.String() + " "
	}
	return &thin{t.Handler.WithAttrs(attrs), prefix, t.seen}
}

func (t *thin) WithGroup(name string) slog.Handler {
	return &thin{t.Handler.WithGroup(name), t.prefix + name + ".", t.seen}
}
