package detect

import (
	"fmt"
	"slices"
	"testing"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/intel"
)

// TestMappedCaller: an IPv4 address that an API server writes as an IPv6 one is
// looked up, and shown, as what it is.
func TestMappedCaller(t *testing.T) {
	const bad = "198.51.100.243" // of the test list
	for written, shown := range map[string][]string{
		`["198.51.100.243"]`:                          {bad},
		`["::ffff:198.51.100.243"]`:                   {bad},
		`["::FFFF:c633:64f3"]`:                        {bad},
		`["::ffff:198.51.100.243","::ffff:10.0.0.1"]`: {bad, "10.0.0.1"},
		`["198.51.100.243","2001:db8::1","odd"]`:      {bad, "2001:db8::1", "odd"},
	} {
		e := New(Options{Intel: intel.Builtin()})
		ev := event.Event{Source: event.K8sAudit, Scope: event.Scope{Account: "111122223333", Region: "eu-central-1", Cluster: "prod"}, Time: t0, Audit: &event.Audit{
			AuditID: "1", Stage: "ResponseComplete", Verb: "list", RequestURI: "/api/v1/secrets", Code: 200, Received: t0,
			User: event.User{Username: "eve"}, Object: event.ObjectRef{Resource: "secrets"}, SourceIPsJSON: []byte(written),
		}}
		out := e.Process(&event.Batch{Events: []event.Event{ev}}).Signals
		if len(out) != 1 || out[0].Type != "CredentialAccess:Kubernetes/MaliciousIPCaller" {
			t.Errorf("%s: %v", written, out)
			continue
		}
		s := out[0]
		a := s.Action.KubernetesAPICallAction
		if !slices.Equal(s.Actor.SourceIPs, shown) || !slices.Equal(a.SourceIPs, shown) || a.RemoteIPDetails.IPAddressV4 != bad {
			t.Errorf("%s: %v, %v, %+v", written, s.Actor.SourceIPs, a.SourceIPs, a.RemoteIPDetails)
		}
	}
	if ips := unmapped([]string{"::ffff:10.0.0.1%eth0"}); fmt.Sprint(ips) != "[10.0.0.1]" {
		t.Error(ips)
	}
}
