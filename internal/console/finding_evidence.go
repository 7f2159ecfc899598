package console

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/story"
)

// rawBudget is how many characters of raw records a page shows; the JSON has all.
const rawBudget = 14 << 10

// recordView is a record of a source behind a finding.
type recordView struct {
	ID, Stage, Level string
	At               time.Time
	Hidden           string
	Cut              bool    // at the bound of what is kept
	Parts            []piece // none: only the JSON has it
	Left             bool    // for want of room
}

// piece is a part of a text; what is marked tells most.
type piece struct {
	Text string
	Mark bool
}

// recordsOf are the records, readable, as many whole ones as a page has room for.
func recordsOf(info story.Info, marks []string) (out []recordView) {
	room := rawBudget
	for _, r := range info.Records {
		v := recordView{ID: story.Words(r.AuditID, r.EventID), Stage: r.Stage, Level: r.Level, At: r.Time, Hidden: r.Hidden, Cut: r.RawCut}
		if r.Raw != "" {
			text := shownLines(readable(r.Raw))
			if room -= len(text); room >= 0 || len(out) == 0 {
				v.Parts = marked(text, marks)
			} else {
				v.Left = true
			}
		}
		out = append(out, v)
	}
	return out
}

// readable breaks JSON into lines. It takes what was cut, too, and changes
// nothing but the spaces between the parts of JSON.
func readable(raw string) string {
	if trimmed := strings.TrimSpace(raw); trimmed == "" || trimmed[0] != '{' && trimmed[0] != '[' {
		return raw
	}
	var b strings.Builder
	depth, inText, escaped, opened := 0, false, false, false
	newline := func() { b.WriteString("\n" + strings.Repeat("  ", min(depth, 40))) }
	for i := range len(raw) {
		c := raw[i]
		if inText {
			b.WriteByte(c)
			inText, escaped = escaped || c != '"', !escaped && c == '\\'
			continue
		}
		if c == ' ' || c == '\n' || c == '\t' || c == '\r' {
			continue
		}
		closes := c == '}' || c == ']'
		if closes {
			depth = max(depth-1, 0)
			if !opened {
				newline()
			}
		} else if opened {
			newline()
		}
		opened = false
		b.WriteByte(c)
		switch c {
		case '{', '[':
			depth, opened = depth+1, true
		case ',':
			newline()
		case ':':
			b.WriteByte(' ')
		case '"':
			inText = true
		}
	}
	return b.String()
}

// marked marks the words in a text where they stand whole and are no names of
// members. Of words that overlap the first counts, and of those the longest.
func marked(text string, words []string) (parts []piece) {
	words = slices.Clone(words)
	slices.SortFunc(words, func(a, b string) int { return len(b) - len(a) })
	from := 0
	var before rune
	for at := 0; at < len(text); {
		i := -1
		if !wordly(before) {
			i = slices.IndexFunc(words, func(w string) bool { return standsAt(text, at, w) })
		}
		if i < 0 {
			c, n := utf8.DecodeRuneInString(text[at:])
			at, before = at+n, c
			continue
		}
		if at > from {
			parts = append(parts, piece{Text: text[from:at]})
		}
		from = at + len(words[i])
		parts, at = append(parts, piece{text[at:from], true}), from
		before, _ = utf8.DecodeLastRuneInString(text[:at])
	}
	if from < len(text) {
		parts = append(parts, piece{Text: text[from:]})
	}
	return parts
}

// standsAt says whether a word ends where a word of the text does.
func standsAt(text string, at int, word string) bool {
	if word == "" || !strings.HasPrefix(text[at:], word) {
		return false
	}
	after, _ := utf8.DecodeRuneInString(text[at+len(word):])
	return !wordly(after) && !strings.HasPrefix(text[at+len(word):], `":`)
}

func wordly(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) }

// telling are the values for which a record is evidence: what the rule met,
// what the lists name, what is unusual, who it was and what was done.
func telling(f *finding.Finding, info story.Info) (words []string) {
	add := func(list ...string) {
		for _, w := range list {
			if len(w) >= 3 && w != "true" && w != "false" {
				words = append(words, shown(w))
			}
		}
	}
	var matched []fieldValue
	decode(info.Members["matched"], &matched)
	for _, m := range matched {
		add(m.Value)
	}
	var model struct{ Values []struct{ Value string } }
	decode(info.Members["anomaly"], &model)
	for _, v := range model.Values {
		add(v.Value)
	}
	for _, a := range info.Actors {
		add(a.Username, a.UserAgent, a.Process, a.PrincipalARN)
		add(a.SourceIPs...)
	}
	if a := f.Service.Action; a != nil {
		if c := a.KubernetesAPICallAction; c != nil {
			add(c.Verb, c.RequestURI)
		}
		if c := a.AWSAPICallAction; c != nil {
			add(c.API, c.ErrorCode)
		}
		if d := a.DNSRequestAction; d != nil {
			add(d.Domain)
		}
		if n := a.NetworkConnectionAction; n != nil && n.RemoteIPDetails != nil {
			add(n.RemoteIPDetails.IPAddressV4, n.RemoteIPDetails.IPAddressV6)
		}
	}
	if k := f.Resource.KubernetesDetails; k != nil && k.KubernetesWorkloadDetails != nil {
		for _, c := range k.KubernetesWorkloadDetails.Containers {
			add(c.Image)
		}
	}
	slices.Sort(words)
	words = slices.Compact(words)
	return words[:min(len(words), 60)]
}

// momentsOf are the course of what happened: the records, and when each actor
// was first and last seen.
func momentsOf(info story.Info) []moment {
	var out []moment
	for i, a := range info.Actors {
		if i == shownActors {
			break
		}
		who := whoWords(a)
		out = append(out, moment{a.FirstSeen, "first seen", who})
		if a.LastSeen.After(a.FirstSeen) {
			out = append(out, moment{a.LastSeen, "last seen", who})
		}
	}
	for _, r := range info.Records {
		out = append(out, moment{r.Time, "record kept", story.Words(r.AuditID, r.EventID, r.Stage)})
	}
	slices.SortStableFunc(out, func(a, b moment) int { return a.At.Compare(b.At) })
	if len(out) > maxMoments { // the beginning and the end
		out = slices.Concat(out[:maxMoments/2], out[len(out)-maxMoments/2:])
	}
	return out
}

const maxMoments = 24

// whoWords names an actor, whatever is known of it.
func whoWords(a finding.Actor) string {
	w := story.Who(a)
	if a.Process != "" {
		w = joined(" as ", a.Process, a.Username)
		w = joined(" in ", w, joined(" of ", a.Container, a.Pod))
		w = joined(" on ", w, a.Node)
	}
	if w == "" {
		return "somebody unknown"
	}
	return w
}
