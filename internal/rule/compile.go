package rule

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// compiler makes expressions of a detection for one kind of event.
type compiler struct {
	view         *view
	placeholders map[string][]string
	values       int // so far
	notes        []*fault
}

func (c *compiler) note(n *yaml.Node, text string) {
	if text != "" {
		c.notes = append(c.notes, &fault{n.Line, text})
	}
}

// detection compiles the selections and the condition of a mapping. conditions
// are several where any of them will do.
func (c *compiler) detection(n *yaml.Node, except ...string) (expr, *condition, error) {
	if n.Kind != yaml.MappingNode {
		return nil, nil, faultAt(n, "it must be a mapping of selections and a condition")
	}
	var names []string
	nodes := map[string]*yaml.Node{}
	var conditions []*yaml.Node
	err := each(n, func(k, v *yaml.Node) error {
		switch {
		case slices.Contains(except, k.Value):
		case k.Value == "condition":
			conditions = []*yaml.Node{v}
			if v.Kind == yaml.SequenceNode {
				conditions = v.Content
			}
		case k.Value == "timeframe":
			return faultAt(k, "timeframe belongs to aggregations of Sigma before 2.0; write a correlation rule instead")
		default:
			names = append(names, k.Value)
			nodes[k.Value] = v
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	if len(names) > maxNames {
		return nil, nil, faultAt(n, "it has more than %d selections; put values into lists", maxNames)
	}
	if len(conditions) > maxDepth {
		return nil, nil, faultAt(n, "it has more than %d conditions; join them with `or`", maxDepth)
	}
	if len(conditions) == 0 {
		return nil, nil, faultAt(n, "it has no condition; write one, such as `condition: selection`")
	}
	used := map[string]bool{}
	whole := &condition{op: "or"}
	for _, v := range conditions {
		if v.Kind != yaml.ScalarNode {
			return nil, nil, faultAt(v, "the condition must be text")
		}
		parsed, err := parseCondition(v.Value, names, used)
		if err != nil {
			return nil, nil, at(v, err)
		}
		whole.of = append(whole.of, parsed)
	}
	if len(whole.of) == 1 {
		whole = whole.of[0]
	}
	made := map[string]expr{}
	for _, name := range names { // also those that the condition leaves out: they may be wrong
		if made[name], err = c.selection(nodes[name]); err != nil {
			return nil, nil, fmt.Errorf("%w", err)
		}
		if !used[name] {
			c.note(nodes[name], fmt.Sprintf("the condition does not use %s", name))
		}
	}
	e, err := whole.build(func(name string) (expr, error) { return made[name], nil })
	return e, whole, err
}

// selection compiles a mapping, or a list of mappings and keywords.
func (c *compiler) selection(n *yaml.Node) (expr, error) {
	switch n.Kind {
	case yaml.MappingNode:
		return c.fields(n)
	case yaml.ScalarNode:
		return c.field("", n)
	case yaml.SequenceNode:
	default:
		return nil, faultAt(n, "a selection is a mapping of fields, or a list")
	}
	if len(n.Content) == 0 {
		return nil, faultAt(n, "the selection is empty; it would match nothing")
	}
	var any anyOf
	var plain []*yaml.Node
	for _, item := range n.Content {
		switch item.Kind {
		case yaml.ScalarNode:
			plain = append(plain, item)
		case yaml.MappingNode:
			e, err := c.fields(item)
			if err != nil {
				return nil, err
			}
			any = append(any, e)
		default:
			return nil, faultAt(item, "a list of a list says nothing; write one list")
		}
	}
	if len(plain) > 0 {
		e, err := c.field("", &yaml.Node{Kind: yaml.SequenceNode, Content: plain, Line: n.Line})
		if err != nil {
			return nil, err
		}
		any = append(any, e)
	}
	if len(any) == 1 {
		return any[0], nil
	}
	return any, nil
}

func (c *compiler) fields(n *yaml.Node) (expr, error) {
	if len(n.Content) == 0 {
		return nil, faultAt(n, "the selection is empty; it would match everything")
	}
	var all allOf
	err := each(n, func(k, v *yaml.Node) error {
		e, err := c.field(k.Value, v)
		if err != nil {
			return at(k, err)
		}
		all = append(all, e)
		return nil
	})
	if len(all) == 1 {
		return all[0], err
	}
	return all, err
}

// field compiles what is asked of one field.
func (c *compiler) field(key string, n *yaml.Node) (expr, error) {
	parts := strings.Split(key, "|")
	mods, err := parseModifiers(parts[1:])
	if err != nil {
		return nil, at(n, err)
	}
	values := []*yaml.Node{n}
	switch n.Kind {
	case yaml.SequenceNode:
		values = n.Content
		if len(values) == 0 {
			return nil, faultAt(n, "%s has an empty list; it would match nothing", orKeywords(key))
		}
	case yaml.MappingNode:
		return nil, faultAt(n, "%s has a mapping for a value; write the path with dots, as in a.b: value", orKeywords(key))
	}
	for _, v := range values {
		if v.Kind != yaml.ScalarNode {
			return nil, faultAt(v, "%s has a value that is neither text nor a number", orKeywords(key))
		}
		if len(v.Value) > maxValue {
			return nil, faultAt(v, "the value is longer than %d bytes", maxValue)
		}
	}
	if c.values += len(values); c.values > maxValues {
		return nil, faultAt(n, "the rule has more than %d values; a rule is no list of indicators: use the threat lists for those", maxValues)
	}
	if mods.every && len(values) == 1 && n.Kind == yaml.SequenceNode && parts[0] != "" {
		c.note(n, "all of one value says no more than the value")
	}
	e, err := c.compare(parts[0], &mods, n, values)
	if err == nil && mods.neq {
		e = not{e}
	}
	return e, err
}

func orKeywords(key string) string {
	if key == "" {
		return "the list of keywords"
	}
	return key
}

// compare compiles the comparison of a field with its values.
func (c *compiler) compare(name string, mods *modifiers, n *yaml.Node, values []*yaml.Node) (expr, error) {
	if isNil(values[0]) || mods.as == "exists" {
		return c.presence(name, mods, n, values)
	}
	precise := slices.ContainsFunc(values, func(v *yaml.Node) bool { return v.Value == "" })
	field, note, err := c.view.resolve(name, precise)
	if err != nil {
		return nil, err
	}
	c.note(n, note)
	if mods.as == "fieldref" {
		return c.references(field, mods, n, values)
	}
	a := &asks{field: field, every: mods.every}
	known := true
	var together []need
	for _, v := range values {
		tests, needs, err := c.value(name, mods, v)
		if err != nil {
			return nil, at(v, err)
		}
		if mods.every && len(tests) > 1 { // every value must be there, in any of its forms
			tests = []test{anyTest(tests)}
		}
		a.tests = append(a.tests, tests...)
		switch {
		case mods.every && needs != nil:
			a.needs = append(a.needs, needs)
		case !mods.every:
			known = known && needs != nil
			together = append(together, needs...)
		}
	}
	if !mods.every && known {
		a.needs = [][]need{together}
	}
	a.tests = merged(a.tests, a.every)
	return a, nil
}

// anyTest passes what one of its tests passes.
type anyTest []test

func (t anyTest) match(m *Matcher, v *value) bool {
	for _, x := range t {
		if x.match(m, v) {
			return true
		}
	}
	return false
}

// merged looks whole texts up in one set instead of one after the other.
func merged(tests []test, every bool) []test {
	if every || len(tests) < 2 {
		return tests
	}
	var out []test
	var sets [2]*oneOf
	for _, t := range tests {
		o, ok := t.(*oneOf)
		if !ok {
			out = append(out, t)
			continue
		}
		i := 0
		if o.cased {
			i = 1
		}
		if sets[i] == nil {
			sets[i] = o
			out = append(out, o)
			continue
		}
		for k := range o.texts {
			sets[i].texts[k] = struct{}{}
		}
	}
	return out
}

// presence compiles null and exists.
func (c *compiler) presence(name string, mods *modifiers, n *yaml.Node, values []*yaml.Node) (expr, error) {
	if len(values) != 1 || n.Kind == yaml.SequenceNode {
		return nil, faultAt(n, "null and exists stand alone, not in a list; write a selection of their own and join the two with `or`")
	}
	if name == keywords {
		return nil, faultAt(n, "keywords are looked for anywhere in the record; null and exists need a field")
	}
	at, note, err := c.view.resolve(name, true)
	if err != nil {
		return nil, err
	}
	c.note(n, note)
	v := values[0]
	if mods.as != "exists" {
		if len(mods.names) > 0 && !(mods.neq && len(mods.names) == 1) {
			return nil, faultAt(n, "null takes no modifier but neq")
		}
		return isNull{at}, nil
	}
	want, err := strconv.ParseBool(strings.ToLower(v.Value))
	if err != nil {
		return nil, faultAt(v, "exists takes true or false, not %q", v.Value)
	}
	return exists{at, want}, nil
}

func (c *compiler) references(field int32, mods *modifiers, n *yaml.Node, values []*yaml.Node) (expr, error) {
	if len(mods.change) > 0 || mods.expand {
		return nil, faultAt(n, "the modifier fieldref takes no modifier but neq, cased, all, contains, startswith and endswith")
	}
	var all []expr
	for _, v := range values {
		with, note, err := c.view.resolve(v.Value, false)
		if err != nil {
			return nil, at(v, err)
		}
		c.note(v, note)
		all = append(all, sameAs{field, with, mods.how, mods.cased})
	}
	if mods.every {
		return allOf(all), nil
	}
	return anyOf(all), nil
}
