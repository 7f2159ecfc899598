package finding

import (
	"fmt"
	"regexp"
	"strings"
)

// maxPatternLength in bytes bounds what one pattern can cost.
const maxPatternLength = 4096

// Pattern is a wildcard of matches or notMatches: * stands for any run of
// characters, ? for at most one; everything else, case included, for itself.
type Pattern struct {
	text string
	re   *regexp.Regexp
}

// ParsePattern compiles a pattern. It is written as a regular expression,
// whose engine works in time linear in the text, whatever the pattern.
func ParsePattern(s string) (*Pattern, error) {
	if len(s) > maxPatternLength {
		return nil, fmt.Errorf("pattern of %d bytes, at most %d are allowed", len(s), maxPatternLength)
	}
	var b strings.Builder
	b.WriteString(`\A(?s:`)
	for part := range wildcards(s) {
		switch part {
		case "*":
			b.WriteString(".*")
		case "?":
			b.WriteString(".?")
		default:
			b.WriteString(regexp.QuoteMeta(part))
		}
	}
	b.WriteString(`)\z`)
	re, err := regexp.Compile(b.String())
	if err != nil {
		return nil, fmt.Errorf("compile pattern %q: %w", s, err)
	}
	return &Pattern{text: s, re: re}, nil
}

// wildcards yields the literal runs and the single wildcards of a pattern.
func wildcards(s string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for len(s) > 0 {
			n := strings.IndexAny(s, "*?")
			switch {
			case n < 0:
				n = len(s)
			case n == 0:
				n = 1
			}
			if !yield(s[:n]) {
				return
			}
			s = s[n:]
		}
	}
}

// Match reports whether the whole text fits the pattern.
func (p *Pattern) Match(text string) bool { return p.re.MatchString(text) }

// String is the pattern as it was given.
func (p *Pattern) String() string { return p.text }
