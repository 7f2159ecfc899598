package finding

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Values are the values of a finding's fields by Field.Path, without repeats,
// in the order of the finding's JSON (elements of arrays, then the next).
// Fields that the finding does not have are not in it.
type Values map[string][]Value

// Flatten gives the values of every known field of a finding. Criteria in
// memory and in a store both work on what it gives, so that they agree.
func Flatten(f *Finding) (Values, error) {
	wire, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("encode finding: %w", err)
	}
	return FlattenJSON(wire)
}

// FlattenJSON is Flatten of a finding's JSON as it stands on the wire.
//
// A bool of the wire format that is false may be left out of the JSON; it
// counts as false wherever the object that it belongs to is there.
func FlattenJSON(wire []byte) (Values, error) {
	dec := json.NewDecoder(bytes.NewReader(wire))
	dec.UseNumber()
	var doc map[string]any
	if err := dec.Decode(&doc); err != nil {
		return nil, fmt.Errorf("decode finding: %w", err)
	}
	v := make(Values, 48)
	root := fields().root
	v.walk(root, doc)
	if service, ok := doc["service"].(map[string]any); ok {
		if info, ok := service["additionalInfo"].(map[string]any); ok {
			text, _ := info["value"].(string)
			v.walkAdditionalInfo(root.children["service"].children["additionalInfo"], text)
		}
	}
	return v, nil
}

func (v Values) walk(n *fieldNode, x any) {
	switch x := x.(type) {
	case map[string]any:
		for key, child := range n.children {
			if member, ok := x[key]; ok {
				v.walk(child, member)
			}
		}
		for _, f := range n.falses {
			if _, ok := x[lastKey(f.Path)]; !ok {
				v.add(f, Value{Text: "false"})
			}
		}
	case []any:
		for _, element := range x {
			v.walk(n, element)
		}
	case string:
		if n.field != nil {
			v.add(n.field, n.field.Kind.stringValue(x))
		}
	case json.Number:
		if n.field != nil {
			v.add(n.field, n.field.Kind.jsonNumberValue(x))
		}
	case bool:
		if n.field != nil {
			v.add(n.field, Value{Text: strconv.FormatBool(x)})
		}
	}
}

// walkAdditionalInfo goes into the JSON that stands as text in
// service.additionalInfo.value. Text that is not a JSON object has no fields.
// Most of it may be evidence that no field names, so only the members on the
// way to a field are decoded.
func (v Values) walkAdditionalInfo(n *fieldNode, text string) {
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &members) != nil {
		return
	}
	for key, child := range n.children {
		raw, ok := members[key]
		if !ok || key == "value" || key == "type" { // those two are of the wire format itself
			continue
		}
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.UseNumber()
		var x any
		if dec.Decode(&x) == nil {
			v.walk(child, x)
		}
	}
}

func (v Values) add(f *Field, value Value) {
	have := v[f.Path]
	if !slices.Contains(have, value) {
		v[f.Path] = append(have, value)
	}
}

func lastKey(path string) string { return path[1+strings.LastIndexByte(path, '.'):] }
