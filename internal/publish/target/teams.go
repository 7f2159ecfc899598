package target

import (
	"context"
	"net/http"
	"strings"

	"github.com/vedette-project/vedette/internal/publish"
)

// Teams sends cards to a workflow of Microsoft Teams that is started by a
// webhook ("Post to a channel when a webhook request is received").
type Teams struct {
	Web
	URL string
}

type teamsMessage struct {
	Type        string            `json:"type"`
	Attachments []teamsAttachment `json:"attachments"`
}

type teamsAttachment struct {
	ContentType string    `json:"contentType"`
	Content     teamsCard `json:"content"`
}

type teamsCard struct {
	Schema  string         `json:"$schema"`
	Type    string         `json:"type"`
	Version string         `json:"version"`
	Body    []teamsElement `json:"body"`
	MSTeams teamsWidth     `json:"msteams"`
}

type teamsWidth struct {
	Width string `json:"width"`
}

type teamsElement struct {
	Type   string      `json:"type"`
	Text   string      `json:"text,omitempty"`
	Size   string      `json:"size,omitempty"`
	Weight string      `json:"weight,omitempty"`
	Color  string      `json:"color,omitempty"`
	Wrap   bool        `json:"wrap,omitempty"`
	Facts  []teamsFact `json:"facts,omitempty"`
}

type teamsFact struct {
	Title string `json:"title"`
	Value string `json:"value"`
}

// A card is at most 28 KB.
const maxTeamsText = 1500

// markdown escapes a text for the Markdown of cards, and what would be HTML.
var markdown = strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "`", "\\`", "[", `\[`, "]", `\]`, "(", `\(`, ")", `\)`, "#", `\#`,
	"~", `\~`, "|", `\|`, "!", `\!`, "<", "&lt;", ">", "&gt;", "&", "&amp;", "{", `\{`, "}", `\}`, "://", ":\u200b//")

// escapeMarkdown escapes a text, and what would make its line an item of a list.
func escapeMarkdown(s string) string {
	s = markdown.Replace(s)
	for _, mark := range []string{"-", "+", "="} {
		if strings.HasPrefix(s, mark) {
			return `\` + s
		}
	}
	if i := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }); i > 0 && s[i] == '.' {
		return s[:i] + `\` + s[i:]
	}
	return s
}

// Send posts events one by one.
func (t *Teams) Send(ctx context.Context, events []publish.Event) error {
	return one(events, func(e *publish.Event) error {
		body, err := encode(teamsOf(e))
		if err != nil {
			return &publish.RefusedError{Reason: err.Error()}
		}
		_, err = t.post(ctx, t.URL, http.Header{}, body)
		return err
	})
}

func teamsOf(e *publish.Event) *teamsMessage {
	m := read(e)
	lead := m.lead()
	if e.Update {
		lead = "Update: " + lead
	}
	body := []teamsElement{{Type: "TextBlock", Size: "Large", Weight: "Bolder", Wrap: true, Color: teamsColor(m.Severity), Text: escapeMarkdown(lead)}}
	if m.Text != "" && m.Text != m.Title {
		body = append(body, teamsElement{Type: "TextBlock", Wrap: true, Text: escapeMarkdown(cut(m.Text, maxTeamsText))})
	}
	facts := teamsElement{Type: "FactSet"}
	for _, x := range m.Facts {
		facts.Facts = append(facts.Facts, teamsFact{x.Name, escapeMarkdown(x.Value)})
	}
	body = append(body, facts)
	for _, b := range m.More {
		body = append(body, teamsElement{Type: "TextBlock", Wrap: true, Text: escapeMarkdown("Also in this incident: " + cut(b.Title, 140))})
	}
	if len(m.Steps) > 0 && !e.Update {
		body = append(body, teamsElement{Type: "TextBlock", Wrap: true, Text: escapeMarkdown("What to do: " + m.Steps[0])})
	}
	return &teamsMessage{Type: "message", Attachments: []teamsAttachment{{
		ContentType: "application/vnd.microsoft.card.adaptive",
		Content: teamsCard{
			Schema: "http://adaptivecards.io/schemas/adaptive-card.json", Type: "AdaptiveCard", Version: "1.4", Body: body, MSTeams: teamsWidth{"Full"},
		},
	}}}
}

func teamsColor(severity string) string {
	switch severity {
	case "Critical", "High":
		return "Attention"
	case "Medium":
		return "Warning"
	case "Low":
		return "Accent"
	}
	return "Good"
}
