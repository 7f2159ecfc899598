package store_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// testContract is what every kind of store must do. open makes an empty one
// and closes it when the test ends.
func testContract(t *testing.T, open func(t testing.TB, o store.Options) *store.Store) {
	tests := []struct {
		name string
		run  func(t *testing.T, s *store.Store, c *clock)
	}{
		{"Detectors", testDetectors},
		{"Filters", testFilters},
		{"Suppressions", testSuppressions},
		{"Lists", testLists},
		{"ListContent", testListContent},
		{"ListWorkers", testListWorkers},
		{"ListRace", testListRace},
		{"Records", testRecords},
		{"RecordKeepsUsersMarks", testUsersMarks},
		{"Samples", testSamples},
		{"AllOrNone", testAllOrNone},
		{"FeedbackWaits", testFeedbackWaits},
		{"FindingsOrder", testFindingsOrder},
		{"Commit", testCommit},
		{"StateAndCursor", testState},
		{"Ledger", testLedger},
		{"Keys", testKeys},
		{"Prune", testPrune},
		{"Statistics", testStatistics},
		{"ListOrder", testListOrder},
		{"ListErrors", testListErrors},
		{"PagingWhileAdding", testPagingWhileAdding},
		{"RareValues", testRareValues},
		{"Entities", testEntities},
		{"Find", testFind},
		{"FindSince", testFindSince},
		{"CountByDay", testCountByDay},
		{"ReadersAndWriters", testReadersAndWriters},
		{"Resize", testResize},
		{"Claims", testClaims},
		{"Heartbeat", testHeartbeat},
		{"Advance", testAdvance},
		{"Fencing", testFencing},
		{"Seen", testSeen},
		{"SetAsides", testAsides},
		{"Sources", testSources},
		{"Nodes", testNodes},
		{"Sequences", testSequences},
		{"Members", testMembers},
		{"Organization", testOrganization},
		{"Usage", testUsage},
		{"Audit", testAudit},
		{"AuditPage", testAuditPage},
		{"UsageDays", testUsageDays},
		{"CountByType", testCountByType},
		{"AccountsOfKeys", testAccountsOfKeys},
		{"SequenceRace", testSequenceRace},
		{"RuleStatus", testRuleStatus},
		{"RuleWorkers", testRuleWorkers},
		{"RuleModes", testRuleModes},
		{"Changes", testChanges},
		{"TracedChanges", testTracedChanges},
		{"Follow", testFollow},
		{"Publish", testPublish},
		{"Destinations", testDestinations},
		{"Ping", testPing},
		{"Sessions", testSessions},
		{"About", testAbout},
		{"StateOnce", testStateOnce},
		{"LoginLinks", testLinks},
		{"LoginLinkRace", testLinkRace},
		{"CriteriaAgree", testCriteriaAgree},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClock()
			s := open(t, store.Options{Now: c.now})
			tt.run(t, s, c)
			intact(t, s)
		})
	}
}

// want fails unless err is the wanted one; nil wants none.
func want(t testing.TB, what string, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("%s: error %v, want %v", what, err, target)
	}
}

