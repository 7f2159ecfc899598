package detect

import (
	"slices"
	"testing"

	"github.com/vedette-project/vedette/internal/shell"
)

// TestCommandRules: each rule finds its examples and none of what is near.
func TestCommandRules(t *testing.T) {
	s := commandRules()
	var attacks []*shell.Line
	for _, l := range corpus(t, "runtime_attacks.txt") {
		attacks = append(attacks, shell.Read(l[1]).Flat())
	}
	for _, r := range s.rules {
		if r.says == "" || len(r.patterns) == 0 || len(r.fires) == 0 || len(r.near) == 0 {
			t.Errorf("rule %s has no words, no pattern, no example or none that is near", r.name)
		}
		lines := attacks
		for _, line := range r.fires {
			if !ruleNames(s, line)[r.name] {
				t.Errorf("%s does not find %s\n%v", r.name, line, ruleNames(s, line))
			}
			lines = append(lines[:len(lines):len(lines)], shell.Read(line).Flat())
		}
		for _, p := range r.patterns {
			if !slices.ContainsFunc(lines, func(l *shell.Line) bool { return meets(p, l) }) {
				t.Errorf("%s: no example meets %s", r.name, p)
			}
		}
		for _, line := range r.near {
			if ruleNames(s, line)[r.name] {
				t.Errorf("%s finds %s", r.name, line)
			}
		}
	}
}

func meets(p *shell.Pattern, l *shell.Line) bool {
	for at := range l.Places {
		if p.Match(l, at) {
			return true
		}
	}
	return false
}

func ruleNames(s *commandSet, line string) map[string]bool {
	out := map[string]bool{}
	for _, h := range s.match(shell.Read(line).Flat()) {
		out[h.name] = true
	}
	return out
}
