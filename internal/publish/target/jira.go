package target

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/vedette-project/vedette/internal/publish"
)

// Jira makes an issue of each incident, and comments on it when there is more.
// The issue is found again by a label, as long as it is not done.
type Jira struct {
	Web
	URL     string // of the site
	Project string // key
	Issue   string // name of the issue type
	Labels  []string
	Header  http.Header // with the authorization
	// Transition, if set, is the name of the one that an issue goes through when
	// its findings are archived.
	Transition string
}

// Limits of an issue, in characters.
const (
	maxJiraSummary     = 250
	maxJiraDescription = 30000
)

// wiki escapes a text for Jira's markup.
var wiki = strings.NewReplacer(`\`, `\\`, "{", `\{`, "}", `\}`, "[", `\[`, "]", `\]`, "*", `\*`, "_", `\_`, "-", `\-`, "+", `\+`, "^", `\^`,
	"~", `\~`, "!", `\!`, "|", `\|`, "#", `\#`, "?", `\?`, "@", `\@`, ":", `\:`, ";", `\;`, "(", `\(`, "%", `\%`, "h1.", `h1\.`, "h2.", `h2\.`,
	"h3.", `h3\.`, "h4.", `h4\.`, "h5.", `h5\.`, "h6.", `h6\.`, "bq.", `bq\.`)

type jiraIssue struct {
	Fields jiraFields `json:"fields"`
}

type jiraFields struct {
	Project     jiraKey  `json:"project"`
	IssueType   jiraName `json:"issuetype"`
	Summary     string   `json:"summary"`
	Description string   `json:"description"`
	Labels      []string `json:"labels"`
}

type jiraKey struct {
	Key string `json:"key"`
}

type jiraName struct {
	Name string `json:"name"`
}

// Send makes an issue, or a comment, for each event.
func (t *Jira) Send(ctx context.Context, events []publish.Event) error {
	return one(events, func(e *publish.Event) error {
		m := read(e)
		label := "vedette-" + m.Key
		issue, err := t.find(ctx, label)
		if err != nil {
			return err
		}
		if issue == "" && m.Resolved {
			return nil // nobody was told that it was ill
		}
		to, v := "/rest/api/2/issue", any(t.issue(&m, label))
		if issue != "" {
			to, v = "/rest/api/2/issue/"+url.PathEscape(issue)+"/comment", map[string]string{"body": jiraText(&m, true)}
		}
		body, err := encode(v)
		if err != nil {
			return &publish.RefusedError{Reason: err.Error()}
		}
		var moved error
		if e.Resolved() && t.Transition != "" { // first: a comment would come again with every try
			if moved = t.move(ctx, issue); moved != nil && !refused(moved) {
				return moved
			}
		}
		_, err = t.post(ctx, t.URL+to, t.Header, body)
		return cmp.Or(err, moved)
	})
}

// move takes an issue through the transition, if it has one of the name now.
func (t *Jira) move(ctx context.Context, issue string) error {
	to := t.URL + "/rest/api/2/issue/" + url.PathEscape(issue) + "/transitions"
	a, err := t.do(ctx, http.MethodGet, to, t.Header, nil)
	if err == nil {
		err = t.judge(a)
	}
	if err != nil {
		return fmt.Errorf("read the transitions of %s: %w", issue, err)
	}
	var found struct {
		Transitions []struct{ ID, Name string }
	}
	if err := json.Unmarshal(a.body, &found); err != nil {
		return &publish.RefusedError{Reason: "the transitions of " + issue + " are no JSON"}
	}
	var names []string
	for _, x := range found.Transitions {
		if strings.EqualFold(x.Name, t.Transition) {
			body, err := encode(map[string]any{"transition": map[string]string{"id": x.ID}})
			if err != nil {
				return &publish.RefusedError{Reason: err.Error()}
			}
			_, err = t.post(ctx, to, t.Header, body)
			return err
		}
		names = append(names, plain(x.Name))
	}
	return &publish.RefusedError{Reason: fmt.Sprintf("%s has no transition %q now, but %s", issue, t.Transition, strings.Join(names, ", "))}
}

func (t *Jira) issue(m *message, label string) *jiraIssue {
	return &jiraIssue{jiraFields{
		Project: jiraKey{t.Project}, IssueType: jiraName{t.Issue}, Summary: runes(m.lead(), maxJiraSummary),
		Description: runes(jiraText(m, false), maxJiraDescription), Labels: append([]string{"vedette", label}, t.Labels...),
	}}
}

// find is the key of the issue of a label that is not done; "" if there is none.
func (t *Jira) find(ctx context.Context, label string) (string, error) {
	jql := fmt.Sprintf(`project = "%s" AND labels = "%s" AND statusCategory != Done ORDER BY created DESC`, t.Project, label)
	query := "?maxResults=1&fields=key&jql=" + url.QueryEscape(jql)
	a, err := t.do(ctx, http.MethodGet, t.URL+"/rest/api/2/search/jql"+query, t.Header, nil)
	if err == nil && a.status == http.StatusNotFound { // a server of one's own has the older path
		a, err = t.do(ctx, http.MethodGet, t.URL+"/rest/api/2/search"+query, t.Header, nil)
	}
	if err != nil {
		return "", err
	}
	if err := t.judge(a); err != nil {
		if refused(err) { // the project is not there: the configuration is at fault, not the event
			err = fmt.Errorf("search for the issue: %s", err)
		}
		return "", err
	}
	var found struct{ Issues []jiraKey }
	if err := json.Unmarshal(a.body, &found); err != nil {
		return "", fmt.Errorf("search for the issue: the answer is no JSON; see that the URL is that of a Jira site")
	}
	if len(found.Issues) == 0 {
		return "", nil
	}
	return found.Issues[0].Key, nil
}

func jiraText(m *message, update bool) string {
	var b strings.Builder
	if update {
		b.WriteString(wiki.Replace(m.lead()) + "\n\n")
	}
	if text := cmp.Or(m.Text, m.Title); !update || m.Text != "" {
		b.WriteString(wiki.Replace(text) + "\n\n")
	}
	for _, x := range m.Facts {
		b.WriteString("*" + x.Name + ":* " + wiki.Replace(x.Value) + "\n")
	}
	for _, x := range m.More {
		b.WriteString("*Also in this incident:* " + wiki.Replace(x.Title) + "\n")
	}
	if len(m.Steps) > 0 && !update {
		b.WriteString("\n*What to do:*\n")
		for _, s := range m.Steps {
			b.WriteString("# " + wiki.Replace(s) + "\n")
		}
	}
	return b.String()
}
