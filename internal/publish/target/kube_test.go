package target_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/publish"
	"github.com/vedette-project/vedette/internal/publish/target"
)

// about is an event of a finding about a workload of the cluster prod.
func about(t testing.TB, id, kind, namespace, name string) publish.Event {
	f := sample(t, podType)
	f.ID = id
	f.Resource.EKSClusterDetails = &finding.EKSClusterDetails{Name: "prod"}
	f.Resource.KubernetesDetails = &finding.KubernetesDetails{
		KubernetesWorkloadDetails: &finding.KubernetesWorkloadDetails{Name: name, Namespace: namespace, Type: kind},
	}
	return publish.FindingEvent(f, time.Now())
}

func (s *apiServer) kube(tokenFile string) target.Kube {
	return target.Kube{Web: target.Web{Client: target.NewClient(s.tls()), Now: time.Now}, URL: s.url, Cluster: "prod", TokenFile: tokenFile}
}

// TestKube: a real API server takes Events and reports, by the rights that the
// documentation names.
func TestKube(t *testing.T) {
	s := startAPIServer(t)
	s.define("github.com/kyverno/kyverno", "v1.19.1", "config/crds/policyreport/wgpolicyk8s.io_policyreports.yaml", "wgpolicyk8s.io/v1alpha2/policyreports")
	s.define("github.com/openreports/reports-api", "v0.2.1", "config/crd/openreports.io_reports.yaml", "openreports.io/v1alpha1/reports")
	token := s.serviceAccount()
	for _, n := range []string{"shop", "bank", "going"} {
		s.namespace(n)
	}
	t.Run("events", func(t *testing.T) { s.t = t; testKubeEvents(t, s, token) })
	for _, api := range []string{target.PolicyReportAPI, target.OpenReportsAPI} {
		t.Run(api, func(t *testing.T) { s.t = t; testReports(t, s, token, api) })
	}
	t.Run("faults", func(t *testing.T) { s.t = t; testKubeFaults(t, s, token) })
	s.t = t
}

func testKubeEvents(t *testing.T, s *apiServer, token string) {
	pod := s.must(http.MethodPost, "/api/v1/namespaces/shop/pods", map[string]any{
		"metadata": map[string]any{"name": "web"}, "spec": map[string]any{"containers": []any{map[string]any{"name": "c", "image": "i"}}},
	})
	uid := at(t, pod, "metadata", "uid").(string)
	to := &target.KubeEvents{Kube: s.kube(token)}
	e := about(t, "f1", "pods", "shop", "web") // its UID is for the API server to say
	odd := about(t, "f2", "deployments", "shop", "api")
	odd.Finding().Title, odd.Finding().Description = hostile, strings.Repeat(hostile, 50)
	other := about(t, "f3", "pods", "shop", "web")
	other.Finding().Resource.EKSClusterDetails.Name = "another"
	path := about(t, "f4", "pods", "../../shop", "web")
	if err := to.Send(t.Context(), []publish.Event{e, odd, other, path, wild(t), event(t), health(t, false, "x")}); err != nil {
		t.Fatal(err)
	}
	list := at(t, s.must(http.MethodGet, "/apis/events.k8s.io/v1/namespaces/shop/events", nil), "items").([]any)
	if len(list) != 2 {
		t.Fatalf("%d events: %v", len(list), list)
	}
	// As kubectl describe looks for them.
	described := func() map[string]any {
		t.Helper()
		list := at(t, s.must(http.MethodGet, "/api/v1/namespaces/shop/events?fieldSelector=involvedObject.name%3Dweb,involvedObject.uid%3D"+uid, nil), "items").([]any)
		if len(list) != 1 {
			t.Fatalf("%d events of the pod", len(list))
		}
		return list[0].(map[string]any)
	}
	v := described()
	if v["reason"] != podType || v["type"] != "Warning" || at(t, v, "involvedObject", "kind") != "Pod" || !strings.Contains(v["message"].(string), "Medium: ") || v["reportingComponent"] != "vedette" {
		t.Errorf("event %v", v)
	}
	for _, x := range list {
		mustLack(t, "note", at(t, x, "note").(string), unseen()...)
	}
	// A sample that vedette publish test sends is tried, and not kept.
	for _, to := range []publish.Target{to, &target.PolicyReport{Kube: s.kube(token), API: target.PolicyReportAPI}} {
		if err := to.Send(t.Context(), []publish.Event{event(t)}); err != nil {
			t.Error(err)
		}
	}
	for _, path := range []string{"/apis/events.k8s.io/v1/namespaces/default/events", "/apis/wgpolicyk8s.io/v1alpha2/namespaces/default/policyreports"} {
		if list := anys(at(t, s.must(http.MethodGet, path, nil), "items")); len(list) != 0 {
			t.Errorf("%s: %v", path, list)
		}
	}
	for _, count := range []int64{5, 9} {
		e.Update, e.Finding().Service.Count = true, count
		if err := to.Send(t.Context(), []publish.Event{e}); err != nil {
			t.Fatal(err)
		}
		if got := at(t, described(), "series", "count"); got != float64(count) {
			t.Errorf("series of %v, want %d", got, count)
		}
	}
}

