package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// value is one value that a user may set.
type value struct {
	path string // with dots
	text string // what its comment says
	node *yaml.Node
}

// readValues lists the values of the chart in their order. A key whose comment
// begins with "--" is one value, whatever is below it; any other is a group.
func readValues(root string) ([]value, *yaml.Node, error) {
	text, err := os.ReadFile(filepath.Join(root, chartPath, "values.yaml"))
	if err != nil {
		return nil, nil, err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, nil, fmt.Errorf("values.yaml: %w", err)
	}
	var out []value
	err = walk("", doc.Content[0], &out)
	return out, doc.Content[0], err
}

func walk(prefix string, node *yaml.Node, out *[]value) error {
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, val := node.Content[i], node.Content[i+1]
		path := prefix + key.Value
		text := comment(key.HeadComment)
		switch {
		case text != "":
			*out = append(*out, value{path, text, val})
		case val.Kind == yaml.MappingNode && len(val.Content) > 0:
			if err := walk(path+".", val, out); err != nil {
				return err
			}
		default:
			return fmt.Errorf(`values.yaml: %s has no comment that begins with "# --"`, path)
		}
	}
	return nil
}

// comment is the text of a comment that is about a value: its last paragraph,
// from "--" on.
func comment(head string) string {
	if i := strings.LastIndex(head, "\n\n"); i >= 0 {
		head = head[i+2:]
	}
	_, text, ok := strings.Cut(head, "# --")
	if !ok {
		return ""
	}
	var words []string
	for line := range strings.Lines(text) {
		words = append(words, strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "#")))
	}
	return strings.TrimSpace(strings.Join(words, " "))
}

// shown is a default in one line of YAML.
func shown(node *yaml.Node) (string, error) {
	var flow func(n *yaml.Node) *yaml.Node
	flow = func(n *yaml.Node) *yaml.Node {
		c := &yaml.Node{Kind: n.Kind, Tag: n.Tag, Value: n.Value, Style: n.Style}
		if n.Kind != yaml.ScalarNode {
			c.Style |= yaml.FlowStyle
		}
		for _, child := range n.Content {
			c.Content = append(c.Content, flow(child))
		}
		return c
	}
	var b strings.Builder
	enc := yaml.NewEncoder(&b)
	if err := enc.Encode(flow(node)); err != nil {
		return "", err
	}
	// The encoder breaks long lines.
	return strings.Join(strings.Fields(b.String()), " "), enc.Close()
}
