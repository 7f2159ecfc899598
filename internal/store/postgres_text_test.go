package store

import (
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/finding"
)

func FuzzEncodeText(f *testing.F) {
	for _, s := range []string{"", "a", "\x00", "\x01", "a\x00\x01\x02b", "\xff", "ß\x00"} {
		f.Add(s, "a\x01")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		a, b = strings.ToValidUTF8(a, "\uFFFD"), strings.ToValidUTF8(b, "\uFFFD")
		ea, eb := encodeText(a), encodeText(b)
		if strings.Contains(ea, "\x00") || decodeText(ea) != a {
			t.Fatalf("%q became %q and %q", a, ea, decodeText(ea))
		}
		if strings.Compare(a, b) != strings.Compare(ea, eb) {
			t.Fatalf("%q and %q are in another order than %q and %q", a, b, ea, eb)
		}
	})
}

func TestPatternExpression(t *testing.T) {
	for pattern, want := range map[string]string{
		"":       `^$`,
		"a.b*":   `^a\.b.*$`,
		"**?*":   `^.*$`,
		"?":      `^(?:\u0001.|[^\u0001])?$`,
		"*\x02":  `^(?:\u0001.|[^\u0001])*\u0002$`,
		"\x00*a": `^\u0001\u0001.*a$`,
	} {
		p, err := finding.ParsePattern(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := patternExpression(p); err != nil || got != want {
			t.Errorf("%q: %s, %v, want %s", pattern, got, err, want)
		}
	}
	p, err := finding.ParsePattern(strings.Repeat("a?", maxOptional+1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := patternExpression(p); err == nil {
		t.Error("a pattern that PostgreSQL cannot compile was translated")
	}
}

func TestNumbered(t *testing.T) {
	for text, want := range map[string]string{"a": "a", "? b ?, ?": "$1 b $2, $3", "(?,?,?,?,?,?,?,?,?,?)": "($1,$2,$3,$4,$5,$6,$7,$8,$9,$10)"} {
		if got := numbered(text); got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
}
