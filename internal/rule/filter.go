package rule

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
)

// maxFilters bounds the filters of one rule.
const maxFilters = 100

// filter is a condition that rules named by it get besides their own.
type filter struct {
	file   string
	title  string
	root   *yaml.Node // the member filter
	source LogSource
	rules  []string        // none means any
	used   map[string]bool // names of rules that it was added to
}

func (l *loader) readFilter(file string, n *yaml.Node) error {
	f := &filter{file: file, root: member(n, "filter"), used: map[string]bool{}}
	var err error
	if f.title, err = words(n, "title"); err != nil {
		return err
	}
	if f.title == "" {
		return faultAt(n, "the filter has no title")
	}
	if f.root.Kind != yaml.MappingNode {
		return faultAt(f.root, "filter is a mapping of rules, selections and a condition")
	}
	if f.source, _, err = logSource(n); err != nil {
		return err
	}
	if f.rules, err = texts(f.root, "rules"); err != nil {
		return err
	}
	if len(f.rules) == 1 && f.rules[0] == "any" {
		f.rules = nil
	} else if len(f.rules) == 0 {
		return faultAt(f.root, "the filter names no rules; list their ids or names, or write `rules: any`")
	}
	// Compiled alone once, so that what is wrong is told where it is.
	if kinds := kindsOf(f.source, l.sources); len(kinds) > 0 {
		c := &compiler{view: &view{kind: kinds[0], byKey: map[string]int32{}}, placeholders: l.placeholders}
		_, cond, err := c.detection(f.root, "rules")
		if err != nil {
			return err
		}
		if !cond.negates() {
			l.problem(Note, file, f.root.Line, f.title, fmt.Errorf("the condition of a filter must hold beside the rule's own, and this one has no `not`: the rules now match nothing but what it selects; to leave that out write `condition: not selection`"))
		}
	}
	l.filters = append(l.filters, f)
	return nil
}

// about reports whether a filter is for a rule: every word of its log source is
// the rule's.
func (f *filter) about(r *Rule) bool {
	if len(f.rules) > 0 && !slices.Contains(f.rules, r.ID) && !slices.Contains(f.rules, r.Name) {
		return false
	}
	s, t := f.source, r.LogSource
	return (s.Category == "" || s.Category == t.Category) && (s.Product == "" || s.Product == t.Product) && (s.Service == "" || s.Service == t.Service)
}

// filtered adds the filters of a rule to its condition.
func (l *loader) filtered(c *compiler, r *Rule, e expr) (expr, error) {
	for _, f := range l.filters {
		if !f.about(r) {
			continue
		}
		f.used[r.ID], f.used[r.Name] = true, true
		if l.applied[r] = appendNew(l.applied[r], f); len(l.applied[r]) > maxFilters {
			return nil, fmt.Errorf("more than %d filters are about the rule; write their selections into fewer", maxFilters)
		}
		also, _, err := c.detection(f.root, "rules")
		if err != nil {
			return nil, fmt.Errorf("its filter %q (%s): %w", f.title, f.file, err)
		}
		e = allOf{e, also}
	}
	return e, nil
}

// appendNew appends what is not there yet: a rule is compiled once for each
// kind of event that it is about.
func appendNew(list []*filter, f *filter) []*filter {
	if slices.Contains(list, f) {
		return list
	}
	return append(list, f)
}

// unusedFilters tells of rules that a filter names in vain.
func (l *loader) unusedFilters() {
	for _, f := range l.filters {
		for _, ref := range f.rules {
			switch {
			case f.used[ref]:
			case l.byRef[ref] != nil:
				l.problem(Note, f.file, f.root.Line, f.title, fmt.Errorf("the filter names %s, which has another logsource", ref))
			default:
				l.problem(Note, f.file, f.root.Line, f.title, fmt.Errorf("the filter names %s, and no rule that was loaded has that id or name", ref))
			}
		}
	}
}
