package store_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

func testRecords(t *testing.T, s *store.Store, _ *clock) {
	rec := newRecord(newFinding("1", day(1)))
	rec.Merge.Occurrences, rec.Merge.Why = []string{"o"}, "because"
	rec.Merge.First, rec.Merge.Last = day(1), day(1)
	err := s.Commit(t.Context(), func(tx *store.Tx) error {
		if _, err := tx.Finding(rec.Merge.Identity); !errors.Is(err, finding.ErrNotFound) {
			t.Errorf("before: %v", err)
		}
		if err := tx.PutFinding(rec); err != nil {
			return err
		}
		got, err := tx.Finding(rec.Merge.Identity)
		if d := cmp.Diff(rec, got, cmpopts.IgnoreUnexported(finding.Record{})); d != "" {
			t.Errorf("inside the commit: %s", d)
		}
		return err
	})
	want(t, "put", err, nil)

	rec.Finding.Service.Count, rec.Finding.UpdatedAt = 2, finding.Timestamp(day(2))
	want(t, "put again", s.Commit(t.Context(), func(tx *store.Tx) error { return tx.PutFinding(rec) }), nil)
	ids, _, err := s.ListFindings(t.Context(), finding.Query{DetectorID: detectorID, Criteria: finding.Criteria{"service.count": is("2")}})
	if err != nil || !slices.Equal(ids, []string{"1"}) {
		t.Errorf("list: %v, %v", ids, err)
	}
	for _, bad := range []*finding.Record{
		{Finding: newFinding("2", day(1))}, // no identity
		newRecord(newFinding("2", day(1), func(f *finding.Finding) { f.Service = nil })),
		newRecord(newFinding("2", day(1), func(f *finding.Finding) { f.UpdatedAt = "now" })),
		newRecord(newFinding("2", day(1), func(f *finding.Finding) { f.CreatedAt = "" })),
	} {
		if s.Commit(t.Context(), func(tx *store.Tx) error { return tx.PutFinding(bad) }) == nil {
			t.Errorf("record %+v was stored", bad.Finding)
		}
	}
}

func testUsersMarks(t *testing.T, s *store.Store, _ *clock) {
	ctx := t.Context()
	f := newFinding("1", day(1), func(f *finding.Finding) { f.Service.Archived = true })
	putRecords(t, s, f)
	read := func() *finding.Service {
		fs, err := s.Findings(ctx, detectorID, []string{"1"}, finding.Sort{})
		if err != nil || len(fs) != 1 {
			t.Fatalf("read: %v, %v", fs, err)
		}
		return fs[0].Service
	}
	if !read().Archived {
		t.Error("a new record did not bring its own mark")
	}
	want(t, "unarchive", s.SetArchived(ctx, detectorID, []string{"1"}, false), nil)
	want(t, "feedback", s.SetFeedback(ctx, detectorID, []string{"1"}, "USEFUL", "thanks"), nil)
	f.Service.Count, f.Service.UserFeedback = 7, "NOT_USEFUL"
	putRecords(t, s, f)
	if got := read(); got.Archived || got.UserFeedback != "USEFUL" || got.Count != 7 {
		t.Errorf("after the next merge: %+v", got)
	}
	want(t, "in a commit", s.Commit(ctx, func(tx *store.Tx) error {
		rec, err := tx.Finding("identity of 1")
		if err == nil && (rec.Finding.Service.Archived || rec.Finding.Service.UserFeedback != "USEFUL") {
			t.Errorf("the record says %+v", rec.Finding.Service)
		}
		return err
	}), nil)
	for _, c := range []finding.Criteria{{"service.archived": is("false")}, {"service.userFeedback": is("USEFUL")}} {
		ids, _, err := s.ListFindings(ctx, finding.Query{DetectorID: detectorID, Criteria: c})
		if err != nil || len(ids) != 1 {
			t.Errorf("list %v: %v, %v", c, ids, err)
		}
	}
}

