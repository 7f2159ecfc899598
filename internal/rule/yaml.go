package rule

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Bounds of what is read.
const (
	maxFile   = 1 << 20 // bytes
	maxValues = 20_000  // of one rule
	maxValue  = 8 << 10 // bytes of one value
)

// fault is what is wrong at a line, with what to do about it.
type fault struct {
	line int
	text string
}

func (f *fault) Error() string { return f.text }

func faultAt(n *yaml.Node, format string, args ...any) error {
	return &fault{n.Line, fmt.Sprintf(format, args...)}
}

// at gives an error the line of a node, unless it has one.
func at(n *yaml.Node, err error) error {
	var f *fault
	if err == nil || errors.As(err, &f) {
		return err
	}
	return &fault{n.Line, err.Error()}
}

// document is one YAML document of a file.
type document struct {
	root *yaml.Node // a mapping
}

var yamlLine = regexp.MustCompile(`line (\d+)`)

// documents splits a file. What comes before a fault is returned with it.
func documents(data []byte) (out []document, err error) {
	if len(data) > maxFile {
		return nil, &fault{1, fmt.Sprintf("the file is larger than %d bytes; split it", maxFile)}
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var n yaml.Node
		err := d.Decode(&n)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			line := 1
			if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
				line, _ = strconv.Atoi(m[1])
			}
			return out, &fault{line, "this is not YAML: " + strings.TrimPrefix(err.Error(), "yaml: ")}
		}
		if n.Kind != yaml.DocumentNode || len(n.Content) != 1 || isNil(n.Content[0]) {
			continue // nothing but comments
		}
		root := n.Content[0]
		if root.Kind != yaml.MappingNode {
			return out, faultAt(root, "a rule is a mapping with title, logsource and detection")
		}
		if err := sound(root, 0); err != nil {
			return out, err
		}
		out = append(out, document{root})
	}
}

// sound refuses what YAML can and rules do not need: anchors, which grow without
// bound, and members given twice, of which one would be lost.
func sound(n *yaml.Node, depth int) error {
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		return faultAt(n, "anchors and aliases of YAML are not read in rules; write the values out")
	}
	if depth > 50 {
		return faultAt(n, "the rule is nested too deep")
	}
	if n.Kind == yaml.MappingNode {
		seen := map[string]bool{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			k := n.Content[i]
			if k.Kind != yaml.ScalarNode {
				return faultAt(k, "a name must be plain text")
			}
			if seen[k.Value] {
				return faultAt(k, "%q is given twice; only one of them would count", k.Value)
			}
			seen[k.Value] = true
		}
	}
	for _, c := range n.Content {
		if err := sound(c, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func isNil(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// member returns a member of a mapping, or nil.
func member(n *yaml.Node, name string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

// each calls f for each member of a mapping, in the order of the file.
func each(n *yaml.Node, f func(key, value *yaml.Node) error) error {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if err := f(n.Content[i], n.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// words reads a text, "" if it is not there.
func words(n *yaml.Node, name string) (string, error) {
	v := member(n, name)
	if v == nil || isNil(v) {
		return "", nil
	}
	if v.Kind != yaml.ScalarNode {
		return "", faultAt(v, "%s must be text", name)
	}
	return v.Value, nil
}

// texts reads a list of texts; one text is a list, too.
func texts(n *yaml.Node, name string) ([]string, error) {
	v := member(n, name)
	if v == nil || isNil(v) {
		return nil, nil
	}
	if v.Kind == yaml.ScalarNode {
		return []string{v.Value}, nil
	}
	if v.Kind != yaml.SequenceNode {
		return nil, faultAt(v, "%s must be a list of texts", name)
	}
	var out []string
	for _, c := range v.Content {
		if c.Kind != yaml.ScalarNode {
			return nil, faultAt(c, "%s must be a list of texts", name)
		}
		out = append(out, c.Value)
	}
	return out, nil
}
