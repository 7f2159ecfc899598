package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

func testAuditPage(t *testing.T, s *store.Store, _ *clock) {
	ctx := t.Context()
	for i := range 7 {
		e := store.AuditEntry{At: day(i + 1), Actor: "one", Account: "1", Operation: "CreateFilter", Status: 200}
		if i%2 == 1 {
			e.Actor, e.Account, e.Operation = `it's "two"`, "2", "DeleteFilter"
		}
		if _, err := s.BeginAudit(ctx, e); err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct {
		q       store.AuditQuery
		account string
		before  int64
		want    []int64
		more    bool
	}{
		"newest":     {q: store.AuditQuery{Limit: 3}, want: []int64{7, 6, 5}, more: true},
		"older":      {q: store.AuditQuery{Limit: 3}, before: 5, want: []int64{4, 3, 2}, more: true},
		"last":       {q: store.AuditQuery{Limit: 3}, before: 4, want: []int64{3, 2, 1}},
		"actor":      {q: store.AuditQuery{Limit: 9, Actor: `it's "two"`}, want: []int64{6, 4, 2}},
		"operation":  {q: store.AuditQuery{Limit: 9, Operation: "deletefilter"}, want: []int64{6, 4, 2}},
		"account":    {q: store.AuditQuery{Limit: 2}, account: "1", want: []int64{7, 5}, more: true},
		"time":       {q: store.AuditQuery{Limit: 9, Since: day(3), Until: day(5)}, want: []int64{4, 3}},
		"all at one": {q: store.AuditQuery{Limit: 9, Actor: "one", Operation: "CreateFilter", Since: day(4)}, account: "1", before: 7, want: []int64{5}},
		"none":       {q: store.AuditQuery{Limit: 9, Actor: "nobody"}},
	} {
		page, more, err := s.AuditPage(ctx, tt.q, tt.account, tt.before)
		var got []int64
		for _, e := range page {
			got = append(got, e.N)
		}
		if d := cmp.Diff(tt.want, got); err != nil || d != "" || more != tt.more {
			t.Errorf("%s: more %v, %v\n%s", name, more, err, d)
		}
	}
}

func testCountByType(t *testing.T, s *store.Store, _ *clock) {
	of := func(id, kind, account string, when time.Time, archived bool) *finding.Finding {
		return newFinding(id, when, func(f *finding.Finding) { f.Type, f.AccountID, f.Service.Archived = kind, account, archived })
	}
	putRecords(t, s, of("a", "A", "111122223333", day(1), false), of("b", "A", "222222222222", day(2), true), of("c", "B", "222222222222", day(3), false), of("d", "B", "222222222222", day(0), false))
	for account, want := range map[string]map[string]int64{"": {"A": 2, "B": 1}, "222222222222": {"A": 1, "B": 1}, "333333333333": {}} {
		got, err := s.CountByType(t.Context(), detectorID, account, day(1))
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Errorf("account %q: %v\n%s", account, err, d)
		}
	}
}

func testUsageDays(t *testing.T, s *store.Store, c *clock) {
	ctx := t.Context()
	add := func(source, account string, n int64) {
		err := s.Commit(ctx, func(tx *store.Tx) error {
			return tx.AddLedger([]store.LedgerRow{
				{Source: source, Account: account, Region: "r", Cluster: "a", Outcome: "evaluated", Count: n},
				{Source: source, Account: account, Region: "r", Cluster: "b", Outcome: "evaluated", Count: n},
				{Source: source, Account: account, Region: "r", Cluster: "b", Outcome: "dropped", Count: 99},
			})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	first := c.now()
	today := first.Truncate(24 * time.Hour)
	add("k8s-audit", "1", 5)
	add("dns", "2", 7)
	c.set(first.Add(24 * time.Hour))
	add("k8s-audit", "2", 11)
	for name, tt := range map[string]struct {
		from, to time.Time
		account  string
		want     []store.UsageDay
	}{
		"all":     {first, c.now(), "", []store.UsageDay{{Day: today, Source: "dns", Count: 14}, {Day: today, Source: "k8s-audit", Count: 10}, {Day: today.AddDate(0, 0, 1), Source: "k8s-audit", Count: 22}}},
		"account": {first, c.now(), "2", []store.UsageDay{{Day: today, Source: "dns", Count: 14}, {Day: today.AddDate(0, 0, 1), Source: "k8s-audit", Count: 22}}},
		"one day": {first, first, "1", []store.UsageDay{{Day: today, Source: "k8s-audit", Count: 10}}},
		"before":  {first.AddDate(0, 0, -9), first.AddDate(0, 0, -1), "", nil},
	} {
		got, err := s.UsageDays(ctx, tt.from, tt.to, tt.account)
		if d := cmp.Diff(tt.want, got); err != nil || d != "" {
			t.Errorf("%s: %v\n%s", name, err, d)
		}
	}
}
