package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// testSuppressions: what filters hide is counted in the commit that hides it,
// and forgotten with the filter.
func testSuppressions(t *testing.T, s *store.Store, _ *clock) {
	ctx := t.Context()
	for _, id := range []string{detectorID, "other"} {
		want(t, "create detector", s.CreateDetector(ctx, finding.Detector{ID: id, Account: id}), nil)
		want(t, "create filter", s.CreateFilter(ctx, finding.Filter{DetectorID: id, Name: "f", Action: "ARCHIVE"}), nil)
	}
	add := func(detector, filter, typ string, n int64, first, last time.Time) error {
		return s.Commit(ctx, func(tx *store.Tx) error {
			return tx.AddHidden(store.Hidden{DetectorID: detector, Filter: filter, Type: typ, Count: n, First: first, Last: last})
		})
	}
	has := func(detector string, rows ...store.Hidden) {
		t.Helper()
		got, err := s.Hidden(ctx, detector)
		if d := cmp.Diff(rows, got); err != nil || d != "" {
			t.Errorf("hidden: %v\n%s", err, d)
		}
	}
	has(detectorID)
	want(t, "count", add(detectorID, "f", "b", 2, day(3), day(4)), nil)
	want(t, "count before", add(detectorID, "f", "b", 1, day(2), day(2)), nil)
	want(t, "count after", add(detectorID, "f", "b", 4, day(4), day(6)), nil)
	want(t, "count another type", add(detectorID, "f", "a", 1, day(5), day(5)), nil)
	want(t, "count of another detector", add("other", "f", "a", 1, day(1), day(1)), nil)
	want(t, "count of no filter", add(detectorID, "gone", "a", 1, day(1), day(1)), nil)
	refused := errors.New("refused")
	want(t, "a commit that fails", s.Commit(ctx, func(tx *store.Tx) error {
		return errors.Join(tx.AddHidden(store.Hidden{DetectorID: detectorID, Filter: "f", Type: "a", Count: 9, First: day(5), Last: day(5)}), refused)
	}), refused)
	a := store.Hidden{DetectorID: detectorID, Filter: "f", Type: "a", Count: 1, First: day(5), Last: day(5)}
	b := store.Hidden{DetectorID: detectorID, Filter: "f", Type: "b", Count: 7, First: day(2), Last: day(6)}
	has(detectorID, a, b)

	want(t, "update", s.UpdateFilter(ctx, detectorID, "f", func(f *finding.Filter) error { f.Rank = 7; return nil }), nil)
	has(detectorID, a, b)
	want(t, "delete", s.DeleteFilter(ctx, detectorID, "f"), nil)
	has(detectorID)
	has("other", store.Hidden{DetectorID: "other", Filter: "f", Type: "a", Count: 1, First: day(1), Last: day(1)})
	want(t, "delete detector", s.DeleteDetector(ctx, "other"), nil)
	has("other")
}
