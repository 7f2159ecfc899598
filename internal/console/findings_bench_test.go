package console_test

import (
	"testing"

	"github.com/vedette-project/vedette/internal/access"
)

// BenchmarkFindings is what the overview and the list take with 100,000
// findings: to the last byte, which comes right after the first.
func BenchmarkFindings(b *testing.B) {
	d := newBed(b)
	d.fill(manyFindings)
	benchFindings(b, d)
}

func benchFindings(b *testing.B, d *bed) {
	p := d.as(access.RoleAdmin)
	for _, bm := range []struct{ name, path string }{
		{"overview", "/console/"},
		{"list", "/console/findings"},
		{"high", "/console/findings?severity=High"},
		{"type", "/console/findings?type=Execution:Kubernetes/ExecInKubeSystemPod&severity=Critical&severity=High"},
		{"day", "/console/findings?from=2026-02-03&to=2026-02-03"},
		{"apart", "/console/findings?severity=Critical&severity=Low"},
		{"user", "/console/findings?f=resource.kubernetesDetails.kubernetesUserDetails.username:eq:user-77"},
		{"common", "/console/findings?f=resource.eksClusterDetails.name:eq:cluster-3"},
		{"not", "/console/findings?f=resource.eksClusterDetails.name:neq:cluster-3"},
		{"pattern", "/console/findings?f=type:matches:*/Malicious*"},
		{"patternNone", "/console/findings?f=resource.instanceDetails.instanceId:matches:*nothing*"},
		{"bySeverity", "/console/findings?sort=-severity"},
		{"byType", "/console/findings?sort=type"},
		{"byAccount", "/console/findings?sort=accountId"},
		{"byCount", "/console/findings?sort=-service.count"},
		{"searchNothing", "/console/findings?q=nobody"},
		{"searchFew", "/console/findings?q=pod-12345"},
		{"searchMany", "/console/findings?q=pod-12"},
		{"searchAll", "/console/findings?q=kubernetes"},
		{"searchTwo", "/console/findings?q=cluster-3+user-77"},
		{"new", "/console/findings/new?since=99900"},
	} {
		size := p.page(bm.path).Body.Len()
		b.Run(bm.name, func(b *testing.B) {
			for b.Loop() {
				p.page(bm.path)
			}
			b.ReportMetric(float64(size), "B/page")
		})
	}
}
