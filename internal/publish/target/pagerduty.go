package target

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/publish"
)

// PagerDuty sends events to the Events API v2.
type PagerDuty struct {
	Web
	URL string // of the API
	Key string // of the integration
}

// PagerDutyURL is where the API is; that of the EU is events.eu.pagerduty.com.
const PagerDutyURL = "https://events.pagerduty.com/v2/enqueue"

const (
	maxPagerSummary = 1024
	maxPagerKey     = 255
)

type pagerEvent struct {
	RoutingKey string        `json:"routing_key"`
	Action     string        `json:"event_action"`
	DedupKey   string        `json:"dedup_key"`
	Client     string        `json:"client,omitempty"`
	Payload    *pagerPayload `json:"payload,omitempty"`
}

type pagerPayload struct {
	Summary   string         `json:"summary"`
	Source    string         `json:"source"`
	Severity  string         `json:"severity"`
	Timestamp string         `json:"timestamp"`
	Component string         `json:"component,omitempty"`
	Group     string         `json:"group,omitempty"`
	Class     string         `json:"class,omitempty"`
	Details   map[string]any `json:"custom_details,omitempty"`
}

// Send triggers, or resolves, an alert for each event.
func (t *PagerDuty) Send(ctx context.Context, events []publish.Event) error {
	return one(events, func(e *publish.Event) error {
		p := pagerOf(e)
		p.RoutingKey = t.Key
		body, err := encode(p)
		if err != nil {
			return &publish.RefusedError{Reason: err.Error()}
		}
		_, err = t.post(ctx, t.URL, http.Header{}, body)
		return err
	})
}

func pagerOf(e *publish.Event) *pagerEvent {
	m := read(e)
	p := &pagerEvent{Action: "trigger", DedupKey: "vedette-" + cut(m.Key, maxPagerKey-len("vedette-")), Client: "Vedette"}
	if m.Resolved {
		p.Action = "resolve"
		return p
	}
	details := map[string]any{}
	for _, x := range m.Facts {
		details[x.Name] = x.Value
	}
	if m.Text != "" {
		details["Description"] = m.Text
	}
	if len(m.Steps) > 0 {
		details["What to do"] = strings.Join(m.Steps, " ")
	}
	if len(m.More) > 0 {
		details["Also in this incident"] = m.More
	}
	p.Payload = &pagerPayload{
		Summary: cut(m.lead(), maxPagerSummary), Source: strings.TrimSpace(e.Account + " " + e.Region), Severity: pagerSeverity(m.Severity),
		Timestamp: e.Time.UTC().Format(time.RFC3339), Group: e.Region, Class: plain(e.DetailType), Details: details,
	}
	if f := e.Finding(); f != nil {
		p.Payload.Class, p.Payload.Component = plain(f.Type), resourcesOf(f)[0].name
	}
	return p
}

func pagerSeverity(label string) string {
	switch label {
	case "Critical":
		return "critical"
	case "High":
		return "error"
	case "Medium":
		return "warning"
	}
	return "info"
}
