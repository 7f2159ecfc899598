package main

import (
	_ "embed"
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v3"
)

//go:embed constraints.yaml
var constraintsText []byte

// schema is the JSON schema of values.yaml: its keys and no others, of the
// types of their defaults, and what constraints.yaml says besides.
func schema(root string) ([]byte, error) {
	list, top, err := readValues(root)
	if err != nil {
		return nil, err
	}
	var more map[string]map[string]any
	if err := yaml.Unmarshal(constraintsText, &more); err != nil {
		return nil, fmt.Errorf("constraints.yaml: %w", err)
	}
	texts := map[string]string{}
	for _, v := range list {
		texts[v.path] = v.text
	}
	for path := range more {
		if texts[path] == "" {
			return nil, fmt.Errorf("constraints.yaml: there is no value %s", path)
		}
	}
	out := object("", top, texts, more)
	out["$schema"] = "http://json-schema.org/draft-07/schema#"
	out["title"] = "Values of the chart"
	// What Helm hands to a chart that another chart contains.
	properties := out["properties"].(map[string]any)
	properties["global"] = map[string]any{"type": "object"}
	properties["enabled"] = map[string]any{"type": "boolean"}
	text, err := json.MarshalIndent(out, "", "  ")
	return append(text, '\n'), err
}

func object(prefix string, node *yaml.Node, texts map[string]string, more map[string]map[string]any) map[string]any {
	properties := map[string]any{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, val := node.Content[i].Value, node.Content[i+1]
		path := prefix + key
		if texts[path] == "" {
			properties[key] = object(path+".", val, texts, more)
			continue
		}
		p := map[string]any{"description": texts[path], "type": jsonType(val)}
		for k, v := range more[path] {
			p[k] = v
		}
		properties[key] = p
	}
	return map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
}

func jsonType(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "object"
	case n.Kind == yaml.SequenceNode:
		return "array"
	case n.Tag == "!!bool":
		return "boolean"
	case n.Tag == "!!int":
		return "integer"
	}
	return "string"
}
