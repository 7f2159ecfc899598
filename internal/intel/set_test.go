package intel

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// said is a naive list entry, looked at one by one.
type said struct{ list, entry string }

// lookedUp is what a set answers, in order.
func lookedUp(hits []Hit) []said {
	var out []said
	for _, h := range hits {
		out = append(out, said{h.List, h.Entry})
	}
	return out
}

func prefixes() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		// few different bits, so that prefixes meet
		b := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 127, 128, 255}), 4, 4).Draw(t, "bytes")
		if rapid.Bool().Draw(t, "v4") {
			p := netip.PrefixFrom(netip.AddrFrom4([4]byte{9, b[0], b[1], b[2]}), rapid.IntRange(8, 32).Draw(t, "bits")).Masked()
			return p.String()
		}
		a := [16]byte{0x2a, 0, 0, 0, 0, 0, b[0], b[1], b[2], 0, 0, 0, 0, 0, 0, b[3]}
		return netip.PrefixFrom(netip.AddrFrom16(a), rapid.IntRange(16, 128).Draw(t, "bits")).Masked().String()
	})
}

// TestAddrsAsNaive: what a set of parts answers is what looking at every entry
// of every list answers, the narrowest prefixes of each part first.
func TestAddrsAsNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := map[string][]said{} // by part
		set := NewSet()
		for _, part := range []string{"one", "two"} {
			b := NewBuilder()
			for i, p := range rapid.SliceOfN(prefixes(), 0, 40).Draw(t, part) {
				e := said{fmt.Sprintf("%s-%d", part, i%3), p}
				if err := b.Add(e.entry, Hit{List: e.list, Category: Malicious}); err != nil {
					t.Fatal(err)
				}
				if !slices.Contains(entries[part], e) {
					entries[part] = append(entries[part], e)
				}
			}
			set = set.With(b.Part(part))
		}
		for range 20 {
			asked := netip.MustParsePrefix(prefixes().Draw(t, "asked")).Addr()
			var want []said
			for _, part := range []string{"one", "two"} {
				var of []said
				for _, e := range entries[part] {
					if netip.MustParsePrefix(e.entry).Contains(asked) {
						of = append(of, e)
					}
				}
				slices.SortStableFunc(of, func(x, y said) int {
					return netip.MustParsePrefix(y.entry).Bits() - netip.MustParsePrefix(x.entry).Bits()
				})
				want = append(want, of...)
			}
			if got := lookedUp(set.Addr(asked)); !slices.Equal(got, want) {
				t.Fatalf("%s: %v, want %v", asked, got, want)
			}
			if _, ok := set.AddrIn(asked, C2, Malicious); ok != (len(want) > 0) {
				t.Fatalf("%s: AddrIn says %v", asked, ok)
			}
		}
	})
}

// TestMeetsAsNaive: the entries that meet a prefix are found however they lie.
func TestMeetsAsNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, all := NewBuilder(), rapid.SliceOfN(prefixes(), 1, 40).Draw(t, "entries")
		for _, p := range all {
			if err := b.Add(p, Hit{List: "l", Category: C2}); err != nil {
				t.Fatal(err)
			}
		}
		set := b.Set()
		x := set.parts[0].threats
		for range 20 {
			asked := netip.MustParsePrefix(prefixes().Draw(t, "asked"))
			meet, in := false, map[netip.Prefix]bool{}
			for _, e := range all {
				p := netip.MustParsePrefix(e)
				meet = meet || p.Overlaps(asked)
				if p.Overlaps(asked) && p.Bits() >= asked.Bits() {
					in[p] = true
				}
			}
			if got := x.meets(asked) != none; got != meet {
				t.Fatalf("%s: %v, want %v", asked, got, meet)
			}
			x.each(asked, func(p netip.Prefix, _ chain) {
				if !in[p] {
					t.Fatalf("%s is not in %s", p, asked)
				}
				delete(in, p)
			})
			if len(in) > 0 {
				t.Fatalf("in %s, but not found: %v", asked, in)
			}
		}
	})
}

