package sequence

import (
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/vedette-project/vedette/internal/finding"
)

//go:embed rules.tsv
var rulesText string

// Stages are the steps of an attack in the order in which they are usually
// taken: the tactics of MITRE ATT&CK.
func Stages() []string {
	return []string{"Initial Access", "Execution", "Persistence", "Privilege Escalation", "Defense Evasion", "Credential Access",
		"Discovery", "Lateral Movement", "Collection", "Command and Control", "Exfiltration", "Impact"}
}

// stageNumber is the place of a stage in Stages, -1 if it is none.
func stageNumber(stage string) int {
	switch stage {
	case "Defense Impairment":
		stage = "Defense Evasion"
	case "Resource Development":
		stage = "Persistence"
	}
	return slices.Index(Stages(), stage)
}

// rule is one line of the published rules.
type rule struct {
	kind, name, severity, stage string
	glob                        string          // of findings
	groups, names               map[string]bool // verbs and resources, or services and calls
	chance                      float64
	distinct                    int
}

// Rules say what is a step of an attack. They do not change.
type Rules struct {
	findings []rule
	weak     map[string]*rule   // by the name of the signal; one of several with a name
	audit    map[string][]*rule // by resource, with the subresource
	calls    map[string][]*rule // by the name of the call
	denied   map[string]*rule   // by kind
	hints    map[string]*rule   // by name
	tails    map[string]float64 // by the name of a weak signal
}

// Builtin are the published rules.
var Builtin = sync.OnceValue(func() *Rules {
	r, err := parseRules(rulesText)
	if err != nil { // the data is part of the program and tested with it
		panic(err)
	}
	return r
})

func parseRules(text string) (*Rules, error) {
	out := &Rules{weak: map[string]*rule{}, audit: map[string][]*rule{}, calls: map[string][]*rule{}, denied: map[string]*rule{}, hints: map[string]*rule{}, tails: map[string]float64{}}
	for i, line := range strings.Split(text, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		if err := out.add(strings.Split(line, "\t")); err != nil {
			return nil, fmt.Errorf("parse sequence rules: line %d: %w", i+1, err)
		}
	}
	for name := range out.weak {
		out.tails[name] = out.tail(out.weak[name])
	}
	return out, nil
}

func (r *Rules) add(f []string) (err error) {
	if len(f) != 7 {
		return fmt.Errorf("it has %d columns, want 7", len(f))
	}
	k := rule{kind: f[0], name: f[1], severity: f[3], stage: f[4]}
	if k.chance, err = strconv.ParseFloat(f[5], 64); err != nil || k.chance <= 0 || k.chance > 1 {
		return fmt.Errorf("chance %q is no number above 0 and at most 1", f[5])
	}
	if k.distinct, err = strconv.Atoi(f[6]); err != nil || k.distinct < 1 || k.distinct > maxNames {
		return fmt.Errorf("distinct %q is no number from 1 to %d", f[6], maxNames)
	}
	if k.kind == "finding" {
		k.glob = f[2]
		r.findings = append(r.findings, k)
		return nil
	}
	if stageNumber(k.stage) < 0 {
		return fmt.Errorf("%q is no stage", k.stage)
	}
	if old := r.weak[k.name]; old != nil && (old.stage != k.stage || old.chance != k.chance || old.distinct != k.distinct) {
		return fmt.Errorf("%s is there twice, and not the same", k.name)
	}
	r.weak[k.name] = &k
	groups, names, _ := strings.Cut(f[2], " ")
	k.groups, k.names = setOf(groups), setOf(names)
	switch k.kind {
	case "audit":
		for n := range k.names {
			r.audit[n] = append(r.audit[n], &k)
		}
	case "call":
		for n := range k.names {
			r.calls[n] = append(r.calls[n], &k)
		}
	case "hint":
		r.hints[k.name] = &k
	case "denied-audit", "denied-call":
		r.denied[k.kind] = &k
	default:
		return errors.New("its kind is not known: " + k.kind)
	}
	return nil
}

// tail is the chance that a day shows, of the same log and stage, a weak signal
// that is as rare or rarer.
func (r *Rules) tail(k *rule) float64 {
	none := 1.0
	for _, name := range slices.Sorted(maps.Keys(r.weak)) {
		o := r.weak[name]
		if strings.TrimPrefix(o.kind, "denied-") == strings.TrimPrefix(k.kind, "denied-") && o.stage == k.stage && o.chance <= k.chance {
			none *= 1 - o.chance
		}
	}
	return 1 - none
}

func setOf(list string) map[string]bool {
	out := map[string]bool{}
	for _, v := range strings.Split(list, ",") {
		out[v] = true
	}
	return out
}

// step is what a note is worth.
type step struct {
	stage  int
	chance float64 // that an entity shows it on a day
}

// step returns what a note is, and false if it is no step, or not enough of one.
func (r *Rules) step(n *Note) (step, bool) {
	if !n.Strong() {
		k := r.weak[n.Name]
		if k == nil || len(n.Names) < k.distinct {
			return step{}, false
		}
		return step{stageNumber(k.stage), r.tails[n.Name]}, true
	}
	t, known := finding.Lookup(n.Name)
	if !known {
		return step{}, false
	}
	for i := range r.findings {
		k := &r.findings[i]
		if k.severity != "*" && k.severity != t.SeverityLabel || !like(k.glob, n.Name) {
			continue
		}
		stage := k.stage
		if stage == "-" {
			stage = t.Tactic
		}
		s := step{stageNumber(stage), k.chance}
		return s, s.stage >= 0
	}
	return step{}, false
}

// like matches a text with a pattern in which * is anything.
func like(pattern, text string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == text
	}
	text, ok := strings.CutPrefix(text, head)
	if !ok {
		return false
	}
	for i := 0; i <= len(text); i++ {
		if like(rest, text[i:]) {
			return true
		}
	}
	return false
}

// maxSurprise caps what one stage can add.
const maxSurprise = 4

func surpriseOf(chance float64) float64 { return math.Min(maxSurprise, -math.Log10(chance)) }
