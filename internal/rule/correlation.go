package rule

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Correlation is a rule about several events that belong together.
type Correlation struct {
	Type     string
	Rules    []*Rule // that it is about, in the order of the file
	GroupBy  []string
	Timespan time.Duration
	// Generate says that the rules that it is about raise findings, too.
	Generate bool

	rule       *Rule
	refs       []string
	aliases    map[string]map[string]string // alias, rule name: field
	bounds     []limit
	field      []string // whose values are counted or summed
	percentile float64  // of which value, with a field of numbers; -1 for shares
	need       int      // how many of what is counted are kept
	sources    []source // of each of Rules
}

// limit is a bound of a correlation's condition.
type limit struct {
	op   string
	with float64
}

// source is how a correlation reads the events of one of its rules.
type source struct {
	rule   *Rule
	number int // in Correlation.Rules
	// Fields of each view that the rule is compiled for.
	views []sourceView
}

type sourceView struct {
	view  *view
	group []int32
	field []int32
}

// Bounds of what a correlation remembers of one group.
const (
	maxCount      = 10_000 // events or distinct values of a condition
	maxCorrelated = 32     // rules of one correlation
	maxGroupBy    = 8
)

const correlationTypes = "event_count value_count temporal temporal_ordered value_sum value_avg value_percentile"

