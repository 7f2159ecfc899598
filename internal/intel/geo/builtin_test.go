package geo

import (
	"net/netip"
	"testing"
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// TestBuiltin looks at addresses of national operators, whose country is no
// matter of opinion, and at both sides of where their ranges end. hack/geodata
// has compared the table with the whole of its source.
func TestBuiltin(t *testing.T) {
	d := Builtin()
	for a, want := range map[string]string{
		"193.0.6.139":          "NL", // RIPE NCC, Amsterdam
		"212.58.244.1":         "GB", // BBC
		"133.11.0.1":           "JP", // University of Tokyo
		"202.12.27.33":         "JP", // the WIDE project's root server
		"200.160.2.3":          "BR", // NIC.br
		"41.206.0.1":           "NG",
		"223.5.5.5":            "CN",
		"87.128.0.1":           "DE", // Deutsche Telekom
		"90.0.0.1":             "FR", // Orange
		"8.8.8.8":              "US",
		"2001:200::1":          "JP", // WIDE
		"2003::1":              "DE", // Deutsche Telekom
		"2a01:cb00::1":         "FR", // Orange
		"2001:67c:2e8::1":      "NL", // RIPE NCC
		"::ffff:193.0.6.139":   "NL",
		"64:ff9b::193.0.6.139": "NL", // through NAT64
	} {
		if p := d.Lookup(addr(a)); p.CountryCode != want || p.CountryName != countryName(want) || p.CountryName == "" {
			t.Errorf("%s: %+v, want %s", a, p, want)
		}
	}
}

func TestNowhere(t *testing.T) {
	for _, a := range []string{
		"10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "169.254.169.254", "0.0.0.0", "224.0.0.1", "255.255.255.255",
		"::", "::1", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "ff02::1", "::ffff:10.0.0.1", "64:ff9b::a00:1",
		"192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "240.0.0.1",
	} {
		if p := Builtin().Lookup(addr(a)); p != (Place{}) {
			t.Errorf("%s: %+v", a, p)
		}
	}
	for _, a := range []string{"100.63.255.255", "100.128.0.0"} {
		if _, ok := public(addr(a)); !ok {
			t.Errorf("%s is taken for an address behind a provider's NAT", a)
		}
	}
	if p := Builtin().Lookup(netip.Addr{}); p != (Place{}) {
		t.Errorf("no address: %+v", p)
	}
	var none *DB
	if p := none.Lookup(addr("8.8.8.8")); p != (Place{}) || none.Sources() != nil || none.Stale() || none.Close() != nil {
		t.Errorf("no database: %+v", p)
	}
}

// TestCountriesAreNamed: what the table can answer has a name and a position,
// and each has a sound one.
func TestCountriesAreNamed(t *testing.T) {
	codes := builtin().table.Labels()[1:]
	if len(codes) < 200 {
		t.Fatalf("the table has %d countries", len(codes))
	}
	for _, code := range codes {
		if countryName(code) == "" && code != "AP" {
			t.Errorf("%s has no name", code)
		}
	}
	if n := len(countries()); n != 250 {
		t.Errorf("%d countries; ISO 3166-1 has 249, and there is XK", n)
	}
	names := map[string]string{}
	for code, c := range countries() {
		if names[c.name] != "" {
			t.Errorf("%s and %s are both %s", code, names[c.name], c.name)
		}
		names[c.name] = code
		if c.latitude < -90 || c.latitude > 90 || c.longitude < -180 || c.longitude > 180 || c.reach < 20 || c.reach > 5000 {
			t.Errorf("%s: %+v", code, c)
		}
	}
}

func TestBuiltinDoesNotAllocate(t *testing.T) {
	d, v4, v6 := Builtin(), addr("193.0.6.139"), addr("2a01:cb00::1")
	if n := testing.AllocsPerRun(100, func() { d.Lookup(v4); d.Lookup(v6) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestParseCountryFaults(t *testing.T) {
	for _, line := range []string{"", "DE\tGermany\t51\t9", "de\tGermany\t51\t9\t560", "DE\tGermany\tx\t9\t560"} {
		if _, _, err := parseCountry(line); err == nil {
			t.Errorf("%q was taken", line)
		}
	}
}
