package target_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/publish"
	"github.com/vedette-project/vedette/internal/publish/target"
)

// TestSlack: blocks within Slack's limits; nothing that an attacker wrote is a
// mention, a link, bold or code.
func TestSlack(t *testing.T) {
	s := newSite(t)
	s.answer = func(*http.Request, []byte) (int, map[string]string, string) { return 200, nil, "ok" }
	to := &target.Slack{Web: web(), URL: s.URL}
	long := event(t)
	long.Finding().Description = strings.Repeat("<&>*", 5000)
	long.Finding().Title = strings.Repeat("ä", 400)
	for _, e := range []publish.Event{event(t), wild(t), long, health(t, false, hostile), health(t, true, "")} {
		if err := to.Send(t.Context(), []publish.Event{e}); err != nil {
			t.Fatal(err)
		}
		v := decode(t, s.last(t).body)
		blocks := at(t, v, "attachments", 0, "blocks").([]any)
		if len(blocks) == 0 || len(blocks) > 50 || at(t, blocks[0], "type") != "header" {
			t.Fatalf("%d blocks", len(blocks))
		}
		if head := at(t, blocks[0], "text", "text").(string); len([]rune(head)) > 150 || head == "" {
			t.Errorf("a header of %d characters", len([]rune(head)))
		}
		for _, b := range blocks {
			for _, f := range append(anys(at(t, b, "fields")), anys(at(t, b, "elements"))...) {
				checkSlack(t, f.(map[string]any), 2000)
			}
			if text, ok := at(t, b, "text").(map[string]any); ok && text["type"] == "mrkdwn" {
				checkSlack(t, text, 3000)
			}
		}
		mustLack(t, "notification", at(t, v, "text").(string), "<", " *b*", "`c`")
	}
	s.answer = func(*http.Request, []byte) (int, map[string]string, string) { return 400, nil, "invalid_blocks" }
	refused := (*publish.RefusedError)(nil)
	if err := to.Send(t.Context(), []publish.Event{event(t)}); !errors.As(err, &refused) || !strings.Contains(err.Error(), "invalid_blocks") {
		t.Errorf("refused: %v", err)
	}
	s.answer = func(*http.Request, []byte) (int, map[string]string, string) { return 200, nil, "<html>login</html>" }
	if err := to.Send(t.Context(), []publish.Event{event(t)}); err == nil {
		t.Error("a page that is not Slack's counts as success")
	}
}

func anys(v any) []any { l, _ := v.([]any); return l }

func checkSlack(t *testing.T, text map[string]any, limit int) {
	t.Helper()
	s := text["text"].(string)
	if len([]rune(s)) > limit {
		t.Errorf("%d characters, %d are allowed", len([]rune(s)), limit)
	}
	if text["verbatim"] != true {
		t.Errorf("Slack may find links in %q", s)
	}
	// Line ends and bold are ours: after the name of a field.
	name, value, ok := strings.Cut(s, "*\n")
	if !ok {
		value = s
	} else if strings.Count(name, "*") != 1 {
		t.Errorf("the name of a field is %q", name)
	}
	for _, part := range []string{"<", ">", "&lt", "*b*", "_i_", "~s~", "`c`", "\x00", "\u202e", "\x1b"} {
		if part == "&lt" {
			if strings.HasSuffix(value, "&lt") || strings.HasSuffix(value, "&am") {
				t.Errorf("an escape is cut in two: %q", value[len(value)-20:])
			}
			continue
		}
		if strings.Contains(value, part) {
			t.Errorf("%q is in %q", part, value)
		}
	}
}

// TestTeams: a card in which nothing that an attacker wrote is a link, an image
// or a mark, and that is not too large.
func TestTeams(t *testing.T) {
	s := newSite(t)
	to := &target.Teams{Web: web(), URL: s.URL}
	long := event(t)
	long.Finding().Description = strings.Repeat("[](){}", 5000)
	for _, e := range []publish.Event{event(t), wild(t), long, health(t, true, "")} {
		if err := to.Send(t.Context(), []publish.Event{e}); err != nil {
			t.Fatal(err)
		}
		body := s.last(t).body
		v := decode(t, body)
		card := at(t, v, "attachments", 0, "content")
		if at(t, v, "type") != "message" || at(t, v, "attachments", 0, "contentType") != "application/vnd.microsoft.card.adaptive" || at(t, card, "type") != "AdaptiveCard" || at(t, card, "version") != "1.4" {
			t.Errorf("no card: %s", body)
		}
		if len(body) > 28<<10 {
			t.Errorf("a card of %d bytes", len(body))
		}
		for _, text := range texts(at(t, card, "body")) {
			mustLack(t, "card", text, append(unseen(), "<", "](http", " *b* ", "![", "https://", "`c`")...)
		}
	}
}

