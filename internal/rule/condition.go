package rule

import (
	"fmt"
	"slices"
	"strings"
)

// maxCondition bounds a condition, maxDepth its parentheses and what stands
// in for them.
const (
	maxCondition = 16 << 10
	maxDepth     = 100
	maxNames     = 1_000 // selections of a detection
	maxParts     = 5_000 // of a condition, each `of them` written out
)

// condition is a parsed condition: a name, or an operator over others.
type condition struct {
	op   string // "", "not", "and", "or"
	name string
	of   []*condition
}

// parser reads a condition over the names of a detection.
type parser struct {
	words []string
	at    int
	names []string // of the detection, in the order of the file
	used  map[string]bool
	depth int
	parts int
}

func parseCondition(s string, names []string, used map[string]bool) (*condition, error) {
	if len(s) > maxCondition {
		return nil, fmt.Errorf("the condition is longer than %d bytes", maxCondition)
	}
	if strings.Contains(s, "|") {
		return nil, fmt.Errorf("the condition has a | (an aggregation of Sigma before 2.0); write a correlation rule instead")
	}
	p := &parser{words: conditionWords(s), names: names, used: used}
	if len(p.words) == 0 {
		return nil, fmt.Errorf("the condition is empty; name a selection")
	}
	c, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.at < len(p.words) {
		return nil, fmt.Errorf("the condition goes on with %q after it was complete; join parts with `and` or `or`", p.words[p.at])
	}
	return c, nil
}

func conditionWords(s string) (out []string) {
	s = strings.NewReplacer("(", " ( ", ")", " ) ").Replace(s)
	return strings.Fields(s)
}

func (p *parser) peek() string {
	if p.at < len(p.words) {
		return strings.ToLower(p.words[p.at])
	}
	return ""
}

func (p *parser) or() (*condition, error)  { return p.list("or", p.and) }
func (p *parser) and() (*condition, error) { return p.list("and", p.not) }

func (p *parser) list(op string, next func() (*condition, error)) (*condition, error) {
	c, err := next()
	if err != nil {
		return nil, err
	}
	parts := []*condition{c}
	for p.peek() == op {
		p.at++
		if c, err = next(); err != nil {
			return nil, err
		}
		parts = append(parts, c)
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	return &condition{op: op, of: parts}, nil
}

func (p *parser) not() (*condition, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, fmt.Errorf("the condition is nested more than %d deep", maxDepth)
	}
	defer func() { p.depth-- }()
	if p.peek() == "not" {
		p.at++
		c, err := p.not()
		if err != nil {
			return nil, err
		}
		return &condition{op: "not", of: []*condition{c}}, nil
	}
	return p.primary()
}

func (p *parser) primary() (*condition, error) {
	if p.at >= len(p.words) {
		return nil, fmt.Errorf("the condition ends where a selection is expected")
	}
	word := p.words[p.at]
	p.at++
	quantifier := strings.ToLower(word)
	if p.peek() == "of" && !slices.Contains(p.names, word) {
		p.at++
		return p.quantified(quantifier)
	}
	switch quantifier {
	case "(":
		c, err := p.or()
		if err != nil {
			return nil, err
		}
		if p.peek() != ")" {
			return nil, fmt.Errorf("the condition lacks a closing parenthesis")
		}
		p.at++
		return c, nil
	case ")", "and", "or", "of":
		return nil, fmt.Errorf("the condition has %q where a selection is expected", word)
	}
	if !slices.Contains(p.names, word) {
		return nil, fmt.Errorf("the condition names %q, which the detection does not define; %s", word, p.hint(word))
	}
	p.used[word] = true
	return &condition{name: word}, nil
}

func (p *parser) hint(word string) string {
	if near := closest(word, p.names); near != "" {
		return "did you mean " + near + "?"
	}
	return "it has " + strings.Join(p.names, ", ")
}

// quantified reads what comes after `1 of` or `all of`.
func (p *parser) quantified(quantifier string) (*condition, error) {
	op := map[string]string{"1": "or", "any": "or", "all": "and"}[quantifier]
	if op == "" {
		return nil, fmt.Errorf("the condition has %q of; use `1 of`, `any of` or `all of`", quantifier)
	}
	if p.at >= len(p.words) {
		return nil, fmt.Errorf("the condition ends after %q of; name a selection, a pattern such as selection_*, or them", quantifier)
	}
	word := p.words[p.at]
	p.at++
	c := &condition{op: op}
	for _, n := range p.names {
		hidden := strings.HasPrefix(n, "_") // by convention: only for who names it
		if strings.EqualFold(word, "them") && !hidden || matchesName(word, n) && (!hidden || strings.HasPrefix(word, "_")) {
			p.used[n] = true
			if p.parts++; p.parts > maxParts {
				return nil, fmt.Errorf("the condition asks for more than %d selections, with each `%s of %s` written out; name each of them once", maxParts, quantifier, word)
			}
			c.of = append(c.of, &condition{name: n})
		}
	}
	if len(c.of) == 0 {
		return nil, fmt.Errorf("the condition has %s of %s, but no selection of the detection is named so; %s", quantifier, word, p.hint(word))
	}
	return c, nil
}

// matchesName matches a name of a detection with a pattern of stars.
func matchesName(pattern, name string) bool {
	var t text
	for i, plain := range strings.Split(pattern, "*") {
		if i > 0 && (len(t) == 0 || t[len(t)-1].wild != '*') {
			t = append(t, part{wild: '*'})
		}
		if plain != "" {
			t = append(t, part{text: plain})
		}
	}
	return newPattern(t, true).matches(name)
}

// negates reports whether a condition has a not.
func (c *condition) negates() bool {
	return c.op == "not" || slices.ContainsFunc(c.of, (*condition).negates)
}

// build makes an expression of a condition.
func (c *condition) build(named func(string) (expr, error)) (expr, error) {
	if c.op == "" {
		return named(c.name)
	}
	var parts []expr
	for _, p := range c.of {
		e, err := p.build(named)
		if err != nil {
			return nil, err
		}
		parts = append(parts, e)
	}
	switch c.op {
	case "not":
		return not{parts[0]}, nil
	case "and":
		return allOf(parts), nil
	}
	return anyOf(parts), nil
}
