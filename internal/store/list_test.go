package store_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// pages reads a whole list in pages of n.
func pages(t testing.TB, s *store.Store, q finding.Query, n int, between func()) (all []string) {
	t.Helper()
	q.Limit = n
	for {
		ids, next, err := s.ListFindings(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if len(ids) > n || next != "" && len(ids) != n {
			t.Fatalf("page of %d, limit %d, next %q", len(ids), n, next)
		}
		if all = append(all, ids...); len(all) > 10_000 {
			t.Fatal("the pages do not end")
		}
		if next == "" {
			return all
		}
		q.After = next
		if between != nil {
			between()
		}
	}
}

func testListOrder(t *testing.T, s *store.Store, _ *clock) {
	// Names: severity, day, then the groups and the namespace, - for none.
	add := func(id string, severity float64, d int, namespace string, groups ...string) {
		f := newFinding(id, day(d))
		f.Severity = severity
		f.Resource.KubernetesDetails = &finding.KubernetesDetails{
			KubernetesUserDetails:     &finding.KubernetesUserDetails{Groups: groups},
			KubernetesWorkloadDetails: &finding.KubernetesWorkloadDetails{Namespace: namespace},
		}
		putRecords(t, s, f)
	}
	add("a", 8, 3, "kube-system", "z", "b")
	add("b", 2, 1, "", "c")
	add("c", 8, 2, "default")
	add("d", 5.5, 2, "", "a", "d")
	add("e", 10, 2, "Default\x00a")
	const (
		groups    = "resource.kubernetesDetails.kubernetesUserDetails.groups"
		namespace = "resource.kubernetesDetails.kubernetesWorkloadDetails.namespace"
	)
	for _, tt := range []struct{ field, asc, desc string }{
		{"", "aedcb", "aedcb"}, // the zero order is updatedAt, newest first
		{"updatedAt", "bcdea", "aedcb"},
		{"createdAt", "bcdea", "aedcb"},
		{"severity", "bdace", "ecadb"},
		{"id", "abcde", "edcba"},
		{"type", "abcde", "edcba"},
		{"service.archived", "abcde", "edcba"},
		{namespace, "bdeca", "acedb"},                      // those without come first; bytes, not letters
		{groups, "cedab", "badec"},                         // the smallest of many counts
		{"service.count", "abcde", "edcba"},                // a number of the side table
		{"service.additionalInfo.value", "abcde", "edcba"}, // a text that is not indexed, missing here
		{"resource.lambdaDetails.functionName", "abcde", "edcba"},
	} {
		for _, desc := range []bool{false, true} {
			want := tt.asc
			if desc {
				want = tt.desc
			}
			for _, n := range []int{1, 2, 5, 50} {
				q := finding.Query{DetectorID: detectorID, Sort: finding.Sort{Field: tt.field, Descending: desc}}
				got := ""
				for _, id := range pages(t, s, q, n, nil) {
					got += id
				}
				if got != want {
					t.Errorf("by %q, descending %t, pages of %d: %s, want %s", tt.field, desc, n, got, want)
				}
			}
		}
	}
}

func testListErrors(t *testing.T, s *store.Store, _ *clock) {
	for i := range 3 {
		putRecords(t, s, newFinding(fmt.Sprint(i), day(i)))
	}
	q := finding.Query{DetectorID: detectorID, Limit: 1, Criteria: finding.Criteria{"region": is("eu-west-1")}}
	_, token, err := s.ListFindings(t.Context(), q)
	if err != nil || token == "" {
		t.Fatalf("first page: %q, %v", token, err)
	}
	q.After = token
	q.Limit = 2 // the page size may change
	if ids, next, err := s.ListFindings(t.Context(), q); err != nil || !slices.Equal(ids, []string{"1", "0"}) || next != "" {
		t.Errorf("second page: %v, %q, %v", ids, next, err)
	}
	for name, change := range map[string]func(*finding.Query){
		"other detector":  func(q *finding.Query) { q.DetectorID = "other" },
		"other criteria":  func(q *finding.Query) { q.Criteria = nil },
		"other values":    func(q *finding.Query) { q.Criteria = finding.Criteria{"region": is("x")} },
		"other field":     func(q *finding.Query) { q.Sort.Field = "severity" },
		"other direction": func(q *finding.Query) { q.Sort.Descending = true },
		"rubbish":         func(q *finding.Query) { q.After = "rubbish!" },
		"cut":             func(q *finding.Query) { q.After = token[:len(token)-3] },
		"JSON null":       func(q *finding.Query) { q.After = "bnVsbA" },
		"key of a text":   func(q *finding.Query) { q.After = changeToken(t, token, "t", "x") },
		"broken number":   func(q *finding.Query) { q.After = changeToken(t, token, "n", 1.5) },
		"no key":          func(q *finding.Query) { q.After = changeToken(t, token, "", nil) },
	} {
		q := q
		change(&q)
		_, _, err := s.ListFindings(t.Context(), q)
		want(t, name, err, finding.ErrBadToken)
	}
	for name, q := range map[string]finding.Query{
		"unknown sort field": {Sort: finding.Sort{Field: "colour"}},
		"unknown field":      {Criteria: finding.Criteria{"colour": is("red")}},
		"bad value":          {Criteria: finding.Criteria{"severity": is("red")}},
	} {
		_, _, err := s.ListFindings(t.Context(), q)
		if ce := (*finding.CriteriaError)(nil); !errors.As(err, &ce) || ce.Field == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// changeToken forges a token with another key.
func changeToken(t *testing.T, text, name string, key any) string {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(text)
	var fields map[string]any
	if err := errors.Join(err, json.Unmarshal(b, &fields)); err != nil {
		t.Fatal(err)
	}
	delete(fields, "n")
	if name != "" {
		fields[name] = key
	}
	if b, err = json.Marshal(fields); err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func testPagingWhileAdding(t *testing.T, s *store.Store, _ *clock) {
	var before []string
	var fs []*finding.Finding
	for i := range 60 {
		id := fmt.Sprintf("f%03d", i)
		before = append(before, id)
		fs = append(fs, newFinding(id, day(i%7), func(f *finding.Finding) { f.Severity = float64(1 + i%3) }))
	}
	putRecords(t, s, fs...)
	added := 0
	for _, sort := range []finding.Sort{{}, {Field: "severity"}, {Field: "severity", Descending: true}, {Field: "id"},
		{Field: "service.count"}, {Field: "resource.eksClusterDetails.name", Descending: true}} {
		got := pages(t, s, finding.Query{DetectorID: detectorID, Sort: sort}, 9, func() {
			var fs []*finding.Finding
			for _, id := range []string{"a%d", "f030x%d", "z%d"} { // before, amid and after the others
				added++
				fs = append(fs, newFinding(fmt.Sprintf(id, added), day(added%9)))
			}
			putRecords(t, s, fs...)
		})
		seen := map[string]int{}
		for _, id := range got {
			seen[id]++
			if seen[id] > 1 {
				t.Errorf("by %v: %s came twice", sort, id)
			}
		}
		for _, id := range before {
			if seen[id] == 0 {
				t.Errorf("by %v: %s was left out", sort, id)
			}
		}
	}
}

// testRareValues asks for values that few, and that many, findings have: the
// two are read along different ways, which must not show.
func testRareValues(t *testing.T, s *store.Store, _ *clock) {
	var fs []*finding.Finding
	for i := range 1300 {
		fs = append(fs, newFinding(fmt.Sprintf("f%04d", i), day(0).Add(time.Duration(i)*time.Second), func(f *finding.Finding) {
			name := "common"
			if i%100 == 42 {
				name = "rare"
			}
			f.Resource.EKSClusterDetails.Name = name
		}))
	}
	putRecords(t, s, fs...)
	const name = "resource.eksClusterDetails.name"
	for _, tt := range []struct {
		c    finding.Condition
		want int
	}{{is("rare"), 13}, {is("common"), 1287}, {is("rare", "common"), 1300}, {is("none"), 0}, {finding.Condition{NotEquals: []string{"common"}}, 13}} {
		for _, sort := range []finding.Sort{{}, {Field: name}, {Field: "severity"}} {
			got := pages(t, s, finding.Query{DetectorID: detectorID, Criteria: finding.Criteria{name: tt.c}, Sort: sort}, 500, nil)
			if len(got) != tt.want {
				t.Errorf("%v by %v: %d findings, want %d", tt.c, sort, len(got), tt.want)
			}
			if sort.Field == "" && !slices.IsSortedFunc(got, func(a, b string) int { return -cmpText(a, b) }) {
				t.Errorf("%v is not in order", tt.c)
			}
		}
	}
}

func cmpText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func testStatistics(t *testing.T, s *store.Store, _ *clock) {
	add := func(id, account, typ string, severity float64, at time.Time, resource string) {
		putRecords(t, s, newFinding(id, at, func(f *finding.Finding) {
			f.AccountID, f.Type, f.Severity = account, typ, severity
			f.Resource = &finding.Resource{ResourceType: "Instance", InstanceDetails: &finding.InstanceDetails{InstanceID: resource}}
		}))
	}
	add("1", "1", "A", 8, day(1).Add(time.Hour), "i-1")
	add("2", "1", "A", 5, day(1).Add(23*time.Hour), "i-1")
	add("3", "1", "B", 5, day(2), "i-2")
	add("4", "2", "C", 2, day(3), "i-1")
	want(t, "archive", s.SetArchived(t.Context(), detectorID, []string{"4"}, true), nil)
	for _, tt := range []struct {
		name  string
		c     finding.Criteria
		group finding.GroupBy
		order string
		limit int
		want  []finding.Group
	}{
		{"account", nil, finding.GroupByAccount, "DESC", 0, []finding.Group{
			{AccountID: "1", Total: 3, LastGenerated: day(2)}, {AccountID: "2", Total: 1, LastGenerated: day(3)}}},
		{"account, fewest first", nil, finding.GroupByAccount, "ASC", 1, []finding.Group{{AccountID: "2", Total: 1, LastGenerated: day(3)}}},
		{"active", finding.Criteria{"service.archived": is("false")}, finding.GroupByAccount, "", 9, []finding.Group{
			{AccountID: "1", Total: 3, LastGenerated: day(2)}}},
		{"day", nil, finding.GroupByDate, "DESC", 2, []finding.Group{
			{Date: day(1), Severity: 8, Total: 2, LastGenerated: day(1).Add(23 * time.Hour)},
			{Date: day(2), Severity: 5, Total: 1, LastGenerated: day(2)}}},
		{"type", nil, finding.GroupByType, "ASC", 2, []finding.Group{
			{Type: "B", Severity: 5, Total: 1, LastGenerated: day(2)}, {Type: "C", Severity: 2, Total: 1, LastGenerated: day(3)}}},
		{"resource", nil, finding.GroupByResource, "DESC", 0, []finding.Group{
			{ResourceID: "i-1", ResourceType: "Instance", AccountID: "1", Total: 2, LastGenerated: day(1).Add(23 * time.Hour)},
			{ResourceID: "i-1", ResourceType: "Instance", AccountID: "2", Total: 1, LastGenerated: day(3)},
			{ResourceID: "i-2", ResourceType: "Instance", AccountID: "1", Total: 1, LastGenerated: day(2)}}},
		{"severity", nil, finding.GroupBySeverity, "DESC", 0, []finding.Group{
			{Severity: 5, Total: 2, LastGenerated: day(2)}, {Severity: 2, Total: 1, LastGenerated: day(3)},
			{Severity: 8, Total: 1, LastGenerated: day(1).Add(time.Hour)}}},
	} {
		got, err := s.Statistics(t.Context(), detectorID, tt.c, tt.group, tt.order, tt.limit)
		if d := cmp.Diff(tt.want, got); err != nil || d != "" {
			t.Errorf("%s: %v\n%s", tt.name, err, d)
		}
	}
	for _, bad := range []struct{ group, order string }{{"COLOUR", "ASC"}, {"DATE", "UP"}} {
		if _, err := s.Statistics(t.Context(), detectorID, nil, finding.GroupBy(bad.group), bad.order, 0); err == nil {
			t.Errorf("%v gave no error", bad)
		}
	}
}