// summary are the findings of a report, and the counts.
func summary(t *testing.T, r map[string]any) string {
	t.Helper()
	var ids []string
	for _, x := range anys(r["results"]) {
		ids = append(ids, at(t, x, "properties", "finding").(string))
	}
	return fmt.Sprintf("%s; %v fail", strings.Join(ids, " "), at(t, r, "summary", "fail"))
}

func testReports(t *testing.T, s *apiServer, token, api string) {
	to := &target.PolicyReport{Kube: s.kube(token), API: api}
	kind := "policyreports"
	if api == target.OpenReportsAPI {
		kind = "reports"
	}
	path := "/apis/" + api + "/namespaces/shop/" + kind
	get := func() map[string]any { return s.must(http.MethodGet, path+"/vedette", nil) }
	a, b, c := about(t, "a", "pods", "shop", "web"), about(t, "b", "deployments", "shop", "api"), about(t, "c", "cronjobs", "bank", "nightly")
	b.Finding().Severity = 8
	if err := to.Send(t.Context(), []publish.Event{a, b, c, wild(t)}); err != nil {
		t.Fatal(err)
	}
	r := get()
	if got := summary(t, r); got != "b a; 2 fail" {
		t.Errorf("the report has %s", got)
	}
	first := at(t, r, "results", 0)
	if at(t, first, "policy") != podType || at(t, first, "severity") != "high" || at(t, first, "resources", 0, "kind") != "Deployment" || at(t, first, "message") == "" {
		t.Errorf("result %v", first)
	}
	if got := summary(t, s.must(http.MethodGet, "/apis/"+api+"/namespaces/bank/"+kind+"/vedette", nil)); got != "c; 1 fail" {
		t.Errorf("the other namespace has %s", got)
	}
	a.Finding().Service.Count = 7
	over := b
	over.Ended = []*finding.Finding{b.Finding()}
	if err := to.Send(t.Context(), []publish.Event{a, over}); err != nil {
		t.Fatal(err)
	}
	r = get()
	if got := summary(t, r); got != "a; 1 fail" || at(t, r, "results", 0, "properties", "count") != "7" {
		t.Errorf("then it has %s: %v", got, r)
	}
	var many []publish.Event
	for i := range 250 {
		e := about(t, fmt.Sprintf("m%03d", i), "pods", "shop", "web")
		e.Finding().Severity = 2
		many = append(many, e)
	}
	if err := to.Send(t.Context(), many); err != nil {
		t.Fatal(err)
	}
	if got := anys(get()["results"]); len(got) != 200 || at(t, got[0], "properties", "finding") != "a" {
		t.Errorf("%d results", len(got))
	}
	r = get()
	delete(r["metadata"].(map[string]any), "labels")
	s.must(http.MethodPut, path+"/vedette", r)
	if err := to.Send(t.Context(), []publish.Event{a}); err == nil || !strings.Contains(err.Error(), "is not Vedette's") {
		t.Errorf("somebody else's report: %v", err)
	}
}

