package rule

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Version tells one text of a rule from another, with its filters and
// placeholders: 16 hex digits. Comments, and the tests of a rule, are no part
// of it.
func (r *Rule) Version() string { return r.version }

// Version tells one set of rules from another: 16 hex digits, "" for no rules.
func (s *Set) Version() string {
	if s == nil || len(s.rules) == 0 {
		return ""
	}
	var all []string
	for _, r := range s.rules {
		all = append(all, r.Ref()+" "+r.version)
	}
	slices.Sort(all) // what a rule finds does not depend on the order of the files
	h := sha256.New()
	for _, text := range all {
		writeText(h, text)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Text is the rule as YAML.
func (r *Rule) Text() string {
	b, err := yaml.Marshal(r.root)
	if err != nil { // it was read as YAML
		return ""
	}
	return string(b)
}

// versions works out the versions and meanings of the rules that were loaded.
func (l *loader) versions() {
	for _, r := range l.set.rules {
		h := sha256.New()
		writeNode(h, r.root, true)
		l.writeExtras(h, r)
		if c := r.Correlation; c != nil {
			writeNumber(h, l.meaning(r))
		}
		r.version = hex.EncodeToString(h.Sum(nil)[:8])
	}
}

// meaning is what a rule asks for, as a number: of two rules it is the same if
// they ask for the same. What it says of itself, and its severity, are no part.
func (l *loader) meaning(r *Rule) uint64 {
	if r.meaning != 0 {
		return r.meaning
	}
	h := sha256.New()
	for _, name := range []string{"logsource", "detection", "correlation"} {
		writeNode(h, member(r.root, name), false)
	}
	l.writeExtras(h, r)
	if c := r.Correlation; c != nil {
		for _, of := range c.Rules {
			writeNumber(h, l.meaning(of))
		}
	}
	r.meaning = max(binary.LittleEndian.Uint64(h.Sum(nil)), 1)
	return r.meaning
}

// writeExtras writes what a rule gets from elsewhere: filters and the values of
// placeholders.
func (l *loader) writeExtras(h hash.Hash, r *Rule) {
	nodes := []*yaml.Node{member(r.root, "detection")}
	for _, f := range l.applied[r] {
		nodes = append(nodes, f.root)
		writeNode(h, f.root, false)
	}
	for _, name := range slices.Sorted(maps.Keys(l.placeholders)) {
		if !slices.ContainsFunc(nodes, func(n *yaml.Node) bool { return mentions(n, "%"+name+"%") }) {
			continue
		}
		writeText(h, name)
		for _, v := range l.placeholders[name] {
			writeText(h, v)
		}
	}
}

func mentions(n *yaml.Node, text string) bool {
	if n == nil {
		return false
	}
	return strings.Contains(n.Value, text) || slices.ContainsFunc(n.Content, func(c *yaml.Node) bool { return mentions(c, text) })
}

// writeNode writes a node so that others come out as something else. Of a whole
// rule the tests are left out.
func writeNode(h hash.Hash, n *yaml.Node, whole bool) {
	if n == nil {
		writeNumber(h, 0)
		return
	}
	writeNumber(h, uint64(n.Kind))
	writeText(h, n.Tag)
	writeText(h, n.Value)
	writeNumber(h, uint64(len(n.Content)))
	for i, c := range n.Content {
		if whole && n.Kind == yaml.MappingNode && i%2 == 1 && n.Content[i-1].Value == "x-vedette" {
			c = withoutTests(c)
		}
		writeNode(h, c, false)
	}
}

func withoutTests(n *yaml.Node) *yaml.Node {
	out := *n
	out.Content = nil
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value != "tests" {
			out.Content = append(out.Content, n.Content[i], n.Content[i+1])
		}
	}
	return &out
}

func writeText(h hash.Hash, s string) {
	writeNumber(h, uint64(len(s)))
	h.Write([]byte(s))
}

func writeNumber(h hash.Hash, n uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], n)
	h.Write(b[:])
}
