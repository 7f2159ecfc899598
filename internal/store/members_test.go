package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

func testMembers(t *testing.T, s *store.Store, _ *clock) {
	ctx := t.Context()
	b := store.Member{Account: "222222222222", Email: "b@example.com", Status: store.MemberInvited, InvitationID: "i", InvitedAt: day(1), UpdatedAt: day(1)}
	a := store.Member{Account: "111111111111", Status: store.MemberEnabled, Organization: true, UpdatedAt: day(2)}
	want(t, "put", s.Administer(ctx, func(tx *store.Tx) error { return errors.Join(tx.PutMember(b), tx.PutMember(a)) }), nil)
	all, err := s.Members(ctx)
	if d := cmp.Diff([]store.Member{a, b}, all); err != nil || d != "" {
		t.Errorf("members: %v\n%s", err, d)
	}
	b.Status = store.MemberEnabled
	failed := errors.New("no")
	want(t, "change and fail", s.Administer(ctx, func(tx *store.Tx) error { return errors.Join(tx.PutMember(b), failed) }), failed)
	want(t, "delete", s.Administer(ctx, func(tx *store.Tx) error {
		got, err := tx.Member(b.Account)
		if err != nil || got.Status != store.MemberInvited {
			t.Errorf("after a change that failed: %+v, %v", got, err)
		}
		inside, err := tx.Members()
		if err != nil || len(inside) != 2 {
			t.Errorf("%d members inside, %v", len(inside), err)
		}
		return errors.Join(err, tx.DeleteMember(b.Account))
	}), nil)
	_, err = s.Member(ctx, b.Account)
	want(t, "a member that was deleted", err, finding.ErrNotFound)
	if !a.Associated() || (&store.Member{Status: store.MemberResigned}).Associated() {
		t.Error("who is associated?")
	}
	fresh := finding.Detector{ID: "d1", Account: a.Account, Region: "r", Enabled: true}
	for range 2 { // made, then changed
		want(t, "change a detector", s.Administer(ctx, func(tx *store.Tx) error {
			return tx.ChangeDetector(fresh, func(d *finding.Detector) error { d.Frequency += "x"; return nil })
		}), nil)
	}
	want(t, "live", s.Administer(ctx, func(tx *store.Tx) error {
		live, err := tx.LiveDetectors()
		if len(live) != 1 || live[0].Frequency != "xx" {
			t.Errorf("detectors %+v", live)
		}
		return err
	}), nil)
}

func testOrganization(t *testing.T, s *store.Store, _ *clock) {
	ctx := t.Context()
	none, err := s.Organization(ctx)
	if d := cmp.Diff(store.Organization{}, none); err != nil || d != "" {
		t.Errorf("at first: %v\n%s", err, d)
	}
	o := store.Organization{Admin: "111111111111", AutoEnable: "NEW", Since: day(1), UpdatedAt: day(2),
		Features: map[string]store.OrganizationFeature{"RUNTIME_MONITORING": {AutoEnable: "ALL", Additional: map[string]string{"EC2_AGENT_MANAGEMENT": "NEW"}}}}
	want(t, "put", s.Administer(ctx, func(tx *store.Tx) error { return tx.PutOrganization(o) }), nil)
	got, err := s.Organization(ctx)
	if d := cmp.Diff(o, got); err != nil || d != "" {
		t.Errorf("then: %v\n%s", err, d)
	}
	_, err = s.ScanSettings(ctx, "d")
	want(t, "no settings", err, finding.ErrNotFound)
	want(t, "put settings", s.PutScanSettings(ctx, "d", []byte(`{}`)), nil)
	if data, err := s.ScanSettings(ctx, "d"); err != nil || string(data) != `{}` {
		t.Errorf("settings %s, %v", data, err)
	}
}

