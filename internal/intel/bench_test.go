package intel

import (
	"encoding/binary"
	"encoding/hex"
	"flag"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gaissmai/bart"
)

// half is how many prefixes, and how many domains, the comparison has:
// go test -run '^$' -bench Large -benchtime 1x ./internal/intel -half 5000000
var half = flag.Int("half", 500_000, "prefixes, and domains, of the benchmarks of large sets")

// world makes entries like those of real lists: mostly single addresses, some
// prefixes; mostly registered domains, some hosts, some with all below them.
type world struct{ r *rand.Rand }

func newWorld() world { return world{rand.New(rand.NewPCG(1, 2))} }

func (w world) addr(v6 bool) netip.Addr {
	n := w.r.Uint64()
	if v6 {
		return netip.AddrFrom16([16]byte{0x2a, byte(n % 16), byte(n >> 8), byte(n >> 16), byte(n >> 24), byte(n >> 32), byte(n >> 40), byte(n >> 48), 15: byte(n >> 56)})
	}
	return netip.AddrFrom4([4]byte{byte(11 + n>>24%80), byte(n >> 16), byte(n >> 8), byte(n)})
}

func (w world) prefix(i int) netip.Prefix {
	a := w.addr(i%20 == 0)
	bits := a.BitLen()
	switch {
	case i%400 == 1:
		bits = 20
	case i%100 == 1:
		bits = 24
	case i%40 == 0:
		bits = 64
	}
	return netip.PrefixFrom(a, bits).Masked()
}

func (w world) domain(i int) string {
	var b strings.Builder
	if i%10 == 0 {
		b.WriteString("*.")
	} else if i%10 < 4 {
		w.label(&b, 3+w.r.IntN(5))
		b.WriteByte('.')
	}
	w.label(&b, 6+w.r.IntN(10))
	b.WriteString([]string{".com", ".net", ".example", ".xyz", ".co.uk"}[w.r.IntN(5)])
	return b.String()
}

func (w world) label(b *strings.Builder, n int) {
	for range n {
		b.WriteByte(byte('a' + w.r.IntN(26)))
	}
}

// contender is one of the things that are compared: it is made of all entries,
// and asked then.
type contender[T any] struct {
	name string
	make func() (look func(T) bool)
}

// compare measures contenders in turn. The first is what the others are compared
// with: their ratios are what counts, for the times are the machine's.
func compare[T any](b *testing.B, n int, listed, other []T, all []contender[T]) {
	var base [4]float64
	for i, c := range all {
		b.Run(c.name, func(b *testing.B) {
			for range b.N {
				before, start := heap(), time.Now()
				look := c.make()
				took := time.Since(start)
				got := [4]float64{took.Seconds(), float64(heap()-before) / float64(n)}
				var found int
				if got[2], found = perLookup(listed, look); found != len(listed) {
					b.Fatalf("%d of %d are found", found, len(listed))
				}
				got[3], _ = perLookup(other, look)
				if i == 0 {
					base = got
				}
				for k, unit := range []string{"s-to-make", "B/entry", "ns/listed", "ns/other"} {
					b.ReportMetric(got[k], unit)
					if i > 0 {
						b.ReportMetric(got[k]/base[k], unit[strings.LastIndexAny(unit, "/-")+1:]+"-ratio")
					}
				}
				b.ReportMetric(0, "ns/op")
				runtime.KeepAlive(look)
			}
		})
	}
}

// heap is what the heap holds after a collection.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// perLookup times look-ups in groups. The lower quartile of the groups counts:
// others work on the machine, too.
func perLookup[T any](asked []T, look func(T) bool) (ns float64, found int) {
	const group = 500
	var times []float64
	for part := range slices.Chunk(asked, group) {
		start := time.Now()
		for _, a := range part {
			if look(a) {
				found++
			}
		}
		times = append(times, float64(time.Since(start).Nanoseconds())/float64(len(part)))
	}
	slices.Sort(times)
	return times[len(times)/4], found
}

const asks = 500_000

func BenchmarkLargePrefixes(b *testing.B) {
	w, list := newWorld(), make([]netip.Prefix, *half)
	for i := range list {
		list[i] = w.prefix(i)
	}
	listed, other := make([]netip.Addr, asks), make([]netip.Addr, asks)
	for i := range listed {
		listed[i], other[i] = list[w.r.IntN(len(list))].Addr(), w.addr(i%20 == 0)
	}
	makeSet := func() *Set {
		build := NewBuilder()
		l := build.List(List{Name: "l", Kind: KindFeed, Category: Malicious})
		for _, p := range list {
			text := p.String()
			if p.IsSingleIP() {
				text = p.Addr().String()
			}
			if err := l.Add(text, Fact{FirstSeen: 20000, LastSeen: 20001, Confidence: 90}); err != nil {
				b.Fatal(err)
			}
		}
		return build.Set()
	}
	compare(b, len(list), listed, other, []contender[netip.Addr]{
		{"set", func() func(netip.Addr) bool {
			set := makeSet()
			return func(a netip.Addr) bool { return len(set.Addr(a)) > 0 }
		}},
		{"set-in-category", func() func(netip.Addr) bool {
			set := makeSet()
			return func(a netip.Addr) bool { _, ok := set.AddrIn(a, C2, Malicious); return ok }
		}},
		{"bart", func() func(netip.Addr) bool {
			t := new(bart.Table[uint32])
			for i, p := range list {
				t.Insert(p, uint32(i))
			}
			return func(a netip.Addr) bool { _, ok := t.Lookup(a); return ok }
		}},
		{"bart-of-hits", func() func(netip.Addr) bool {
			t := new(bart.Table[[]Hit])
			for _, p := range list {
				old, _ := t.Get(p)
				t.Insert(p, append(old, Hit{List: "l", Category: Malicious, Entry: p.String()}))
			}
			return func(a netip.Addr) bool { hits, _ := t.Lookup(a); return len(hits) > 0 }
		}},
		{"map", func() func(netip.Addr) bool {
			m := map[netip.Prefix]uint32{}
			for i, p := range list {
				m[p] = uint32(i)
			}
			return func(a netip.Addr) bool {
				for bits := a.BitLen(); bits >= 8; bits-- {
					if _, ok := m[netip.PrefixFrom(a, bits).Masked()]; ok {
						return true
					}
				}
				return false
			}
		}},
	})
}

