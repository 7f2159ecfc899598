package store_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
	"github.com/vedette-project/vedette/internal/testbed"
)

// fillStore puts something into every table.
func fillStore(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := t.Context()
	want(t, "detector", s.CreateDetector(ctx, finding.Detector{ID: detectorID, Account: "1", Region: "r", CreatedAt: day(1)}), nil)
	want(t, "detector", s.CreateDetector(ctx, finding.Detector{ID: "gone"}), nil)
	want(t, "detector", s.DeleteDetector(ctx, "gone"), nil)
	want(t, "filter", s.CreateFilter(ctx, finding.Filter{DetectorID: detectorID, Name: "f", Action: "ARCHIVE", Rank: 1}), nil)
	bad := store.List{ID: "bad", Kind: store.ThreatIntelSet, Name: "bad\x00", Status: store.ListActivating, Wish: 1}
	putList(t, s, bad)
	settle(t, s, bad, store.ListOutcome{Status: store.ListActive, Content: content("11", "a\x00b")})
	var fs []*finding.Finding
	for i := range 300 {
		f := newFinding(fmt.Sprintf("f%03d", i), day(i%9))
		f.Resource.EKSClusterDetails.Name = fmt.Sprintf("c\x00%d", i%7)
		fs = append(fs, f)
	}
	putRecords(t, s, fs...)
	want(t, "sample", s.PutFindings(ctx, detectorID, []*finding.Finding{newFinding("sample", day(1))}), nil)
	want(t, "archive", s.SetArchived(ctx, detectorID, []string{"f003", "f004"}, true), nil)
	want(t, "feedback", s.SetFeedback(ctx, detectorID, []string{"f005"}, "USEFUL", "a\x00b\x01c"), nil)
	want(t, "key", s.PutKey(ctx, store.Key{ID: "k", Role: "admin", Sealed: []byte{0, 1, 255}, CreatedAt: day(1), Account: "222222222222"}), nil)
	_, err := s.BeginAudit(ctx, store.AuditEntry{At: day(1), Actor: "k", Operation: "CreateMembers"})
	want(t, "audit", err, nil)
	want(t, "rules", s.PutRules(ctx, []store.RuleInfo{{Rule: "a", Version: "1", Title: "A"}}), nil)
	want(t, "rule mode", s.ChangeRuleModes(ctx, func([]store.RuleMode) (*store.RuleMode, string, error) {
		return &store.RuleMode{ID: "x", Rule: "a", Mode: store.RuleDryRun}, "", nil
	}), nil)
	if _, err := s.StepPublish(ctx, store.PublishStep{
		Target: "t", Cursor: "publish:t", To: []byte("1.1.1"), Status: []byte("{}"), Items: []store.PublishItem{{Key: "k", Told: day(1), Data: []byte("{}")}},
		Dead: []store.DeadLetter{{Event: "e", Data: []byte("{}"), At: day(1)}},
	}); err != nil {
		t.Fatal(err)
	}
	want(t, "destination", s.ChangeDestinations(ctx, detectorID, func([]store.Destination) (*store.Destination, bool, error) {
		return &store.Destination{ID: "d"}, false, nil
	}), nil)
	resize(t, s, 3)
	sh := claim(t, s, 1, "a")
	key := store.SourceKey{Source: "k8s-audit", Cluster: "prod"}
	want(t, "commit", s.Commit(ctx, func(tx *store.Tx) error {
		_, err := tx.SetSourceStatus(key, store.Unhealthy, "silent")
		return errors.Join(err,
			tx.AddHidden(store.Hidden{DetectorID: detectorID, Filter: "f", Type: "t", Count: 3, First: day(1), Last: day(2)}),
			tx.PutMember(store.Member{Account: "222222222222", Status: store.MemberEnabled, UpdatedAt: day(1)}),
			tx.Rebase(1, sh.Epoch, "journal", 4), tx.Advance(1, sh.Epoch, 4, 9),
			tx.PutState("scope", "model", []byte{1, 0, 2}), tx.PutCursor("file", nil), tx.PutCursor("s3", []byte("x")),
			tx.AddLedger([]store.LedgerRow{{Source: "a", Outcome: "evaluated", Count: 7, First: day(1), Last: day(2).Add(1)}, {Source: "b", Count: 1}}),
			tx.PutNode(&store.Node{NodeKey: store.NodeKey{Cluster: "prod", Name: "node-a"}, Sensor: "vedette", Heard: day(1), Missing: []string{"x"}}),
			tx.AddRuleCounts(1, []store.RuleCount{{Rule: "a", Version: "1", Matched: 3, Last: day(2), Took: 5}}),
			tx.AddSeen("scope", 3, []byte{9, 0, 9}), tx.AddSeen("scope", 4, nil), tx.TouchSource(key, day(1), day(2)),
			tx.SetAside(store.SetAside{Shard: 1, Position: 8, Stream: "s", Reason: "panic", Data: []byte("{}"), At: day(3)}))
	}), nil)
}

