package decode

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/event"
)

const aksID = "/SUBSCRIPTIONS/0A000000-0000-4000-8000-000000000001/RESOURCEGROUPS/SHOP/PROVIDERS/MICROSOFT.CONTAINERSERVICE/MANAGEDCLUSTERS/SHOP-1"

var aksInner = event1 + "\n"

// aksRecord is a resource log as a diagnostic setting delivers it.
func aksRecord(category, log string) string {
	return fmt.Sprintf(`{"operationName":"Microsoft.ContainerService/managedClusters/diagnosticLogs/Read","category":%q,"ccpNamespace":"0a00","resourceId":%q,`+
		`"properties":{"log":%s,"stream":"stdout","pod":"kube-apiserver-0"},"time":"2026-01-02T03:04:05.0000000Z","Cloud":"AzureCloud","Environment":"prod"}`, category, aksID, log)
}

// aksRow is a row of AKSAudit, its dynamic columns as objects or as text.
func aksRow(asText bool) string {
	v := func(s string) string {
		if asText {
			return quote(s)
		}
		return s
	}
	return `{"TimeGenerated":"2026-01-02T03:04:05.2Z","AuditId":"0a1b2c3d-0000-4000-8000-000000000001","Level":"RequestResponse","Stage":"ResponseComplete",` +
		`"RequestUri":"/api/v1/namespaces/default/pods","Verb":"create","User":` + v(`{"username":"alice","groups":["devs","system:authenticated"]}`) +
		`,"SourceIps":` + v(`["203.0.113.7","10.0.0.1"]`) + `,"UserAgent":"kubectl/v1.34","ObjectRef":` + v(`{"resource":"pods","namespace":"default","name":"web","apiVersion":"v1"}`) +
		`,"ResponseStatus":` + v(`{"metadata":{},"code":201}`) + `,"RequestObject":` + v(`{"kind":"Pod"}`) + `,"ResponseObject":` + v(`{"kind":"Pod"}`) +
		`,"Annotations":` + v(`{"authorization.k8s.io/decision":"allow"}`) +
		`,"RequestReceivedTime":"2026-01-02T03:04:05.000006Z","StageReceivedTime":"2026-01-02T03:04:05.1Z","PodName":"kube-apiserver-0","_ResourceId":"` + strings.ToLower(aksID) + `","Type":"AKSAudit"}`
}

// TestAKSShapes decodes the same record in every shape in which it is delivered.
func TestAKSShapes(t *testing.T) {
	record := aksRecord("kube-audit", quote(aksInner))
	asText := strings.Replace(record, `{"log":`+quote(aksInner)+`,"stream":"stdout","pod":"kube-apiserver-0"}`, quote(`{"log":`+quote(aksInner)+`,"stream":"stdout"}`), 1)
	for name, tc := range map[string]struct {
		in string
		n  int
	}{
		"file of a storage account":    {record + "\n" + record + "\n", 2},
		"Windows line ends":            {record + "\r\n" + record + "\r\n", 2},
		"message of an Event Hub":      {`{"records":[` + record + "," + record + `]}`, 2},
		"messages of an Event Hub":     {`{"records":[` + record + `]}` + "\n" + `{"records":[` + record + `]}`, 2},
		"messages handed to functions": {`[{"records":[` + record + `]},{"records":[` + record + `]}]`, 2},
		"kube-audit-admin":             {aksRecord("kube-audit-admin", quote(aksInner)), 1},
		"category in capitals":         {aksRecord("KUBE-AUDIT", quote(aksInner)), 1},
		"log unpacked by a collector":  {aksRecord("kube-audit", event1), 1},
		"properties as text":           {asText, 1},
		"AzureDiagnostics":             {`[{"TimeGenerated":"2026-01-02T03:04:05Z","ResourceId":"` + aksID + `","Category":"kube-audit","pod_s":"x","log_s":` + quote(aksInner) + `,"Type":"AzureDiagnostics"}]`, 1},
		"AKSAudit":                     {aksRow(false) + "\n" + aksRow(false), 2},
		"AKSAudit printed by az":       {"[" + aksRow(true) + "," + aksRow(true) + "]", 2},
		"AKSAuditAdmin":                {strings.Replace(aksRow(true), `"AKSAudit"`, `"AKSAuditAdmin"`, 1), 1},
	} {
		t.Run(name, func(t *testing.T) {
			b := decodeAll(t, tc.in, false)
			if len(b.Events) != tc.n || len(b.Rejects) != 0 {
				t.Fatalf("%d events, want %d: %+v", len(b.Events), tc.n, b.Rejects)
			}
			for _, e := range b.Events {
				a := e.Audit
				got := []any{e.Scope, a.AuditID, a.Verb, a.User.Username, a.User.Groups(), a.SourceIPs(), a.Code, a.Object.Name, a.Annotation("authorization.k8s.io/decision"),
					string(a.ResponseObject), e.Time.Format("05.0"), a.Received.Format("05.000000"), e.Truncated}
				want := []any{event.Scope{Account: "a", Region: "r", Cluster: "shop-1"}, "0a1b2c3d-0000-4000-8000-000000000001", "create", "alice", []string{"devs", "system:authenticated"},
					[]string{"203.0.113.7", "10.0.0.1"}, 201, "web", "allow", `{"kind":"Pod"}`, "05.1", "05.000006", false}
				if d := cmp.Diff(want, got); d != "" {
					t.Error(d)
				}
			}
		})
	}
}

