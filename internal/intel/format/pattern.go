package format

import (
	"errors"
	"fmt"
	"strings"
)

// claim is one comparison of a STIX pattern with one constant.
type claim struct {
	path   string
	op     string // in upper case
	negate bool
	text   string
}

// value is what can be looked up of a claim. A set of values cannot say "and":
// of a pattern that joins claims, each that names something is taken alone.
// What is negated, or compares otherwise, is not.
func (c claim) value() (string, bool) {
	if c.negate {
		return "", false
	}
	object, property, _ := strings.Cut(c.path, ":")
	switch object {
	case "ipv4-addr", "ipv6-addr", "domain-name", "url":
		if property != "value" {
			return "", false
		}
	case "file", "artifact":
		hashes, name, _ := strings.Cut(property, ".")
		if hashes != "hashes" || !isHashName(strings.Trim(name, `'"`)) {
			return "", false
		}
	case "network-traffic":
		if property != "dst_ref.value" && property != "src_ref.value" {
			return "", false
		}
	default:
		return "", false
	}
	switch c.op {
	case "=", "==", "IN":
		return c.text, true
	case "ISSUBSET":
		return c.text, object != "url"
	case "LIKE": // '%.example.org' says what "*.example.org" does
		if rest, ok := strings.CutPrefix(c.text, "%."); ok && object == "domain-name" && !strings.ContainsAny(rest, "%_") {
			return "*." + rest, true
		}
	}
	return "", false
}

const (
	maxPattern = 256 << 10
	maxParens  = 64
	maxClaims  = 10_000
)

// parsePattern reads the STIX patterning language of 2.0 and 2.1.
func parsePattern(s string) ([]claim, error) {
	if len(s) > maxPattern {
		return nil, fmt.Errorf("longer than %d bytes", maxPattern)
	}
	p := patternParser{lex: lexer{s: s}}
	p.step()
	err := p.observations(0)
	if err == nil && p.tok.kind != end {
		err = fmt.Errorf("%q is left over", p.tok.text)
	}
	if err = errors.Join(p.lex.err, err); p.lex.err != nil {
		err = p.lex.err
	}
	if err != nil {
		return nil, err
	}
	return p.claims, nil
}

type patternParser struct {
	lex    lexer
	tok    token
	claims []claim
}

func (p *patternParser) step() { p.tok = p.lex.next() }

func (p *patternParser) is(text string) bool {
	return p.tok.kind == word && strings.EqualFold(p.tok.text, text) || p.tok.kind == sign && p.tok.text == text
}

func (p *patternParser) accept(text string) bool {
	if !p.is(text) {
		return false
	}
	p.step()
	return true
}

func (p *patternParser) need(text string) error {
	if p.accept(text) {
		return nil
	}
	return fmt.Errorf("%q expected, not %q", text, p.tok.text)
}

// observations is "[…] AND|OR|FOLLOWEDBY […] …", with qualifiers behind each.
func (p *patternParser) observations(depth int) error {
	for {
		if err := p.observation(depth); err != nil {
			return err
		}
		if !p.accept("AND") && !p.accept("OR") && !p.accept("FOLLOWEDBY") {
			return nil
		}
	}
}

func (p *patternParser) observation(depth int) error {
	if depth > maxParens {
		return errors.New("too many brackets in one another")
	}
	var err error
	if p.accept("(") {
		err = errors.Join(p.observations(depth+1), p.need(")"))
	} else if err = p.need("["); err == nil {
		if err = p.comparisons(depth + 1); err == nil {
			err = p.need("]")
		}
	}
	if err != nil {
		return err
	}
	return p.qualifiers()
}

// qualifiers steps over WITHIN n SECONDS, REPEATS n TIMES, START t STOP t.
func (p *patternParser) qualifiers() error {
	for p.is("WITHIN") || p.is("REPEATS") || p.is("START") {
		start := p.is("START")
		p.step()
		p.step() // a number, or the t of t'…'
		if start {
			p.skipTime()
			if err := p.need("STOP"); err != nil {
				return err
			}
			p.step()
			p.skipTime()
			continue
		}
		if !p.accept("SECONDS") && !p.accept("TIMES") {
			return fmt.Errorf("SECONDS or TIMES expected, not %q", p.tok.text)
		}
	}
	return nil
}

// skipTime steps over the string of t'…', whose t is behind us.
func (p *patternParser) skipTime() {
	if p.tok.kind == str {
		p.step()
	}
}