// contents are all that a store can be asked for.
func contents(t *testing.T, s *store.Store) map[string]any {
	t.Helper()
	ctx := t.Context()
	out := map[string]any{}
	put := func(name string, v any, err error) {
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out[name] = v
	}
	v1, err := s.Detectors(ctx)
	put("detectors", v1, err)
	v2, err := s.Filters(ctx, detectorID)
	put("filters", v2, err)
	hidden, err := s.Hidden(ctx, detectorID)
	put("hidden", hidden, err)
	active, generation, err := s.ActiveLists(ctx)
	put("lists", active, err)
	put("generation", generation, err)
	ids, _, err := s.ListFindings(ctx, finding.Query{DetectorID: detectorID, Limit: 1000})
	put("ids", ids, err)
	v3, err := s.Findings(ctx, detectorID, ids, finding.Sort{})
	put("findings", v3, err)
	some, _, err := s.ListFindings(ctx, finding.Query{DetectorID: detectorID, Limit: 1000,
		Criteria: finding.Criteria{"resource.eksClusterDetails.name": is("c\x003"), "service.archived": is("false")}})
	put("found", some, err)
	v4, err := s.Keys(ctx)
	put("keys", v4, err)
	v5, err := s.Ledger(ctx)
	put("ledger", v5, err)
	rules, err := s.RuleStatuses(ctx)
	put("rules", rules, err)
	modes, generationOfModes, err := s.RuleModes(ctx)
	put("rule modes", modes, err)
	put("rule modes' generation", generationOfModes, err)
	v6, err := s.Sources(ctx)
	put("sources", v6, err)
	v12, err := s.Nodes(ctx, time.Unix(0, 0))
	put("nodes", v12, err)
	v13, err := s.Members(ctx)
	put("members", v13, err)
	v14, err := s.Audit(ctx, store.AuditQuery{})
	put("audit", v14, err)
	v15, err := s.Usage(ctx, time.Unix(0, 0), day(900))
	put("usage", v15, err)
	v7, err := s.SetAsides(ctx, 10)
	put("set aside", v7, err)
	v8, err := s.Changes(ctx, "", 1000)
	for i := range v8 {
		v8[i].Cursor = ""
	}
	put("changes", v8, err)
	v9, err := s.State(ctx, "scope", "model")
	put("state", v9, err)
	v10, err := s.Cursor(ctx, "s3")
	put("cursor", v10, err)
	v11, err := s.Shards(ctx)
	for i := range v11 {
		v11[i] = store.Shard{N: v11[i].N, Epoch: v11[i].Epoch}
	}
	put("shards", v11, err)
	want(t, "read", s.Commit(ctx, func(tx *store.Tx) error {
		rec, err := tx.Finding("identity of f007")
		put("record", rec, err)
		gone, err := tx.Detector("gone")
		put("deleted", gone, err)
		seen := ""
		err = tx.Seen("scope", func(generation int64, keys []byte) error {
			seen += fmt.Sprint(generation, keys)
			return nil
		})
		put("seen", seen, err)
		return nil
	}), nil)
	return out
}

// TestCopy moves a store to PostgreSQL and back.
func TestCopy(t *testing.T) {
	server := testbed.Postgres(t)
	file := openAt(t, filepath.Join(t.TempDir(), "first.db"), options())
	fillStore(t, file)
	before := contents(t, file)
	cursor := ""
	for i, s := range []*store.Store{openURL(t, server.URL("copy"), options()), openAt(t, filepath.Join(t.TempDir(), "second.db"), options()),
		openURL(t, server.URL("again"), options())} {
		total := int64(0)
		want(t, "copy", store.Copy(t.Context(), file, s, func(_ string, n int64) { total += n }), nil)
		if total < 600 {
			t.Errorf("only %d rows were told of", total)
		}
		if d := cmp.Diff(before, contents(t, s), cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(finding.Record{})); d != "" {
			t.Fatalf("copy %d: %s", i, d)
		}
		intact(t, s)
		for _, sh := range shards(t, s) {
			if sh != (store.Shard{N: sh.N, Epoch: sh.Epoch}) {
				t.Errorf("a worker or a place in its journal came along: %+v", sh)
			}
		}
		want(t, "copy again", store.Copy(t.Context(), file, s, nil), store.ErrNotEmpty)

		// It goes on as it did, and followers read on where they were.
		all := changes(t, s, "")
		if cursor != "" {
			if list := changes(t, s, cursor); len(list) != 1 {
				t.Errorf("copy %d: %d changes after the cursor of the former store, want 1", i, len(list))
			}
		}
		cursor = all[len(all)-1].Cursor
		f := newFinding(fmt.Sprint("new", i), day(1))
		putRecords(t, s, f)
		if list := changes(t, s, cursor); len(list) != 1 || list[0].ID != f.ID {
			t.Errorf("copy %d: after it %+v", i, list)
		}
		want(t, "commit", s.Commit(t.Context(), func(tx *store.Tx) error {
			return errors.Join(tx.AddSeen("scope", 5, []byte{1}), tx.SetAside(store.SetAside{Stream: fmt.Sprint(i), At: day(4)}))
		}), nil)
		file, before = s, contents(t, s)
	}
}
