package intel

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// TestFactsComeBack: a hit says what its list says of the entry, as it has it,
// and of itself.
func TestFactsComeBack(t *testing.T) {
	b := NewBuilder()
	quiet := b.List(List{Name: "quiet", Kind: KindFeed, Category: C2, SHA256: "aa"})
	loud := b.List(List{Name: "loud", Kind: KindFeed, Category: Malicious, Source: "https://feed.example"})
	day := func(s string) Day {
		d, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return DayOf(d)
	}
	file := strings.Repeat("0aB1", 16)
	fact := Fact{Category: Phishing, Names: []string{"Kit", "Other"}, FirstSeen: day("2026-01-02"), LastSeen: day("2026-03-04"), Expires: day("2026-05-06"), Confidence: 80}
	for _, err := range []error{
		quiet.Add("9.8.7.6", Fact{}), loud.Add("9.8.7.0/24", fact), loud.Add("Evil.Example.", fact), loud.Add(".bücher.example", fact), loud.Add(file, fact),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	set := NewSet(b.Part("test"))
	hits := set.Addr(netip.MustParseAddr("9.8.7.6"))
	if len(hits) != 2 || hits[0].List != "quiet" || hits[0].Category != C2 || hits[0].SHA256() != "aa" || hits[0].FirstSeen != 0 || hits[0].Names != nil {
		t.Fatalf("%+v", hits)
	}
	h := hits[1]
	if h.Entry != "9.8.7.0/24" || h.Category != Phishing || fmt.Sprint(h.Names) != "[Kit Other]" || h.FirstSeen.String() != "2026-01-02" ||
		h.LastSeen.String() != "2026-03-04" || h.Confidence != 80 || h.Of.Source != "https://feed.example" || h.SHA256() != "" {
		t.Errorf("%+v", h)
	}
	if h.Expired(time.Date(2026, 5, 5, 23, 0, 0, 0, time.UTC)) || !h.Expired(time.Date(2026, 5, 6, 0, 0, 0, 0, time.UTC)) || hits[0].Expired(time.Now()) {
		t.Error("it expires at the wrong time")
	}
	for name, entry := range map[string]string{"evil.example": "Evil.Example.", "a.xn--bcher-kva.example": ".bücher.example"} {
		if hits := set.Domain(name); len(hits) != 1 || hits[0].Entry != entry {
			t.Errorf("%s: %+v", name, hits)
		}
	}
	raw, err := hex.DecodeString(file)
	if err != nil {
		t.Fatal(err)
	}
	if hits := set.File([32]byte(raw)); len(hits) != 1 || hits[0].Entry != file {
		t.Errorf("%+v", hits)
	}
	raw[31]++ // the first bytes are those of the listed one
	if hits := set.File([32]byte(raw)); len(hits) > 0 {
		t.Errorf("another file is listed: %+v", hits)
	}
	if hits := set.Hash(raw[:16]); len(hits) > 0 {
		t.Errorf("the start of a hash is listed: %+v", hits)
	}
	lists := set.Lists()
	if lists[0].Entries != 1 || lists[1].Entries != 4 || fmt.Sprint(lists[1].Seen) != "[phishing]" || lists[0].State != "active" || lists[0].Holds != HoldsThreats {
		t.Errorf("%+v", lists)
	}
}

// TestHashes: SHA-256, SHA-1 and MD5 of files are found, each by itself, whatever
// they have in common; trust wins.
func TestHashes(t *testing.T) {
	b := NewBuilder()
	l := b.List(List{Name: "l", Kind: KindFeed, Category: Malicious, SHA256: "aa"})
	sum := func(n, last int) []byte { return append(bytes.Repeat([]byte{0xAB}, n-1), byte(last)) }
	for _, n := range []int{16, 20, 32} {
		for _, last := range []int{1, 2, 3} {
			if err := l.Add(strings.ToUpper(hex.EncodeToString(sum(n, last))), Fact{Names: []string{fmt.Sprint("Kit ", n)}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Trust(hex.EncodeToString(sum(n, 3))); err != nil {
			t.Fatal(err)
		}
	}
	set := b.Set()
	for _, n := range []int{16, 20, 32} {
		for last, want := range map[int]int{0: 0, 1: 1, 2: 1, 3: 0, 4: 0} {
			hits := set.Hash(sum(n, last))
			if len(hits) != want {
				t.Fatalf("%d bytes that end in %d: %+v", n, last, hits)
			}
			if want > 0 && (hits[0].Names[0] != fmt.Sprint("Kit ", n) || hits[0].List != "l" || hits[0].SHA256() != "aa" || !strings.EqualFold(hits[0].Entry, hex.EncodeToString(sum(n, last)))) {
				t.Errorf("%+v", hits)
			}
			if trusted := set.TrustedHash(sum(n, last)); trusted != (last == 3) {
				t.Errorf("%d bytes that end in %d are trusted: %v", n, last, trusted)
			}
		}
	}
	for _, odd := range [][]byte{nil, {1}, sum(17, 1), sum(64, 1)} {
		if hits := set.Hash(odd); len(hits) > 0 {
			t.Errorf("%x: %+v", odd, hits)
		}
	}
	for n, is := range map[int]string{16: "md5", 20: "sha1", 32: "sha256"} {
		if e, err := set.Explain(hex.EncodeToString(sum(n, 1))); err != nil || e.Is != is || e.Verdict != VerdictListed {
			t.Errorf("%+v %v", e, err)
		}
	}
}

// TestMatch: what a name of a list stands for is the list's policy.
func TestMatch(t *testing.T) {
	for m, want := range map[Match]string{
		MatchExact:      "[deep.evil.co.uk]",
		MatchBelow:      "[deep.evil.co.uk a.deep.evil.co.uk]",
		MatchRegistered: "[evil.co.uk deep.evil.co.uk a.deep.evil.co.uk b.evil.co.uk]",
	} {
		b := NewBuilder()
		if err := b.List(List{Name: "l", Kind: KindFeed, Category: C2, Match: m}).Add("deep.evil.co.uk", Fact{}); err != nil {
			t.Fatal(err)
		}
		set := NewSet(b.Part("test"))
		var got []string
		for _, name := range []string{"co.uk", "evil.co.uk", "deep.evil.co.uk", "a.deep.evil.co.uk", "b.evil.co.uk", "notdeep.evil.co.uk.example"} {
			if hits := set.Domain(name); len(hits) > 0 {
				got = append(got, name)
				if hits[0].Entry != "deep.evil.co.uk" {
					t.Errorf("%+v", hits)
				}
			}
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%d: %v, want %s", m, got, want)
		}
	}
}

// TestRefused: what no list of others may flag, with the reason.
func TestRefused(t *testing.T) {
	for entry, want := range map[string]string{
		"10.1.2.3": "private", "127.0.0.1": "loopback", "169.254.169.254": "link-local", "224.0.0.251": "multicast", "172.0.0.0/8": "172.16.0.0/12 in it",
		"::1": "loopback", "fe80::1": "link-local", "ff02::fb": "multicast", "fd00::/16": "private", "::ffff:10.0.0.1": "private",
		"0.0.0.0/0": "too wide", "::/0": "too wide", "*.co.uk": "too wide", "localhost": "no address", "1.2.3.999": "no address", "a..b": "no address",
		"https://a.example": "no address", strings.Repeat("a.", 50) + "example": "no address", strings.Repeat("g", 64): "no address",
	} {
		for _, kind := range []Kind{KindFeed, KindOperator, KindAPI} {
			if err := NewBuilder().List(List{Name: "l", Kind: kind, Category: C2}).Add(entry, Fact{}); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s %s: %v", kind, entry, err)
			}
		}
	}
	b := NewBuilder()
	if err := b.List(List{Name: "l", Kind: KindFeed}).Add("192.0.2.1", Fact{}); err == nil {
		t.Error("a feed may flag what is for documentation")
	}
	if err := b.Add("192.0.2.1", Hit{List: "mine", Category: C2}); err != nil {
		t.Error("an operator cannot try a list:", err)
	}
	if p := b.Part("test"); len(p.Conflicts()) != 1 || !p.Conflicts()[0].Taken || !strings.Contains(p.Conflicts()[0].Why, "documentation") {
		t.Errorf("%+v", p.Conflicts())
	}
	for _, entry := range []string{"10.0.0.0/8", "fe80::1", "192.0.2.0/24"} {
		if err := NewBuilder().Trust(entry); err != nil {
			t.Errorf("%s cannot be trusted: %v", entry, err)
		}
	}
	if err := NewBuilder().Warn("0.0.0.0/0", "all"); err == nil {
		t.Error("a warning about everything")
	}
	if err := NewBuilder().Trust("co.uk"); err == nil {
		t.Error("half a country is trusted")
	}
}

// TestWarnings: feeds do not get what warning lists know better; operators do,
// and are told.
func TestWarnings(t *testing.T) {
	warn := NewBuilder()
	for entry, why := range map[string]string{"8.8.8.8": "public resolver", "9.9.0.0/16": "shared by a CDN", "top.example": "top site", "*.shared.example": "many tenants", "a.dom.other": "below", "2001:4860:4860::8888": "public resolver"} {
		if err := warn.Warn(entry, why); err != nil {
			t.Fatal(err)
		}
	}
	heeded := NewSet(warn.Part("test"))
	entries := map[string]string{ // to why they meet
		"8.8.8.8": "public resolver", "8.8.8.0/24": "public resolver", "9.9.1.2": "CDN", "9.0.0.0/8": "CDN", "2001:4860::/32": "public resolver", "top.example": "top site",
		"*.top.example": "top site", "*.dom.other": "names below", "x.shared.example": "many tenants", "*.shared.example": "names below",
		"8.8.8.9": "", "8.9.0.0/16": "", "www.top.example": "", "nottop.example": "", "2001:4861::1": "",
	}
	for _, kind := range []Kind{KindFeed, KindOperator, KindAPI} {
		b := NewBuilder()
		b.Heed(heeded)
		l := b.List(List{Name: "l", Kind: kind, Category: Malicious})
		for e := range entries {
			if err := l.Add(e, Fact{}); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Add("8.8.8.8", Fact{Category: DNSResolver}); err != nil { // that it is one is no mistake
			t.Fatal(err)
		}
		p := b.Part("test")
		met := map[string]string{}
		for _, c := range p.Conflicts() {
			if c.List != "l" || c.Taken == (kind == KindFeed) {
				t.Errorf("%s: %+v", kind, c)
			}
			met[c.Entry] = c.Why
		}
		n := 0
		for e, want := range entries {
			if want != "" {
				n++
			}
			if got := met[e]; (want == "") != (got == "") || !strings.Contains(got, want) {
				t.Errorf("%s: %s: %q, want %q", kind, e, got, want)
			}
		}
		list := p.Lists()[0]
		if kind == KindFeed && (list.Refused != n || list.Entries != len(entries)-n+1) || kind != KindFeed && (list.Refused != 0 || list.Entries != len(entries)+1) {
			t.Errorf("%s: %+v", kind, list)
		}
		set := NewSet(p)
		if got := len(set.Addr(netip.MustParseAddr("9.9.1.2"))) > 0; got != (kind != KindFeed) {
			t.Errorf("%s: 9.9.1.2 is listed: %v", kind, got)
		}
		if _, ok := set.AddrIn(netip.MustParseAddr("8.8.8.8"), DNSResolver); !ok {
			t.Error("a resolver is no resolver")
		}
	}
}

// TestOneEntryManyTimes: a list that repeats itself costs neither memory nor time.
func TestOneEntryManyTimes(t *testing.T) {
	b := NewBuilder()
	l := b.List(List{Name: "l", Kind: KindFeed, Category: C2})
	for i := range 100_000 {
		if err := l.Add("9.8.7.6", Fact{Names: []string{fmt.Sprint(i)}}); err != nil {
			t.Fatal(err)
		}
		if err := l.Add("evil.example", Fact{}); err != nil {
			t.Fatal(err)
		}
	}
	set := NewSet(b.Part("test"))
	if n := len(set.Addr(netip.MustParseAddr("9.8.7.6"))); n != maxPerKey {
		t.Errorf("%d hits", n)
	}
	if n := len(set.Domain("evil.example")); n != 1 {
		t.Errorf("%d hits", n)
	}
}
