package jsonscan

import (
	"errors"
	"strconv"
)

// Kind is what a tree node is.
type Kind uint8

// The kinds of a node.
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

// Node is one value of a parsed tree. All methods work on a nil node, which
// stands for a value that is not there.
type Node struct {
	kind Kind
	text string // String: the text; Number and Bool: as written
	list []*Node
	keys []string
}

// maxDepth bounds recursion on hostile input; API objects are some 20 deep.
// What lies deeper is stepped over and stands as null.
const maxDepth = 200

// Parse reads one value. A cut value yields the tree of what there was
// together with ErrCut; other faults yield nil and ErrSyntax.
func Parse(b []byte) (*Node, error) {
	s := Scanner{Data: b}
	n, err := parse(&s, 0)
	if err == ErrSyntax {
		return nil, err
	}
	return n, err
}

func parse(s *Scanner, depth int) (*Node, error) {
	if depth > maxDepth { // there, but not looked into
		_, err := s.Skip()
		return &Node{}, err
	}
	switch s.Space() {
	case '{':
		return parseObject(s, depth)
	case '[':
		return parseArray(s, depth)
	case '"':
		b, err := s.Bytes()
		if err != nil {
			return nil, err
		}
		return &Node{kind: String, text: string(b)}, nil
	}
	raw, err := s.Skip()
	if err != nil && (err != ErrCut || depth > 0) {
		return nil, err // a number cut in the middle is not the number
	}
	switch string(raw) {
	case "null":
		return &Node{}, nil
	case "true", "false":
		return &Node{kind: Bool, text: string(raw)}, nil
	}
	if _, err := strconv.ParseFloat(string(raw), 64); err != nil && !errors.Is(err, strconv.ErrRange) {
		return nil, ErrSyntax
	}
	return &Node{kind: Number, text: string(raw)}, nil
}

func parseObject(s *Scanner, depth int) (*Node, error) {
	n := &Node{kind: Object}
	if err := s.Enter('{'); err != nil {
		return n, err
	}
	for first := true; ; first = false {
		key, ok, err := s.Next(first)
		if err != nil || !ok {
			return n, err
		}
		k := string(key)
		v, err := parse(s, depth+1)
		if v != nil { // a key given twice: Get finds the later one
			n.keys, n.list = append(n.keys, k), append(n.list, v)
		}
		if err != nil {
			return n, err
		}
	}
}

func parseArray(s *Scanner, depth int) (*Node, error) {
	n := &Node{kind: Array}
	if err := s.Enter('['); err != nil {
		return n, err
	}
	for first := true; ; first = false {
		ok, err := s.More(first)
		if err != nil || !ok {
			return n, err
		}
		v, err := parse(s, depth+1)
		if v != nil {
			n.list = append(n.list, v)
		}
		if err != nil {
			return n, err
		}
	}
}

// NewObject returns an empty object.
func NewObject() *Node { return &Node{kind: Object} }

// NewArray returns an array of the given elements.
func NewArray(list ...*Node) *Node { return &Node{kind: Array, list: list} }

// Set puts a member into an object, in place of one of that name.
func (n *Node) Set(key string, v *Node) {
	for i, k := range n.keys {
		if k == key {
			n.list[i] = v
			return
		}
	}
	n.keys, n.list = append(n.keys, key), append(n.list, v)
}

// Append adds an element to an array.
func (n *Node) Append(v *Node) { n.list = append(n.list, v) }

// Kind returns the kind; a node that is not there is Null.
func (n *Node) Kind() Kind {
	if n == nil {
		return Null
	}
	return n.kind
}

// Has reports whether an object has the member, even a null one.
func (n *Node) Has(key string) bool { return n.Get(key) != nil }

// Get follows member names into objects; nil where there is none.
func (n *Node) Get(path ...string) *Node {
	for _, key := range path {
		if n == nil || n.kind != Object {
			return nil
		}
		var next *Node
		for i := len(n.keys) - 1; i >= 0; i-- { // the later of two wins, as in the API server
			if n.keys[i] == key {
				next = n.list[i]
				break
			}
		}
		n = next
	}
	return n
}

// Items returns the elements of an array.
func (n *Node) Items() []*Node {
	if n == nil || n.kind != Array {
		return nil
	}
	return n.list
}

// Keys returns the member names of an object in the order of the input.
func (n *Node) Keys() []string {
	if n == nil || n.kind != Object {
		return nil
	}
	return n.keys
}

// Text returns the member at path as a string, "" if it is not a string.
func (n *Node) Text(path ...string) string {
	if v := n.Get(path...); v.Kind() == String {
		return v.text
	}
	return ""
}

// True reports whether the member at path is the boolean true.
func (n *Node) True(path ...string) bool {
	v := n.Get(path...)
	return v.Kind() == Bool && v.text == "true"
}

// Int returns the member at path as a whole number, 0 if it is none.
func (n *Node) Int(path ...string) int64 {
	v := n.Get(path...)
	if v.Kind() != Number {
		return 0
	}
	i, err := strconv.ParseInt(v.text, 10, 64)
	if err != nil {
		return 0
	}
	return i
}

// Strings returns the strings of the array at path.
func (n *Node) Strings(path ...string) []string {
	var out []string
	for _, v := range n.Get(path...).Items() {
		if v.Kind() == String {
			out = append(out, v.text)
		}
	}
	return out
}