func domains() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		labels := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "ab", "x-1"}), 2, 5).Draw(t, "labels")
		return strings.Join(labels, ".")
	})
}

// TestNamesAsNaive is TestAddrsAsNaive for names.
func TestNamesAsNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, all := NewBuilder(), []said(nil)
		lists := map[string]*ListBuilder{}
		for _, m := range []Match{MatchExact, MatchBelow} {
			name := fmt.Sprint(m)
			lists[name] = b.List(List{Name: name, Kind: KindOperator, Category: C2, Match: m})
		}
		for _, n := range rapid.SliceOfN(domains(), 0, 40).Draw(t, "names") {
			e := said{fmt.Sprint(rapid.IntRange(0, 1).Draw(t, "match")), n}
			if rapid.Bool().Draw(t, "below") {
				e.entry = "*." + n
			}
			if err := lists[e.list].Add(e.entry, Fact{}); err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(all, e) {
				all = append(all, e)
			}
		}
		set := b.Set()
		for range 20 {
			asked := domains().Draw(t, "asked")
			var want []said
			for _, e := range all {
				name, below := strings.CutPrefix(e.entry, "*.")
				if !below && name == asked || (below || e.list == "1") && strings.HasSuffix(asked, "."+name) {
					want = append(want, e)
				}
			}
			got := lookedUp(set.Domain(asked))
			for i := range got[:max(len(got)-1, 0)] {
				if depth(got[i].entry) < depth(got[i+1].entry) {
					t.Fatalf("%s: the wider entry comes first: %v", asked, got)
				}
			}
			// of a name that a list has in two ways, which both match, one is enough
			for _, w := range want {
				if !slices.ContainsFunc(got, func(g said) bool { return same(g, w) }) {
					t.Fatalf("%s: %v, want %v", asked, got, want)
				}
			}
			for _, g := range got {
				if !slices.Contains(want, g) {
					t.Fatalf("%s: %v is wrong, want %v", asked, g, want)
				}
			}
		}
	})
}

func depth(entry string) int { return strings.Count(strings.TrimPrefix(entry, "*."), ".") }

func same(a, b said) bool {
	return a.list == b.list && strings.TrimPrefix(a.entry, "*.") == strings.TrimPrefix(b.entry, "*.")
}

// TestNamesAreCompared: a name with the hash of a listed one is not listed, and
// does not hide what is said of names above it.
func TestNamesAreCompared(t *testing.T) {
	b := NewBuilder()
	for _, e := range []string{"evil.example", "*.other.example"} {
		if err := b.Add(e, Hit{List: "l", Category: C2}); err != nil {
			t.Fatal(err)
		}
	}
	set := b.Set()
	names := &set.threats[0].names
	for _, n := range []string{"good.example", "x.other.example"} {
		at, tag := names.place(n)
		as := *names.find("evil.example")
		as.tag = tag // as if the hashes were equal
		names.insert(at, as)
	}
	for name, want := range map[string]int{"good.example": 0, "a.good.example": 0, "x.other.example": 1, "y.x.other.example": 1, "evil.example": 1, "other.example": 0} {
		if hits := set.Domain(name); len(hits) != want {
			t.Errorf("%s: %+v", name, hits)
		}
	}
}

// TestSortedFinds: however keys are spread, and in whatever number.
func TestSortedFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfN(rapid.OneOf(rapid.Uint64(), rapid.Uint64Max(50), rapid.Uint64Range(1<<40, 1<<40+9)), 0, 100).Draw(t, "keys")
		slices.Sort(keys)
		s := sortedOf(keys)
		asked := append(rapid.SliceOf(rapid.Uint64()).Draw(t, "asked"), 0, 1<<64-1)
		for _, k := range keys {
			asked = append(asked, k-1, k, k+1)
		}
		for _, k := range asked {
			want := -1
			for want+1 < len(keys) && keys[want+1] <= k {
				want++
			}
			if got := s.last(k); got != want {
				t.Fatalf("%d in %d: %d, want %d", k, keys, got, want)
			}
		}
	})
}