func BenchmarkLargeDomains(b *testing.B) {
	w, list := newWorld(), make([]string, *half)
	for i := range list {
		list[i] = w.domain(i)
	}
	listed, other := make([]string, asks), make([]string, asks)
	for i := range listed {
		listed[i] = strings.Replace(list[w.r.IntN(len(list))], "*.", "www.", 1)
		other[i] = "www." + strings.TrimPrefix(w.domain(i), "*.")
	}
	makeSet := func() *Set {
		build := NewBuilder()
		l := build.List(List{Name: "l", Kind: KindFeed, Category: Malicious})
		for _, name := range list {
			if err := l.Add(name, Fact{FirstSeen: 20000, LastSeen: 20001, Confidence: 90}); err != nil {
				b.Fatal(err)
			}
		}
		return build.Set()
	}
	walk := func(name string, look func(string) bool) bool {
		if look(name) {
			return true
		}
		for i := range len(name) {
			if name[i] == '.' && look(name[i:]) {
				return true
			}
		}
		return false
	}
	compare(b, len(list), listed, other, []contender[string]{
		{"set", func() func(string) bool {
			set := makeSet()
			return func(a string) bool { return len(set.Domain(a)) > 0 }
		}},
		{"set-in-category", func() func(string) bool {
			set := makeSet()
			return func(a string) bool { _, ok := set.DomainIn(a, C2, Malicious); return ok }
		}},
		{"map", func() func(string) bool {
			m := map[string]uint32{}
			for i, name := range list {
				m[strings.Clone(strings.TrimPrefix(name, "*"))] = uint32(i)
			}
			return func(a string) bool {
				return walk(a, func(name string) bool { _, ok := m[name]; return ok })
			}
		}},
		{"map-of-hits", func() func(string) bool {
			m := map[string][]Hit{}
			for _, name := range list {
				key := strings.Clone(strings.TrimPrefix(name, "*"))
				m[key] = append(m[key], Hit{List: "l", Category: Malicious, Entry: key})
			}
			return func(a string) bool {
				return walk(a, func(name string) bool { return len(m[name]) > 0 })
			}
		}},
	})
}

func BenchmarkLargeHashes(b *testing.B) {
	r, list := rand.New(rand.NewPCG(3, 4)), make([][32]byte, *half)
	draw := func() (sum [32]byte) {
		for i := range 4 {
			binary.BigEndian.PutUint64(sum[8*i:], r.Uint64())
		}
		return sum
	}
	for i := range list {
		list[i] = draw()
	}
	listed, other := make([][32]byte, asks), make([][32]byte, asks)
	for i := range listed {
		listed[i], other[i] = list[r.IntN(len(list))], draw()
	}
	compare(b, len(list), listed, other, []contender[[32]byte]{
		{"set", func() func([32]byte) bool {
			build := NewBuilder()
			l := build.List(List{Name: "l", Kind: KindFeed, Category: Malicious})
			for _, sum := range list {
				if err := l.Add(hex.EncodeToString(sum[:]), Fact{FirstSeen: 20000}); err != nil {
					b.Fatal(err)
				}
			}
			set := build.Set()
			return func(sum [32]byte) bool { return len(set.File(sum)) > 0 }
		}},
		{"map", func() func([32]byte) bool {
			m := map[[32]byte]uint32{}
			for i, sum := range list {
				m[sum] = uint32(i)
			}
			return func(sum [32]byte) bool { _, ok := m[sum]; return ok }
		}},
	})
}

// BenchmarkActivate makes the part of a list of the API with as many entries as
// one may have, and puts it into a set.
func BenchmarkActivate(b *testing.B) {
	w, list := newWorld(), make([]string, 250_000)
	for i := range list {
		if list[i] = w.prefix(i).String(); i%2 == 0 {
			list[i] = w.domain(i)
		}
	}
	set := Builtin()
	for b.Loop() {
		build := NewBuilder()
		build.Heed(Builtin())
		l := build.List(List{Name: "l", Kind: KindAPI, Category: Custom})
		for _, e := range list {
			if err := l.Add(e, Fact{}); err != nil {
				b.Fatal(err)
			}
		}
		set = set.With(build.Part("api"))
	}
}
