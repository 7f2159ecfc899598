package target

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/publish"
)

// Alertmanager posts alerts to the v2 API of Prometheus Alertmanager. An alert
// is known again by its labels, which therefore hold nothing that changes.
type Alertmanager struct {
	Web
	URL    string // of the server
	Header http.Header
	Labels map[string]string // added to those of every alert
	// Hold is how long an alert lasts after the last event, if its finding is not
	// archived before: nobody tells when a threat is over.
	Hold time.Duration
}

type amAlert struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     string            `json:"startsAt,omitempty"`
	EndsAt       string            `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
}

// Send posts all events in one call.
func (t *Alertmanager) Send(ctx context.Context, events []publish.Event) error {
	alerts := make([]amAlert, 0, len(events))
	for i := range events {
		alerts = t.appendAlerts(alerts, &events[i])
	}
	body, err := encode(alerts)
	if err != nil {
		return &publish.RefusedError{Reason: err.Error()}
	}
	_, err = t.post(ctx, strings.TrimSuffix(t.URL, "/")+"/api/v2/alerts", t.Header, body)
	return err
}

// appendAlerts adds the alerts of an event. One whose severity is another than
// was told ends the alert with that label.
func (t *Alertmanager) appendAlerts(alerts []amAlert, e *publish.Event) []amAlert {
	f := e.Finding()
	if f == nil {
		return append(alerts, t.alert(e))
	}
	over := func(x *finding.Finding, severity float64) {
		was, y := *e, *x
		y.Severity, was.Detail = severity, &y
		a := t.alert(&was)
		a.EndsAt = t.Now().UTC().Format(time.RFC3339)
		if !slices.ContainsFunc(alerts, func(b amAlert) bool { return a.EndsAt == b.EndsAt && maps.Equal(a.Labels, b.Labels) }) {
			alerts = append(alerts, a)
		}
	}
	changed := func(x *finding.Finding) bool {
		return e.Incident.Was > 0 && finding.SeverityLabel(e.Incident.Was) != finding.SeverityLabel(x.Severity)
	}
	for _, x := range e.Ended {
		over(x, x.Severity)
		if changed(x) {
			over(x, e.Incident.Was)
		}
	}
	if e.Resolved() {
		return alerts
	}
	if e.Incident.Findings <= 1 && changed(f) {
		over(f, e.Incident.Was)
	}
	return append(alerts, t.alert(e))
}

func (t *Alertmanager) alert(e *publish.Event) amAlert {
	m := read(e)
	now := t.Now().UTC()
	a := amAlert{
		Labels:      map[string]string{"alertname": "VedetteFinding", "source": "vedette", "account": e.Account, "region": e.Region},
		Annotations: map[string]string{"summary": m.Title, "description": m.Text},
		EndsAt:      now.Add(t.Hold).Format(time.RFC3339),
	}
	for name, value := range t.Labels {
		a.Labels[name] = value
	}
	if h := e.Health(); h != nil {
		a.Labels["alertname"], a.Labels["severity"] = "VedetteSourceUnhealthy", "warning"
		a.Labels["log"], a.Labels["cluster"] = plain(h.Source), plain(h.ResourceDetails.EKSClusterDetails.ClusterName)
		if m.Resolved {
			a.EndsAt = now.Format(time.RFC3339)
		}
	}
	if f := e.Finding(); f != nil {
		a.Labels["type"], a.Labels["severity"], a.Labels["finding"] = plain(f.Type), strings.ToLower(finding.SeverityLabel(f.Severity)), m.Key
		for _, x := range m.Facts {
			a.Annotations[amName(x.Name)] = x.Value
		}
		if f.Resource != nil && f.Resource.EKSClusterDetails != nil {
			a.Labels["cluster"] = plain(f.Resource.EKSClusterDetails.Name)
		}
		if f.Service != nil {
			if at, err := time.Parse(time.RFC3339, f.Service.EventFirstSeen); err == nil && at.Before(now) {
				a.StartsAt = at.UTC().Format(time.RFC3339)
			}
		}
	}
	for _, set := range []map[string]string{a.Labels, a.Annotations} {
		for name, value := range set {
			if value == "" { // Alertmanager takes no empty ones
				delete(set, name)
			}
		}
	}
	return a
}

// amName is the name of a fact as that of an annotation.
func amName(name string) string { return strings.ReplaceAll(strings.ToLower(name), " ", "_") }