func TestAKSRejects(t *testing.T) {
	good := aksRecord("kube-audit", quote(aksInner))
	for name, tc := range map[string]struct {
		bad     string
		outcome event.Outcome
		reason  event.Reason
	}{
		"another category":      {aksRecord("kube-controller-manager", `"I0202 15:03:28.853066 1 event.go:291] x"`), event.Dropped, event.ReasonOtherStream},
		"klog in the category":  {aksRecord("kube-audit", `"I0202 15:03:28.853066 1 event.go:291] x"`), event.Dropped, event.ReasonOtherStream},
		"an activity":           {`{"time":"2026-01-02T03:04:05Z","resourceId":"` + aksID + `","category":"Administrative","operationName":"x"}`, event.Dropped, event.ReasonOtherStream},
		"no log":                {strings.Replace(good, `"log":`, `"other":`, 1), event.Malformed, event.ReasonBadField},
		"no properties":         {strings.Replace(good, `"properties":`, `"other":`, 1), event.Malformed, event.ReasonBadField},
		"a row without a verb":  {strings.Replace(aksRow(false), `"Verb":`, `"Other":`, 1), event.Malformed, event.ReasonNotAudit},
		"a row with a bad time": {strings.Replace(aksRow(false), `"2026-01-02T03:04:05.1Z"`, `"x"`, 1), event.Malformed, event.ReasonBadField},
	} {
		b := decodeAll(t, good+"\n"+tc.bad+"\n"+good, false)
		if len(b.Events) != 2 || len(b.Rejects) != 1 || b.Rejects[0].Outcome != tc.outcome || b.Rejects[0].Reason != tc.reason || b.Rejects[0].Source != event.K8sAudit {
			t.Errorf("%s: %d events, %+v", name, len(b.Events), b.Rejects)
		}
	}
}

// TestAKSLeftOut: a table keeps no large bodies, and says so.
func TestAKSLeftOut(t *testing.T) {
	b := decodeAll(t, strings.Replace(aksRow(false), `"RequestObject":{"kind":"Pod"}`, `"RequestObject":"skipped-too-big-size-object"`, 1), false)
	if len(b.Events) != 1 || !b.Events[0].Truncated || b.Events[0].Audit.RequestObject != nil || len(b.Events[0].Audit.ResponseObject) == 0 {
		t.Errorf("%+v %+v", b.Events, b.Rejects)
	}
	b = decodeAll(t, strings.Replace(strings.Replace(aksRow(false), "RequestReceivedTime", "x", 1), "StageReceivedTime", "y", 1), false)
	if len(b.Events) != 1 || b.Events[0].Time.IsZero() {
		t.Errorf("the time of the row is not taken: %+v %+v", b.Events, b.Rejects)
	}
}

// TestAKSCut: an event that a table has cut is judged for what it holds.
func TestAKSCut(t *testing.T) {
	cut := event1[:strings.Index(event1, `,"responseObject"`)]
	b := decodeAll(t, aksRecord("kube-audit", quote(cut))+"\n"+aksRecord("kube-audit", quote(event1)), false)
	if len(b.Events) != 2 || len(b.Rejects) != 0 || !b.Events[0].Truncated || b.Events[1].Truncated {
		t.Fatalf("%+v %+v", b.Events, b.Rejects)
	}
	if e := b.Events[0]; e.Audit.Code != 201 || e.Time.IsZero() || e.Scope.Cluster != "shop-1" {
		t.Errorf("%+v %+v", e, e.Audit)
	}
	b = decodeAll(t, aksRecord("kube-audit", quote(event1[:20])), false)
	if len(b.Events) != 0 || len(b.Rejects) != 1 || b.Rejects[0].Reason != event.ReasonTooLong {
		t.Errorf("%+v %+v", b.Events, b.Rejects)
	}
}

func TestClusterOfResource(t *testing.T) {
	for id, want := range map[string]string{
		aksID: "shop-1", strings.ToLower(aksID): "shop-1", aksID + "/agentPools/x": "shop-1",
		"/subscriptions/s/resourceGroups/g/providers/Microsoft.Kubernetes/connectedClusters/edge": "edge",
		"/subscriptions/s/resourceGroups/g": "", "": "", "/managedClusters/": "",
	} {
		if got := clusterOfResource(id); got != want {
			t.Errorf("%s: %q, want %q", id, got, want)
		}
	}
}