func testDetectors(t *testing.T, s *store.Store, c *clock) {
	ctx := t.Context()
	d := finding.Detector{ID: detectorID, Account: "1", Region: "r", Enabled: true, TagsByKey: finding.Tags{"a": "b"}, CreatedAt: day(1),
		Features: []finding.Feature{{Name: "EKS_AUDIT_LOGS", Enabled: true, UpdatedAt: day(1)}}}
	want(t, "create", s.CreateDetector(ctx, d), nil)
	want(t, "create again", s.CreateDetector(ctx, d), finding.ErrExists)
	got, err := s.Detector(ctx, d.ID)
	if d := cmp.Diff(d, got); err != nil || d != "" {
		t.Errorf("read: %v\n%s", err, d)
	}
	_, err = s.Detector(ctx, "other")
	want(t, "read another", err, finding.ErrNotFound)

	want(t, "update", s.UpdateDetector(ctx, d.ID, func(d *finding.Detector) error {
		d.Enabled, d.ID = false, "changed"
		return nil
	}), nil)
	refused := errors.New("refused")
	want(t, "refused update", s.UpdateDetector(ctx, d.ID, func(d *finding.Detector) error {
		d.Region = "x"
		return refused
	}), refused)
	want(t, "update another", s.UpdateDetector(ctx, "other", func(*finding.Detector) error { return nil }), finding.ErrNotFound)
	if got, err = s.Detector(ctx, d.ID); err != nil || got.Enabled || got.Region != "r" {
		t.Errorf("after update: %+v, %v", got, err)
	}

	want(t, "create filter", s.CreateFilter(ctx, finding.Filter{DetectorID: d.ID, Name: "f"}), nil)
	var many []*finding.Finding
	for i := range 250 { // more than one batch
		many = append(many, newFinding(fmt.Sprint(i), day(1)))
	}
	putRecords(t, s, many...)
	c.set(day(9))
	want(t, "delete", s.DeleteDetector(ctx, d.ID), nil)
	want(t, "delete again", s.DeleteDetector(ctx, d.ID), finding.ErrNotFound)
	if last, err := s.LastDetector(ctx, d.ID); err != nil || last.DeletedAt.IsZero() {
		t.Errorf("the deleted one is %+v, %v", last, err)
	}
	_, err = s.LastDetector(ctx, "never")
	want(t, "one that never was", err, finding.ErrNotFound)
	_, err = s.Detector(ctx, d.ID)
	want(t, "read deleted", err, finding.ErrNotFound)
	all, err := s.Detectors(ctx)
	if err != nil || len(all) > 0 {
		t.Errorf("detectors: %v, %v", all, err)
	}
	fs, err := s.Findings(ctx, d.ID, []string{"1"}, finding.Sort{})
	if err != nil || len(fs) > 0 {
		t.Errorf("findings of a deleted detector: %v, %v", fs, err)
	}
	want(t, "read deleted in a commit", s.Commit(ctx, func(tx *store.Tx) error {
		got, err := tx.Detector(d.ID)
		if !got.DeletedAt.Equal(day(9)) {
			t.Errorf("deleted at %v", got.DeletedAt)
		}
		return err
	}), nil)
	want(t, "filter of a deleted detector", s.CreateFilter(ctx, finding.Filter{DetectorID: d.ID, Name: "f"}), finding.ErrNotFound)
	want(t, "create in its place", s.CreateDetector(ctx, d), nil)
	want(t, "create another", s.CreateDetector(ctx, finding.Detector{ID: "a"}), nil)
	all, err = s.Detectors(ctx)
	if err != nil || len(all) != 2 || all[0].ID != "a" || all[1].ID != d.ID {
		t.Errorf("detectors: %v, %v", all, err)
	}
	filters, err := s.Filters(ctx, d.ID)
	if err != nil || len(filters) > 0 {
		t.Errorf("filters came back with the detector: %v, %v", filters, err)
	}
}

func testFilters(t *testing.T, s *store.Store, _ *clock) {
	ctx := t.Context()
	want(t, "create detector", s.CreateDetector(ctx, finding.Detector{ID: detectorID}), nil)
	mk := func(name, action string, rank int64) finding.Filter {
		return finding.Filter{DetectorID: detectorID, Name: name, Action: action, Rank: rank, Version: 1, CreatedAt: day(1),
			Criteria: finding.Criteria{"severity": {GreaterThan: number(3)}, "type": {Matches: []string{"a*"}}}}
	}
	for _, f := range []finding.Filter{mk("c", "ARCHIVE", 2), mk("b", "ARCHIVE", 2), mk("a", "ARCHIVE", 3), mk("z", "NOOP", 1)} {
		want(t, "create "+f.Name, s.CreateFilter(ctx, f), nil)
	}
	want(t, "create again", s.CreateFilter(ctx, mk("a", "NOOP", 9)), finding.ErrExists)
	want(t, "create elsewhere", s.CreateFilter(ctx, finding.Filter{DetectorID: "other", Name: "a"}), finding.ErrNotFound)
	got, err := s.Filter(ctx, detectorID, "a")
	if d := cmp.Diff(mk("a", "ARCHIVE", 3), got); err != nil || d != "" {
		t.Errorf("read: %v\n%s", err, d)
	}
	_, err = s.Filter(ctx, "other", "a")
	want(t, "read elsewhere", err, finding.ErrNotFound)

	names := func(fs []finding.Filter) (out string) {
		for _, f := range fs {
			out += f.Name
		}
		return out
	}
	all, err := s.Filters(ctx, detectorID)
	if err != nil || names(all) != "zbca" {
		t.Errorf("filters %s, %v", names(all), err)
	}
	want(t, "update", s.UpdateFilter(ctx, detectorID, "c", func(f *finding.Filter) error {
		f.Rank, f.Name, f.Version = 0, "renamed", f.Version+1
		return nil
	}), nil)
	want(t, "update unknown", s.UpdateFilter(ctx, detectorID, "x", func(*finding.Filter) error { return nil }), finding.ErrNotFound)
	want(t, "in a commit", s.Commit(ctx, func(tx *store.Tx) error {
		fs, err := tx.Filters()
		if names(fs) != "cba" {
			t.Errorf("suppression rules %s", names(fs))
		}
		return err
	}), nil)
	want(t, "delete", s.DeleteFilter(ctx, detectorID, "a"), nil)
	want(t, "delete again", s.DeleteFilter(ctx, detectorID, "a"), finding.ErrNotFound)
}

