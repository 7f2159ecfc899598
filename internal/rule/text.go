package rule

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// part is a run of plain text of a Sigma string, or a wildcard.
type part struct {
	text string // "" for a wildcard
	wild byte   // '*' or '?', or 0
}

// text is a Sigma string, in the order of its parts.
type text []part

// parseText reads a string with its escapes. A backslash stands for itself
// unless it is before a wildcard or another backslash.
func parseText(s string) text {
	var out text
	var plain strings.Builder
	flush := func() {
		if plain.Len() > 0 {
			out = append(out, part{text: plain.String()})
			plain.Reset()
		}
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s) && (s[i+1] == '*' || s[i+1] == '?' || s[i+1] == '\\'):
			i++
			plain.WriteByte(s[i])
		case c == '*':
			flush()
			if n := len(out); n == 0 || out[n-1].wild != '*' { // two say no more than one
				out = append(out, part{wild: '*'})
			}
		case c == '?':
			flush()
			out = append(out, part{wild: '?'})
		default:
			plain.WriteByte(c)
		}
	}
	flush()
	return out
}

func plainText(s string) text {
	if s == "" {
		return nil
	}
	return text{{text: s}}
}

// plain returns the text itself; ok is false if it has wildcards.
func (t text) plain() (s string, ok bool) {
	switch {
	case len(t) == 0:
		return "", true
	case len(t) == 1 && t[0].wild == 0:
		return t[0].text, true
	}
	return "", false
}

func (t text) withStars(before, after bool) text {
	star := part{wild: '*'}
	out := append(text{}, t...)
	if before && (len(out) == 0 || out[0].wild != '*') {
		out = append(text{star}, out...)
	}
	if after && out[len(out)-1].wild != '*' {
		out = append(out, star)
	}
	return out
}

// each replaces the plain parts.
func (t text) each(change func(string) string) text {
	out := make(text, len(t))
	for i, p := range t {
		if p.wild == 0 {
			p.text = change(p.text)
		}
		out[i] = p
	}
	return out
}

// longest is the longest plain part: what must be in whatever matches.
func (t text) longest() string {
	best := ""
	for _, p := range t {
		if len(p.text) > len(best) {
			best = p.text
		}
	}
	return best
}

// fold makes text of different case the same. Rules and events go through the
// same function, so that it only has to agree with itself.
func fold(s string) string {
	b, changed := appendFolded(nil, s)
	if !changed {
		return s
	}
	return string(b)
}

// appendFolded appends the folded text; if nothing changes it appends nothing.
func appendFolded(to []byte, s string) (out []byte, changed bool) {
	i := 0
	for i < len(s) && s[i] < utf8.RuneSelf && (s[i] < 'A' || s[i] > 'Z') {
		i++
	}
	if i == len(s) {
		return to, false
	}
	to = append(to, s[:i]...)
	for i < len(s) {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= 'A' && c <= 'Z' {
				c |= 0x20
			}
			to = append(to, c)
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 { // no character: left as it is
			to = append(to, c)
		} else {
			to = utf8.AppendRune(to, unicode.ToLower(unicode.ToUpper(r)))
		}
		i += n
	}
	return to, true
}
