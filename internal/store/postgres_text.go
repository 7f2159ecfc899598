package store

import (
	"database/sql"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/vedette-project/vedette/internal/finding"
)

// PostgreSQL's text is valid UTF-8 without NUL; ours may hold anything that an
// attacker can write into a log. So NUL is written as 01 01, and 01 as 01 02:
// different texts stay different, and their order stays that of their bytes.
// What is no UTF-8 at all becomes U+FFFD, as everywhere on the wire.

const (
	escapeByte = '\x01'
	escaped    = "\x00\x01"
)

func encodeText(s string) string {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	if !strings.ContainsAny(s, escaped) {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		switch s[i] {
		case '\x00':
			b.WriteString("\x01\x01")
		case escapeByte:
			b.WriteString("\x01\x02")
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func decodeText(s string) string {
	if strings.IndexByte(s, escapeByte) < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == escapeByte && i+1 < len(s) {
			i++
			b.WriteByte(s[i] - 1)
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// encodedTexts are an argument that is in its form already.
type encodedTexts []string

// encodeArgs brings arguments of a statement into the form that PostgreSQL
// gets them in.
func encodeArgs(args []any) []any {
	out := make([]any, len(args))
	for i, a := range args {
		switch a := a.(type) {
		case string:
			out[i] = encodeText(a)
		case sql.NullString:
			if a.Valid {
				out[i] = encodeText(a.String)
			}
		case []byte:
			out[i] = blob(a)
		case encodedTexts:
			out[i] = []string(a)
		case []string:
			texts := make([]string, len(a))
			for j, t := range a {
				texts[j] = encodeText(t)
			}
			out[i] = texts
		default:
			out[i] = a
		}
	}
	return out
}

// decodeDest does the reverse to what was scanned.
func decodeDest(dest []any) {
	for _, d := range dest {
		switch d := d.(type) {
		case *string:
			*d = decodeText(*d)
		case *sql.NullString:
			d.String = decodeText(d.String)
		case *any:
			if s, ok := (*d).(string); ok {
				*d = decodeText(s)
			}
		}
	}
}

// maxOptional is how many ? a pattern may have: PostgreSQL's regular
// expressions grow with the square of their number.
const maxOptional = 100

// patternExpression is a pattern of matches as a regular expression of
// PostgreSQL, for texts in the form of encodeText.
func patternExpression(p *finding.Pattern) (string, error) {
	const one = `(?:\u0001.|[^\u0001])` // a character of the text before it was encoded
	var b strings.Builder
	b.WriteByte('^')
	optional := 0
	for s := p.String(); s != ""; {
		n := strings.IndexAny(s, "*?")
		if n < 0 {
			n = len(s)
		}
		b.WriteString(controls().Replace(regexp.QuoteMeta(encodeText(s[:n]))))
		s = s[n:]
		wild := s[:len(s)-len(strings.TrimLeft(s, "*?"))] // with a * in it a run is as good as one *
		s = s[len(wild):]
		switch {
		case wild == "":
		case strings.Contains(wild, "*") && (s == "" || s[0] > escapeByte+1):
			b.WriteString(".*")
		case strings.Contains(wild, "*"): // what follows must not match the second half of a pair
			b.WriteString(one + "*")
		default:
			optional += len(wild)
			b.WriteString(strings.Repeat(one+"?", len(wild)))
		}
	}
	if optional > maxOptional {
		return "", &finding.CriteriaError{Reason: "a pattern has more wildcards ? than PostgreSQL can search for"}
	}
	return b.String() + "$", nil
}

// controls writes the bytes that encodeText uses so that they can be read.
func controls() *strings.Replacer {
	return strings.NewReplacer("\x01", `\u0001`, "\x02", `\u0002`)
}
