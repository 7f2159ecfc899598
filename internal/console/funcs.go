package console

import (
	"fmt"
	"html/template"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/vedette-project/vedette/internal/finding"
)

// section is an entry of the navigation.
type section struct{ Key, Path, Name string }

// sections are the pages that the navigation leads a visitor to, in groups.
func sections(v *visit) [][]section {
	settings := []section{{"suppressions", Root + "suppressions", "Suppressions"}, {"lists", Root + "lists", "Lists"}}
	if v.Whole() {
		settings = append(settings, section{"rules", Root + "rules", "Rules"}, section{"destinations", Root + "destinations", "Destinations"})
	}
	settings = append(settings, section{"members", Root + "members", "Accounts"}, section{"detector", Root + "detector", "Detector"})
	if v.Whole() && v.MayManage() {
		settings = append(settings, section{"keys", Root + "keys", "Access keys"})
	}
	settings = append(settings, section{"usage", Root + "usage", "Usage"})
	if v.MayManage() {
		settings = append(settings, section{"audit", Root + "audit", "Audit log"})
	}
	return [][]section{
		{{"overview", Root, "Overview"}, {"findings", Root + "findings", "Findings"}, {"sequences", Root + "sequences", "Attack sequences"}, {"entities", Root + "entities", "Entities"}},
		{{"coverage", Root + "coverage", "Coverage"}, {"matrix", Root + "matrix", "ATT&CK matrix"}, {"catalogue", Root + "catalogue", "Finding types"}},
		settings,
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
		"resource":    resourceOf,
		"clip":        clip,
		"shown":       shown,
		"shownLines":  shownLines,
		"lower":       strings.ToLower,
		"plural":      plural,
		"dict":        dict,
	}
}

// resourceOf names what a finding is about; nothing for a sequence, which is about
// much and only has a number.
func resourceOf(f *finding.Finding) string {
	if f.Resource != nil && f.Resource.ResourceType == "AttackSequence" {
		return ""
	}
	return finding.ResourceID(f)
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

// shown is foreign text as it is safe to look at: what would be invisible, move
// the cursor or turn the direction of writing is shown as an escape, and so is
// what is no text at all. Templates put it into <bdi>, so that letters that are
// written from right to left turn nothing around them. All text that somebody
// outside may have chosen goes through it.
func shown(s string) string { return escapeUnseen(s, "") }

// shownLines is shown for text that has lines: it leaves their ends and tabs.
func shownLines(s string) string { return escapeUnseen(strings.ReplaceAll(s, "\r\n", "\n"), "\n\t") }

func escapeUnseen(s, except string) string {
	bad := func(c rune) bool { return unseen(c) && !strings.ContainsRune(except, c) }
	if utf8.ValidString(s) && strings.IndexFunc(s, bad) < 0 {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		c, n := utf8.DecodeRuneInString(s)
		switch {
		case c == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case !bad(c):
			b.WriteRune(c)
		case c < 0x10000:
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(c), "'"))
		default:
			fmt.Fprintf(&b, `\U%08x`, c)
		}
		s = s[n:]
	}
	return b.String()
}

// unseen says whether a character has no shape of its own: controls, marks of
// direction and of joining, tags, selectors of variants, and private ones, which
// every machine draws differently.
func unseen(c rune) bool {
	if c < unicode.MaxASCII {
		return c < ' '
	}
	return unicode.In(c, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co,
		unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
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
