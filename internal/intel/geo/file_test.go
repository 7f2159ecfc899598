package geo

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

type (
	m = mmdbtype.Map
	s = mmdbtype.String
)

// database makes a real database with MaxMind's own writer. Documentation
// addresses may be in it.
func database(t testing.TB, kind string, records map[string]mmdbtype.DataType) []byte {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: kind, BuildEpoch: 1_780_000_000, IncludeReservedNetworks: true, Languages: []string{"en"}})
	if err != nil {
		t.Fatal(err)
	}
	for prefix, r := range records {
		_, n, err := net.ParseCIDR(prefix)
		if err == nil {
			err = tree.Insert(n, r)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if _, err := tree.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func write(t testing.TB, data []byte) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), "test.mmdb")
	if err := os.WriteFile(p, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func names(en string) m { return m{"de": s("?"), "en": s(en), "fr": s("?")} }

func city(t testing.TB) []byte {
	return database(t, "GeoLite2-City", map[string]mmdbtype.DataType{
		"203.0.113.0/25": m{
			"continent": m{"code": s("EU"), "names": names("Europe")}, "country": m{"iso_code": s("DE"), "geoname_id": mmdbtype.Uint32(1), "names": names("Germany")},
			"city": m{"geoname_id": mmdbtype.Uint32(2), "names": names("Berlin")}, "postal": m{"code": s("10117")}, "registered_country": m{"iso_code": s("AT")},
			"location":     m{"latitude": mmdbtype.Float64(52.52), "longitude": mmdbtype.Float64(13.405), "accuracy_radius": mmdbtype.Uint16(20), "time_zone": s("Europe/Berlin")},
			"subdivisions": mmdbtype.Slice{m{"iso_code": s("BE"), "names": names("Land Berlin")}},
		},
		"2001:db8:1::/48": m{"registered_country": m{"iso_code": s("KR"), "names": names("South Korea")}},
		"8.8.8.0/24":      m{"city": m{"names": m{"fr": s("Paris")}}},
	})
}

func asn(t testing.TB) []byte {
	return database(t, "GeoLite2-ASN", map[string]mmdbtype.DataType{
		"203.0.113.0/24":  m{"autonomous_system_number": mmdbtype.Uint32(64500), "autonomous_system_organization": s("Example Networks")},
		"2001:db8::/32":   m{"autonomous_system_number": mmdbtype.Uint32(4_200_000_000), "autonomous_system_organization": s("Big Number")},
		"198.51.100.0/24": m{"autonomous_system_number": mmdbtype.Uint32(64501), "autonomous_system_organization": s("ASN's")},
	})
}

func isp(t testing.TB) []byte {
	return database(t, "GeoIP2-ISP", map[string]mmdbtype.DataType{
		"198.51.100.0/24": m{"autonomous_system_number": mmdbtype.Uint32(64502), "autonomous_system_organization": s("ISP's"), "isp": s("An ISP"), "organization": s("A shop")},
	})
}

func TestMaxMind(t *testing.T) {
	files := Files{City: write(t, city(t)), ASN: write(t, asn(t)), ISP: write(t, isp(t))}
	d, err := Open(files)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time from the cache
		for a, want := range map[string]Place{
			"203.0.113.5":        {CountryCode: "DE", CountryName: "Germany", City: "Berlin", Latitude: 52.52, Longitude: 13.405, Positioned: true, AccuracyKM: 20, ASN: 64500, ASOrg: "Example Networks"},
			"::ffff:203.0.113.5": {CountryCode: "DE", CountryName: "Germany", City: "Berlin", Latitude: 52.52, Longitude: 13.405, Positioned: true, AccuracyKM: 20, ASN: 64500, ASOrg: "Example Networks"},
			"203.0.113.200":      {ASN: 64500, ASOrg: "Example Networks"},
			"198.51.100.1":       {ASN: 64502, ASOrg: "ISP's", ISP: "An ISP", Org: "A shop"},
			"2001:db8:1::1":      {CountryCode: "KR", CountryName: "South Korea", ASN: 4_200_000_000, ASOrg: "Big Number"},
			"8.8.8.8":            {CountryCode: "US", CountryName: "United States"}, // built in
			"10.0.0.1":           {},
			"192.0.2.1":          {},
			"2001:db8:ffff::":    {ASN: 4_200_000_000, ASOrg: "Big Number"},
		} {
			if got := d.Lookup(addr(a)); got != want {
				t.Errorf("%s: %+v\nwant %+v", a, got, want)
			}
		}
	}
	built := time.Unix(1_780_000_000, 0).UTC()
	got := d.Sources()
	want := []Source{
		{"GeoLite2-City", "city", files.City, built, "GeoLite2 End User License Agreement, MaxMind"},
		{"GeoIP2-ISP", "isp", files.ISP, built, "commercial, MaxMind"},
		{"GeoLite2-ASN", "asn", files.ASN, built, "GeoLite2 End User License Agreement, MaxMind"},
	}
	if len(got) != 4 || got[3].Built.Year() < 2026 || !strings.Contains(got[3].Licence, "PDDL") {
		t.Fatalf("%+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%+v, want %+v", got[i], want[i])
		}
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

// TestOtherMakers: the same facts under other names and types.
func TestOtherMakers(t *testing.T) {
	for name, tt := range map[string]struct {
		record mmdbtype.DataType
		want   Place
	}{
		"IPinfo Lite": {
			m{"country": s("Japan"), "country_code": s("JP"), "continent": s("Asia"), "continent_code": s("AS"), "asn": s("AS2519"), "as_name": s("ARTERIA Networks"), "as_domain": s("arteria-net.com")},
			Place{CountryCode: "JP", CountryName: "Japan", ASN: 2519, ASOrg: "ARTERIA Networks"},
		},
		"IPinfo Country & ASN": {
			m{"country": s("JP"), "country_name": s("Japan"), "continent": s("AS"), "asn": s("AS2519"), "as_name": s("ARTERIA Networks")},
			Place{CountryCode: "JP", CountryName: "Japan", ASN: 2519, ASOrg: "ARTERIA Networks"},
		},
		"IPinfo ASN":      {m{"asn": s("AS2519"), "name": s("ARTERIA Networks"), "domain": s("arteria-net.com")}, Place{ASN: 2519, ASOrg: "ARTERIA Networks"}},
		"IPinfo Location": {m{"city": s("Tokyo"), "country": s("JP"), "lat": s("35.6895"), "lng": s("139.69171"), "timezone": s("Asia/Tokyo")}, Place{CountryCode: "JP", CountryName: "Japan", City: "Tokyo", Latitude: 35.6895, Longitude: 139.69171, Positioned: true}},
		"IPinfo loc":      {m{"country": s("JP"), "loc": s("35.6895,139.69171")}, Place{CountryCode: "JP", CountryName: "Japan", Latitude: 35.6895, Longitude: 139.69171, Positioned: true}},
		"DB-IP ISP": {
			m{"country": m{"iso_code": s("FR")}, "traits": m{"autonomous_system_number": mmdbtype.Uint32(3215), "autonomous_system_organization": s("Orange"), "isp": s("Orange S.A."), "organization": s("A town"), "user_type": s("residential")}},
			Place{CountryCode: "FR", CountryName: "France", ASN: 3215, ASOrg: "Orange", ISP: "Orange S.A.", Org: "A town"},
		},
		"flat": {
			m{"country_code": s("NO"), "city": s("Oslo"), "latitude": s("59.91"), "longitude": s("10.75"), "state1": s(""), "autonomous_system_number": s("2119")},
			Place{CountryCode: "NO", CountryName: "Norway", City: "Oslo", Latitude: 59.91, Longitude: 10.75, Positioned: true, ASN: 2119},
		},
		"no position is not the origin": {m{"country_code": s("NO"), "latitude": s(""), "longitude": s("")}, Place{CountryCode: "NO", CountryName: "Norway"}},
		"half a position":               {m{"country_code": s("NO"), "latitude": mmdbtype.Float64(1)}, Place{CountryCode: "NO", CountryName: "Norway"}},
		"small numbers":                 {m{"country_code": s("NO"), "location": m{"latitude": mmdbtype.Float32(1.5), "longitude": mmdbtype.Float32(-2.5)}, "asn": mmdbtype.Uint16(1)}, Place{CountryCode: "NO", CountryName: "Norway", Latitude: 1.5, Longitude: -2.5, Positioned: true, ASN: 1}},
		"a country of the maker's own":  {m{"country": m{"iso_code": s("AQ")}}, Place{CountryCode: "AQ", CountryName: "Antarctica"}},
		"an unknown country":            {m{"country": m{"iso_code": s("ZZ"), "names": names("Nowhere")}}, Place{CountryCode: "ZZ", CountryName: "Nowhere"}},
	} {
		f, err := newFile(database(t, name, map[string]mmdbtype.DataType{"203.0.113.0/24": tt.record}))
		if err != nil {
			t.Fatal(err)
		}
		if got := f.lookup(addr("203.0.113.1")); got == nil || *got != tt.want {
			t.Errorf("%s: %+v\nwant %+v", name, got, tt.want)
		}
	}
}

// TestNonsense: what makes no sense is left out, and what is beside it stays.
func TestNonsense(t *testing.T) {
	many := m{}
	for i := range maxFields + 1 {
		many[s("x"+strings.Repeat("y", i%50)+time.Duration(i).String())] = s("")
	}
	fine := Place{City: "Berlin"}
	for name, tt := range map[string]struct {
		record mmdbtype.DataType
		want   *Place
	}{
		"a long name":        {m{"city": s("Berlin"), "isp": s(strings.Repeat("x", maxText+1))}, &fine},
		"broken text":        {m{"city": s("Berlin"), "isp": s("\xff\xfe")}, &fine},
		"types":              {m{"city": s("Berlin"), "country": mmdbtype.Slice{s("DE")}, "location": s("here"), "isp": mmdbtype.Bool(true), "asn": m{}, "latitude": m{}, "traits": mmdbtype.Uint64(1)}, &fine},
		"codes":              {m{"city": s("Berlin"), "country_code": s("Germany"), "registered_country": m{"iso_code": s("d3")}}, &fine},
		"off the earth":      {m{"city": s("Berlin"), "latitude": mmdbtype.Float64(91), "longitude": mmdbtype.Float64(0)}, &fine},
		"no number":          {m{"city": s("Berlin"), "latitude": s("NaN"), "longitude": s("1"), "asn": s("ASX")}, &fine},
		"too large a number": {m{"city": s("Berlin"), "asn": mmdbtype.Uint64(1 << 32)}, &fine},
		"too many fields":    {many, nil},
		"no map":             {s("Berlin"), &Place{}},
	} {
		f, err := newFile(database(t, name, map[string]mmdbtype.DataType{"203.0.113.0/24": tt.record}))
		if err != nil {
			t.Fatal(err)
		}
		got := f.lookup(addr("203.0.113.1"))
		if (got == nil) != (tt.want == nil) || got != nil && *got != *tt.want {
			t.Errorf("%s: %+v\nwant %+v", name, got, tt.want)
		}
	}
}

func TestOpenFaults(t *testing.T) {
	good := city(t)
	empty := database(t, "GeoLite2-City", nil)
	for name, tt := range map[string]struct {
		files Files
		want  []string
	}{
		"no file":        {Files{City: "/nowhere/at/all.mmdb"}, []string{"city database /nowhere/at/all.mmdb", "no such file"}},
		"a folder":       {Files{City: t.TempDir()}, []string{"not a file"}},
		"text":           {Files{Country: write(t, []byte("country,code\n"))}, []string{"country database", "test.mmdb", "MaxMind's format", "fetch it again"}},
		"cut short":      {Files{City: write(t, good[:len(good)/2])}, []string{"city database", "cut short"}},
		"nothing in it":  {Files{City: write(t, empty)}, []string{"first 0 records", "no city or position"}},
		"city as ASN":    {Files{ASN: write(t, good)}, []string{"asn database", `"GeoLite2-City"`, "no AS number", "GeoLite2-ASN"}},
		"ASN as city":    {Files{City: write(t, asn(t))}, []string{`"GeoLite2-ASN"`, "no city or position", "GeoLite2-City"}},
		"ASN as ISP":     {Files{ISP: write(t, asn(t))}, []string{"isp database", "GeoIP2-ISP"}},
		"ASN as country": {Files{Country: write(t, asn(t))}, []string{"no country code", "GeoLite2-Country"}},
	} {
		d, err := Open(tt.files)
		if err == nil || d != nil {
			t.Errorf("%s: opened", name)
			continue
		}
		for _, w := range tt.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %v lacks %q", name, err, w)
			}
		}
	}
}

