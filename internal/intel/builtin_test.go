package intel

import (
	"bytes"
	"compress/gzip"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// TestBuiltin: every category can be tried on a fresh installation, and every
// list says where it comes from.
func TestBuiltin(t *testing.T) {
	files, err := readBuiltin(builtinFiles)
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := f.text()
		if err != nil {
			t.Fatal(err)
		}
		for _, head := range []string{"# What: ", "# Source: ", "# Date: ", "# Licence: ", "# A line: ", "# list: "} {
			if !strings.Contains(text[:min(len(text), headSize)], head) {
				t.Errorf("%s does not say %q in its head", f.name, head)
			}
		}
	}
	var have []Category
	for _, l := range Builtin().Lists() {
		have = append(have, l.Seen...)
		if l.Entries == 0 || l.Kind != KindBuiltin || l.Date == "" || l.Source == "" || l.Licence == "" || len(l.SHA256) != 64 || l.Name == "" {
			t.Errorf("%+v", l)
		}
	}
	for _, c := range Categories() {
		if !slices.Contains(have, c) {
			t.Errorf("nothing built in has the category %s", c)
		}
	}
	if c := Builtin().Conflicts(); len(c) > 0 {
		t.Errorf("%+v", c)
	}
}

// TestBuiltinHeedsItsWarnings: what is built in flags nothing that its own
// warning lists know better. It could not be taken from a feed.
func TestBuiltinHeedsItsWarnings(t *testing.T) {
	files, err := readBuiltin(builtinFiles)
	if err != nil {
		t.Fatal(err)
	}
	b := NewBuilder()
	b.Heed(Builtin())
	b.mustAdd(files, func(h Holds) bool { return h == HoldsThreats })
	for _, l := range b.lists {
		l.list.Kind = KindFeed
	}
	for _, c := range b.Part("test").Conflicts() {
		if !strings.Contains(c.Why, "no real traffic has it") { // what lists are tried with
			t.Errorf("%+v", c)
		}
	}
}

// TestBuiltinKinds reads a file of each kind in its own form.
func TestBuiltinKinds(t *testing.T) {
	var packed bytes.Buffer
	zw := gzip.NewWriter(&packed)
	if _, err := zw.Write([]byte("# kind: networks\n# list: Clouds\n\n9.8.0.0/16 aws\n9.8.7.0/24 aws eu-west-1 EC2 # why\n2a00:1::/32 other\n")); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{
		"threats.txt":  "# What: bad\n# Source: here\n# Date: 2026-01\n# list: Bad\nc2 9.8.7.6 Some Kit\nphishing *.evil.example\n",
		"warning.lst":  "# kind: warning\n# list: Warn\n9.9.9.9 public resolver\n",
		"popular.lst":  "# kind: popular\n# list: Top\nfirst.example\nsecond.example\ngithub.io\nfirst.example\n",
		"dynamic.lst":  "# kind: dynamic-dns\n# list: Dyn\n*.dyn.example Dyn Inc\n10.0.0.0/8\n",
		"sub/what.txt": "nothing", "README.md": "nothing",
	}
	fs := fstest.MapFS{"builtin/networks.txt.gz": {Data: packed.Bytes()}}
	for name, text := range texts {
		fs["builtin/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	files, err := readBuiltin(fs)
	if err != nil {
		t.Fatal(err)
	}
	s := NewSet(builtinPart(files))
	if h, ok := s.AddrIn(netip.MustParseAddr("9.8.7.6"), C2); !ok || h.List != "Bad" || h.Names[0] != "Some Kit" || h.Of.Source != "here" || h.Of.Date != "2026-01" {
		t.Errorf("%+v", h)
	}
	if n, ok := s.NetworkOf(netip.MustParseAddr("9.8.7.6")); !ok || n != (Network{"aws", "eu-west-1", "EC2", "9.8.7.0/24", "Clouds"}) {
		t.Errorf("%+v", n)
	}
	if p, ok := s.Network(netip.MustParseAddr("9.8.1.1")); !ok || p != "aws" {
		t.Error(p, ok)
	}
	if _, ok := s.Network(netip.MustParseAddr("9.9.9.9")); ok {
		t.Error("everything is somebody's")
	}
	if k := s.DomainKinds("me.dyn.example"); len(k) != 1 || k[0].Category != "dynamic-dns" || k[0].Names[0] != "Dyn Inc" || len(s.DomainKinds("dyn.example")) > 0 {
		t.Errorf("%+v", k)
	}
	if k := s.AddrKinds(netip.MustParseAddr("10.1.1.1")); len(k) != 1 || k[0].Category != "dynamic-dns" || k[0].Names != nil {
		t.Errorf("%+v", k)
	}
	for name, want := range map[string]int{"first.example": 1, "www.second.example": 2, "github.io": 3, "me.github.io": 0, "example": 0, "other.example": 0} {
		if rank, ok := s.PopularDomain(name); rank != want || ok != (want > 0) {
			t.Errorf("%s has rank %d", name, rank)
		}
	}
	if n := len(s.Lists()); n != 5 {
		t.Errorf("%d lists", n)
	}
}

// TestBuiltinFaults: a fault in what is built in is named, by the tests.
func TestBuiltinFaults(t *testing.T) {
	for text, want := range map[string]string{
		"c2 9.8.7.6\n":                       "line 1: no line says",
		"# list: l\nbad 9.8.7.6\n":           "line 2: no category",
		"# list: l\nc2\n":                    "line 2: no category",
		"# list: l\n\nc2 300.1.1.1\n":        "line 3:",
		"# kind: networks\n# list: l\na.b x": "line 3: \"a.b\" is no prefix",
	} {
		if err := NewBuilder().builtinText(text, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := ranksOf([]string{"Upper.example"}); err == nil {
		t.Error("a rank for a name nobody asks for")
	}
}