// TestLookupsDoNotAllocate, whether lists know something or not, and also if
// several parts do.
func TestLookupsDoNotAllocate(t *testing.T) {
	set, a, bad := Builtin(), netip.MustParseAddr("203.0.113.9"), netip.MustParseAddr("198.51.100.243")
	for _, name := range []string{"two", "three"} {
		b := NewBuilder()
		for _, e := range []string{"198.51.100.243", "198.51.100.0/24", "*.vedette.test", "c2.vedette.test"} {
			if err := b.Add(e, Hit{List: name, Category: C2}); err != nil {
				t.Fatal(err)
			}
		}
		set = set.With(b.Part(name))
	}
	if n := len(set.Addr(bad)); n != 5 {
		t.Fatalf("%d hits, want one of those built in and two of each part", n)
	}
	sum, seen := [32]byte{1}, 0
	if n := testing.AllocsPerRun(100, func() {
		for _, x := range []netip.Addr{a, bad} {
			var room [8]Hit
			seen += len(set.AppendAddr(room[:0], x)) + len(set.AddrKinds(x))
			set.Trusted(x)
			set.Network(x)
			set.AddrIn(x, C2, Malicious)
		}
		for _, x := range []string{"www.shop.example.org", "c2.vedette.test", "deep.below.c2.vedette.test"} {
			for _, h := range set.Domain(x) {
				seen += len(h.List)
			}
			seen += len(set.DomainKinds(x))
			set.TrustedDomain(x)
			set.DomainIn(x, C2)
			set.PopularDomain(x)
		}
		seen += len(set.File(sum)) + len(set.Hash(sum[:16]))
	}); n > 0 || seen == 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestNilSetKnowsNothing(t *testing.T) {
	var s *Set
	a := netip.MustParseAddr("198.51.100.243")
	_, network := s.Network(a)
	_, popular := s.PopularDomain("example.com")
	if len(s.Addr(a)) > 0 || len(s.Domain("c2.vedette.test")) > 0 || s.Trusted(a) || s.TrustedDomain("a.test") || network || popular || len(s.DomainKinds("a.test")) > 0 || len(s.Lists()) > 0 {
		t.Error("it does")
	}
	if s := Builtin(); len(s.Addr(netip.Addr{})) > 0 || s.Trusted(netip.Addr{}) {
		t.Error("no address is listed")
	}
}

// TestPartsTakeEachOthersPlace: a new part of a name replaces the old one, and
// what one part trusts no other flags.
func TestPartsTakeEachOthersPlace(t *testing.T) {
	part := func(name string, add func(*Builder) error) *Part {
		b := NewBuilder()
		if err := add(b); err != nil {
			t.Fatal(err)
		}
		return b.Part(name)
	}
	bad, worse := netip.MustParseAddr("9.9.9.1"), netip.MustParseAddr("9.9.9.2")
	old := NewSet().With(part("api", func(b *Builder) error { return b.Add("9.9.9.1", Hit{List: "a", Category: C2}) }))
	set := old.With(part("api", func(b *Builder) error { return b.Add("9.9.9.2", Hit{List: "a", Category: C2}) }))
	if len(set.Addr(bad)) > 0 || len(set.Addr(worse)) != 1 || len(set.Lists()) != 1 || len(old.Addr(bad)) != 1 {
		t.Error("the part was not replaced, or the old set has changed")
	}
	set = set.With(part("operator", func(b *Builder) error { return b.Trust("9.9.9.0/24") }))
	if _, in := set.AddrIn(worse, C2); in || len(set.Addr(worse)) > 0 || !set.Trusted(worse) {
		t.Error("what another part trusts is flagged")
	}
	if len(set.Without("operator").Addr(worse)) != 1 {
		t.Error("trust stays")
	}
}
