package main

import (
	"cmp"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/oschwald/maxminddb-golang/v2"

	"github.com/vedette-project/vedette/internal/intel/geo/ranges"
)

func database(t *testing.T, countries map[string]string) string {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{IncludeReservedNetworks: true})
	if err != nil {
		t.Fatal(err)
	}
	// A later network overwrites the earlier one it lies in or holds, so the
	// widest come first.
	widestFirst := slices.SortedFunc(maps.Keys(countries), func(a, b string) int {
		return cmp.Compare(netip.MustParsePrefix(a).Bits(), netip.MustParsePrefix(b).Bits())
	})
	for _, prefix := range widestFirst {
		_, n, err := net.ParseCIDR(prefix)
		if err == nil {
			err = tree.Insert(n, mmdbtype.Map{"country_code": mmdbtype.String(countries[prefix])})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "test.mmdb")
	f, err := os.Create(path)
	if err == nil {
		_, err = tree.WriteTo(f)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRun(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out.vrt")
	if err := run([]string{database(t, map[string]string{"192.0.2.0/25": "DE", "192.0.2.128/25": "DE", "198.51.100.0/24": "FR", "2001:db8::/33": "JP", "203.0.113.7/32": ""}), out}); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	table, err := ranges.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	for a, want := range map[string]string{"192.0.1.255": "", "192.0.2.0": "DE", "192.0.2.255": "DE", "192.0.3.0": "", "198.51.100.9": "FR", "203.0.113.7": "", "2001:db8::": "JP", "2001:db8:8000::": ""} {
		if got := table.Labels()[table.Find(netip.MustParseAddr(a))]; got != want {
			t.Errorf("%s: %q, want %q", a, got, want)
		}
	}
}

// TestCompareFindsDifferences: the table of one database does not pass for that
// of another, whichever of the two has more.
func TestCompareFindsDifferences(t *testing.T) {
	base := map[string]string{"192.0.2.0/24": "DE", "2001:db8::/32": "JP"}
	for _, other := range []map[string]string{
		{"192.0.2.0/24": "DE", "192.0.2.64/26": "FR", "2001:db8::/32": "JP"},
		{"192.0.2.0/24": "DE", "2001:db8::/32": "JP", "2a00::/20": "FR"},
		{"192.0.2.0/24": "DE"},
		{"192.0.2.0/25": "DE", "2001:db8::/32": "JP"},
	} {
		db, err := maxminddb.Open(database(t, base))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		db2, err := maxminddb.Open(database(t, other))
		if err != nil {
			t.Fatal(err)
		}
		defer db2.Close()
		file, err := compile(db2)
		if err != nil {
			t.Fatal(err)
		}
		table, err := ranges.Decode(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := compare(db, table); err == nil || !strings.Contains(err.Error(), "want") {
			t.Errorf("%v passed for %v: %v", other, base, err)
		}
	}
}