// TestOneFileForAll: IPinfo Lite is a database of countries and ASNs.
func TestOneFileForAll(t *testing.T) {
	p := write(t, database(t, "ipinfo generic_lite_free.mmdb", map[string]mmdbtype.DataType{
		"203.0.113.0/24": m{"country": s("Japan"), "country_code": s("JP"), "asn": s("AS2519"), "as_name": s("ARTERIA Networks")},
	}))
	d, err := Open(Files{Country: p, ASN: p})
	if err != nil {
		t.Fatal(err)
	}
	if got := d.Sources(); len(got) != 2 || got[0].Kind != "country,asn" || !strings.Contains(got[0].Licence, "IPinfo") {
		t.Errorf("%+v", got)
	}
	if got := d.Lookup(addr("203.0.113.1")); got.CountryCode != "JP" || got.ASN != 2519 {
		t.Errorf("%+v", got)
	}
}

func TestIPv4Only(t *testing.T) {
	tree, err := mmdbwriter.New(mmdbwriter.Options{IPVersion: 4})
	if err != nil {
		t.Fatal(err)
	}
	_, n, _ := net.ParseCIDR("8.8.8.0/24")
	if err := tree.Insert(n, m{"country_code": s("FR")}); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := tree.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	d, err := Open(Files{Country: write(t, b.Bytes())})
	if err != nil {
		t.Fatal(err)
	}
	if a, b := d.Lookup(addr("8.8.8.8")), d.Lookup(addr("2003::1")); a.CountryCode != "FR" || b.CountryCode != "DE" {
		t.Errorf("%+v %+v", a, b)
	}
}

