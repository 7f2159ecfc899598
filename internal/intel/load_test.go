package intel

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func file(t *testing.T, text string) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), "list.txt")
	if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestLoad(t *testing.T) {
	bad := file(t, "\uFEFFip,comment\n# a comment\n\n203.0.113.7\n203.0.113.128/25, more\n\"*.evil.example.org\",x\nBad.Example.COM. # why\r\n2001:db8::/32\n198.51.100.9\n")
	good := file(t, "198.51.100.9\nfine.evil.example.org\n")
	s, err := Load([]ListFile{{"mine", bad, C2}}, []ListFile{{Name: "ok", Path: good}})
	if err != nil {
		t.Fatal(err)
	}
	for a, want := range map[string]bool{"203.0.113.7": true, "203.0.113.129": true, "203.0.113.8": false, "2001:db8::1": true, "198.51.100.9": false, "::ffff:203.0.113.7": true} {
		if h, ok := s.AddrIn(netip.MustParseAddr(a), C2); ok != want || ok && h.List != "mine" {
			t.Errorf("%s: %v %+v", a, ok, h)
		}
	}
	for n, want := range map[string]bool{"a.evil.example.org": true, "evil.example.org": false, "bad.example.com": true, "a.bad.example.com": false, "fine.evil.example.org": false} {
		if _, ok := s.DomainIn(n, C2); ok != want {
			t.Errorf("%s: %v", n, ok)
		}
	}
	if _, ok := s.AddrIn(netip.MustParseAddr("8.8.8.8"), DoT); !ok {
		t.Error("what is built in is gone")
	}
}

// TestCategoryIsCustom: a list of which nothing is said is the operator's own.
func TestCategoryIsCustom(t *testing.T) {
	s, err := Load([]ListFile{{Name: "mine", Path: file(t, "203.0.113.7\n")}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if h, ok := s.AddrIn(netip.MustParseAddr("203.0.113.7"), Custom); !ok || h.List != "mine" {
		t.Errorf("%v %+v", ok, h)
	}
}

func TestLoadFaults(t *testing.T) {
	for text, want := range map[string]string{
		"203.0.113.7\nno entry\n":                "line 2",
		"0.0.0.0/0\n":                            "too wide",
		"::/0\n":                                 "too wide",
		"com\n":                                  "line 1",
		"1.2.3.4\n" + strings.Repeat("x", 70000): "line 2: longer",
	} {
		_, err := Load([]ListFile{{"mine", file(t, text), Custom}}, nil)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "mine") || !strings.Contains(err.Error(), "list.txt") {
			t.Errorf("%.40q: %v", text, err)
		}
	}
	if _, err := Load([]ListFile{{"mine", "/nowhere/at/all", Custom}}, nil); err == nil {
		t.Error("no file, no fault")
	}
	if _, err := Load([]ListFile{{"mine", file(t, ""), "bad"}}, nil); err == nil || !strings.Contains(err.Error(), `"bad"`) {
		t.Error(err)
	}
	if _, err := Load(nil, []ListFile{{Name: "ok", Path: file(t, strings.Repeat("1.2.3.4\n", MaxTrustedEntries+1))}}); err == nil || !strings.Contains(err.Error(), "limit") {
		t.Error(err)
	}
}
