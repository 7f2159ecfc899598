package store_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

const (
	userField      = "resource.kubernetesDetails.kubernetesUserDetails.username"
	podField       = "resource.kubernetesDetails.kubernetesWorkloadDetails.name"
	namespaceField = "resource.kubernetesDetails.kubernetesWorkloadDetails.namespace"
	clusterField   = "resource.eksClusterDetails.name"
)

// testEntities: findings are found by what they name, by few values and by
// common ones, of one account and of all.
func testEntities(t *testing.T, s *store.Store, _ *clock) {
	var fs []*finding.Finding
	for i := range 1100 { // more than are few, all of one cluster
		fs = append(fs, newFinding(fmt.Sprintf("%04d", i), day(1+i%7), func(f *finding.Finding) {
			f.Service.Archived = i%10 == 0
			if i%2 == 1 {
				f.AccountID = "222222222222"
			}
			f.Resource.KubernetesDetails = &finding.KubernetesDetails{
				KubernetesUserDetails:     &finding.KubernetesUserDetails{Username: fmt.Sprintf("User-%d", i%550)},
				KubernetesWorkloadDetails: &finding.KubernetesWorkloadDetails{Name: fmt.Sprintf("pod-%d", i%3), Namespace: fmt.Sprintf("ns_%d", i%5)},
			}
		}))
	}
	putRecords(t, s, fs...)
	is := func(path, text string) store.FieldValue { return store.FieldValue{Path: path, Text: text} }
	for _, tc := range []struct {
		name    string
		account string
		any     [][]store.FieldValue
		limit   int
		want    int
	}{
		{"few", "", [][]store.FieldValue{{is(userField, "User-7")}}, 10, 2},
		{"none", "", [][]store.FieldValue{{is(userField, "nobody")}}, 10, 0},
		{"pair", "", [][]store.FieldValue{{is(podField, "pod-1"), is(namespaceField, "ns_2")}}, 1000, 73},
		{"either", "", [][]store.FieldValue{{is(userField, "User-7")}, {is(userField, "User-8")}, {is(userField, "User-7")}}, 10, 4},
		{"common", "", [][]store.FieldValue{{is(clusterField, "prod")}}, 2000, 250},
		{"commonLimit", "", [][]store.FieldValue{{is(clusterField, "prod")}}, 20, 20},
		{"commonOrFew", "", [][]store.FieldValue{{is(userField, "User-7")}, {is(clusterField, "prod")}}, 2000, 250},
		{"account", "222222222222", [][]store.FieldValue{{is(clusterField, "prod")}}, 2000, 250},
		{"nothingAsked", "", nil, 10, 0},
	} {
		got, more, err := s.Naming(t.Context(), store.NamingQuery{DetectorID: detectorID, Account: tc.account, AnyOf: tc.any, Limit: tc.limit})
		if err != nil || len(got) != tc.want || more != (tc.want == 20 || tc.want == 250) {
			t.Errorf("%s: %d findings and more %v, want %d, %v", tc.name, len(got), more, tc.want, err)
		}
		if !slices.IsSortedFunc(got, func(a, b store.NamedFinding) int { return b.Updated.Compare(a.Updated) }) {
			t.Errorf("%s: not the newest first", tc.name)
		}
	}
	if _, _, err := s.Naming(t.Context(), store.NamingQuery{DetectorID: detectorID, AnyOf: [][]store.FieldValue{{is("type", "x")}}, Limit: 1}); err == nil {
		t.Error("a field with a column of its own was looked up by its values")
	}

	newest := func(q store.EntityQuery) []store.NamedFinding {
		t.Helper()
		q.DetectorID, q.Paths = detectorID, []string{userField, podField}
		got, err := s.NewestNames(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	got := newest(store.EntityQuery{Limit: 30})
	if len(got) != 30 || got[0].Archived || len(got[0].Values[userField]) != 1 || len(got[0].Values[podField]) != 1 || got[0].Values[clusterField] != nil {
		t.Errorf("the newest: %d, %+v", len(got), got[0])
	}
	if got = newest(store.EntityQuery{Limit: 2000, Archived: true}); len(got) != 1100 {
		t.Errorf("with archived ones: %d", len(got))
	}
	if got = newest(store.EntityQuery{Limit: 2000, Account: "222222222222"}); len(got) != 550 {
		t.Errorf("of an account: %d", len(got))
	}
	if got = newest(store.EntityQuery{Limit: 100, Contains: "USER-54", Archived: true}); len(got) != 22 {
		t.Errorf("that contain a text: %d", len(got))
	}
	for _, text := range []string{"user_54", "%", "ns_", "!"} { // no patterns, and no values of other fields
		if got = newest(store.EntityQuery{Limit: 100, Contains: text, Archived: true}); len(got) != 0 {
			t.Errorf("that contain %q: %d", text, len(got))
		}
	}
}

func BenchmarkEntities(b *testing.B) { benchBoth(b, 100_000, benchEntities) }

func benchEntities(b *testing.B, s *store.Store) {
	naming := func(path, text string, limit int) func() (int, error) {
		return func() (int, error) {
			got, _, err := s.Naming(b.Context(), store.NamingQuery{DetectorID: detectorID, AnyOf: [][]store.FieldValue{{{Path: path, Text: text}}}, Limit: limit})
			return len(got), err
		}
	}
	newest := func(contains string, limit int) func() (int, error) {
		return func() (int, error) {
			got, err := s.NewestNames(b.Context(), store.EntityQuery{DetectorID: detectorID, Limit: limit, Contains: contains,
				Paths: []string{userField, podField, namespaceField, clusterField, "service.action.kubernetesApiCallAction.remoteIpDetails.ipAddressV4"}})
			return len(got), err
		}
	}
	for _, bm := range []struct {
		name string
		run  func() (int, error)
		want int
	}{
		{"rareUser", naming(userField, "user-77", 1000), 20},
		{"commonCluster", naming(clusterField, "cluster-3", 1000), 250},
		{"newest", newest("", 1000), 1000},
		{"containing", newest("user-499", 1000), 180},
		{"containingNothing", newest("nobody", 1000), 0},
	} {
		b.Run(bm.name, func(b *testing.B) {
			for b.Loop() {
				if n, err := bm.run(); err != nil || n != bm.want {
					b.Fatal(n, err)
				}
			}
		})
	}
}
