package detect

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/rule"
)

// alertSuffix marks types that rules gave their names, here those of other sensors.
const alertSuffix = ".Rule"

// alerted raises what a rule of another sensor said of a process. What Vedette
// itself finds in the record goes before it: one act is one finding. It makes no
// container suspicious, as those rules tell of much that operators do.
func alerted(r *runtimeRecord) {
	a := r.Alert
	if a == nil || a.Rule == "" || r.Process == nil || len(r.out) > 0 {
		return
	}
	severity := alertSeverity(a.Priority)
	if severity == 0 {
		return
	}
	s := r.claim(alertType(a), "alert|"+r.Sensor.Name+"|"+a.Rule)
	name := oneLine(a.Rule)
	s.Severity, s.Rule = severity, name
	s.Title = fmt.Sprintf("%s: %s, in %s.", upper(r.Sensor.Name), name, r.where())
	s.Description = fmt.Sprintf("The rule %q of %s is about %s in %s.", name, upper(r.Sensor.Name), processName(r.Process), r.where())
	s.Why = fmt.Sprintf("%s says so, by its rule %q of priority %s", upper(r.Sensor.Name), name, oneLine(a.Priority))
	about := map[string]any{"sensor": r.Sensor.Name, "rule": bounded(a.Rule), "priority": bounded(a.Priority)}
	if len(a.Tags) > 0 {
		tags := make([]string, 0, maxRuleReasons)
		for _, t := range a.Tags[:min(len(a.Tags), maxRuleReasons)] {
			tags = append(tags, bounded(t))
		}
		about["tags"] = tags
	}
	if text := visible(a.Text); text != "" && !r.opts.HideCommandLines { // it names them
		about["text"] = text
		s.Description += " It says: " + text
	}
	s.Info = map[string]any{"alert": about}
	r.finish(s)
	r.out = append(r.out, s)
}

// alertSeverity is what a priority of Falco, Tracee or Tetragon means; 0 for
// those that inform only.
func alertSeverity(priority string) float64 {
	switch strings.ToLower(priority) {
	case "emergency", "alert", "critical", "high":
		return 8
	case "error", "warning", "medium", "enforced":
		return 5
	case "notice", "low":
		return 2
	}
	return 0
}

// alertType is the type of an alert's finding: the tactic among its tags, and
// the words of its rule.
func alertType(a *event.Alert) string {
	tags := make([]string, len(a.Tags))
	for i, t := range a.Tags { // Falco writes mitre_execution
		if name, ok := strings.CutPrefix(strings.ToLower(t), "mitre_"); ok {
			t = "attack." + name
		}
		tags[i] = t
	}
	head := rulePurpose(tags) + ":Runtime/"
	return head + ruleFamily(a.Rule, rule.MaxType-len(head)-len(alertSuffix)) + alertSuffix
}

// visible is text of another sensor, in which processes choose names, on one line.
func visible(s string) string {
	return bounded(strings.Join(strings.FieldsFunc(s, func(c rune) bool { return unicode.IsControl(c) || unicode.IsSpace(c) || !unicode.IsPrint(c) }), " "))
}
