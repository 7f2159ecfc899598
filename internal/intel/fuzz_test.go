package intel

import (
	"bytes"
	"strings"
	"testing"
)

// FuzzReadList: a list is read or refused, and whatever is taken is found.
func FuzzReadList(f *testing.F) {
	f.Add([]byte("\uFEFFip,comment\n# a comment\n203.0.113.7\n203.0.113.128/25, more\n\"*.evil.example.org\",x\nBad.Example.COM. # why\n2001:db8::/32\n"))
	f.Add([]byte("sha256,what\n" + strings.Repeat("aB", 32) + ",x\n.bücher.example\n::ffff:1.2.3.4\n1.2.3.4/33\n"))
	f.Add([]byte("a.b\r\n*.a.b\r\n_x.a.b\r\n*.*.a.b\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, taken := NewBuilder(), []string(nil)
		l := b.List(List{Name: "l", Kind: KindOperator, Category: Custom})
		err := readList(bytes.NewReader(data), 100, func(entry string) error {
			if err := l.Add(entry, Fact{}); err != nil {
				return err
			}
			taken = append(taken, entry)
			return nil
		})
		if err == nil && len(taken) > 100 {
			t.Fatalf("%d entries, more than may be", len(taken))
		}
		set := b.Set()
		for _, entry := range taken {
			ask := strings.TrimPrefix(entry, "*")
			if strings.HasPrefix(ask, ".") {
				ask = "x" + ask
			}
			e, err := set.Explain(ask)
			if len(ask) > 253 { // with the label in front it is no name anymore
				continue
			}
			if err != nil || e.Verdict != VerdictListed {
				t.Errorf("%q is taken but not found: %+v, %v", entry, e, err)
			}
		}
	})
}

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
