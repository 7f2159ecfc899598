package store_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// alice is the session of a person, which lasts from one day to the next.
func alice() store.Session {
	return store.Session{Name: "alice", Role: "analyst", Account: "111122223333", KeyID: "VDTA", Created: day(0), Expires: day(1)}
}

func testSessions(t *testing.T, s *store.Store, c *clock) {
	ctx := t.Context()
	want(t, "put", s.PutSession(ctx, "a", alice(), false), nil)
	got, err := s.Session(ctx, "a")
	if d := cmp.Diff(alice(), got); err != nil || d != "" {
		t.Errorf("read: %v\n%s", err, d)
	}
	gone := func(what string, read func(context.Context, string) (store.Session, error), token string) {
		t.Helper()
		got, err := read(ctx, token)
		want(t, what, err, finding.ErrNotFound)
		if got != (store.Session{}) {
			t.Errorf("%s: %+v", what, got)
		}
	}
	gone("another token", s.Session, "b")
	gone("no token", s.Session, "")
	gone("a session as a link", s.Link, "a")
	if s.PutSession(ctx, "a", store.Session{Name: "mallory", Expires: day(1)}, false) == nil {
		t.Error("a session was put in the place of another")
	}

	want(t, "another", s.PutSession(ctx, "b", alice(), false), nil)
	want(t, "end", s.EndSession(ctx, "a"), nil)
	want(t, "end again", s.EndSession(ctx, "a"), nil)
	gone("an ended session", s.Session, "a")
	if _, err := s.Session(ctx, "b"); err != nil {
		t.Errorf("the end of one session ended another: %v", err)
	}

	c.set(day(1).Add(-time.Nanosecond))
	if _, err := s.Session(ctx, "b"); err != nil {
		t.Errorf("just before it expires: %v", err)
	}
	c.set(day(1))
	gone("an expired session", s.Session, "b")
	late := alice()
	late.Expires = day(2)
	want(t, "put, which clears away", s.PutSession(ctx, "c", late, false), nil)
	c.set(day(0))
	gone("a session that was cleared away", s.Session, "b")
}

func testLinks(t *testing.T, s *store.Store, c *clock) {
	ctx := t.Context()
	want(t, "put", s.PutSession(ctx, "link", alice(), true), nil)
	for range 2 { // looking does not use it up
		if got, err := s.Link(ctx, "link"); err != nil || got.Name != "alice" {
			t.Errorf("look at the link: %+v, %v", got, err)
		}
	}
	_, err := s.Session(ctx, "link")
	want(t, "a link as a session", err, finding.ErrNotFound)
	_, err = s.UseLink(ctx, "other", "token", day(3))
	want(t, "use another", err, finding.ErrNotFound)
	_, err = s.Session(ctx, "token")
	want(t, "the session of a link that is not there", err, finding.ErrNotFound)

	c.set(day(0).Add(time.Hour))
	used, err := s.UseLink(ctx, "link", "token", day(3))
	expected := alice()
	expected.Created, expected.Expires = day(0).Add(time.Hour), day(3)
	if d := cmp.Diff(expected, used); err != nil || d != "" {
		t.Errorf("use: %v\n%s", err, d)
	}
	got, err := s.Session(ctx, "token")
	if d := cmp.Diff(expected, got); err != nil || d != "" {
		t.Errorf("the link's session: %v\n%s", err, d)
	}
	_, err = s.UseLink(ctx, "link", "second", day(3))
	want(t, "use again", err, finding.ErrNotFound)
	_, err = s.Link(ctx, "link")
	want(t, "look at a used link", err, finding.ErrNotFound)
	_, err = s.UseLink(ctx, "token", "third", day(3))
	want(t, "use a session as a link", err, finding.ErrNotFound)

	want(t, "put one that expires", s.PutSession(ctx, "old", alice(), true), nil)
	c.set(day(1))
	_, err = s.UseLink(ctx, "old", "fourth", day(3))
	want(t, "use an expired link", err, finding.ErrNotFound)
}

// testLinkRace: of those who use a link at once, one is let in.
func testLinkRace(t *testing.T, s *store.Store, _ *clock) {
	ctx := t.Context()
	want(t, "put", s.PutSession(ctx, "link", alice(), true), nil)
	var wg sync.WaitGroup
	var in atomic.Int32
	for _, token := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		wg.Go(func() {
			switch _, err := s.UseLink(ctx, "link", token, day(1)); {
			case err == nil:
				in.Add(1)
			case !errors.Is(err, finding.ErrNotFound):
				t.Errorf("use: %v", err)
			}
		})
	}
	wg.Wait()
	if in.Load() != 1 {
		t.Errorf("%d were let in", in.Load())
	}
}