// testUsage: what was evaluated counts, on the day of the work.
func testUsage(t *testing.T, s *store.Store, c *clock) {
	ctx := t.Context()
	add := func(source string, n int64) {
		t.Helper()
		want(t, "add", s.Commit(ctx, func(tx *store.Tx) error {
			return tx.AddLedger([]store.LedgerRow{
				{Source: source, Account: "1", Region: "r", Cluster: "c", Outcome: "evaluated", Count: n, First: day(-90), Last: day(-80)},
				{Source: source, Account: "1", Region: "r", Cluster: "c", Outcome: "evaluated", Reason: "learned", Count: 1},
				{Source: source, Account: "1", Region: "r", Cluster: "c", Outcome: "received", Count: n},
				{Source: source, Account: "1", Region: "r", Cluster: "c", Outcome: "dropped", Reason: "x", Count: 5},
			})
		}), nil)
	}
	c.set(day(1).Add(time.Hour))
	add("a", 10)
	add("a", 20)
	c.set(day(2).Add(23 * time.Hour))
	add("a", 100)
	add("b", 3)
	count := func(from, to int) (n int64) {
		t.Helper()
		list, err := s.Usage(ctx, day(from), day(to))
		want(t, "read", err, nil)
		for _, u := range list {
			n += u.Count
		}
		return n
	}
	if one, two, both, none := count(1, 1), count(2, 2), count(1, 2), count(3, 9); one != 32 || two != 105 || both != 137 || none != 0 {
		t.Errorf("%d on one day, %d on the other, %d on both, %d later", one, two, both, none)
	}
	list, err := s.Usage(ctx, day(1), day(2))
	key := store.SourceKey{Source: "a", Account: "1", Region: "r", Cluster: "c"}
	if err != nil || len(list) != 2 || list[0] != (store.Usage{SourceKey: key, Count: 133}) {
		t.Errorf("usage %+v, %v", list, err)
	}
	want(t, "prune", s.PruneAudit(ctx, day(2)), nil)
	if n := count(1, 2); n != 105 {
		t.Errorf("%d are left of what is not old", n)
	}
}

func testAudit(t *testing.T, s *store.Store, _ *clock) {
	ctx := t.Context()
	var numbers []int64
	for i := range 4 {
		e := store.AuditEntry{At: day(i), Actor: "k" + string(rune('0'+i%2)), Operation: "Op", Target: "a\x00b"}
		n, err := s.BeginAudit(ctx, e)
		want(t, "begin", err, nil)
		numbers = append(numbers, n)
		if i == 2 { // this one never ends
			continue
		}
		e.Status, e.Code = 200+i, "C"
		want(t, "end", s.EndAudit(ctx, n, e), nil)
	}
	want(t, "end of none", s.EndAudit(ctx, 999, store.AuditEntry{}), finding.ErrNotFound)
	read := func(q store.AuditQuery) (statuses []int) {
		t.Helper()
		list, err := s.Audit(ctx, q)
		want(t, "read", err, nil)
		for _, e := range list {
			statuses = append(statuses, e.Status)
			if e.N == 0 || e.Target != "a\x00b" || e.At.IsZero() {
				t.Errorf("entry %+v", e)
			}
		}
		return statuses
	}
	for _, tc := range []struct {
		q    store.AuditQuery
		want []int
	}{
		{store.AuditQuery{}, []int{203, 0, 201, 200}},
		{store.AuditQuery{Limit: 2}, []int{203, 0}},
		{store.AuditQuery{Actor: "k1"}, []int{203, 201}},
		{store.AuditQuery{Actor: "k1", Limit: 1}, []int{203}},
		{store.AuditQuery{Operation: "oP", Since: day(1), Until: day(3)}, []int{0, 201}},
		{store.AuditQuery{Operation: "other"}, nil},
	} {
		if d := cmp.Diff(tc.want, read(tc.q)); d != "" {
			t.Errorf("%+v:\n%s", tc.q, d)
		}
	}
	want(t, "prune", s.PruneAudit(ctx, day(2)), nil)
	if d := cmp.Diff([]int{203, 0}, read(store.AuditQuery{})); d != "" {
		t.Errorf("after pruning:\n%s", d)
	}
	n, err := s.BeginAudit(ctx, store.AuditEntry{At: day(9), Target: "a\x00b"})
	if err != nil || n <= numbers[3] {
		t.Errorf("a number is used again: %d after %v, %v", n, numbers, err)
	}
}

func testAccountsOfKeys(t *testing.T, s *store.Store, _ *clock) {
	k := store.Key{ID: "K1", Role: "analyst", Sealed: []byte{1}, CreatedAt: day(1), Account: "222222222222"}
	want(t, "put", s.PutKey(t.Context(), k), nil)
	got, err := s.Key(t.Context(), k.ID)
	if d := cmp.Diff(k, got); err != nil || d != "" {
		t.Errorf("read: %v\n%s", err, d)
	}
}
