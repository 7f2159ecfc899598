package detect

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/rule"
)

// TestWhereAccountsCallFrom: calls of service accounts are from outside when
// nothing of the cluster calls from there; an engine
// that ends and comes back before every call says the same.
func TestWhereAccountsCallFrom(t *testing.T) {
	const node, web, ci = "system:node:n1", "system:serviceaccount:shop:web", "system:serviceaccount:ci:deployer"
	type call struct {
		after  time.Duration
		user   string
		from   string
		out    bool
		inside bool
	}
	for name, calls := range map[string][]call{
		"private nodes": {
			{0, node, "10.0.0.1", false, false}, {time.Second, web, "10.0.3.4", false, true}, {time.Minute, web, "198.51.100.7", true, true},
			{time.Minute, ci, "198.51.100.7", true, false}, {time.Hour, ci, "192.0.2.1", false, true}, {2 * time.Hour, "dana", "198.51.100.7", false, false},
		},
		"nothing is known of the nodes": {{0, web, "198.51.100.7", false, true}},
		"nodes behind NAT": {
			{0, node, "203.0.113.5", false, false}, {time.Minute, web, "203.0.113.5", false, true}, {2 * time.Minute, web, "203.0.113.6", false, true},
			{3 * time.Minute, node, "203.0.113.6", false, false}, {2 * time.Hour, web, "203.0.113.6", false, true}, {2 * time.Hour, web, "198.51.100.7", true, true},
		},
		"a header that anybody can write": {
			{0, node, "10.0.0.1", false, false}, {time.Minute, web, `198.51.100.7","10.0.3.4`, false, true}, {time.Minute, web, `10.0.3.4","198.51.100.7`, true, true},
		},
	} {
		start := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
		opts := Options{Durable: true, Own: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}
		e := New(opts)
		var logs []Run
		for i, c := range calls {
			at := start.Add(c.after)
			batch := auditEvents(t, fmt.Sprintf(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a%d","stage":"ResponseComplete","level":"Metadata","requestURI":"/api/v1/pods","verb":"list",`+
				`"user":{"username":%q},"sourceIPs":["%s"],"objectRef":{"resource":"pods"},"responseStatus":{"code":200},"requestReceivedTimestamp":%q,"stageTimestamp":%q}`,
				i, c.user, c.from, at.Format(time.RFC3339), at.Format(time.RFC3339)))
			want := rule.Facts{Outside: c.out, KnownInside: c.inside}
			if got := e.factsOf(e.scope(clusterScope), &batch.Events[0]); got != want {
				t.Errorf("%s, call %d: %+v, want %+v", name, i, got, want)
			}
			again := New(opts)
			for _, run := range logs {
				if err := again.RestoreRun(clusterScope, run); err != nil {
					t.Fatal(err)
				}
			}
			if got := again.factsOf(again.scope(clusterScope), &batch.Events[0]); got != want {
				t.Errorf("%s, call %d, after a restart: %+v, want %+v", name, i, got, want)
			}
			runs, err := again.Delta(clusterScope)
			if err != nil {
				t.Fatal(err)
			}
			logs = append(logs, runs...)
		}
	}
}
