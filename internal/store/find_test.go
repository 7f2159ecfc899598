package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// found is what a search looks at in a finding, told without a store.
type found struct {
	*finding.Finding
	texts []string
}

func lookedAt(t testing.TB, f *finding.Finding) found {
	t.Helper()
	flat, err := finding.Flatten(f)
	if err != nil {
		t.Fatal(err)
	}
	out := found{f, []string{f.Type}}
	for _, path := range store.FindFields() {
		for _, v := range flat[path] {
			out.texts = append(out.texts, v.Text)
		}
	}
	return out
}

// has says whether a search for words should find it.
func (f found) has(words []string) bool {
	return !slices.ContainsFunc(words, func(w string) bool {
		lower := strings.ToLower(w)
		return !slices.ContainsFunc(f.texts, func(s string) bool { return strings.Contains(s, w) || strings.Contains(strings.ToLower(s), lower) }) &&
			f.AccountID != w && (len(w) < 6 || !strings.HasPrefix(f.ID, w))
	})
}

// testFind searches for words that few and that many findings have, with
// criteria and without, page by page, and compares with what each finding says.
func testFind(t *testing.T, s *store.Store, _ *clock) {
	var fs []*finding.Finding
	var all []found
	for i := range 2300 { // more than one page looks at
		f := benchFinding(i)
		f.AccountID = []string{"111122223333", "222222222222"}[i%2]
		switch i {
		case 7:
			f.Resource.KubernetesDetails.KubernetesUserDetails.Username = "Ünusual_%user of " + strings.Repeat("long ", 60) + "NAME"
		case 8:
			f.ID = "abcdef0123456789"
		}
		fs = append(fs, f)
		all = append(all, lookedAt(t, f))
	}
	putRecords(t, s, fs...)
	current := finding.Criteria{"service.archived": is("false")}
	for _, tc := range []struct {
		c     finding.Criteria
		sort  finding.Sort
		words []string
	}{
		{words: []string{"nobody"}},
		{words: []string{"POD-77"}},
		{words: []string{"pod-1"}, c: current},
		{words: []string{"pod-1", "cluster-3"}, c: current, sort: finding.Sort{Field: "severity", Descending: true}},
		{words: []string{"user-1", "ns-1", "10.1."}},
		{words: []string{"execution"}, c: current, sort: finding.Sort{Field: "id"}},
		{words: []string{"kubernetes"}, c: finding.Criteria{"type": {Matches: []string{"*Privileged*"}}}},
		{words: []string{"k", "e"}, sort: finding.Sort{Field: "resource.kubernetesDetails.kubernetesUserDetails.username"}},
		{words: []string{"Ünusual_%USER"}}, {words: []string{"n%l"}}, {words: []string{"ns_1"}}, {words: []string{"name"}},
		{words: []string{"abcdef"}}, {words: []string{"abcde"}},
		{words: []string{"222222222222"}, c: current}, {words: []string{"222222222222", "cluster-1"}},
		{words: nil, c: finding.Criteria{"severity": {GreaterThanOrEqual: number(9)}}},
	} {
		var wanted, got []string
		for _, f := range all {
			if match, err := tc.c.Match(f.Finding); err != nil {
				t.Fatal(err)
			} else if match && f.has(tc.words) {
				wanted = append(wanted, f.ID)
			}
		}
		q := finding.Query{DetectorID: detectorID, Criteria: tc.c, Sort: tc.sort, Limit: 300}
		for pages := 0; ; pages++ {
			ids, next, err := s.FindFindings(t.Context(), q, tc.words)
			if err != nil || len(ids) > 300 || pages > 20 {
				t.Fatalf("%q: page %d has %d, %v", tc.words, pages, len(ids), err)
			}
			if got = append(got, ids...); next == "" {
				break
			}
			q.After = next
		}
		q.After, q.Limit = "", len(fs)
		ordered, _, err := s.ListFindings(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		wanted = slices.DeleteFunc(ordered, func(id string) bool { return !slices.Contains(wanted, id) }) // in their order
		if !slices.Equal(got, wanted) {
			t.Errorf("%q: got %d findings, want %d, or in another order", tc.words, len(got), len(wanted))
		}
	}
	_, next, err := s.FindFindings(t.Context(), finding.Query{DetectorID: detectorID, Limit: 1}, []string{"pod"})
	if err != nil || next == "" {
		t.Fatal(next, err)
	}
	for _, q := range []finding.Query{{DetectorID: detectorID, After: next, Criteria: current}, {DetectorID: detectorID, After: "x"}} {
		if _, _, err := s.FindFindings(t.Context(), q, []string{"pod"}); !errors.Is(err, finding.ErrBadToken) {
			t.Errorf("a token of another search: %v", err)
		}
	}
	if _, _, err := s.FindFindings(t.Context(), finding.Query{DetectorID: detectorID, After: next}, []string{"pods"}); !errors.Is(err, finding.ErrBadToken) {
		t.Errorf("a token of other words: %v", err)
	}
	if ids, _, err := s.FindFindings(t.Context(), finding.Query{DetectorID: "another"}, []string{"pod"}); err != nil || len(ids) > 0 {
		t.Errorf("another detector has %d, %v", len(ids), err)
	}
}

func testFindSince(t *testing.T, s *store.Store, _ *clock) {
	count := func(since int64, c finding.Criteria, words ...string) int {
		t.Helper()
		n, err := s.CountFindingsSince(t.Context(), finding.Query{DetectorID: detectorID, Criteria: c, Limit: 30}, words, since)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	newest := func() int64 {
		t.Helper()
		n, err := s.NewestFinding(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := count(newest(), nil); n != 0 {
		t.Errorf("an empty store has %d", n)
	}
	put := func(from, to int) {
		var fs []*finding.Finding
		for i := from; i < to; i++ {
			fs = append(fs, benchFinding(i))
		}
		putRecords(t, s, fs...)
	}
	put(10, 20)
	before := newest()
	put(0, 10) // older than the others, and yet new
	put(10, 12)
	for _, tc := range []struct{ got, want int }{
		{count(before, nil), 10}, {count(0, nil), 20}, {count(newest(), nil), 0},
		{count(before, finding.Criteria{"severity": {GreaterThanOrEqual: number(9)}}), 1},
		{count(before, nil, "pod-3"), 1}, {count(before, nil, "pod-13"), 0}, {count(0, nil, "pod-13"), 1}, {count(before, nil, "pod", "kubernetes"), 10},
	} {
		if tc.got != tc.want {
			t.Errorf("counted %d, want %d", tc.got, tc.want)
		}
	}
	put(20, 80)
	if n := count(before, nil); n != 30 {
		t.Errorf("counted %d, want no more than the limit", n)
	}
}

func testCountByDay(t *testing.T, s *store.Store, _ *clock) {
	at := func(id string, when time.Time, severity float64, change func(*finding.Finding)) *finding.Finding {
		return newFinding(id, when, func(f *finding.Finding) {
			f.Severity = severity
			change(f)
		})
	}
	same := func(*finding.Finding) {}
	putRecords(t, s,
		at("a", day(1), 9, same), at("b", day(1).Add(24*time.Hour-time.Millisecond), 5.5, same), at("c", day(3), 2, same),
		at("d", day(1), 9, func(f *finding.Finding) { f.Service.Archived = true }),
		at("e", day(1), 7, func(f *finding.Finding) { f.AccountID = "222222222222" }),
		at("f", day(0), 9, same), at("g", day(4), 9, same))
	for account, want := range map[string]string{"": "[[1 1 1] [1 2 3] [0 0 0] [0 0 1]]", "222222222222": "[[0 0 0] [0 1 1] [0 0 0] [0 0 0]]", "333333333333": "[[0 0 0] [0 0 0] [0 0 0] [0 0 0]]"} {
		got, err := s.CountByDay(t.Context(), detectorID, account, day(1), 3, []float64{9, 7, 0})
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("account %q: %v, %v; want %s", account, got, err, want)
		}
	}
}

func BenchmarkFind(b *testing.B) { benchBoth(b, 100_000, benchFind) }

func benchFind(b *testing.B, s *store.Store) {
	current := finding.Criteria{"service.archived": is("false")}
	for _, bm := range []struct {
		name  string
		words []string
	}{
		{"nothing", []string{"nobody"}}, {"one", []string{"pod-12345"}}, {"many", []string{"pod-12"}}, {"all", []string{"kubernetes"}},
		{"two", []string{"cluster-3", "user-77"}}, {"apart", []string{"exec", "privileged"}},
	} {
		b.Run(bm.name, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := s.FindFindings(b.Context(), finding.Query{DetectorID: detectorID, Criteria: current}, bm.words); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("days", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.CountByDay(b.Context(), detectorID, "", day(60), 30, []float64{9, 7, 4, 0}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
