package app

import (
	"bytes"
	"compress/gzip"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/intel"
)

// filesOf is a configuration with a list of threats, and one of what is trusted.
func filesOf(t *testing.T, threats, trusted string) *config.Config {
	t.Helper()
	dir := t.TempDir()
	c := config.Default()
	c.Store.DataDir = filepath.Join(dir, "data")
	c.Detection.ThreatLists = []config.List{{Name: "mine", Path: filepath.Join(dir, "list.txt"), Category: "c2"}}
	write(t, c.Detection.ThreatLists[0].Path, threats)
	if trusted != "" {
		c.Detection.TrustedLists = []config.List{{Name: "ok", Path: filepath.Join(dir, "ok.txt")}}
		write(t, c.Detection.TrustedLists[0].Path, trusted)
	}
	return c
}

func setOf(t *testing.T, c *config.Config) *intel.Set {
	t.Helper()
	o, err := DetectOptions(c)
	if err != nil {
		t.Fatal(err)
	}
	return o.Intel
}

func TestOperatorFiles(t *testing.T) {
	s := setOf(t, filesOf(t, "\uFEFFip,comment\n# a comment\n\n203.0.113.7\n203.0.113.128/25, more\n\"*.evil.example.org\",x\nBad.Example.COM. # why\n2001:db8::/32\n198.51.100.9\n",
		"198.51.100.9\nfine.evil.example.org\n10.0.0.0/8\n"))
	for a, want := range map[string]bool{"203.0.113.7": true, "203.0.113.129": true, "203.0.113.8": false, "2001:db8::1": true, "198.51.100.9": false, "::ffff:203.0.113.7": true} {
		if h, ok := s.AddrIn(netip.MustParseAddr(a), intel.C2); ok != want || ok && (h.List != "mine" || len(h.SHA256()) != 64) {
			t.Errorf("%s: %v %+v", a, ok, h)
		}
	}
	for n, want := range map[string]bool{"a.evil.example.org": true, "evil.example.org": false, "bad.example.com": true, "a.bad.example.com": false, "fine.evil.example.org": false} {
		if _, ok := s.DomainIn(n, intel.C2); ok != want {
			t.Errorf("%s: %v", n, ok)
		}
	}
	if _, ok := s.AddrIn(addrOf("8.8.8.8"), intel.DoT); !ok || !s.Trusted(addrOf("10.1.2.3")) {
		t.Error("what is built in, or trusted, is gone")
	}
	c := filesOf(t, "203.0.113.7\n", "")
	c.Detection.ThreatLists[0].Category = ""
	if _, ok := setOf(t, c).AddrIn(addrOf("203.0.113.7"), intel.Custom); !ok {
		t.Error("a list of which nothing is said is not the operator's own")
	}
}

// TestOperatorFormats: all that feeds and the API may be written in, files may be.
func TestOperatorFormats(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte("203.0.113.7\n")); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	wide := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune("203.0.113.7\r\n")) {
		wide = append(wide, byte(u), byte(u>>8))
	}
	for name, text := range map[string]string{
		"plain": "203.0.113.7", "with a port, defanged": "hxxp://203.0.113[.]7:8080/x\n", "a hosts file": "0.0.0.0 a.evil.example\n203.0.113.7\n", "a range": "203.0.113.6 - 203.0.113.8\n",
		"gzip": packed.String(), "UTF-16": string(wide), "CSV": "first_seen,ip\n2026-01-02,203.0.113.7\n", "CSV without heading": "203.0.113.7,why\n203.0.113.9,\"not\nwhy\"\n", "CSV further down": "203.0.113.1\n203.0.113.7,y\n",
		"JSON":    `[{"ip": "203.0.113.7"}]`,
		"STIX 2":  `{"type":"bundle","id":"bundle--1","objects":[{"type":"indicator","id":"indicator--1","pattern_type":"stix","pattern":"[ipv4-addr:value = '203.0.113.7']"}]}`,
		"OTX CSV": "Indicator type,Indicator,Description\nIPv4,203.0.113.7,x\n",
	} {
		if _, ok := setOf(t, filesOf(t, text, "")).AddrIn(addrOf("203.0.113.7"), intel.C2); !ok {
			t.Errorf("%s: it is not listed", name)
		}
	}
}

// TestOperatorFaults: a configuration check and a scan refuse a list with any
// fault; it is named with its line.
func TestOperatorFaults(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"203.0.113.7\nno entry\n":                   "line 2",
		"203.0.113.7\n0.0.0.0/0\n":                  "line 2: 0.0.0.0/0 is too wide",
		"203.0.113.7\n::/0\n":                       "too wide",
		"203.0.113.7\n10.1.0.0/16\n":                "line 2: 10.1.0.0/16 is private (10.0.0.0/8): the internet does not carry it",
		"203.0.113.7\n*.co.uk\n":                    "line 2: \"*.co.uk\" stands for all names",
		"com\n":                                     "line 1",
		"1.2.3.4\n" + strings.Repeat("x", 70000):    "line 2: longer",
		"<!DOCTYPE html>\n<html>":                   "web page",
		"\x1f\x8b\x08\x00damaged":                   "unpack",
		"1.2.3.4\n\x00":                             "line 2: a NUL byte",
		strings.Repeat("# more and more\n", 3<<20):  "too big",
		strings.Repeat("1.2.3.4\n", maxThreatIPs+1): "line 250001: more than 250000 entries",
	} {
		c := filesOf(t, text, "")
		_, scan := DetectOptions(c)
		for _, err := range []error{scan, CheckFiles(c)} {
			if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), `detection.threatLists[0]: load list "mine": `) || !strings.Contains(err.Error(), "list.txt") {
				t.Errorf("%.40q: %v", text, err)
			}
		}
	}
	c := filesOf(t, "1.2.3.4\n", strings.Repeat("1.2.3.4\n", maxTrustedIPs+1))
	if _, err := DetectOptions(c); err == nil || !strings.HasPrefix(err.Error(), "detection.trustedLists[0]: ") || !strings.Contains(err.Error(), "limit") {
		t.Error(err)
	}
	c.Detection.ThreatLists[0].Path = "/nowhere/at/all"
	if _, _, err := OperatorPart(c); err == nil {
		t.Error("no file was ever there, and no fault")
	}
}