func testSamples(t *testing.T, s *store.Store, _ *clock) {
	ctx := t.Context()
	sample := newFinding("5a", day(1), func(f *finding.Finding) {
		f.Title = "[SAMPLE]"
		f.Service.AdditionalInfo = &finding.ServiceAdditionalInfo{Value: `{"sample":true}`, Type: "default"}
	})
	want(t, "put", s.PutFindings(ctx, detectorID, []*finding.Finding{sample, newFinding("5b", day(1))}), nil)
	want(t, "archive", s.SetArchived(ctx, detectorID, []string{"5a"}, true), nil)
	sample.Title = "[SAMPLE] again"
	want(t, "put again", s.PutFindings(ctx, detectorID, []*finding.Finding{sample}), nil)
	got, err := s.Findings(ctx, detectorID, []string{"5a"}, finding.Sort{})
	if d := cmp.Diff([]*finding.Finding{sample}, got); err != nil || d != "" {
		t.Errorf("read: %v\n%s", err, d)
	}
	ids, _, err := s.ListFindings(ctx, finding.Query{DetectorID: detectorID, Criteria: finding.Criteria{"service.additionalInfo.sample": is("true")}})
	if err != nil || !slices.Equal(ids, []string{"5a"}) {
		t.Errorf("list: %v, %v", ids, err)
	}
	putRecords(t, s, newFinding("real", day(1)))
	if s.PutFindings(ctx, detectorID, []*finding.Finding{newFinding("real", day(1))}) == nil {
		t.Error("a sample overwrote a finding")
	}
}

