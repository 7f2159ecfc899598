package store_test

import (
	"sync"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

func testAbout(t *testing.T, s *store.Store, _ *clock) {
	a, err := s.About(t.Context())
	want(t, "about", err, nil)
	if a.Schema < 9 || a.Bytes < 4096 || a.Bytes > 1<<30 {
		t.Errorf("%+v", a)
	}
	if skew := time.Since(a.Clock); !a.Clock.IsZero() && (skew < -time.Minute || skew > time.Minute) {
		t.Errorf("its clock is off by %s", skew)
	}
}

// testStateOnce: of many that store at once one wins, and all get its bytes.
func testStateOnce(t *testing.T, s *store.Store, _ *clock) {
	ctx := t.Context()
	_, err := s.State(ctx, "server", "once")
	want(t, "before", err, finding.ErrNotFound)
	got := make([]string, 8)
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() {
			kept, err := s.StateOnce(ctx, "server", "once", []byte{byte('a' + i)})
			if err != nil {
				t.Error(err)
			}
			got[i] = string(kept)
		})
	}
	wg.Wait()
	kept, err := s.State(ctx, "server", "once")
	want(t, "after", err, nil)
	for i := range got {
		if got[i] != string(kept) {
			t.Errorf("%d got %q, kept is %q", i, got[i], kept)
		}
	}
}
