package decode

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/event"
)

// gkeEntry is an entry as the Log Router hands it on; the members of the
// payload, and those beside it, follow the ones that all entries have.
func gkeEntry(payload, beside string) string {
	return `{"insertId":"7c1f0000-0000-4000-8000-000000000001","logName":"projects/shop/logs/cloudaudit.googleapis.com%2Factivity",` +
		`"protoPayload":{"@type":"type.googleapis.com/google.cloud.audit.AuditLog","serviceName":"k8s.io",` + payload + `},` +
		`"receiveTimestamp":"2026-03-01T10:00:05.948229350Z","resource":{"labels":{"cluster_name":"shop-1","location":"europe-west1","project_id":"shop"},"type":"k8s_cluster"},` +
		`"timestamp":"2026-03-01T10:00:00.535383Z"` + beside + `}`
}

const gkeWho = `"authenticationInfo":{"principalEmail":"dev@example.com"},"requestMetadata":{"callerIp":"203.0.113.7","callerSuppliedUserAgent":"kubectl/v1.34.4"},`

const gkeOnce = `,"operation":{"first":true,"id":"7c1f0000-0000-4000-8000-000000000001","last":true,"producer":"k8s.io"},` +
	`"labels":{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":"RBAC: allowed by ClusterRoleBinding"}`

func gkePod(status string) string {
	return gkeWho + `"methodName":"io.k8s.core.v1.pods.create","resourceName":"core/v1/namespaces/default/pods/web",` +
		`"request":{"@type":"core.k8s.io/v1.Pod","apiVersion":"v1","kind":"Pod","metadata":{"name":"web"}},` +
		`"response":{"@type":"core.k8s.io/v1.Pod","apiVersion":"v1","kind":"Pod","metadata":{"name":"web","uid":"u"}},"status":` + status
}