// testFeedbackWaits: feedback waits until detection has taken it up, each
// finding once, and on a sample nothing waits.
func testFeedbackWaits(t *testing.T, s *store.Store, _ *clock) {
	ctx := t.Context()
	putRecords(t, s, newFinding("1", day(1)), newFinding("2", day(1)))
	want(t, "sample", s.PutFindings(ctx, detectorID, []*finding.Finding{newFinding("3", day(1))}), nil)
	want(t, "feedback", s.SetFeedback(ctx, detectorID, []string{"2", "1", "3"}, "NOT_USEFUL", "known"), nil)
	want(t, "again", s.SetFeedback(ctx, detectorID, []string{"1"}, "USEFUL", "after all"), nil)
	waiting := func() (out []store.Feedback) {
		out, err := s.FeedbackWaiting(ctx, 10)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	one, two := store.Feedback{DetectorID: detectorID, ID: "1", Identity: "identity of 1"}, store.Feedback{DetectorID: detectorID, ID: "2", Identity: "identity of 2"}
	if d := cmp.Diff([]store.Feedback{one, two}, waiting()); d != "" {
		t.Error(d)
	}
	if got, err := s.FeedbackWaiting(ctx, 1); err != nil || len(got) != 1 {
		t.Errorf("at most one: %v, %v", got, err)
	}
	want(t, "take up", s.Commit(ctx, func(tx *store.Tx) error {
		for id, identity := range map[string]string{"1": "identity of 1", "3": ""} {
			if got, err := tx.IdentityOf(detectorID, id); err != nil || got != identity {
				t.Errorf("identity of %s: %q, %v", id, got, err)
			}
		}
		if _, err := tx.IdentityOf(detectorID, "9"); !errors.Is(err, finding.ErrNotFound) {
			t.Errorf("of none: %v", err)
		}
		return tx.FeedbackTaken(detectorID, "1")
	}), nil)
	if d := cmp.Diff([]store.Feedback{two}, waiting()); d != "" {
		t.Error(d)
	}
	comments, err := s.FeedbackComments(ctx, detectorID, []string{"1", "2", "9"})
	if d := cmp.Diff(map[string]string{"1": "after all", "2": "known"}, comments); err != nil || d != "" {
		t.Errorf("%v\n%s", err, d)
	}
	want(t, "states", s.Commit(ctx, func(tx *store.Tx) error {
		return errors.Join(tx.PutState("b", "learned", []byte("2")), tx.PutState("a", "learned", []byte("1")), tx.PutState("a", "other", nil))
	}), nil)
	states, err := s.States(ctx, "learned")
	if d := cmp.Diff([]store.StateOf{{Scope: "a", Data: []byte("1")}, {Scope: "b", Data: []byte("2")}}, states); err != nil || d != "" {
		t.Errorf("%v\n%s", err, d)
	}
}

func testAllOrNone(t *testing.T, s *store.Store, _ *clock) {
	ctx := t.Context()
	putRecords(t, s, newFinding("1", day(1)), newFinding("2", day(1)))
	want(t, "archive", s.SetArchived(ctx, detectorID, []string{"1", "9", "2"}, true), finding.ErrNotFound)
	want(t, "archive elsewhere", s.SetArchived(ctx, "other", []string{"1"}, true), finding.ErrNotFound)
	want(t, "feedback", s.SetFeedback(ctx, detectorID, []string{"1", "9"}, "USEFUL", ""), finding.ErrNotFound)
	fs, err := s.Findings(ctx, detectorID, []string{"1", "2"}, finding.Sort{})
	if err != nil || len(fs) != 2 || fs[0].Service.Archived || fs[1].Service.Archived || fs[0].Service.UserFeedback != "" {
		t.Errorf("something was changed: %v, %v", fs, err)
	}
	want(t, "archive twice the same", s.SetArchived(ctx, detectorID, []string{"1", "1"}, true), nil)
}

func testFindingsOrder(t *testing.T, s *store.Store, _ *clock) {
	severity := func(n float64) func(*finding.Finding) { return func(f *finding.Finding) { f.Severity = n } }
	putRecords(t, s, newFinding("1", day(1), severity(8)), newFinding("2", day(3), severity(2)), newFinding("3", day(2), severity(5)))
	for _, tt := range []struct {
		ids  []string
		sort finding.Sort
		want string
	}{
		{[]string{"3", "x", "1", "3", "2"}, finding.Sort{}, "312"},
		{[]string{"1", "2", "3"}, finding.Sort{Field: "severity"}, "231"},
		{[]string{"1", "2", "3"}, finding.Sort{Field: "updatedAt", Descending: true}, "231"},
		{nil, finding.Sort{}, ""},
	} {
		fs, err := s.Findings(t.Context(), detectorID, tt.ids, tt.sort)
		got := ""
		for _, f := range fs {
			got += f.ID
		}
		if err != nil || got != tt.want {
			t.Errorf("%v by %v: %s, %v; want %s", tt.ids, tt.sort, got, err, tt.want)
		}
	}
	if fs, err := s.Findings(t.Context(), "other", []string{"1"}, finding.Sort{}); err != nil || len(fs) > 0 {
		t.Errorf("another detector's: %v, %v", fs, err)
	}
}

func testCommit(t *testing.T, s *store.Store, _ *clock) {
	refused := errors.New("refused")
	want(t, "failing commit", s.Commit(t.Context(), func(tx *store.Tx) error {
		if err := tx.PutFinding(newRecord(newFinding("1", day(1)))); err != nil {
			return err
		}
		if err := tx.PutState("s", "n", []byte("x")); err != nil {
			return err
		}
		return refused
	}), refused)
	func() {
		defer func() { recover() }()
		s.Commit(t.Context(), func(tx *store.Tx) error {
			tx.PutState("s", "n", []byte("x"))
			panic("a detector broke")
		})
	}()
	_, err := s.State(t.Context(), "s", "n")
	want(t, "state of failed commits", err, finding.ErrNotFound)
	ids, _, err := s.ListFindings(t.Context(), finding.Query{DetectorID: detectorID})
	if err != nil || len(ids) > 0 {
		t.Errorf("findings of failed commits: %v, %v", ids, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	want(t, "cancelled commit", s.Commit(ctx, func(*store.Tx) error { return nil }), context.Canceled)
	want(t, "commit after all that", s.Commit(t.Context(), func(tx *store.Tx) error { return tx.PutState("s", "n", nil) }), nil)
}
