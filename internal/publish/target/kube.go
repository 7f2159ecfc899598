package target

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/publish"
)

// Kube is the API server of a cluster. It is told of findings about that cluster
// alone.
type Kube struct {
	Web
	URL     string // https://HOST:PORT
	Cluster string // as findings name it
	// Token is of a service account; TokenFile is where it stands if it is
	// renewed there now and then.
	Token, TokenFile string
}

// call sends a request with the token as it is now.
func (t *Kube) call(ctx context.Context, method, path, contentType string, v any) (*answer, error) {
	token := t.Token
	if t.TokenFile != "" {
		text, err := os.ReadFile(t.TokenFile)
		if err != nil {
			return nil, fmt.Errorf("read the token of the service account: %w", err)
		}
		token = strings.TrimSpace(string(text))
	}
	h := http.Header{"Authorization": {"Bearer " + token}, "Accept": {jsonType}}
	var body []byte
	if v != nil {
		var err error
		if body, err = encode(v); err != nil {
			return nil, &publish.RefusedError{Reason: err.Error()}
		}
		h.Set("Content-Type", contentType)
	}
	web := t.Web
	if token != "" {
		web.Secrets = append([]string{token}, t.Secrets...)
	}
	return web.do(ctx, method, t.URL+path, h, body)
}

const (
	jsonType  = "application/json"
	mergeType = "application/merge-patch+json"
)

// kubeStatus is what an API server says when it does not do what was asked.
type kubeStatus struct {
	Message, Reason string
	Details         struct {
		Causes []struct{ Reason string }
	}
}

func statusOf(a *answer) (s kubeStatus) {
	_ = json.Unmarshal(a.body, &s) // of a proxy, say: it stays empty
	return s
}

// judgeKube says what an answer means. What is sent to a namespace that is gone
// is refused for good; a right that is missing can be given.
func (t *Kube) judgeKube(a *answer, verb, resource string) error {
	s := statusOf(a)
	for _, c := range s.Details.Causes {
		if c.Reason == "NamespaceTerminating" {
			return &publish.RefusedError{Reason: "the namespace is being deleted"}
		}
	}
	switch {
	case a.status == http.StatusNotFound && strings.Contains(s.Message, `namespaces "`):
		return &publish.RefusedError{Reason: "the namespace is gone"}
	case a.status == http.StatusNotFound:
		return fmt.Errorf("the API server has no %s (404): install what defines it", resource)
	case a.status == http.StatusForbidden:
		return fmt.Errorf("the API server answered 403: %s; allow Vedette's service account to %s %s", t.quote([]byte(s.Message)), verb, resource)
	}
	return t.judge(a)
}

// workload is the object of a cluster that a finding is about.
type workload struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace"`
	Name       string `json:"name"`
	UID        string `json:"uid,omitempty"`

	// trial says that nothing is to be kept: the API server only checks it.
	trial bool
}

// query is that of a call.
func (w *workload) query() string {
	if w.trial {
		return "?dryRun=All"
	}
	return ""
}

// workloadOf is what an event is about; false for what is not about something in a
// namespace of the cluster. A sample is of no cluster: with it the way is tried.
func (t *Kube) workloadOf(f *finding.Finding) (workload, bool) {
	if f == nil || f.Resource == nil {
		return workload{}, false
	}
	if c := f.Resource.EKSClusterDetails; c == nil || c.Name != t.Cluster {
		return workload{APIVersion: "v1", Kind: "Pod", Namespace: "default", Name: "sample", trial: true}, isSample(f)
	}
	k := f.Resource.KubernetesDetails
	if k == nil || k.KubernetesWorkloadDetails == nil {
		return workload{}, false
	}
	w := k.KubernetesWorkloadDetails
	out := workload{Namespace: w.Namespace, Name: w.Name, UID: w.UID}
	out.APIVersion, out.Kind = kubeKind(w.Type)
	return out, out.Kind != "" && kubeName(w.Namespace, 63) && kubeName(w.Name, 253)
}

// kubeKind is the kind of a workload's type, as findings have it.
func kubeKind(kind string) (apiVersion, name string) {
	switch strings.TrimSuffix(strings.ToLower(kind), "s") {
	case "pod":
		return "v1", "Pod"
	case "replicationcontroller":
		return "v1", "ReplicationController"
	case "deployment":
		return "apps/v1", "Deployment"
	case "daemonset":
		return "apps/v1", "DaemonSet"
	case "statefulset":
		return "apps/v1", "StatefulSet"
	case "replicaset":
		return "apps/v1", "ReplicaSet"
	case "job":
		return "batch/v1", "Job"
	case "cronjob":
		return "batch/v1", "CronJob"
	}
	return "", ""
}

// kubeName reports whether a text can be a name. Findings may quote what somebody
// asked for and did not get, and a name becomes a part of a path.
func kubeName(s string, most int) bool {
	if s == "" || len(s) > most {
		return false
	}
	for i := range len(s) {
		c := s[i]
		alnum := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		if !alnum && (c != '-' && c != '.' || i == 0 || i == len(s)-1) {
			return false
		}
	}
	return true
}

// kubeID is a text as a part of an object's name.
func kubeID(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}
