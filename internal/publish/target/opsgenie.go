package target

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/vedette-project/vedette/internal/publish"
)

// Opsgenie makes alerts by its Alert API.
type Opsgenie struct {
	Web
	URL  string // of the API
	Key  string
	Team string // that is told; "" for the integration's own
}

// OpsgenieURL is where the API is; that of the EU is api.eu.opsgenie.com.
const OpsgenieURL = "https://api.opsgenie.com"

// Limits of an alert, in characters.
const (
	maxOpsMessage     = 130
	maxOpsDescription = 15000
	maxOpsEntity      = 512
)

type opsAlert struct {
	Message     string            `json:"message"`
	Alias       string            `json:"alias"`
	Description string            `json:"description,omitempty"`
	Responders  []opsTeam         `json:"responders,omitempty"`
	Tags        []string          `json:"tags,omitempty"`
	Details     map[string]string `json:"details,omitempty"`
	Entity      string            `json:"entity,omitempty"`
	Source      string            `json:"source"`
	Priority    string            `json:"priority"`
}

type opsTeam struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// Send makes, or closes, an alert for each event.
func (t *Opsgenie) Send(ctx context.Context, events []publish.Event) error {
	return one(events, func(e *publish.Event) error {
		m := read(e)
		alias := "vedette-" + m.Key
		to, v := t.URL+"/v2/alerts", any(t.alert(e, &m, alias))
		if m.Resolved {
			to, v = t.URL+"/v2/alerts/"+url.PathEscape(alias)+"/close?identifierType=alias", map[string]string{"source": "Vedette", "note": m.Title}
		}
		body, err := encode(v)
		if err != nil {
			return &publish.RefusedError{Reason: err.Error()}
		}
		_, err = t.post(ctx, to, http.Header{"Authorization": {"GenieKey " + t.Key}}, body)
		return err
	})
}

func (t *Opsgenie) alert(e *publish.Event, m *message, alias string) *opsAlert {
	a := &opsAlert{
		Message: runes(m.lead(), maxOpsMessage), Alias: alias, Source: "Vedette", Priority: opsPriority(m.Severity), Details: map[string]string{}, Tags: []string{"vedette"},
	}
	// Descriptions may hold HTML.
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace
	lines := []string{escape(m.Text)}
	for _, s := range m.Steps {
		lines = append(lines, "- "+escape(s))
	}
	for _, b := range m.More {
		lines = append(lines, "Also in this incident: "+escape(b.Title))
	}
	a.Description = runes(strings.TrimSpace(strings.Join(lines, "\n")), maxOpsDescription)
	for _, x := range m.Facts {
		a.Details[x.Name] = x.Value
	}
	if t.Team != "" {
		a.Responders = []opsTeam{{t.Team, "team"}}
	}
	if f := e.Finding(); f != nil {
		a.Entity = runes(resourcesOf(f)[0].name, maxOpsEntity)
	}
	return a
}

func opsPriority(label string) string {
	switch label {
	case "Critical":
		return "P1"
	case "High":
		return "P2"
	case "Medium":
		return "P3"
	case "Low":
		return "P4"
	}
	return "P5"
}
