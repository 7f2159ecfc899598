package detect

import (
	"testing"

	"github.com/vedette-project/vedette/internal/event"
)

// FuzzJudge gives detectors bodies and paths that no API server would write:
// nothing panics, and every signal can become a finding.
func FuzzJudge(f *testing.F) {
	for _, body := range []string{
		`{"spec":{"containers":[{"securityContext":{"privileged":true}}],"volumes":[{"name":"a","hostPath":{"path":"/"}}]}}`,
		`[{"op":"add","path":"/subjects/-","value":{"kind":"User","name":"system:anonymous"}}]`,
		`{"rules":[{"apiGroups":["*"],"resources":["*"],"verbs":["*"]}],"roleRef":{"kind":"ClusterRole","name":"x"},"subjects":[{"kind":"ServiceAccount","name":"default"}]}`,
		`{"spec":{"type":"LoadBalancer"}}`, `[{"op":"add","path":"/0/-/0","value":1}]`, `{"spec":[[{}]]}`, `[1,"a",null]`,
	} {
		f.Add("patch", "/api/v1/namespaces/kube-system/pods/x/exec?command=a", body, body)
		f.Add("create", "/api/v1/nodes/n/proxy/run/kube-system/p/c?cmd=%zz", body, "")
	}
	f.Fuzz(func(t *testing.T, verb, uri, request, response string) {
		e := New(Options{LegacyKubernetes: true})
		for resource := range e.byResource {
			for _, sub := range []string{"", "exec", "proxy", "ephemeralcontainers"} {
				group := ""
				if resource == "roles" || resource == "clusterroles" || resource == "rolebindings" || resource == "clusterrolebindings" {
					group = rbacGroup
				}
				a := &event.Audit{AuditID: resource + sub, Verb: verb, RequestURI: uri, Code: 200, User: event.User{Username: anonymousUser},
					Object:        event.ObjectRef{Resource: resource, Subresource: sub, Namespace: kubeSystem, APIGroup: group, Name: "kubernetes-dashboard"},
					RequestObject: []byte(request), ResponseObject: []byte(response), SourceIPsJSON: []byte(response)}
				for _, s := range e.Process(batchOf("s", a)).Signals {
					if s.Type == "" || s.Key == "" || s.Severity == 0 || s.Title == "" || s.Description == "" || s.Why == "" || s.Occurrence == "" {
						t.Errorf("an incomplete signal: %+v", s)
					}
				}
			}
		}
	})
}
