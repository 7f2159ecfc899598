package intel

import (
	"net/netip"
	"strings"
	"testing"
)

func explained(t *testing.T) *Set {
	t.Helper()
	b := NewBuilder()
	bad := b.List(List{Name: "bad", Kind: KindFeed, Category: C2, Source: "https://feed.example", SHA256: "aa"})
	kinds := b.List(List{Name: "dyn", Kind: KindBuiltin, Holds: "dynamic-dns"})
	nets := b.List(List{Name: "nets", Kind: KindBuiltin, Holds: HoldsNetworks})
	for _, err := range []error{
		bad.Add("9.8.0.0/16", Fact{Confidence: 70, LastSeen: 20000}), bad.Add("9.8.7.6", Fact{Names: []string{"Kit"}}), bad.Add("9.8.9.0/24", Fact{}),
		bad.Add("*.evil.co.uk", Fact{}), bad.Add(strings.Repeat("0a", 32), Fact{}), b.Trust("9.8.9.9"), b.Trust("good.evil.co.uk"),
		b.Warn("shared.co.uk", "many share it"), kinds.Add("evil.co.uk", Fact{}), kinds.Add("*.evil.co.uk", Fact{}), nets.Add("9.0.0.0/8", Fact{Names: []string{"aws"}}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return b.Set()
}

func TestExplain(t *testing.T) {
	s := explained(t)
	type how struct {
		is, subject, verdict       string
		listed, trusted, warn, net string // how entries meet, and which
		inside                     int
	}
	for asked, want := range map[string]how{
		"9.8.7.6":                {"address", "9.8.7.6", VerdictListed, "exact 9.8.7.6, around 9.8.0.0/16", "", "", "around 9.0.0.0/8", 0},
		"::ffff:9.8.1.1":         {"address", "9.8.1.1", VerdictListed, "around 9.8.0.0/16", "", "", "around 9.0.0.0/8", 0},
		"9.8.9.9":                {"address", "9.8.9.9", VerdictTrusted, "around 9.8.9.0/24, around 9.8.0.0/16", "exact 9.8.9.9", "", "around 9.0.0.0/8", 0},
		"9.8.0.0/20":             {"prefix", "9.8.0.0/20", VerdictListed, "around 9.8.0.0/16, inside 9.8.7.6, inside 9.8.9.0/24", "", "", "around 9.0.0.0/8", 2},
		"9.8.0.1/16":             {"prefix", "9.8.0.0/16", VerdictListed, "exact 9.8.0.0/16, inside 9.8.7.6, inside 9.8.9.0/24", "", "", "around 9.0.0.0/8", 2},
		"9.9.9.9":                {"address", "9.9.9.9", VerdictNotListed, "", "", "", "around 9.0.0.0/8", 0},
		"A.Evil.co.uk":           {"domain", "a.evil.co.uk", VerdictListed, "below *.evil.co.uk", "", "", "", 0},
		"evil.co.uk.":            {"domain", "evil.co.uk", VerdictNotListed, "", "", "", "", 0},
		"SHARED.co.uk":           {"domain", "shared.co.uk", VerdictNotListed, "", "", "exact shared.co.uk", "", 0},
		"x.good.evil.co.uk":      {"domain", "x.good.evil.co.uk", VerdictTrusted, "below *.evil.co.uk", "below good.evil.co.uk", "", "", 0},
		"2a00::1":                {"address", "2a00::1", VerdictNotListed, "", "", "", "", 0},
		strings.Repeat("0A", 32): {"sha256", strings.Repeat("0a", 32), VerdictListed, "exact " + strings.Repeat("0a", 32), "", "", "", 0},
	} {
		e, err := s.Explain(asked)
		if err != nil {
			t.Errorf("%s: %v", asked, err)
			continue
		}
		got := how{e.Is, e.Subject, e.Verdict, hows(e.Listed), hows(e.Trusted), hows(e.Warnings), hows(e.Networks), e.Inside}
		if got != want {
			t.Errorf("%s: %+v\nwant %+v", asked, got, want)
		}
		if e.Is == "domain" && strings.Count(e.Domain, ".") != 2 {
			t.Errorf("%s: the registered domain is %s", asked, e.Domain)
		}
	}
	e, err := s.Explain("9.8.1.1")
	if l := e.Listed[0]; err != nil || l.Confidence != 70 || l.LastSeen != "2024-10-04" || l.SHA256 != "aa" || l.Source != "https://feed.example" || l.Category != C2 || l.Kind != KindFeed {
		t.Errorf("%+v", e)
	}
	if e, err := s.Explain("10.1.1.1"); err != nil || !strings.Contains(e.Reserved, "private") {
		t.Errorf("%+v", e)
	}
	for _, asked := range []string{"", "localhost", "http://", "a b.c", "*.evil.co.uk", "http://%zz/"} {
		if e, err := s.Explain(asked); err == nil {
			t.Errorf("%q is explained: %+v", asked, e)
		}
	}
}

func hows(l []Listing) string {
	var out []string
	for _, x := range l {
		out = append(out, x.How+" "+x.Entry)
	}
	return strings.Join(out, ", ")
}

// TestExplainAgrees: an explanation has what detection is told.
func TestExplainAgrees(t *testing.T) {
	s := explained(t)
	for _, a := range []string{"9.8.7.6", "9.8.9.9", "9.9.9.9"} {
		e, err := s.Explain(a)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(s.Addr(netip.MustParseAddr(a))) > 0; got != (e.Verdict == VerdictListed) {
			t.Errorf("%s: %v but %s", a, got, e.Verdict)
		}
	}
}
