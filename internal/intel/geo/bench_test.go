package geo

import (
	"math/rand/v2"
	"net/netip"
	"os"
	"testing"

	"github.com/oschwald/maxminddb-golang/v2"

	"github.com/vedette-project/vedette/internal/intel/geo/ranges"
)

// addresses are all over the space of a family.
func addresses(v6 bool) []netip.Addr {
	r := rand.New(rand.NewPCG(1, 2))
	out := make([]netip.Addr, 1<<16)
	for i := range out {
		if x := r.Uint64(); v6 {
			out[i] = netip.AddrFrom16([16]byte{0x2a, byte(x>>8) & 0x0f, byte(x >> 16), byte(x>>24) & 0xf8, byte(x >> 32), byte(x >> 40)})
		} else {
			out[i] = netip.AddrFrom4([4]byte{byte(1 + x%222), byte(x >> 8), byte(x >> 16), byte(x >> 24)})
		}
	}
	return out
}

func BenchmarkLoadBuiltin(b *testing.B) {
	b.SetBytes(int64(len(countryTable)))
	for b.Loop() {
		if _, err := ranges.Decode(countryTable); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	for _, family := range []string{"IPv4", "IPv6"} {
		as := addresses(family == "IPv6")
		each := func(name string, look func(netip.Addr)) {
			b.Run(name+"/"+family, func(b *testing.B) {
				b.ReportAllocs()
				look(as[0])
				i := 0
				for b.Loop() {
					look(as[i&(1<<16-1)])
					i++
				}
			})
		}
		each("builtin", func(a netip.Addr) { Builtin().Lookup(a) })

		// The database that the built-in table was made from, for comparison.
		path := os.Getenv("GEO_MMDB")
		if path == "" {
			continue
		}
		mounted, err := Open(Files{Country: path})
		if err != nil {
			b.Fatal(err)
		}
		each("mounted", func(a netip.Addr) { mounted.Lookup(a) })
		direct, err := maxminddb.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		each("library", func(a netip.Addr) {
			var r struct {
				CountryCode string `maxminddb:"country_code"`
			}
			_ = direct.Lookup(a).Decode(&r)
		})
	}
}

// BenchmarkRecord compares a record that is in the cache with one that is not.
func BenchmarkRecord(b *testing.B) {
	f, err := newFile(city(b))
	if err != nil {
		b.Fatal(err)
	}
	a := addr("203.0.113.5")
	b.Run("cached", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			f.lookup(a)
		}
	})
	b.Run("decoded", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var r record
			_ = f.db.Lookup(a).Decode(&r)
			_ = r.place()
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	path := os.Getenv("GEO_MMDB")
	if path == "" {
		b.Skip("GEO_MMDB names no database")
	}
	for b.Loop() {
		if _, err := Open(Files{Country: path}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDistance(b *testing.B) {
	p, q := in("DE"), in("JP")
	for b.Loop() {
		Distance(p, q)
	}
}