func testState(t *testing.T, s *store.Store, _ *clock) {
	ctx := t.Context()
	_, err := s.State(ctx, "a", "b")
	want(t, "state", err, finding.ErrNotFound)
	_, err = s.Cursor(ctx, "a")
	want(t, "cursor", err, finding.ErrNotFound)
	for _, data := range [][]byte{{1, 0, 2}, nil, []byte("longer than before")} {
		want(t, "put", s.Commit(ctx, func(tx *store.Tx) error {
			err := errors.Join(tx.PutState("a", "b", data), tx.PutCursor("a", data))
			got, err2 := tx.State("a", "b")
			cur, err3 := tx.Cursor("a")
			if string(got) != string(data) || string(cur) != string(data) {
				t.Errorf("in the commit: %q and %q, want %q", got, cur, data)
			}
			return errors.Join(err, err2, err3)
		}), nil)
		got, err := s.State(ctx, "a", "b")
		cur, err2 := s.Cursor(ctx, "a")
		if string(got) != string(data) || string(cur) != string(data) || err != nil || err2 != nil {
			t.Errorf("got %q and %q, want %q (%v, %v)", got, cur, data, err, err2)
		}
	}
	_, err = s.State(ctx, "b", "a")
	want(t, "other state", err, finding.ErrNotFound)

	want(t, "put", s.Commit(ctx, func(tx *store.Tx) error {
		return errors.Join(tx.PutCursor("s3:b", []byte("2")), tx.PutCursor("s3:a", []byte("1")), tx.PutCursor("s3;", []byte("3")))
	}), nil)
	list, err := s.Cursors(ctx, "s3:", "s3;", 10)
	if d := cmp.Diff([]store.NamedCursor{{Name: "s3:a", Data: []byte("1")}, {Name: "s3:b", Data: []byte("2")}}, list); err != nil || d != "" {
		t.Errorf("%v\n%s", err, d)
	}
	list[1].Data = []byte("as it was before")
	want(t, "delete", s.DeleteCursors(ctx, list), nil)
	if list, err := s.Cursors(ctx, "s3:", "s3;", 10); err != nil || len(list) != 1 || list[0].Name != "s3:b" {
		t.Errorf("left: %v %v", list, err)
	}
}

func testLedger(t *testing.T, s *store.Store, _ *clock) {
	row := func(outcome string, n int64, first, last time.Time) store.LedgerRow {
		return store.LedgerRow{Source: "k8s-audit", Account: "1", Region: "r", Cluster: "c", Outcome: outcome, Count: n, First: first, Last: last}
	}
	add := func(rows ...store.LedgerRow) {
		want(t, "add", s.Commit(t.Context(), func(tx *store.Tx) error { return tx.AddLedger(rows) }), nil)
	}
	add(row("malformed", 1, time.Time{}, time.Time{}), row("evaluated", 5, day(3), day(4)))
	add(row("evaluated", 2, day(2), day(3).Add(5)), row("evaluated", 1, time.Time{}, time.Time{}))
	add(row("evaluated", 1, day(4), day(6).Add(1)), row("malformed", 1, day(1), day(1)))
	got, err := s.Ledger(t.Context())
	if d := cmp.Diff([]store.LedgerRow{row("evaluated", 9, day(2), day(6).Add(1)), row("malformed", 2, day(1), day(1))}, got); err != nil || d != "" {
		t.Errorf("ledger: %v\n%s", err, d)
	}
}

