package console

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
)

//go:embed attack.tsv
var attackText string

// technique is one of ATT&CK's.
type technique struct {
	ID, Name string
	Tactics  []string
}

// techniques are those that the data file names, by id: made once, never changed.
var techniques = sync.OnceValue(func() map[string]technique {
	out := map[string]technique{}
	for line := range strings.Lines(attackText) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if strings.HasPrefix(line, "#") || len(f) != 3 {
			continue
		}
		out[f[0]] = technique{f[0], f[1], strings.Split(f[2], ", ")}
	}
	return out
})

// techniqueName is a technique's name, its id where the data has none.
func techniqueName(id string) string {
	if t, ok := techniques()[id]; ok {
		return t.Name
	}
	return id
}

// tactics are those of ATT&CK in the order of an attack.
func tactics() []string {
	return []string{"Reconnaissance", "Resource Development", "Initial Access", "Execution", "Persistence", "Privilege Escalation",
		"Defense Evasion", "Stealth", "Defense Impairment", "Credential Access", "Discovery", "Lateral Movement", "Collection",
		"Command and Control", "Exfiltration", "Impact"}
}

// attackOf sorts a rule's tags of ATT&CK into tactics and techniques. Names of
// groups and programs, which tags may be, too, are neither.
func attackOf(tags []string) (tacs, techs []string) {
	for _, t := range tags {
		if strings.HasPrefix(t, "t") && strings.Trim(t[1:], "0123456789.") == "" && len(t) > 1 {
			techs = append(techs, strings.ToUpper(t))
			continue
		}
		plain := func(s string) string {
			return strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(s))
		}
		if i := slices.IndexFunc(tactics(), func(name string) bool { return plain(name) == plain(t) }); i >= 0 {
			tacs = append(tacs, tactics()[i])
		}
	}
	return tacs, techs
}

// tacticsFor are the columns in which a technique stands that somebody names
// with some tactics: those of them that the technique serves, or else the first.
func tacticsFor(tacs []string, tech string) []string {
	serves := techniques()[tech].Tactics
	var out []string
	for _, t := range tacs {
		if slices.Contains(serves, t) {
			out = append(out, t)
		}
	}
	switch {
	case len(out) > 0:
		return out
	case len(tacs) > 0:
		return tacs[:1]
	case len(serves) > 0:
		return serves[:1]
	}
	return nil
}
