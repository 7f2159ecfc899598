package intel

import (
	"strings"
	"testing"
)

// FuzzName: the form in which names are looked up is one, and asking for
// anything is safe.
func FuzzName(f *testing.F) {
	for _, s := range []string{"Evil.Example.", "*.a.b", ".a.b", "a..b", "xn--bcher-kva.example", "bücher.example", "1.2.3.4", "..", "", "a.b:80", strings.Repeat("a.", 130)} {
		f.Add(s)
	}
	b := NewBuilder()
	for _, e := range []string{"evil.example", "*.a.b", "9.8.0.0/16"} {
		if err := b.Add(e, Hit{List: "l", Category: C2}); err != nil {
			f.Fatal(err)
		}
	}
	set := b.Set()
	f.Fuzz(func(t *testing.T, s string) {
		if len(set.Domain(s)) > 0 && s != "evil.example" && !strings.HasSuffix(s, ".a.b") {
			t.Errorf("%q is listed", s)
		}
		name, below, err := parseName(s)
		if (err == nil) != (name != "") {
			t.Fatalf("%q: %q and %v", s, name, err)
		}
		if err != nil {
			return
		}
		again, below2, err := parseName(name)
		if err != nil || again != name || below2 || name != strings.ToLower(name) || len(name) > 253 {
			t.Errorf("%q is %q (below: %v), and that is %q: %v", s, name, below, again, err)
		}
		if _, ok := parsePrefix(name); ok {
			t.Errorf("%q is a name and an address", name)
		}
	})
}