func (p *patternParser) comparisons(depth int) error {
	for {
		if err := p.comparison(depth); err != nil {
			return err
		}
		if !p.accept("AND") && !p.accept("OR") {
			return nil
		}
	}
}

func (p *patternParser) comparison(depth int) error {
	if depth > maxParens {
		return errors.New("too many brackets in one another")
	}
	if p.accept("(") {
		if err := p.comparisons(depth + 1); err != nil {
			return err
		}
		return p.need(")")
	}
	c := claim{negate: p.accept("NOT")}
	if p.accept("EXISTS") {
		p.step()
		return nil
	}
	if p.tok.kind != word || !strings.Contains(p.tok.text, ":") {
		return fmt.Errorf("a path such as ipv4-addr:value expected, not %q", p.tok.text)
	}
	c.path = p.tok.text
	p.step()
	if p.accept("NOT") {
		c.negate = !c.negate
	}
	c.op = strings.ToUpper(p.tok.text)
	switch c.op {
	case "=", "==", "!=", "<>", "<", "<=", ">", ">=", "IN", "LIKE", "MATCHES", "ISSUBSET", "ISSUPERSET":
	default:
		return fmt.Errorf("%q is no comparison", p.tok.text)
	}
	p.step()
	return p.constants(c)
}

// constants is what a path is compared with: one, or several in brackets.
func (p *patternParser) constants(c claim) error {
	if !p.accept("(") {
		return p.constant(c)
	}
	for {
		if err := p.constant(c); err != nil {
			return err
		}
		if !p.accept(",") {
			return p.need(")")
		}
	}
}

func (p *patternParser) constant(c claim) error {
	if p.tok.kind != str && p.tok.kind != word {
		return fmt.Errorf("a constant expected, not %q", p.tok.text)
	}
	if c.text = p.tok.text; p.tok.kind == word { // numbers, true, t'…', h'…', b'…'
		c.op = "other"
		p.step()
		p.skipTime()
		return nil
	}
	if len(p.claims) >= maxClaims {
		return fmt.Errorf("more than %d comparisons", maxClaims)
	}
	p.claims = append(p.claims, c)
	p.step()
	return nil
}

type tokenKind uint8

const (
	end tokenKind = iota
	word
	str
	sign
)

type token struct {
	kind tokenKind
	text string
}

type lexer struct {
	s   string
	pos int
	err error
}

func (l *lexer) next() token {
	for l.pos < len(l.s) && strings.IndexByte(" \t\r\n", l.s[l.pos]) >= 0 {
		l.pos++
	}
	if l.pos >= len(l.s) || l.err != nil {
		return token{end, "the end"}
	}
	c := l.s[l.pos]
	switch {
	case c == '\'':
		l.pos++
		return token{str, l.quoted()}
	case strings.IndexByte("[](),", c) >= 0:
		l.pos++
		return token{sign, string(c)}
	case strings.IndexByte("=!<>", c) >= 0:
		start := l.pos
		for l.pos < len(l.s) && strings.IndexByte("=!<>", l.s[l.pos]) >= 0 {
			l.pos++
		}
		return token{sign, l.s[start:l.pos]}
	}
	return token{word, l.word()}
}

// quoted is a string whose opening quote is behind us; "\" escapes.
func (l *lexer) quoted() string {
	var b strings.Builder
	for ; l.pos < len(l.s); l.pos++ {
		switch c := l.s[l.pos]; {
		case c == '\'':
			l.pos++
			return b.String()
		case c == '\\' && l.pos+1 < len(l.s):
			l.pos++
			b.WriteByte(l.s[l.pos])
		default:
			b.WriteByte(c)
		}
	}
	l.err = errors.New("a string without its end")
	return ""
}

// word is a keyword, a number, or a path, which may hold quoted parts and
// indexes: file:hashes.'SHA-256', x:y_refs[*].value.
func (l *lexer) word() string {
	start, path := l.pos, false
	for l.pos < len(l.s) {
		c := l.s[l.pos]
		switch {
		case c == ':':
			path = true
		case path && c == '\'':
			l.pos++
			l.quoted()
			continue
		case path && c == '[':
			if i := strings.IndexByte(l.s[l.pos:], ']'); i > 0 {
				l.pos += i
			}
		case strings.IndexByte(" \t\r\n[](),=!<>'", c) >= 0:
			return l.s[start:l.pos]
		}
		l.pos++
	}
	return l.s[start:l.pos]
}
