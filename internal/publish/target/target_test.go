package target_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/publish"
	"github.com/vedette-project/vedette/internal/publish/target"
)

var now = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

const (
	account = "111122223333"
	region  = "eu-west-1"
	podType = "Execution:Kubernetes/ExecInKubeSystemPod"
)

// hostile is what an attacker may have for a name: marks of every markup, links,
// mentions, control characters, and writing that turns around.
const hostile = "<!channel> <@U1> <https://evil.example|click> *b* _i_ ~s~ `c` ``` [l](http://evil.example) ![i](x) {color:red}x{color} [~admin] |a|b=c\\d \"q\" ]\n\r\t\x00\x1b[31m\u202e\u200b\u2028 # h1. & &lt; CEF:0|x\xff"

// sample is a finding of a type.
func sample(t testing.TB, name string) *finding.Finding {
	t.Helper()
	kind, ok := finding.Lookup(name)
	if !ok {
		t.Fatalf("there is no type %s", name)
	}
	return finding.Sample(kind, account, region, now)
}

func event(t testing.TB) publish.Event { return publish.FindingEvent(sample(t, podType), now) }

// wild is an event with hostile text wherever attackers have their texts.
func wild(t testing.TB) publish.Event {
	f := sample(t, podType)
	f.Title, f.Description = hostile, hostile
	f.Resource.EKSClusterDetails = &finding.EKSClusterDetails{Name: hostile, ARN: hostile}
	f.Resource.KubernetesDetails = &finding.KubernetesDetails{
		KubernetesUserDetails:     &finding.KubernetesUserDetails{Username: hostile, Groups: []string{hostile}},
		KubernetesWorkloadDetails: &finding.KubernetesWorkloadDetails{Name: hostile, Namespace: hostile, Type: hostile, Containers: []finding.Container{{Name: hostile, Image: hostile}}},
	}
	f.Resource.InstanceDetails = &finding.InstanceDetails{InstanceID: hostile}
	f.Resource.AccessKeyDetails = &finding.AccessKeyDetails{UserName: hostile, AccessKeyID: hostile}
	f.Resource.S3BucketDetails = []finding.S3BucketDetail{{Name: hostile}}
	f.Resource.ContainerDetails = &finding.Container{Name: hostile, Image: hostile}
	f.Service.Action = &finding.Action{
		KubernetesAPICallAction: &finding.KubernetesAPICallAction{Verb: hostile, RequestURI: hostile, UserAgent: hostile, RemoteIPDetails: &finding.RemoteIPDetails{IPAddressV4: hostile}},
		DNSRequestAction:        &finding.DNSRequestAction{Domain: hostile},
	}
	f.Service.RuntimeDetails = &finding.RuntimeDetails{Process: &finding.ProcessDetails{ExecutablePath: hostile}}
	e := publish.FindingEvent(f, now)
	e.Incident = publish.Incident{Key: "k", Findings: 3, More: []publish.Brief{{ID: hostile, Title: hostile, Type: hostile, Severity: 5}}}
	return e
}

func health(t testing.TB, healthy bool, issue string) publish.Event {
	t.Helper()
	h := &publish.Health{SchemaVersion: "1.0", ResourceAccountID: account, CurrentStatus: "UNHEALTHY", PreviousStatus: "HEALTHY", Source: "k8s-audit", Issue: issue, LastUpdatedAt: now}
	h.ResourceDetails.EKSClusterDetails.ClusterName = "prod"
	e := publish.Event{Version: "0", ID: "e1", DetailType: publish.TypeUnhealthy, Source: "vedette", Account: account, Region: region, Time: now, Resources: []string{}, Detail: h, Incident: publish.Incident{Key: "source-1"}}
	if healthy {
		h.CurrentStatus, h.PreviousStatus, e.DetailType = "HEALTHY", "UNHEALTHY", publish.TypeHealthy
	}
	return e
}

// site is an HTTP server that keeps what it was sent.
type site struct {
	*httptest.Server
	mu       sync.Mutex
	requests []request
	answer   func(r *http.Request, body []byte) (status int, header map[string]string, text string)
}

type request struct {
	method, path string
	header       http.Header
	body         []byte
}

func newSite(t testing.TB) *site {
	s := &site{}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *site) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.requests = append(s.requests, request{r.Method, r.URL.RequestURI(), r.Header, body})
	answer := s.answer
	s.mu.Unlock()
	if answer == nil {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	status, header, text := answer(r, body)
	for k, v := range header {
		w.Header().Set(k, v)
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

func (s *site) last(t testing.TB) request {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.requests) == 0 {
		t.Fatal("nothing was sent")
	}
	return s.requests[len(s.requests)-1]
}

func web(secrets ...string) target.Web {
	return target.Web{Client: target.NewClient(nil), Secrets: secrets, Now: func() time.Time { return now }}
}

// decode reads JSON strictly enough to notice what is none.
func decode(t testing.TB, data []byte) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("no JSON: %v\n%s", err, data)
	}
	return v
}

// at follows a path of keys and indexes through JSON.
func at(t testing.TB, v any, path ...any) any {
	t.Helper()
	for i, p := range path {
		switch k := p.(type) {
		case string:
			m, ok := v.(map[string]any)
			if !ok {
				t.Fatalf("%v: no object but %T", path[:i+1], v)
			}
			v = m[k]
		case int:
			l, ok := v.([]any)
			if !ok || k >= len(l) {
				t.Fatalf("%v: no list that long but %v", path[:i+1], v)
			}
			v = l[k]
		}
	}
	return v
}

// texts are all texts in JSON.
func texts(v any) (out []string) {
	switch x := v.(type) {
	case string:
		return []string{x}
	case []any:
		for _, e := range x {
			out = append(out, texts(e)...)
		}
	case map[string]any:
		for _, e := range x {
			out = append(out, texts(e)...)
		}
	}
	return out
}

// mustLack fails for a text that has what it must not have.
func mustLack(t testing.TB, what, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if strings.Contains(text, p) {
			t.Errorf("%s has %q: %q", what, p, text)
		}
	}
}

// unseen are what no text that people read may have.
func unseen() []string { return []string{"\n", "\r", "\x00", "\x1b", "\u202e", "\u2028"} }
