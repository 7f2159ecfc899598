package console_test

import (
	"maps"
	"net/url"
	"slices"
	"testing"

	"github.com/vedette-project/vedette/internal/access"
)

// BenchmarkPages is the time to the first byte, which is also that to the last,
// of every kind of page with 100,000 findings: those that links lead to, and lists that are
// filtered by what has an index and by what has none.
func BenchmarkPages(b *testing.B) {
	bd := newBed(b)
	bd.fill(manyFindings)
	p := bd.as(access.RoleAdmin)
	paths := map[string]string{}
	p.walk(func(at, shape string, _ *reply) {
		if _, again := paths[shape]; !again {
			paths[shape] = at
		}
	})
	filter := func(q string) string { return "/console/findings?" + q }
	paths["filter by severity"] = filter("severity=High")
	paths["filter by a user"] = filter("f=" + url.QueryEscape("resource.kubernetesDetails.kubernetesUserDetails.username:eq:user-17"))
	paths["filter by a pattern"] = filter("f=" + url.QueryEscape("resource.kubernetesDetails.kubernetesUserDetails.username:matches:*-17*"))
	paths["filter by several"] = filter("severity=High&archived=all&type=" + url.QueryEscape("Policy:Kubernetes/AnonymousAccessGranted") + "&from=2026-01-10&to=2026-01-20")
	paths["filter that matches nothing"] = filter("f=" + url.QueryEscape("service.count:gt:1000000"))
	paths["search for a name"] = filter("q=user-17")
	paths["search for nothing"] = filter("q=nosuchname")
	paths["sort by count"] = filter("sort=-service.count")
	for _, name := range slices.Sorted(maps.Keys(paths)) {
		at := paths[name]
		b.Run(name, func(b *testing.B) {
			size := 0
			for b.Loop() {
				size = p.page(at).Body.Len()
			}
			b.ReportMetric(float64(size), "bytes")
		})
	}
}
