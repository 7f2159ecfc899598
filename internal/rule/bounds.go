package rule

import (
	"fmt"
	"regexp/syntax"
)

// Bounds of what a rule may cost for one event. They are far above what rules
// need that people write.
const (
	maxWork  = 10_000 // comparisons, as weigh counts them
	maxSteps = 2_000  // of a regular expression, for each character
	maxMarks = 64     // question marks of one value
	// stepsAsOne is how many steps of a regular expression are as much work as
	// one comparison.
	stepsAsOne = 16
)

// affordable refuses what asks for so much of one event that others would wait.
func affordable(e expr) error {
	if w := weigh(e); w > maxWork {
		return fmt.Errorf("the rule may make %d comparisons for one event, more than %d: each pattern is one, each regular expression several, whole values of a field are one together, and a selection counts as often as the condition asks for it; use fewer patterns, or the threat lists", w, maxWork)
	}
	return nil
}

// weigh counts the comparisons that an expression makes of an event at most.
func weigh(e expr) (n int) {
	switch e := e.(type) {
	case allOf:
		for _, sub := range e {
			n += weigh(sub)
		}
		return n
	case anyOf:
		for _, sub := range e {
			n += weigh(sub)
		}
		return n
	case not:
		return weigh(e.expr)
	case *asks:
		for _, t := range e.tests {
			n += weighTest(t)
		}
		return n
	}
	return 1
}

func weighTest(t test) (n int) {
	switch t := t.(type) {
	case anyTest:
		for _, sub := range t {
			n += weighTest(sub)
		}
		return n
	case expression:
		return 1 + t.steps/stepsAsOne
	}
	return 1
}

// regularSteps is how many steps a regular expression may take for one
// character of a text.
func regularSteps(pattern string) (int, error) {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return 0, err
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return 0, err
	}
	return len(prog.Inst), nil
}

// marks is how many question marks a text has.
func (t text) marks() (n int) {
	for _, p := range t {
		if p.wild == '?' {
			n++
		}
	}
	return n
}
