package detect

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/vedette-project/vedette/internal/shell"
)

//go:embed runtime_commands.txt
var runtimeCommandsTXT string

// commandRules are read once; a test reads them too, so what is built in is right.
var commandRules = sync.OnceValue(func() *commandSet {
	s, err := readCommandRules(runtimeCommandsTXT)
	if err != nil {
		panic(err)
	}
	return s
})

// commandRule is one thing that a command line can say of who wrote it.
type commandRule struct {
	name     string
	typ      string
	severity float64
	when     when
	family   string // of a fact its kind
	weight   int    // of a fact
	says     string
	patterns []*shell.Pattern
	fires    []string
	near     []string
	order    int
}

// when is where a rule makes a finding.
type when uint8

const (
	anywhere when = iota
	alone
	inContainer
	withOther
	fact
)

// commandSet finds rules by the name of the last command that they want.
type commandSet struct {
	rules   []*commandRule
	classes map[string][]string
	byName  map[string][]commandPattern
	writes  []commandPattern // of any command that writes a file
	any     []commandPattern
}

type commandPattern struct {
	rule *commandRule
	*shell.Pattern
}

// readCommandRules reads the form that runtime_commands.txt describes.
func readCommandRules(text string) (*commandSet, error) {
	s := &commandSet{classes: map[string][]string{}, byName: map[string][]commandPattern{}}
	words := shell.Words{Classes: s.classes, Tests: s.tests()}
	class := ""
	var rule *commandRule
	for n, line := range strings.Split(text, "\n") {
		head, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		rest = strings.TrimSpace(rest)
		var err error
		switch {
		case head == "" || strings.HasPrefix(head, "#"):
		case head == "@":
			class, rule = rest, nil
		case head == "=":
			class = ""
			if rule, err = commandRuleOf(strings.Fields(rest)); err == nil {
				rule.order = len(s.rules)
				s.rules = append(s.rules, rule)
			}
		case class != "":
			s.classes[class] = append(s.classes[class], strings.Fields(line)...)
		case rule == nil:
			err = fmt.Errorf("%q stands outside of a rule", head)
		default:
			err = rule.add(head, rest, words)
		}
		if err != nil {
			return nil, fmt.Errorf("read the rules of command lines: line %d: %w", n+1, err)
		}
	}
	s.index()
	return s, nil
}

// commandRuleOf reads the head of a rule.
func commandRuleOf(f []string) (*commandRule, error) {
	if len(f) != 5 {
		return nil, fmt.Errorf("a rule has NAME TACTIC SEVERITY WHEN FAMILY, this one %d words", len(f))
	}
	r := &commandRule{name: f[0], typ: f[1] + ":Runtime/SuspiciousCommand", family: f[4]}
	if !slices.Contains([]string{"Execution", "Persistence", "PrivilegeEscalation", "DefenseEvasion", "Discovery"}, f[1]) {
		return nil, fmt.Errorf("there is no tactic %q", f[1])
	}
	at := slices.Index([]string{"always", "alone", "container", "with", "fact"}, f[3])
	if at < 0 {
		return nil, fmt.Errorf("WHEN is always, alone, container, with or fact, not %q", f[3])
	}
	r.when = when(at)
	switch severity := slices.Index([]string{"Low", "Medium", "High"}, f[2]); {
	case r.when == fact:
		var err error
		if r.weight, err = strconv.Atoi(f[2]); err != nil {
			return nil, fmt.Errorf("a fact has a weight: %w", err)
		}
	case severity < 0:
		return nil, fmt.Errorf("there is no severity %q", f[2])
	default:
		r.severity = []float64{2, 5, 8}[severity]
	}
	return r, nil
}

// add reads a line of a rule.
func (r *commandRule) add(head, rest string, words shell.Words) error {
	switch head {
	case "says":
		r.says = rest
	case "match":
		p, err := shell.ParsePattern(rest, words)
		if err != nil {
			return err
		}
		r.patterns = append(r.patterns, p)
	case "fires":
		r.fires = append(r.fires, rest)
	case "near":
		r.near = append(r.near, rest)
	default:
		return fmt.Errorf("%q is none of says, match, fires and near", head)
	}
	return nil
}

func (s *commandSet) index() {
	for _, r := range s.rules {
		for _, p := range r.patterns {
			cp := commandPattern{r, p}
			switch names := p.Names(); {
			case names != nil:
				for _, name := range names {
					s.byName[name] = append(s.byName[name], cp)
				}
			case p.Writes():
				s.writes = append(s.writes, cp)
			default:
				s.any = append(s.any, cp)
			}
		}
	}
}

// commandHit is a rule that a line met, and where.
type commandHit struct {
	*commandRule
	at int
}

// match looks a line up. Each rule is named once, where it is met first; they
// come in the order of the file.
func (s *commandSet) match(l *shell.Line) (hits []commandHit) {
	for at := range l.Places {
		c := l.Places[at].Command
		for _, p := range s.byName[c.Name] {
			hits = s.try(hits, p, l, at)
		}
		for _, p := range s.any {
			hits = s.try(hits, p, l, at)
		}
		if l.Places[at].Writes() {
			for _, p := range s.writes {
				hits = s.try(hits, p, l, at)
			}
		}
	}
	slices.SortFunc(hits, func(a, b commandHit) int { return a.order - b.order })
	return hits
}

func (s *commandSet) try(hits []commandHit, p commandPattern, l *shell.Line, at int) []commandHit {
	for _, h := range hits {
		if h.commandRule == p.rule {
			return hits
		}
	}
	if p.Match(l, at) {
		hits = append(hits, commandHit{p.rule, at})
	}
	return hits
}
