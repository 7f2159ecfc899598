package jsonscan

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// plainValue turns a tree into what encoding/json makes of the same text.
func plainValue(n *Node) any {
	switch n.Kind() {
	case Bool:
		return n.True()
	case Number:
		var f float64
		_ = json.Unmarshal([]byte(n.text), &f)
		return f
	case String:
		return n.text
	case Array:
		out := []any{}
		for _, v := range n.Items() {
			out = append(out, plainValue(v))
		}
		return out
	case Object:
		out := map[string]any{}
		for _, k := range n.Keys() {
			out[k] = plainValue(n.Get(k))
		}
		return out
	}
	return nil
}

var samples = []string{
	`{}`, `[]`, `null`, `true`, `"x"`, `-1.5e+3`, `{"a":{"b":[1,2,{"c":"d"}]},"e":null}`, ` { "a" : [ ] , "b" : "\u00e9\ud83d\ude00\"\\\/\b\f\n\r\t" } `,
	`{"a":1,"a":2}`, `{"\u0061bc":"escaped key"}`, `"` + strings.Repeat("0123456789", 10) + `"`, `{"k":"1234567\"","l":"\\"}`, `[[[[[]]]],{"":""}]`,
	`{"a":"\ud800"}`,
}

func TestParseAgreesWithEncodingJSON(t *testing.T) {
	for _, s := range samples {
		var want any
		if err := json.Unmarshal([]byte(s), &want); err != nil {
			t.Fatal(err)
		}
		n, err := Parse([]byte(s))
		if errors.Is(err, ErrCut) && !strings.ContainsAny(s, `{["`) { // a bare word may always go on
			err = nil
		}
		if err != nil || !reflect.DeepEqual(plainValue(n), want) {
			t.Errorf("%s: got %#v %v, want %#v", s, plainValue(n), err, want)
		}
		sc := Scanner{Data: []byte(s + " ")}
		if raw, err := sc.Skip(); err != nil || string(raw) != strings.TrimSpace(s) {
			t.Errorf("skip %s: got %q %v", s, raw, err)
		}
	}
}

// TestCut cuts a value everywhere: the tree holds whole members only.
func TestCut(t *testing.T) {
	const s = `{"first":"one","second":{"x":[1,2,3]},"last":"z"}`
	for i := 1; i < len(s); i++ {
		n, err := Parse([]byte(s[:i]))
		if !errors.Is(err, ErrCut) {
			t.Fatalf("%s: %v", s[:i], err)
		}
		if v := n.Text("first"); v != "" && v != "one" {
			t.Errorf("%s: half a string %q", s[:i], v)
		}
		if i > strings.Index(s, `,"second"`) && n.Text("first") != "one" {
			t.Errorf("%s: the first member was lost", s[:i])
		}
		sc := Scanner{Data: []byte(s[:i])}
		if _, err := sc.Skip(); !errors.Is(err, ErrCut) {
			t.Errorf("skip %s: %v", s[:i], err)
		}
	}
}

func TestSyntaxErrors(t *testing.T) {
	for _, s := range []string{`{"a" 1}`, `{"a":1 "b":2}`, `[1 2]`, `{a:1}`, `tru `, `]`, `{"a":"\x"}`, `{"a":"\u12g4"}`} {
		if n, err := Parse([]byte(s)); !errors.Is(err, ErrSyntax) || n != nil {
			t.Errorf("%.20s: got %v %v", s, n, err)
		}
	}
}

// TestDeep: what is nested too deep, or a number too large, does not hide its
// neighbours.
func TestDeep(t *testing.T) {
	deep := strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)
	n, err := Parse([]byte(`{"a":` + deep + `,"b":1e999,"c":"d"}`))
	if err != nil || n.Text("c") != "d" || n.Get("b").Kind() != Number {
		t.Errorf("%v, c %q", err, n.Text("c"))
	}
	if _, err := Parse([]byte(strings.Repeat("[", 10_000))); !errors.Is(err, ErrCut) {
		t.Errorf("never closed: %v", err)
	}
}

func TestInt(t *testing.T) {
	for s, want := range map[string]int{"201,": 201, "-5 ": -5, "1.9]": 1, "0}": 0} {
		sc := Scanner{Data: []byte(s)}
		if n, err := sc.Int(); n != want || err != nil {
			t.Errorf("%s: got %d %v", s, n, err)
		}
	}
	for _, s := range []string{`"201",`, `null,`, `99999999999999999999,`, `{},`} {
		sc := Scanner{Data: []byte(s)}
		if _, err := sc.Int(); err == nil {
			t.Errorf("%s is no number", s)
		}
	}
}

func TestNilNode(t *testing.T) {
	var n *Node
	if n.Get("a", "b") != nil || n.Text("x") != "" || n.True() || n.Int("y") != 0 || n.Items() != nil || n.Strings("z") != nil || n.Has("k") || n.Kind() != Null {
		t.Error("a node that is not there answers something")
	}
}

// FuzzParse: a tree or an error, never a panic; and what encoding/json reads
// is read alike.
func FuzzParse(f *testing.F) {
	for _, s := range samples {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := Parse(b)
		if errors.Is(err, ErrSyntax) && n != nil {
			t.Error("both a tree and a syntax error")
		}
		sc := Scanner{Data: b}
		_, _ = sc.Skip()
		if sc.Pos > len(b) {
			t.Error("stepped over the end")
		}
		var want any
		if json.Unmarshal(b, &want) != nil || deep(b) {
			return
		}
		if err != nil && !errors.Is(err, ErrCut) {
			t.Errorf("%q: %v", b, err)
		}
	})
}

func deep(b []byte) bool {
	return strings.Count(string(b), "[")+strings.Count(string(b), "{") > maxDepth
}