// TestPagerDuty: one key for an incident, and a source that is well again
// resolves what its illness triggered.
func TestPagerDuty(t *testing.T) {
	s := newSite(t)
	to := &target.PagerDuty{Web: web("rk"), URL: s.URL, Key: "rk"}
	update := event(t)
	update.Update = true
	var keys []any
	for _, e := range []publish.Event{event(t), update, wild(t), health(t, false, "no records"), health(t, true, "")} {
		if err := to.Send(t.Context(), []publish.Event{e}); err != nil {
			t.Fatal(err)
		}
		v := decode(t, s.last(t).body)
		keys = append(keys, at(t, v, "dedup_key"))
		if at(t, v, "routing_key") != "rk" {
			t.Errorf("%v", v)
		}
		if at(t, v, "event_action") == "resolve" {
			continue
		}
		p := at(t, v, "payload")
		summary := at(t, p, "summary").(string)
		if summary == "" || len(summary) > 1024 || at(t, p, "source") == "" || !strings.Contains("critical error warning info", at(t, p, "severity").(string)) {
			t.Errorf("payload %v", p)
		}
		for _, text := range texts(p) {
			mustLack(t, "payload", text, "\x00", "\x1b", "\u202e")
		}
	}
	if keys[0] != keys[1] || keys[3] != keys[4] || keys[0] == keys[3] {
		t.Errorf("keys %q", keys)
	}
	for _, e := range []publish.Event{health(t, true, ""), archived(event(t))} {
		if err := to.Send(t.Context(), []publish.Event{e}); err != nil {
			t.Fatal(err)
		}
		v := decode(t, s.last(t).body)
		if at(t, v, "event_action") != "resolve" || at(t, v, "payload") != nil || e.Finding() != nil && at(t, v, "dedup_key") != keys[0] {
			t.Errorf("what is over: %v", v)
		}
	}
}

// archived is the event that a finding was archived.
func archived(e publish.Event) publish.Event {
	e.Update, e.Ended = true, []*finding.Finding{e.Finding()}
	return e
}

// TestOpsgenie: alerts have an alias, and are closed by it.
func TestOpsgenie(t *testing.T) {
	s := newSite(t)
	to := &target.Opsgenie{Web: web(), URL: s.URL, Key: "k", Team: "soc"}
	for _, e := range []publish.Event{event(t), wild(t), health(t, false, "x")} {
		if err := to.Send(t.Context(), []publish.Event{e}); err != nil {
			t.Fatal(err)
		}
		r := s.last(t)
		v := decode(t, r.body)
		message := at(t, v, "message").(string)
		if r.path != "/v2/alerts" || r.header.Get("Authorization") != "GenieKey k" || at(t, v, "alias") == "" || message == "" || len([]rune(message)) > 130 || at(t, v, "responders", 0, "name") != "soc" {
			t.Errorf("%s %s", r.path, r.body)
		}
		mustLack(t, "description", at(t, v, "description").(string), "<", "\x00", "\u202e")
	}
	alias := at(t, decode(t, s.last(t).body), "alias").(string)
	if err := to.Send(t.Context(), []publish.Event{health(t, true, "")}); err != nil {
		t.Fatal(err)
	}
	if r := s.last(t); r.path != "/v2/alerts/"+alias+"/close?identifierType=alias" {
		t.Errorf("closed by %s", r.path)
	}
	e := event(t)
	if err := to.Send(t.Context(), []publish.Event{archived(e)}); err != nil {
		t.Fatal(err)
	}
	if r := s.last(t); r.path != "/v2/alerts/vedette-"+e.Incident.Key+"/close?identifierType=alias" || !strings.HasPrefix(at(t, decode(t, r.body), "note").(string), "Archived: ") {
		t.Errorf("an archived finding is closed by %s %s", r.path, r.body)
	}
}

// jira is a site of Jira as far as we use it: a search, issues and comments.
type jira struct {
	t        *testing.T
	cloud    bool
	issues   []map[string]any
	comments []string
	done     bool
}