func TestGKE(t *testing.T) {
	b := decodeAll(t, gkeEntry(gkePod(`{}`), gkeOnce), false)
	if len(b.Events) != 1 || len(b.Rejects) != 0 {
		t.Fatalf("%d events, %+v", len(b.Events), b.Rejects)
	}
	e := b.Events[0]
	a := e.Audit
	got := []any{e.Scope, a.AuditID, a.Stage, a.Level, a.Verb, a.RequestURI, a.User.Username, a.SourceIPs(), a.UserAgent, a.Object, a.Code,
		a.Annotation("authorization.k8s.io/decision"), e.Time.Format("15:04:05.000000"), a.Received.Equal(e.Time), strings.Contains(string(a.ResponseObject), `"uid":"u"`), e.Truncated}
	want := []any{event.Scope{Account: "a", Region: "r", Cluster: "shop-1"}, "7c1f0000-0000-4000-8000-000000000001", "ResponseComplete", "RequestResponse",
		"create", "/api/v1/namespaces/default/pods", "dev@example.com", []string{"203.0.113.7"}, "kubectl/v1.34.4",
		event.ObjectRef{Resource: "pods", Namespace: "default", Name: "web", APIVersion: "v1"}, 201, "allow", "10:00:00.535383", true, true, false}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestGKENames: what a call was, by the names that Google gives it.
func TestGKENames(t *testing.T) {
	for _, tc := range []struct {
		method, name, verb, uri string
		object                  event.ObjectRef
	}{
		{"io.k8s.core.v1.pods.exec.create", "core/v1/namespaces/kube-system/pods/dns/exec", "create", "/api/v1/namespaces/kube-system/pods/dns/exec",
			event.ObjectRef{Resource: "pods", Subresource: "exec", Namespace: "kube-system", Name: "dns", APIVersion: "v1"}},
		{"io.k8s.authorization.rbac.v1.clusterrolebindings.create", "rbac.authorization.k8s.io/v1/clusterrolebindings/b", "create", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
			event.ObjectRef{Resource: "clusterrolebindings", Name: "b", APIGroup: "rbac.authorization.k8s.io", APIVersion: "v1"}},
		{"io.k8s.apps.v1.deployments.scale.update", "apps/v1/namespaces/kube-system/deployments/coredns/scale", "update", "/apis/apps/v1/namespaces/kube-system/deployments/coredns/scale",
			event.ObjectRef{Resource: "deployments", Subresource: "scale", Namespace: "kube-system", Name: "coredns", APIGroup: "apps", APIVersion: "v1"}},
		{"io.k8s.core.v1.secrets.list", "core/v1/secrets", "list", "/api/v1/secrets", event.ObjectRef{Resource: "secrets", APIVersion: "v1"}},
		{"io.k8s.core.v1.secrets.list", "core/v1/namespaces/default/secrets", "list", "/api/v1/namespaces/default/secrets", event.ObjectRef{Resource: "secrets", Namespace: "default", APIVersion: "v1"}},
		{"io.k8s.core.v1.namespaces.delete", "core/v1/namespaces/test", "delete", "/api/v1/namespaces/test", event.ObjectRef{Resource: "namespaces", Namespace: "test", Name: "test", APIVersion: "v1"}},
		{"io.k8s.core.v1.namespaces.finalize.update", "core/v1/namespaces/test/finalize", "update", "/api/v1/namespaces/test/finalize",
			event.ObjectRef{Resource: "namespaces", Subresource: "finalize", Namespace: "test", Name: "test", APIVersion: "v1"}},
		{"io.k8s.core.v1.nodes.status.patch", "core/v1/nodes/n/status", "patch", "/api/v1/nodes/n/status", event.ObjectRef{Resource: "nodes", Subresource: "status", Name: "n", APIVersion: "v1"}},
		{"io.k8s.core.v1.nodes.proxy.get", "core/v1/nodes/n/proxy/pods", "get", "/api/v1/nodes/n/proxy/pods", event.ObjectRef{Resource: "nodes", Subresource: "proxy", Name: "n", APIVersion: "v1"}},
		{"io.k8s.authorization.v1beta1.subjectaccessreviews.create", "authorization.k8s.io/v1beta1/subjectaccessreviews", "create", "/apis/authorization.k8s.io/v1beta1/subjectaccessreviews",
			event.ObjectRef{Resource: "subjectaccessreviews", APIGroup: "authorization.k8s.io", APIVersion: "v1beta1"}},
		{"io.k8s.core.v1.pods.deletecollection", "core/v1/namespaces/default/pods", "deletecollection", "/api/v1/namespaces/default/pods", event.ObjectRef{Resource: "pods", Namespace: "default", APIVersion: "v1"}},
		{"io.k8s.get", "readyz", "get", "/readyz", event.ObjectRef{}},
		{"io.k8s.get", "healthz/etcd/x", "get", "/healthz/etcd/x", event.ObjectRef{}},
		{"io.k8s.get", "api/v1", "get", "/api/v1", event.ObjectRef{}},
		{"io.k8s.get", "HNAP1", "get", "/HNAP1", event.ObjectRef{}},
		{"io.k8s.get", "core/v1/namespaces/kube-system/pods/dns/exec", "get", "/core/v1/namespaces/kube-system/pods/dns/exec", event.ObjectRef{}},
		{"io.k8s.get", "", "get", "/", event.ObjectRef{}},
		{"", "", "", "/", event.ObjectRef{}},
		{"io.k8s.core.v1.create", "core/v1/pods/x", "create", "/core/v1/pods/x", event.ObjectRef{}},
	} {
		var o event.ObjectRef
		verb, uri := callOf(tc.method, tc.name, &o)
		if d := cmp.Diff([]any{tc.verb, tc.uri, tc.object}, []any{verb, uri, o}); d != "" {
			t.Errorf("%s on %s\n%s", tc.method, tc.name, d)
		}
	}
}

func TestGKEStatus(t *testing.T) {
	const exec = gkeWho + `"methodName":"io.k8s.core.v1.pods.exec.create","resourceName":"core/v1/namespaces/default/pods/web/exec",`
	const apply = gkeWho + `"methodName":"io.k8s.core.v1.pods.patch","resourceName":"core/v1/namespaces/default/pods/web","request":{"@type":"k8s.io/Patch","kind":"Pod"},`
	const list = `"methodName":"io.k8s.core.v1.pods.list","resourceName":"core/v1/pods",`
	for name, tc := range map[string]struct {
		payload string
		code    int
		message string
	}{
		"made":                       {gkePod(`{}`), 201, ""},
		"made, written out":          {gkePod(`{"code":0}`), 201, ""},
		"made, without a status":     {strings.TrimSuffix(gkePod(`0`), `,"status":0`), 201, ""},
		"made by an apply":           {apply + `"response":{"kind":"Pod","metadata":{"creationTimestamp":"2026-03-01T10:00:00Z"}}`, 201, ""},
		"changed by an apply":        {apply + `"response":{"kind":"Pod","metadata":{"creationTimestamp":"2026-03-01T09:59:58Z"}}`, 200, ""},
		"changed, it is not shown":   {apply + `"response":{"kind":"Pod","metadata":{"creationTimestamp":null}}`, 200, ""},
		"read":                       {gkeWho + list + `"status":{}`, 200, ""},
		"a command":                  {exec + `"status":{}`, 101, ""},
		"forbidden":                  {exec + `"status":{"code":7,"message":"Forbidden"}`, 403, "Forbidden"},
		"not logged in":              {`"authenticationInfo":{},` + list + `"status":{"code":16,"message":"Unauthorized"}`, 401, "Unauthorized"},
		"not found":                  {gkeWho + list + `"status":{"code":5}`, 404, ""},
		"the answer knows better":    {gkeWho + list + `"status":{"code":2},"response":{"@type":"core.k8s.io/v1.Status","kind":"Status","code":422}`, 422, ""},
		"a code of later":            {gkeWho + list + `"status":{"code":99}`, 500, ""},
		"a code below":               {gkeWho + list + `"status":{"code":-1}`, 500, ""},
		"no status, a right refused": {gkeWho + list + `"authorizationInfo":[{"granted":false,"permission":"io.k8s.core.v1.pods.list"}]`, 403, ""},
		"no status, a right granted": {gkeWho + list + `"authorizationInfo":[{"granted":true,"permission":"io.k8s.core.v1.pods.list"}]`, 200, ""},
	} {
		b := decodeAll(t, gkeEntry(tc.payload, ""), false)
		if len(b.Events) != 1 {
			t.Errorf("%s: %+v", name, b.Rejects)
			continue
		}
		a := b.Events[0].Audit
		if a.Code != tc.code || tc.message != "" && !strings.Contains(string(a.StatusJSON), quote(tc.message)) {
			t.Errorf("%s: code %d, status %s; want %d %s", name, a.Code, a.StatusJSON, tc.code, tc.message)
		}
	}
}

func TestGKEBodies(t *testing.T) {
	const patch = gkeWho + `"methodName":"io.k8s.core.v1.pods.patch","resourceName":"core/v1/namespaces/default/pods/web",`
	for name, tc := range map[string]struct{ payload, level, request, response string }{
		"merge":                 {patch + `"request":{"@type":"k8s.io/Patch","spec":{"x":1}}`, "Request", `{"@type":"k8s.io/Patch","spec":{"x":1}}`, ""},
		"list":                  {patch + `"request":{"@type":"k8s.io/Patch","patch":[{"op":"add","path":"/a","value":1}]}`, "Request", `[{"op":"add","path":"/a","value":1}]`, ""},
		"hidden":                {patch + `"request":{"@type":"k8s.io/Patch"},"response":{"kind":"Pod"}`, "RequestResponse", unreadable, `{"kind":"Pod"}`},
		"nothing":               {patch + `"status":{}`, "Metadata", "", ""},
		"status without a kind": {patch + `"response":{"@type":"core.k8s.io/v1.Status","status":"Success"}`, "RequestResponse", "", ""},
		"null":                  {patch + `"request":null,"response":null`, "Metadata", "", ""},
	} {
		b := decodeAll(t, gkeEntry(tc.payload, ""), false)
		if len(b.Events) != 1 {
			t.Errorf("%s: %+v", name, b.Rejects)
			continue
		}
		a := b.Events[0].Audit
		if d := cmp.Diff([]string{tc.level, tc.request, tc.response}, []string{a.Level, string(a.RequestObject), string(a.ResponseObject)}); d != "" {
			t.Errorf("%s\n%s", name, d)
		}
	}
}

// TestGKEIdentity: a call that an entry began and another ended is one; an ID
// that a client chose does not make two calls one.
func TestGKEIdentity(t *testing.T) {
	entry := func(operation, at string) string {
		return strings.Replace(gkeEntry(gkePod(`{}`), operation), "2026-03-01T10:00:00.535383Z", at, 1)
	}
	begun := `,"operation":{"id":"op","first":true}`
	ended := `,"operation":{"id":"op","last":true}`
	b := decodeAll(t, entry(begun, "2026-03-01T10:00:00Z")+"\n"+entry(ended, "2026-03-01T10:05:00Z")+"\n"+entry(gkeOnce, "2026-03-01T10:00:01Z")+"\n"+entry(gkeOnce, "2026-03-01T10:00:02Z"), false)
	if len(b.Events) != 4 {
		t.Fatal(b.Rejects)
	}
	x, y := b.Events[0].Audit, b.Events[1].Audit
	if x.AuditID != "op" || y.AuditID != "op" || !x.Received.Equal(y.Received) || x.Stage == y.Stage || x.StageTime.Equal(y.StageTime) {
		t.Errorf("begin %+v and end %+v of one call", x, y)
	}
	x, y = b.Events[2].Audit, b.Events[3].Audit
	if x.AuditID != y.AuditID || x.Received.Equal(y.Received) {
		t.Errorf("two calls of one ID look like one: %+v, %+v", x, y)
	}
}

func TestGKEOdd(t *testing.T) {
	dry := decodeAll(t, gkeEntry(gkePod(`{}`), `,"labels":{"command.gke.io/dryRun":"All"}`), false)
	if !dry.Events[0].Audit.DryRun() {
		t.Error("a dry run is taken for earnest")
	}
	parts := decodeAll(t, gkeEntry(gkePod(`{}`), `,"split":{"uid":"s","index":1,"totalSplits":2}`), false)
	if !parts.Events[0].Truncated {
		t.Error("a part of an entry is taken for a whole one")
	}
	nobody := decodeAll(t, gkeEntry(`"authenticationInfo":{"principalSubject":"principal://iam.googleapis.com/x"},"methodName":"io.k8s.get","resourceName":"version"`, ""), false)
	if a := nobody.Events[0].Audit; a.User.Username != "principal://iam.googleapis.com/x" || a.SourceIPs() != nil {
		t.Errorf("%+v", a)
	}
}

func TestGKERejects(t *testing.T) {
	good := gkeEntry(gkePod(`{}`), gkeOnce)
	for name, tc := range map[string]struct {
		bad     string
		outcome event.Outcome
		reason  event.Reason
	}{
		"another service":     {strings.Replace(good, `"k8s.io","authenticationInfo"`, `"container.googleapis.com","authenticationInfo"`, 1), event.Dropped, event.ReasonOtherStream},
		"another log":         {`{"insertId":"x","textPayload":"hello","logName":"projects/p/logs/stdout","timestamp":"2026-03-01T10:00:00Z"}`, event.Dropped, event.ReasonOtherStream},
		"without a time":      {strings.Replace(good, `"timestamp":"2026-03-01T10:00:00.535383Z",`, "", 1), event.Malformed, event.ReasonNoTime},
		"without a method":    {strings.Replace(good, `"methodName":"io.k8s.core.v1.pods.create",`, "", 1), event.Malformed, event.ReasonBadField},
		"a method of numbers": {strings.Replace(good, `"io.k8s.core.v1.pods.create"`, "7", 1), event.Malformed, event.ReasonBadField},
		"a bad time":          {strings.Replace(good, "2026-03-01T10:00:00.535383Z", "yesterday", 1), event.Malformed, event.ReasonBadField},
		"half an entry":       {good[:len(good)/2], event.Malformed, event.ReasonIncomplete},
		"a bad code":          {strings.Replace(good, `"status":{}`, `"status":{"code":"x"}`, 1), event.Malformed, event.ReasonBadField},
	} {
		b := decodeAll(t, good+"\n"+tc.bad+"\n"+good, false)
		if len(b.Events) != 2 || len(b.Rejects) != 1 || b.Rejects[0].Outcome != tc.outcome || b.Rejects[0].Reason != tc.reason || b.Rejects[0].Source != event.K8sAudit {
			t.Errorf("%s: %d events, %+v", name, len(b.Events), b.Rejects)
		}
	}
}

// TestGKEShapes decodes an entry in every shape in which it is delivered.
func TestGKEShapes(t *testing.T) {
	entry := gkeEntry(gkePod(`{}`), gkeOnce)
	message := fmt.Sprintf(`{"attributes":{"logging.googleapis.com/timestamp":"2026-03-01T10:00:00.535383Z"},"data":%q,"messageId":"1","message_id":"1","publishTime":"2026-03-01T10:00:06Z"}`,
		base64.StdEncoding.EncodeToString([]byte(entry)))
	for name, tc := range map[string]struct {
		in string
		n  int
	}{
		"file of a sink":         {entry + "\n" + entry + "\n", 2},
		"gcloud logging read":    {"[\n  " + entry + ",\n  " + entry + "\n]\n", 2},
		"other order":            {`{"timestamp":"2026-03-01T10:00:00.535383Z",` + strings.Replace(entry[1:], `"timestamp":"2026-03-01T10:00:00.535383Z",`, "", 1), 1},
		"push":                   {`{"message":` + message + `,"subscription":"projects/shop/subscriptions/vedette"}`, 1},
		"push, subscription 1st": {`{"deliveryAttempt":1,"subscription":"projects/shop/subscriptions/vedette","message":` + message + `}`, 1},
		"pull by gcloud":         {`[{"ackId":"x","message":` + message + `},{"ackId":"y","message":` + message + `}]`, 2},
		"pull by REST":           {`{"receivedMessages":[{"ackId":"x","message":` + message + `},{"ackId":"y","message":` + message + `}]}`, 2},
		"message alone":          {message, 1},
	} {
		t.Run(name, func(t *testing.T) {
			b := decodeAll(t, tc.in, false)
			if strings.Contains(tc.in, "\n  ") { // framed by its structure, as the reader of files does it
				var d Decoder
				b = &Batch{}
				d.Decode(&event.Chunk{Data: []byte(tc.in), Scope: event.Scope{Cluster: "c"}, Records: []event.Span{{End: len(tc.in)}}}, b)
			}
			if len(b.Events) != tc.n || len(b.Rejects) != 0 {
				t.Fatalf("%d events, want %d: %+v", len(b.Events), tc.n, b.Rejects)
			}
			for _, e := range b.Events {
				if e.Scope.Cluster != "shop-1" || e.Audit.User.Username != "dev@example.com" || e.Audit.Code != 201 {
					t.Errorf("%+v %+v", e.Scope, e.Audit)
				}
			}
		})
	}
}

func TestMeansSame(t *testing.T) {
	for _, tc := range []struct {
		given, named string
		same         bool
	}{
		{"prod", "prod", true}, {"Prod", "prod", true}, {"prod-eu", "prod", true}, {"eu.prod", "PROD", true}, {"shop_prod", "prod", true},
		{"", "prod", false}, {"production", "prod", false}, {"kubernetes", "prod", false}, {"prod", "prod-eu", false}, {"xprod", "prod", false},
	} {
		if meansSame(tc.given, tc.named) != tc.same {
			t.Errorf("%q for %q: want %v", tc.given, tc.named, tc.same)
		}
	}
}

// TestJoinedBehindRejected: a value that is of no use costs nothing of those
// that stand behind it without a line end, as log services write them.
func TestJoinedBehindRejected(t *testing.T) {
	const control = `{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logGroup":"","logStream":"","logEvents":[{"id":"","timestamp":1,"message":"CWL CONTROL MESSAGE"}]}`
	message := `{"messageType":"DATA_MESSAGE","owner":"111122223333","logGroup":"/aws/eks/prod/cluster","logStream":"kube-apiserver-audit-0a","logEvents":[{"id":"1","timestamp":1,"message":` + quote(event1) + `}]}`
	other := gkeEntry(`"methodName":"x"`, "")
	other = strings.Replace(other, `"k8s.io"`, `"container.googleapis.com"`, 1)
	for name, tc := range map[string]struct {
		in               string
		events, rejected int
	}{
		"a test message first":      {control + message + message, 2, 1},
		"many of them":              {strings.Repeat(control, 200) + message, 1, 200},
		"an entry of another log":   {other + gkeEntry(gkePod(`{}`), "") + other + gkeEntry(gkePod(`{}`), ""), 2, 2},
		"a value, then no value":    {control + " hello", 0, 1},
		"many, then a torn one":     {strings.Repeat(control, 100) + event1[:300] + event1, 1, 101},
		"a value, then half of one": {control + message[:200], 0, 2},
	} {
		b := decodeAll(t, tc.in, false)
		if len(b.Events) != tc.events || int(totalRejects(b)) != tc.rejected {
			t.Errorf("%s: %d events, %d rejected: %+v", name, len(b.Events), totalRejects(b), b.Rejects)
		}
	}
}