func TestStale(t *testing.T) {
	p := write(t, asn(t))
	d, err := Open(Files{ASN: p})
	if err != nil {
		t.Fatal(err)
	}
	if d.Stale() {
		t.Error("stale at once")
	}
	if err := os.Rename(p, p+".old"); err != nil {
		t.Fatal(err)
	}
	if d.Stale() {
		t.Error("stale while there is no file")
	}
	if err := os.WriteFile(p, append(asn(t), 0), 0o600); err != nil {
		t.Fatal(err)
	}
	if !d.Stale() {
		t.Error("not stale after the file was replaced")
	}
	if got := d.Lookup(addr("203.0.113.1")); got.ASN != 64500 {
		t.Errorf("what was opened is gone: %+v", got)
	}
	if Builtin().Stale() {
		t.Error("what is built in is stale")
	}
}

func TestConcurrent(t *testing.T) {
	d, err := Open(Files{City: write(t, city(t)), ASN: write(t, asn(t))})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 1000 {
				if a, b := d.Lookup(addr("203.0.113.5")), d.Lookup(addr("203.0.113.200")); a.City != "Berlin" || b.ASN != 64500 {
					t.Errorf("%+v %+v", a, b)
					return
				}
			}
			d.Close()
		})
	}
	wg.Wait()
}

