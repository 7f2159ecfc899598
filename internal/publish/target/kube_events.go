package target

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/publish"
)

// KubeEvents makes an Event of each finding on the workload that it is about.
// Updates go on the Event's series.
type KubeEvents struct{ Kube }

// Limits of an Event, in bytes.
const (
	maxEventNote   = 1024
	maxEventReason = 128
)

type kubeEvent struct {
	APIVersion string     `json:"apiVersion"`
	Kind       string     `json:"kind"`
	Metadata   kubeMeta   `json:"metadata"`
	EventTime  string     `json:"eventTime"`
	Controller string     `json:"reportingController"`
	Instance   string     `json:"reportingInstance"`
	Action     string     `json:"action"`
	Reason     string     `json:"reason"`
	Regarding  workload   `json:"regarding"`
	Note       string     `json:"note"`
	Type       string     `json:"type"`
	Series     *kubeSerie `json:"series,omitempty"`
}

type kubeMeta struct {
	Name            string            `json:"name"`
	Namespace       string            `json:"namespace"`
	Labels          map[string]string `json:"labels,omitempty"`
	Annotations     map[string]string `json:"annotations,omitempty"`
	ResourceVersion string            `json:"resourceVersion,omitempty"`
}

type kubeSerie struct {
	Count    int64  `json:"count"`
	LastTime string `json:"lastObservedTime"`
}

// microTime is how events of Kubernetes write times.
const microTime = "2006-01-02T15:04:05.000000Z07:00"

const kubeController = "vedette"

// Send makes, or updates, an Event for each finding. What is about no workload of
// the cluster is left out.
func (t *KubeEvents) Send(ctx context.Context, events []publish.Event) error {
	return one(events, func(e *publish.Event) error {
		w, ok := t.workloadOf(e.Finding())
		if !ok {
			return nil
		}
		return t.tell(ctx, e, w)
	})
}

func (t *KubeEvents) tell(ctx context.Context, e *publish.Event, w workload) error {
	if w.UID == "" && !w.trial && !e.Update {
		w.UID = t.uid(ctx, &w)
	}
	event := kubeEventOf(e, w)
	path := "/apis/events.k8s.io/v1/namespaces/" + w.Namespace + "/events"
	a, err := t.call(ctx, http.MethodPost, path+w.query(), jsonType, event)
	if err != nil {
		return err
	}
	if a.status != http.StatusConflict {
		return t.judgeKube(a, "create", "events (events.k8s.io)")
	}
	// It is there. Of an event only the series may change.
	f := e.Finding()
	s := kubeSerie{Count: 2, LastTime: e.Time.UTC().Format(microTime)}
	if f.Service != nil {
		s.Count = max(s.Count, f.Service.Count)
		if at, err := time.Parse(time.RFC3339, f.Service.EventLastSeen); err == nil {
			s.LastTime = at.UTC().Format(microTime)
		}
	}
	a, err = t.call(ctx, http.MethodPatch, path+"/"+event.Metadata.Name+w.query(), mergeType, map[string]any{"series": s})
	if err != nil {
		return err
	}
	if a.status == http.StatusNotFound { // it has just expired; the next try makes another
		return t.judge(&answer{status: http.StatusServiceUnavailable, body: a.body})
	}
	return t.judgeKube(a, "patch", "events (events.k8s.io)")
}

// uid is that of a workload: kubectl describe shows the events that have it.
// What is gone, or may not be read, is told of without.
func (t *KubeEvents) uid(ctx context.Context, w *workload) string {
	group := "/apis/"
	if w.APIVersion == "v1" {
		group = "/api/"
	}
	a, err := t.call(ctx, http.MethodGet, group+w.APIVersion+"/namespaces/"+w.Namespace+"/"+strings.ToLower(w.Kind)+"s/"+w.Name, "", nil)
	if err != nil || a.status != http.StatusOK {
		return ""
	}
	var object struct{ Metadata struct{ UID string } }
	if json.Unmarshal(a.body, &object) != nil {
		return ""
	}
	return object.Metadata.UID
}

func kubeEventOf(e *publish.Event, w workload) *kubeEvent {
	f, m := e.Finding(), read(e)
	out := &kubeEvent{
		APIVersion: "events.k8s.io/v1", Kind: "Event",
		Metadata: kubeMeta{
			Name: "vedette." + kubeID(f.ARN+f.ID), Namespace: w.Namespace, Labels: map[string]string{"app.kubernetes.io/managed-by": "vedette"},
			Annotations: map[string]string{"vedette/finding": plain(f.ID), "vedette/severity": m.Severity},
		},
		EventTime: e.Time.UTC().Format(microTime), Controller: kubeController, Instance: kubeController, Action: "Detected",
		Reason: cut(plain(f.Type), maxEventReason), Regarding: w, Type: "Warning",
	}
	note := finding.SeverityLabel(f.Severity) + ": " + m.Title
	if m.Text != "" && m.Text != m.Title {
		note += " " + m.Text
	}
	out.Note = cut(note+" (finding "+plain(f.ID)+")", maxEventNote)
	return out
}
