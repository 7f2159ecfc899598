package console

import (
	"fmt"
	"html/template"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
)

// section is an entry of the navigation.
type section struct{ Key, Path, Name string }

// sections are the pages that the navigation leads to, in groups.
func sections() [][]section {
	return [][]section{
		{{"overview", Root, "Overview"}, {"findings", Root + "findings", "Findings"}, {"sequences", Root + "sequences", "Attack sequences"}, {"entities", Root + "entities", "Entities"}},
		{{"coverage", Root + "coverage", "Coverage"}, {"matrix", Root + "matrix", "ATT&CK matrix"}, {"catalogue", Root + "catalogue", "Finding types"}},
		{{"suppressions", Root + "suppressions", "Suppressions"}, {"rules", Root + "rules", "Rules"}, {"lists", Root + "lists", "Lists"},
			{"destinations", Root + "destinations", "Destinations"}, {"members", Root + "members", "Accounts"}, {"keys", Root + "keys", "Access keys"},
			{"usage", Root + "usage", "Usage"}, {"audit", Root + "audit", "Audit log"}},
	}
}

// funcs are what templates may call. They return text, which the template
// escapes for where it stands, never markup; svg.go alone makes that.
func funcs(a *assets) template.FuncMap {
	return template.FuncMap{
		"asset":       a.url,
		"sections":    sections,
		"severity":    severity,
		"number":      number,
		"stamp":       stamp,
		"iso":         func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"ago":         ago,
		"when":        parseTime,
		"findingPath": func(f *finding.Finding) string { return findingPath(f.ID) },
		"clip":        clip,
		"lower":       strings.ToLower,
		"plural":      plural,
		"dict":        dict,
	}
}

// severity is the word for a finding's severity: Critical, High, Medium or Low.
func severity(s float64) string { return finding.SeverityLabel(s) }

// findingPath is the page of a finding.
func findingPath(id string) string { return Root + "findings/" + url.PathEscape(id) }

// number writes 1234567 as 1,234,567.
func number(n any) string {
	s := fmt.Sprint(n)
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// plural is "1 finding", "2 findings".
func plural(n any, one, many string) string {
	if fmt.Sprint(n) == "1" {
		return "1 " + one
	}
	return number(n) + " " + many
}

// stamp is a moment as people read it; UTC, which all logs are in.
func stamp(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// parseTime reads a time of the API; zero for what is none.
func parseTime(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}
	}
	return t
}

// ago is how long before now a moment was, in one unit.
func ago(now, t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	d := now.Sub(t)
	switch {
	case d < 0:
		return "in the future"
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + " min ago"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + " h ago"
	}
	return strconv.Itoa(int(d/(24*time.Hour))) + " days ago"
}

// clip shortens text to n characters and says that it did. Pages have bounds; the
// whole text is on the page of the thing.
func clip(n int, s string) string {
	for i := range s {
		if n == 0 {
			return s[:i] + "…"
		}
		n--
	}
	return s
}

// dict makes a map of a template's arguments, key after key, so that a shared
// template can be given more than one thing.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict has a key without a value")
	}
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		k, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict has a key that is no string")
		}
		m[k] = pairs[i+1]
	}
	return m, nil
}