func TestCachedLookupDoesNotAllocate(t *testing.T) {
	d, err := Open(Files{City: write(t, city(t)), ASN: write(t, asn(t))})
	if err != nil {
		t.Fatal(err)
	}
	a := addr("203.0.113.5")
	if n := testing.AllocsPerRun(100, func() { d.Lookup(a) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzFile: a database or an error, and whatever was opened answers every
// address without a panic and with sound values.
func FuzzFile(f *testing.F) {
	for _, data := range [][]byte{city(f), asn(f), isp(f), nil} {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := newFile(data)
		if (file == nil) == (err == nil) {
			t.Fatalf("%v and %v", file, err)
		}
		if err != nil {
			return
		}
		_ = file.check(use{has: func(p *Place) bool { return p.ASN == 1 }}) // hardly any
		for _, a := range []string{"203.0.113.5", "198.51.100.1", "8.8.8.8", "2001:db8:1::1", "2001:db8::", "fe80::"} {
			p := file.lookup(addr(a))
			if p == nil {
				continue
			}
			if p.CountryCode != "" && !isCode(p.CountryCode) || len(p.City) > maxText || p.Positioned && !(p.Latitude >= -90 && p.Latitude <= 90 && p.Longitude >= -180 && p.Longitude <= 180) {
				t.Fatalf("%s: %+v", a, p)
			}
		}
	})
}