func (j *jira) answer(r *http.Request, body []byte) (int, map[string]string, string) {
	switch path := strings.TrimPrefix(r.URL.Path, "/rest/api/2"); {
	case r.Header.Get("Authorization") != "Bearer t":
		return 401, nil, "who are you?"
	case path == "/search/jql" && !j.cloud:
		return 404, nil, "<html>"
	case path == "/search/jql" || path == "/search":
		jql := r.URL.Query().Get("jql")
		for _, i := range j.issues {
			for _, l := range i["labels"].([]any) {
				if !j.done && strings.Contains(jql, `labels = "`+l.(string)+`"`) && strings.HasPrefix(l.(string), "vedette-") && strings.Contains(jql, "statusCategory != Done") {
					return 200, nil, `{"issues":[{"key":"SEC-1"}]}`
				}
			}
		}
		return 200, nil, `{"issues":[]}`
	case path == "/issue":
		f := at(j.t, decode(j.t, body), "fields").(map[string]any)
		if f["summary"] == "" || len(f["summary"].(string)) > 255 {
			return 400, nil, `{"errors":{"summary":"is required"}}`
		}
		j.issues = append(j.issues, f)
		return 201, nil, `{"key":"SEC-1"}`
	case path == "/issue/SEC-1/comment":
		j.comments = append(j.comments, at(j.t, decode(j.t, body), "body").(string))
		return 201, nil, `{}`
	case path == "/issue/SEC-1/transitions" && r.Method == http.MethodGet:
		return 200, nil, `{"transitions":[{"id":"11","name":"In Progress"},{"id":"31","name":"Done"}]}`
	case path == "/issue/SEC-1/transitions":
		j.done = at(j.t, decode(j.t, body), "transition", "id") == "31"
		return 204, nil, ""
	}
	return 404, nil, "no such path"
}

// TestJira: an issue, then comments on it, until it is done; both by the search
// of the cloud and by the one before.
func TestJira(t *testing.T) {
	for _, cloud := range []bool{true, false} {
		s, j := newSite(t), &jira{t: t, cloud: cloud}
		s.answer = j.answer
		to := &target.Jira{Web: web(), URL: s.URL, Project: "SEC", Issue: "Task", Labels: []string{"soc"}, Header: http.Header{"Authorization": {"Bearer t"}}}
		e := wild(t)
		for range 2 {
			if err := to.Send(t.Context(), []publish.Event{e}); err != nil {
				t.Fatal(err)
			}
		}
		if len(j.issues) != 1 || len(j.comments) != 1 || at(t, j.issues[0], "project", "key") != "SEC" {
			t.Fatalf("%d issues, %d comments", len(j.issues), len(j.comments))
		}
		for _, text := range []string{j.issues[0]["description"].(string), j.comments[0]} {
			mustLack(t, "text", text, " [l]", "{color:red}", " [~admin]", " *b*", " ![", "h1. ", "\x00", "\u202e", "\r")
			if !strings.Contains(text, `\[\~admin\]`) {
				t.Errorf("the text is gone: %q", text)
			}
		}
		j.done = true
		if err := to.Send(t.Context(), []publish.Event{e}); err != nil || len(j.issues) != 2 {
			t.Errorf("after it was done: %d issues, %v", len(j.issues), err)
		}
		if err := to.Send(t.Context(), []publish.Event{health(t, true, "")}); err != nil || len(j.issues) != 2 {
			t.Errorf("a source that is well is an issue: %v", err)
		}
	}
}

// TestJiraResolve: the issue of an archived finding has a comment, and is done if
// there is a transition; a finding that nobody was told of makes no issue.
func TestJiraResolve(t *testing.T) {
	s, j := newSite(t), &jira{t: t, cloud: true}
	s.answer = j.answer
	to := &target.Jira{Web: web(), URL: s.URL, Project: "SEC", Issue: "Task", Header: http.Header{"Authorization": {"Bearer t"}}}
	e := event(t)
	send := func(e publish.Event) error { return to.Send(t.Context(), []publish.Event{e}) }
	if err := send(archived(e)); err != nil || len(j.issues) != 0 {
		t.Errorf("%d issues, %v", len(j.issues), err)
	}
	if err := errors.Join(send(e), send(archived(e))); err != nil || len(j.issues) != 1 || len(j.comments) != 1 || !strings.Contains(j.comments[0], "Archived") || j.done {
		t.Errorf("%d issues, comments %q, %v", len(j.issues), j.comments, err)
	}
	refused := (*publish.RefusedError)(nil)
	to.Transition = "Gone"
	if err := send(archived(e)); !errors.As(err, &refused) || !strings.Contains(err.Error(), `no transition "Gone" now, but In Progress, Done`) || len(j.comments) != 2 {
		t.Errorf("a transition that is not there: %d comments, %v", len(j.comments), err)
	}
	to.Transition = "done"
	if err := send(archived(e)); err != nil || !j.done || len(j.comments) != 3 {
		t.Errorf("done %t, %d comments, %v", j.done, len(j.comments), err)
	}
}