func testKubeFaults(t *testing.T, s *apiServer, token string) {
	refused := (*publish.RefusedError)(nil)
	targets := func(token string) []publish.Target {
		return []publish.Target{&target.KubeEvents{Kube: s.kube(token)}, &target.PolicyReport{Kube: s.kube(token), API: target.PolicyReportAPI}}
	}
	for _, to := range targets(token) {
		if err := to.Send(t.Context(), []publish.Event{about(t, "g", "pods", "gone", "web")}); !errors.As(unwrapped(err), &refused) {
			t.Errorf("%T, a namespace that is gone: %v", to, err)
		}
	}
	// A namespace with a finalizer that nobody does stays, and takes nothing.
	s.must(http.MethodDelete, "/api/v1/namespaces/going", nil)
	for _, to := range targets(token) {
		if err := to.Send(t.Context(), []publish.Event{about(t, "g", "pods", "going", "web")}); !errors.As(unwrapped(err), &refused) {
			t.Errorf("%T, a namespace that is going: %v", to, err)
		}
	}
	wrong := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(wrong, []byte("s3cr3t-token"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.must(http.MethodDelete, "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/vedette-publish", nil)
	for name, file := range map[string]string{"401": wrong, "allow Vedette's service account to": token, "read the token": wrong + "-gone"} {
		for _, to := range targets(file) {
			var err error
			for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
				// The server sees a moment later that a right is gone.
				if err = to.Send(t.Context(), []publish.Event{about(t, "r", "pods", "shop", "web"), event(t)}); err != nil && strings.Contains(err.Error(), name) {
					break
				}
			}
			if err == nil || errors.As(unwrapped(err), &refused) || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("%T, %s: %v", to, name, err)
			}
		}
	}
}

// unwrapped is the error of the first event, where there is one for each.
func unwrapped(err error) error {
	each := publish.Each(nil)
	if errors.As(err, &each) && len(each) > 0 {
		return each[0]
	}
	return err
}

// answering is a server of any words.
type answering struct {
	t      *testing.T
	status int
	body   []byte
}

func (a *answering) RoundTrip(r *http.Request) (*http.Response, error) {
	path := r.URL.EscapedPath()
	for _, part := range strings.Split(path, "/") {
		if part == ".." || strings.ContainsAny(part, "%?#") {
			a.t.Errorf("path %q", path)
		}
	}
	if !strings.HasPrefix(path, "/api") || !strings.Contains(path, "/namespaces/") || r.URL.RawQuery != "" && r.URL.RawQuery != "dryRun=All" {
		a.t.Errorf("%s %s", r.Method, r.URL)
	}
	return &http.Response{StatusCode: a.status, Header: http.Header{}, Body: readCloser(a.body), Request: r}, nil
}

// FuzzKube: whatever a finding names and an API server says, no call leaves the
// paths that it is for, and no error shows the token.
func FuzzKube(f *testing.F) {
	f.Add(200, []byte(`{"metadata":{"name":"vedette","labels":{"app.kubernetes.io/managed-by":"vedette"}},"results":[{"properties":{"finding":"a"}}]}`), "shop", "web")
	f.Add(404, []byte(`{"kind":"Status","reason":"NotFound","message":"namespaces \"shop\" not found"}`), "../x", "web")
	f.Add(409, []byte(`{"reason":"AlreadyExists"}`), "a/b", "..")
	f.Add(403, []byte(`{"message":"s3cr3t","details":{"causes":[{"reason":"NamespaceTerminating"}]}}`), "shop?x=1", "web%2f")
	f.Fuzz(func(t *testing.T, status int, body []byte, namespace, name string) {
		k := target.Kube{
			Web: target.Web{Client: &http.Client{Transport: &answering{t, 100 + (status%500+500)%500, body}}, Now: func() time.Time { return now }},
			URL: "https://api", Cluster: "prod", Token: "s3cr3t",
		}
		for _, to := range []publish.Target{&target.KubeEvents{Kube: k}, &target.PolicyReport{Kube: k, API: target.PolicyReportAPI}} {
			if err := to.Send(t.Context(), []publish.Event{about(t, "f", "pods", namespace, name)}); err != nil && strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("%v", err)
			}
		}
	})
}