// TestStartWithFaults: what is wrong with a file does not stop a start: the good
// lines are in force, or what the file said when a server read it.
func TestStartWithFaults(t *testing.T) {
	c := filesOf(t, "203.0.113.7\nno entry at all\n203.0.113.8\n0.0.0.0/0\n", "198.51.100.9\n")
	path := c.Detection.ThreatLists[0].Path
	start := func() (*intel.Set, OperatorFile) {
		t.Helper()
		o, files, err := LenientOptions(c)
		if err != nil || len(files) != 2 || files[1].Fault != nil || files[1].Entries != 1 {
			t.Fatalf("%+v %v", files, err)
		}
		return o.Intel, files[0]
	}
	listed := func(s *intel.Set, want ...string) {
		t.Helper()
		var got []string
		for _, a := range []string{"203.0.113.7", "203.0.113.8", "203.0.113.9"} {
			if len(s.Addr(addrOf(a))) > 0 {
				got = append(got, a)
			}
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("listed are %v, want %v", got, want)
		}
	}
	set, f := start()
	listed(set, "203.0.113.7", "203.0.113.8")
	if f.state() != fileFaulty || f.LeftOut != 2 || f.Entries != 2 || !strings.Contains(f.Fault.Error(), `list "mine": `+path+": line 2: ") || !strings.HasPrefix(f.Remedy(), "this and 1 other lines are left out, the 2 entries ") {
		t.Errorf("%+v: %s", f, f.Remedy())
	}
	_, files, err := OperatorPart(c)
	if err = firstError(err, keepFiles(c, files)); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func() error{
		"a web page":      func() error { return os.WriteFile(path, []byte("<html>"), 0o600) },
		"mostly nonsense": func() error { return os.WriteFile(path, []byte("203.0.113.9\nno entry\nno entry\n"), 0o600) },
		"gone":            func() error { return os.Remove(path) },
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		set, f := start()
		listed(set, "203.0.113.7", "203.0.113.8")
		if f.state() != fileKept || f.Entries != 2 || f.Kept.IsZero() || !strings.Contains(f.Fault.Error(), path) || !strings.HasPrefix(f.Remedy(), "what it said at 2") {
			t.Errorf("%s: %+v: %s", name, f, f.Remedy())
		}
		if _, err := DetectOptions(c); err == nil {
			t.Errorf("%s: a scan would take it", name)
		}
		_, files, err := OperatorPart(c) // what is of no use is not kept
		if err = firstError(err, keepFiles(c, files)); err != nil {
			t.Fatal(err)
		}
	}
	write(t, path, "203.0.113.9\n")
	if set, f = start(); f.state() != fileOK {
		t.Errorf("%+v", f)
	}
	listed(set, "203.0.113.9")
	c.Detection.ThreatLists = nil
	_, files, err = OperatorPart(c)
	if err = firstError(err, keepFiles(c, files)); err != nil {
		t.Fatal(err)
	}
	if kept, err := os.ReadDir(keptDir(c)); err != nil || len(kept) != 1 {
		t.Errorf("%d files are kept of one list: %v", len(kept), err)
	}
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// FuzzOperatorFile: a list is read or refused, and whatever is taken is found.
func FuzzOperatorFile(f *testing.F) {
	for _, text := range []string{
		"\uFEFFip,comment\n# a comment\n203.0.113.7\n203.0.113.128/25, more\n\"*.evil.example.org\",x\nBad.Example.COM. # why\n2001:db8::/32\n",
		"sha256,what\n" + strings.Repeat("aB", 32) + ",x\n.bücher.example\n::ffff:1.2.3.4\n1.2.3.4/33\n", "a.b\r\n*.a.b\r\n_x.a.b\r\n*.*.a.b\n", `{"type":"bundle","objects":[]}`,
	} {
		f.Add([]byte(text))
	}
	of := operatorFile{List: config.List{Name: "l", Path: "l.txt", Category: "custom"}, holds: intel.HoldsThreats}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, st := intel.NewBuilder(), OperatorFile{}
		if err := of.add(b, data, time.Time{}, &st); err != nil {
			if len(b.Part("l").Lists()) > 0 || !strings.Contains(err.Error(), "l.txt") {
				t.Errorf("refused, and taken: %v", err)
			}
			return
		}
		if (st.Fault != nil) != (st.LeftOut > 0) {
			t.Errorf("%+v", st)
		}
		p := b.Part("l")
		set := intel.NewSet(p)
		p.Entries(func(h intel.Hit) bool {
			ask := strings.TrimPrefix(h.Entry, "*")
			if strings.HasPrefix(ask, ".") {
				ask = "x" + ask
			}
			if len(ask) > 253 { // with the label in front it is no name anymore
				return true
			}
			if e, err := set.Explain(ask); err != nil || e.Verdict != intel.VerdictListed {
				t.Errorf("%q is taken but not found: %+v, %v", h.Entry, e, err)
			}
			return true
		})
	})
}
