package target

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/vedette-project/vedette/internal/publish"
)

// Slack sends messages to an incoming webhook of Slack.
type Slack struct {
	Web
	URL string
}

// Limits of Slack's blocks, in characters.
const (
	maxSlackHeader = 150
	maxSlackText   = 3000
	maxSlackField  = 2000
	maxSlackFields = 10
)

type slackMessage struct {
	Text        string            `json:"text"` // of notifications
	Attachments []slackAttachment `json:"attachments"`
}

type slackAttachment struct {
	Color  string       `json:"color"`
	Blocks []slackBlock `json:"blocks"`
}

type slackBlock struct {
	Type     string      `json:"type"`
	Text     *slackText  `json:"text,omitempty"`
	Fields   []slackText `json:"fields,omitempty"`
	Elements []slackText `json:"elements,omitempty"`
}

type slackText struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Emoji    *bool  `json:"emoji,omitempty"`
	Verbatim bool   `json:"verbatim,omitempty"`
}

// slackControl are the three characters that mean something to Slack wherever
// they stand: escaped, nothing is a link, a mention or a channel.
var slackControl = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// mrkdwn escapes a text for Slack, so that nothing in it is bold or code
// either: a character of no width stands before each mark. A low line within a
// word is none, and names shall be fit for copying.
func mrkdwn(s string) string {
	s = slackControl.Replace(s)
	if !strings.ContainsAny(s, "*_~`") {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		within := i > 0 && i+1 < len(s) && word(s[i-1]) && word(s[i+1])
		if c == '*' || c == '~' || c == '`' || c == '_' && !within {
			b.WriteString("\u200b")
		}
		b.WriteByte(c)
	}
	return b.String()
}

func word(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// Send posts events one by one.
func (t *Slack) Send(ctx context.Context, events []publish.Event) error {
	return one(events, func(e *publish.Event) error {
		body, err := encode(slackOf(e))
		if err != nil {
			return &publish.RefusedError{Reason: err.Error()}
		}
		a, err := t.post(ctx, t.URL, http.Header{}, body)
		if err == nil && strings.TrimSpace(string(a.body)) != "ok" {
			return fmt.Errorf("the target answered 200 with %s, where Slack says ok; see that the URL is that of an incoming webhook", t.quote(a.body))
		}
		return err
	})
}

func slackOf(e *publish.Event) *slackMessage {
	m := read(e)
	lead := m.lead()
	if e.Update {
		lead = "Update: " + lead
	}
	// Plain text knows no marks, yet would make emoji of names between colons.
	blocks := []slackBlock{{Type: "header", Text: &slackText{Type: "plain_text", Text: runes(lead, maxSlackHeader), Emoji: new(bool)}}}
	if m.Text != "" && m.Text != m.Title {
		blocks = append(blocks, slackBlock{Type: "section", Text: slackMark(m.Text, maxSlackText)})
	}
	for facts := m.Facts; len(facts) > 0; {
		n := min(maxSlackFields, len(facts))
		b := slackBlock{Type: "section"}
		for _, x := range facts[:n] {
			text := slackMark(x.Value, maxSlackField-len(x.Name)-4)
			text.Text = "*" + x.Name + "*\n" + text.Text
			b.Fields = append(b.Fields, *text)
		}
		blocks, facts = append(blocks, b), facts[n:]
	}
	if len(m.More) > 0 {
		var lines []string
		for _, b := range m.More {
			lines = append(lines, fmt.Sprintf("• %s (%g)", slackMark(b.Title, 140).Text, b.Severity))
		}
		blocks = append(blocks, slackBlock{Type: "section", Text: &slackText{Type: "mrkdwn", Verbatim: true, Text: "*Also in this incident*\n" + strings.Join(lines, "\n")}})
	}
	if len(m.Steps) > 0 && !e.Update {
		blocks = append(blocks, slackBlock{Type: "context", Elements: []slackText{*slackMark("What to do: "+m.Steps[0], maxSlackField)}})
	}
	return &slackMessage{Text: slackMark(lead, maxSlackText).Text, Attachments: []slackAttachment{{Color: "#" + m.color(), Blocks: blocks}}}
}

// slackMark is a text that shows what it says; verbatim keeps Slack from
// finding links and channels in it. It is cut before it is escaped, so that no
// escape is cut in two.
func slackMark(text string, limit int) *slackText {
	r := []rune(text)
	for n := min(len(r), limit); ; n = n * 9 / 10 {
		s := mrkdwn(runes(text, max(n, 1)))
		if len([]rune(s)) <= limit || n <= 1 {
			return &slackText{Type: "mrkdwn", Text: s, Verbatim: true}
		}
	}
}