func readCorrelation(n *yaml.Node) (*Correlation, error) {
	if n.Kind != yaml.MappingNode {
		return nil, faultAt(n, "correlation is a mapping of type, rules, group-by, timespan and condition")
	}
	c := &Correlation{aliases: map[string]map[string]string{}, percentile: -1}
	err := each(n, func(k, v *yaml.Node) (err error) {
		switch k.Value {
		case "type":
			c.Type = v.Value
		case "rules":
			c.refs, err = texts(n, "rules")
		case "group-by":
			c.GroupBy, err = texts(n, "group-by")
		case "timespan":
			c.Timespan, err = parseTimespan(v.Value)
			err = at(v, err)
		case "condition":
			err = c.readCondition(v)
		case "aliases":
			err = c.readAliases(v)
		case "generate":
			c.Generate, err = strconv.ParseBool(v.Value)
			err = at(v, err)
		default:
			err = faultAt(k, "correlation has no member %q; it has type, rules, group-by, timespan, condition, aliases and generate", k.Value)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return c, c.check(n)
}

func (c *Correlation) readAliases(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return faultAt(n, "aliases is a mapping of alias to rule to field")
	}
	return each(n, func(alias, rules *yaml.Node) error {
		if rules.Kind != yaml.MappingNode {
			return faultAt(rules, "the alias %s is a mapping of rule to field", alias.Value)
		}
		c.aliases[alias.Value] = map[string]string{}
		return each(rules, func(rule, field *yaml.Node) error {
			c.aliases[alias.Value][rule.Value] = field.Value
			return nil
		})
	})
}

func (c *Correlation) readCondition(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return faultAt(n, "the condition of a correlation is a mapping, such as {gte: 10}")
	}
	return each(n, func(k, v *yaml.Node) (err error) {
		switch k.Value {
		case "gt", "gte", "lt", "lte", "eq", "neq":
			with, err := strconv.ParseFloat(v.Value, 64)
			if err != nil || with != with {
				return faultAt(v, "%s takes a number, not %q", k.Value, v.Value)
			}
			c.bounds = append(c.bounds, limit{k.Value, with})
		case "field":
			c.field, err = texts(n, "field")
		case "percentile":
			if c.percentile, err = strconv.ParseFloat(v.Value, 64); err != nil || !(c.percentile >= 0 && c.percentile <= 100) {
				return faultAt(v, "percentile takes a number from 0 to 100, not %q", v.Value)
			}
		default:
			return faultAt(k, "the condition of a correlation has no member %q; it has field, gt, gte, lt, lte, eq and neq", k.Value)
		}
		return err
	})
}

// values reports whether the correlation is about the values of a field.
func (c *Correlation) values() bool { return strings.HasPrefix(c.Type, "value_") }

func (c *Correlation) temporal() bool { return strings.HasPrefix(c.Type, "temporal") }

func (c *Correlation) check(n *yaml.Node) error {
	switch {
	case !slices.Contains(strings.Fields(correlationTypes), c.Type):
		return faultAt(n, "the type %q of the correlation is not known; use one of %s", c.Type, correlationTypes)
	case len(c.refs) == 0:
		return faultAt(n, "the correlation names no rules; list their ids or names")
	case len(c.refs) > maxCorrelated:
		return faultAt(member(n, "rules"), "the correlation names more than %d rules", maxCorrelated)
	case c.temporal() && len(c.refs) < 2:
		return faultAt(n, "%s needs two rules or more", c.Type)
	case c.Timespan == 0:
		return faultAt(n, "the correlation has no timespan; nothing can be remembered for ever")
	case len(c.GroupBy) > maxGroupBy:
		return faultAt(member(n, "group-by"), "group-by has more than %d fields", maxGroupBy)
	case !c.temporal() && len(c.bounds) == 0:
		return faultAt(n, "%s needs a condition, such as {gte: 10}", c.Type)
	case c.values() && len(c.field) == 0:
		return faultAt(n, "%s needs the field whose values it is about, as condition.field", c.Type)
	case !c.values() && len(c.field) > 0:
		return faultAt(member(n, "condition"), "%s takes no field; did you mean value_count?", c.Type)
	case len(c.field) > 1 && c.Type != "value_count":
		return faultAt(member(n, "condition"), "%s takes one field", c.Type)
	case c.percentile >= 0 && c.Type != "value_percentile":
		return faultAt(member(n, "condition"), "percentile belongs to value_percentile")
	}
	if c.Type == "event_count" || c.Type == "value_count" || c.temporal() {
		return c.bound(n)
	}
	return nil
}

// bound works out how much has to be kept to tell whether the condition holds.
func (c *Correlation) bound(n *yaml.Node) error {
	c.need = 1
	for _, b := range c.bounds {
		if b.with != float64(int(b.with)) || b.with < 0 {
			return faultAt(member(n, "condition"), "a count is a whole number, not %v", b.with)
		}
		if b.with > maxCount {
			return faultAt(member(n, "condition"), "more than %d of a group are not kept; count with a shorter timespan and a lower number", maxCount)
		}
		c.need = max(c.need, int(b.with)+1) // one more tells that a bound is passed
	}
	if c.temporal() && len(c.bounds) == 0 {
		c.bounds = []limit{{"gte", float64(len(c.refs))}}
	}
	return nil
}

// met reports whether the condition holds of a number.
func (c *Correlation) met(n float64) bool {
	for _, b := range c.bounds {
		if !holds(b.op, n, b.with) {
			return false
		}
	}
	return true
}

// correlate joins the correlations with the rules they are about, those first
// that others ask for.
func (l *loader) correlate() {
	state := map[*Rule]int{} // 1 is being joined, 2 joined, 3 in vain
	var join func(r *Rule) error
	join = func(r *Rule) error {
		switch state[r] {
		case 1:
			return faultAt(member(r.root, "correlation"), "the correlation asks for itself, by way of others")
		case 2:
			return nil
		case 3:
			return fmt.Errorf("it could not be loaded")
		}
		state[r] = 1
		err := l.join(r, join)
		if state[r] = 2; err != nil {
			state[r] = 3
			l.problem(Fault, r.File, r.Line, r.Title, err)
			return fmt.Errorf("it could not be loaded")
		}
		l.set.correlations = append(l.set.correlations, r.Correlation)
		return nil
	}
	for _, r := range l.set.rules {
		if r.Correlation != nil {
			_ = join(r) // told where it happened
		}
	}
	l.set.rules = slices.DeleteFunc(l.set.rules, func(r *Rule) bool { return state[r] == 3 })
	loud := map[*Rule]bool{} // one correlation that asks for a rule's own findings is enough
	for _, c := range l.set.correlations {
		for _, r := range c.Rules {
			loud[r] = loud[r] || c.Generate
			r.Quiet = !loud[r]
		}
	}
}

func (l *loader) join(r *Rule, join func(*Rule) error) error {
	c, n := r.Correlation, member(r.root, "correlation")
	c.rule = r
	for _, ref := range c.refs {
		of := l.byRef[ref]
		if of == nil {
			return faultAt(member(n, "rules"), "no rule that was loaded has the id or name %q", ref)
		}
		if of.Correlation != nil {
			if err := join(of); err != nil {
				return faultAt(member(n, "rules"), "it asks for the rule %q: %v", ref, err)
			}
		}
		if slices.Contains(c.Rules, of) {
			return faultAt(member(n, "rules"), "the rule %q is named twice", ref)
		}
		c.Rules = append(c.Rules, of)
	}
	for alias, of := range c.aliases {
		for ref := range of {
			if l.byRef[ref] == nil || !slices.Contains(c.Rules, l.byRef[ref]) {
				return faultAt(member(n, "aliases"), "the alias %s names %q, which is none of the rules", alias, ref)
			}
		}
	}
	for i, of := range c.Rules {
		s, err := l.source(c, of, i)
		if err != nil {
			return at(n, err)
		}
		c.sources = append(c.sources, s)
	}
	return nil
}

// source resolves the fields of a correlation in the events of one of its
// rules; for a correlation, of the events that its own rules are about.
func (l *loader) source(c *Correlation, of *Rule, number int) (source, error) {
	s := source{rule: of, number: number}
	name := func(field string) string {
		for _, ref := range []string{of.Name, of.ID} {
			if f := c.aliases[field][ref]; ref != "" && f != "" {
				return f
			}
		}
		return field
	}
	for _, v := range l.viewsOf(of) {
		sv := sourceView{view: v}
		for _, list := range []struct {
			names []string
			to    *[]int32
		}{{c.GroupBy, &sv.group}, {c.field, &sv.field}} {
			for _, f := range list.names {
				at, note, err := v.resolve(name(f), false)
				if err != nil {
					return s, err
				}
				if note != "" {
					l.problem(Note, c.rule.File, c.rule.Line, c.rule.Title, fmt.Errorf("%s", note))
				}
				*list.to = append(*list.to, at)
			}
		}
		s.views = append(s.views, sv)
	}
	return s, nil
}

// viewsOf are the kinds of events that fulfil a rule in the end. They are worked
// out once a rule: correlations may ask for each other in very many ways.
func (l *loader) viewsOf(r *Rule) []*view {
	out, known := l.kindsOf[r]
	if !known {
		out = l.findViews(r)
		l.kindsOf[r] = out
	}
	return out
}

func (l *loader) findViews(r *Rule) (out []*view) {
	if r.Correlation != nil {
		for _, of := range r.Correlation.Rules {
			for _, v := range l.viewsOf(of) {
				if !slices.Contains(out, v) {
					out = append(out, v)
				}
			}
		}
		return out
	}
	for _, c := range l.set.compiled {
		if c.rule == r {
			out = append(out, c.view)
		}
	}
	return out
}
