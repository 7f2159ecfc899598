package detect

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/rule"
)

// Bounds of the texts of a rule in a finding.
const (
	maxRuleText    = 1_000
	maxRuleReasons = 20
)

// tell writes the rule into its claim.
func (k *ruleClaim) tell(s *finding.Signal) {
	r := k.rule
	s.Severity, s.Rule, s.Title = ruleSeverity(r), r.Title, r.Title
	matters := strings.Join(strings.Fields(r.Description), " ")
	if matters == "" {
		matters = r.Title
	}
	s.Description = bounded(k.who + ". " + matters)
	s.Why = k.why()
	if s.Info == nil {
		s.Info = map[string]any{}
	}
	s.Info["rule"] = k.about()
	if len(k.reasons) > 0 {
		s.Info["matched"] = k.matched()
	}
	if c := r.Correlation; c != nil && len(c.GroupBy) > 0 {
		group := map[string]string{}
		for i, name := range c.GroupBy {
			group[name] = bounded(k.group[i])
		}
		s.Info["group"] = group
	}
	if len(r.Vedette.Remediation) > 0 {
		s.Info["remediation"] = r.Vedette.Remediation
	}
	if s.Runtime != nil && isEmptyContext(s.Runtime.Context) {
		s.Runtime.Context = nil
	}
}

// bounded is text that came from outside, of a length for findings.
func bounded(s string) string {
	if len(s) > maxRuleText {
		s = s[:maxRuleText] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// about is what the rule says of itself.
func (k *ruleClaim) about() map[string]any {
	r := k.rule
	m := map[string]any{"title": r.Title}
	for name, text := range map[string]string{"id": r.ID, "name": r.Name, "author": r.Author, "level": r.Level, "status": r.Status} {
		if text != "" {
			m[name] = bounded(text)
		}
	}
	for name, list := range map[string][]string{"references": r.References, "falsePositives": r.FalsePositives, "tags": r.Tags} {
		if len(list) > 0 {
			m[name] = list
		}
	}
	return m
}

// matched are the fields that fulfilled the rule, with their values.
func (k *ruleClaim) matched() []map[string]string {
	out := []map[string]string{}
	for i, r := range k.reasons {
		if i == maxRuleReasons {
			break
		}
		m := map[string]string{"field": r.Field}
		if r.Field == "" {
			m = map[string]string{"field": "the whole record"}
		} else if !k.hide {
			m["value"] = strings.ToValidUTF8(r.Value, "\uFFFD")
		}
		out = append(out, m)
	}
	return out
}

func (k *ruleClaim) why() string {
	r := k.rule
	b := &strings.Builder{}
	fmt.Fprintf(b, "the rule %q", r.Title)
	if r.ID != "" {
		fmt.Fprintf(b, " (%s)", r.ID)
	}
	if c := r.Correlation; c != nil {
		fmt.Fprintf(b, " holds: %s within %s", strings.ReplaceAll(c.Type, "_", " "), c.Timespan)
		for i, name := range c.GroupBy {
			fmt.Fprintf(b, "; %s is %q", name, bounded(k.group[i]))
		}
		return b.String()
	}
	b.WriteString(" matched")
	for i, m := range k.matched() {
		if i == 0 {
			b.WriteString(": ")
		} else {
			b.WriteString("; ")
		}
		if value, ok := m["value"]; ok {
			fmt.Fprintf(b, "%s is %q", m["field"], value)
		} else {
			b.WriteString(m["field"])
		}
	}
	return b.String()
}

// ruleSeverity is what the rule asks for, or what its level means.
func ruleSeverity(r *rule.Rule) float64 {
	if r.Vedette.Severity > 0 {
		return r.Vedette.Severity
	}
	switch r.Level {
	case "informational":
		return 1
	case "low":
		return 2
	case "high":
		return 8
	case "critical":
		return 9
	}
	return 5
}

// customSuffix marks types of the operator's own making, as AWS marks findings
// by lists of the customer.
const customSuffix = ".Custom"

// ruleType is the type of a rule's findings: the tactic among its tags as the
// purpose, the kind of resource, and the words of its title as far as a type
// may be long.
func ruleType(r *rule.Rule, resource string) string {
	if r.Vedette.Type != "" {
		return r.Vedette.Type
	}
	head := rulePurpose(r.Tags) + ":" + resource + "/"
	return head + ruleFamily(r.Title, rule.MaxType-len(head)-len(customSuffix)) + customSuffix
}

// rulePurpose is the first tactic of ATT&CK that tags name; Policy without one.
func rulePurpose(tags []string) string {
	for _, t := range tags {
		name, ok := strings.CutPrefix(strings.ToLower(t), "attack.")
		if !ok {
			continue
		}
		switch words := strings.FieldsFunc(name, func(c rune) bool { return c == '-' || c == '_' }); strings.Join(words, "-") {
		case "initial-access", "execution", "persistence", "privilege-escalation", "defense-evasion", "credential-access", "discovery",
			"lateral-movement", "collection", "exfiltration", "impact", "stealth", "defense-impairment", "command-and-control":
			return camel(words)
		case "reconnaissance":
			return "Recon"
		case "resource-development":
			return "Policy"
		}
	}
	return "Policy"
}

func camel(words []string) string {
	var b strings.Builder
	for _, w := range words {
		b.WriteString(strings.ToUpper(w[:1]) + w[1:])
	}
	return b.String()
}

// ruleFamily makes one name of the words of a title: whole words, as many as fit.
func ruleFamily(title string, most int) string {
	name := ""
	for _, w := range strings.FieldsFunc(title, func(c rune) bool { return c > unicode.MaxASCII || !unicode.IsLetter(c) && !unicode.IsDigit(c) }) {
		w = strings.ToUpper(w[:1]) + w[1:]
		if name == "" && len(w) > most {
			return w[:most]
		}
		if len(name)+len(w) > most {
			break
		}
		name += w
	}
	if name == "" || name[0] < 'A' || name[0] > 'Z' {
		name = ("Rule" + name)
		return name[:min(len(name), most)]
	}
	return name
}

// asked names the call in a sentence: get pods/attach 'web-0' in namespace shop.
func (c *call) asked() string {
	o := &c.a.Object
	what := shown(c.a.Verb)
	if o.Resource == "" {
		return strings.TrimSpace(what + " " + shown(c.path()))
	}
	what += " " + shown(o.Resource)
	if o.Subresource != "" {
		what += "/" + shown(o.Subresource)
	}
	if name := c.name(); name != "" {
		what += " '" + shown(name) + "'"
	}
	if ns := c.namespace(); ns != "" {
		what += " in namespace " + shown(ns)
	}
	return what
}