func testKeys(t *testing.T, s *store.Store, c *clock) {
	ctx := t.Context()
	k := store.Key{ID: "AKIA1", Role: "admin", Sealed: []byte{0, 1}, CreatedAt: day(1), Comment: "first"}
	want(t, "put", s.PutKey(ctx, k), nil)
	want(t, "put again", s.PutKey(ctx, k), finding.ErrExists)
	want(t, "put another", s.PutKey(ctx, store.Key{ID: "AKIA0", Role: "ingest", Sealed: []byte{2}, CreatedAt: day(2)}), nil)
	got, err := s.Key(ctx, "AKIA1")
	if d := cmp.Diff(k, got); err != nil || d != "" {
		t.Errorf("read: %v\n%s", err, d)
	}
	_, err = s.Key(ctx, "AKIA2")
	want(t, "unknown", err, finding.ErrNotFound)
	c.set(day(5))
	want(t, "revoke", s.RevokeKey(ctx, "AKIA1"), nil)
	c.set(day(6))
	want(t, "revoke again", s.RevokeKey(ctx, "AKIA1"), nil)
	want(t, "revoke unknown", s.RevokeKey(ctx, "AKIA2"), finding.ErrNotFound)
	k.RevokedAt = day(5)
	all, err := s.Keys(ctx)
	if err != nil || len(all) != 2 || all[1].ID != "AKIA0" {
		t.Fatalf("keys: %v, %v", all, err)
	}
	if d := cmp.Diff(k, all[0]); d != "" {
		t.Error(d)
	}
}

func testPrune(t *testing.T, s *store.Store, c *clock) {
	ctx := t.Context()
	var old []*finding.Finding
	for i := range 450 { // more than two batches
		old = append(old, newFinding(fmt.Sprintf("old%d", i), day(20))) // event time does not count
	}
	putRecords(t, s, old...)
	c.set(day(10))
	putRecords(t, s, newFinding("new", day(-300)), old[7])
	want(t, "archive", s.SetArchived(ctx, detectorID, []string{"old8"}, true), nil) // does not make it younger
	n, err := s.Prune(ctx, day(10))
	if err != nil || n != 449 {
		t.Errorf("pruned %d, %v", n, err)
	}
	ids, _, err := s.ListFindings(ctx, finding.Query{DetectorID: detectorID})
	if err != nil || !slices.Equal(ids, []string{"old7", "new"}) {
		t.Errorf("left: %v, %v", ids, err)
	}
	gone, there := store.SourceKey{Source: "k8s-audit", Cluster: "gone"}, store.SourceKey{Source: "k8s-audit", Cluster: "there"}
	want(t, "touch", s.Commit(ctx, func(tx *store.Tx) error {
		return errors.Join(tx.TouchSource(gone, day(9), day(1)), tx.TouchSource(there, day(10), day(1)))
	}), nil)
	n, err = s.Prune(ctx, day(10))
	if err != nil || n != 0 {
		t.Errorf("pruned %d more, %v", n, err)
	}
	if src, err := s.Sources(ctx); err != nil || len(src) != 1 || src[0].SourceKey != there {
		t.Errorf("sources: %v, %v", src, err)
	}
}

func testReadersAndWriters(t *testing.T, s *store.Store, _ *clock) {
	ctx := t.Context()
	putRecords(t, s, newFinding("0", day(1)))
	done := make(chan struct{})
	var readers, writers sync.WaitGroup
	for range 6 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				ids, _, err := s.ListFindings(ctx, finding.Query{DetectorID: detectorID, Criteria: finding.Criteria{"region": is("eu-west-1")}})
				if err != nil || len(ids) == 0 {
					t.Errorf("list: %v, %v", ids, err)
					return
				}
				if fs, err := s.Findings(ctx, detectorID, ids, finding.Sort{}); err != nil || len(fs) != len(ids) {
					t.Errorf("read: %d of %d, %v", len(fs), len(ids), err)
				}
			}
		})
	}
	for w := range 3 {
		writers.Go(func() {
			for i := range 30 {
				var err error
				if w == 0 {
					err = s.SetArchived(ctx, detectorID, []string{"0"}, i%2 == 0)
				} else {
					err = s.Commit(ctx, func(tx *store.Tx) error {
						return errors.Join(
							tx.PutFinding(newRecord(newFinding(fmt.Sprint(w*100+i), day(2)))),
							tx.AddLedger([]store.LedgerRow{{Source: "s", Count: 1}}))
					})
				}
				if err != nil {
					t.Errorf("write: %v", err)
				}
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
	ledger, err := s.Ledger(ctx)
	if err != nil || len(ledger) != 1 || ledger[0].Count != 60 {
		t.Errorf("ledger: %v, %v", ledger, err)
	}
}
