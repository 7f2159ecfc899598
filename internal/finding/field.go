package finding

import (
	_ "embed"
	"strings"
	"sync"
)

//go:embed fields.tsv
var fieldsTSV string

// Field is something of a finding that criteria and sorting may name.
type Field struct {
	// Name is how criteria name it; Path is where it stands in the finding's
	// JSON, without the indexes of arrays. They differ in a few spellings
	// (hostIpc and hostIPC); criteria may use either. The paths under
	// service.additionalInfo go into the JSON that stands as text in its value.
	Name, Path string
	// Query fields are for everything, the others for suppression rules only.
	Query bool
	Kind  Kind
	// optional: a bool that may be missing; other bools are false then.
	optional bool
}

// fields is the field table, parsed once.
var fields = sync.OnceValue(func() *fieldTable { return parseFields(fieldsTSV) })

// LookupField finds a field by its name or its path.
func LookupField(name string) (Field, bool) {
	t := fields()
	i, ok := t.byName[name]
	if !ok {
		return Field{}, false
	}
	return t.list[i], true
}

// FieldList returns every field, query fields first, always in the same order.
func FieldList() []Field {
	return append([]Field(nil), fields().list...)
}

// FlattenVersion changes whenever Flatten may give other values than before,
// so that a store knows when its copies of them are out of date.
func FlattenVersion() string { return fields().version }

type fieldTable struct {
	list    []Field
	byName  map[string]int
	root    *fieldNode
	version string
}

// fieldNode is a place in the finding's JSON on the way to some field.
type fieldNode struct {
	children map[string]*fieldNode
	field    *Field
	falses   []*Field // bool children that are false when they are not there
}

// parseFields reads the embedded table. A fault in it is ours, and the tests
// read every line, so it panics.
func parseFields(tsv string) *fieldTable {
	t := &fieldTable{byName: map[string]int{}, root: &fieldNode{}, version: flattenVersion(tsv)}
	for line := range strings.Lines(tsv) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		cells := strings.Split(line, "\t")
		f := Field{Name: cells[0], Path: cells[0], Query: cells[1] == "query"}
		if len(cells) > 3 {
			f.Path = cells[3]
		}
		kind, optional := strings.CutSuffix(cells[2], "?")
		f.Kind, f.optional = Kind(kind), optional
		if !f.Kind.known() || cells[1] != "query" && cells[1] != "archive" {
			panic("fields.tsv: bad line: " + line)
		}
		t.byName[f.Name] = len(t.list)
		t.list = append(t.list, f)
	}
	for i := range t.list {
		f := &t.list[i]
		if _, ok := t.byName[f.Path]; !ok {
			t.byName[f.Path] = i
		}
		t.root.add(f)
	}
	return t
}

func (n *fieldNode) add(f *Field) {
	var parent *fieldNode
	for key := range strings.SplitSeq(f.Path, ".") {
		if n.children == nil {
			n.children = map[string]*fieldNode{}
		}
		parent = n
		if n = n.children[key]; n == nil {
			n = &fieldNode{}
			parent.children[key] = n
		}
	}
	if n.field != nil { // two names of one path: one place, one set of values
		return
	}
	n.field = f
	if f.Kind == KindBool && !f.optional {
		parent.falses = append(parent.falses, f)
	}
}
