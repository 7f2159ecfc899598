package geo

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/oschwald/maxminddb-golang/v2"
)

// Files are paths of databases in MaxMind's format (.mmdb); "" is none. One
// file may serve for several: a city database has the country, too.
type Files struct {
	Country, City, ASN, ISP string
}

// Open reads databases. What they do not know of a country, the built-in data
// answers.
func Open(files Files) (*DB, error) {
	d := new(DB)
	for _, u := range []use{
		{"city", files.City, func(p *Place) bool { return p.City != "" || p.Positioned }, "city or position", "GeoLite2-City or DB-IP City Lite"},
		{"country", files.Country, func(p *Place) bool { return p.CountryCode != "" }, "country code", "GeoLite2-Country, DB-IP Country Lite or IPinfo Lite"},
		{"isp", files.ISP, func(p *Place) bool { return p.ISP != "" || p.Org != "" }, "ISP or organization", "GeoIP2-ISP"},
		{"asn", files.ASN, func(p *Place) bool { return p.ASN != 0 }, "AS number", "GeoLite2-ASN, DB-IP ASN Lite or IPinfo Lite"},
	} {
		if u.path == "" {
			continue
		}
		if err := d.open(u); err != nil {
			return nil, fmt.Errorf("open %s database %s: %w", u.kind, u.path, err)
		}
	}
	return d, nil
}

// use is what a file shall be good for.
type use struct {
	kind, path string
	has        func(*Place) bool
	what, like string // what its records must have; databases that do
}

func (d *DB) open(u use) error {
	i := slices.IndexFunc(d.files, func(f *file) bool { return f.path == u.path })
	if i < 0 {
		f, err := openFile(u.path)
		if err != nil {
			return err
		}
		i, d.files = len(d.files), append(d.files, f)
	}
	f := d.files[i]
	if err := f.check(u); err != nil {
		return err
	}
	f.kinds = append(f.kinds, u.kind)
	return nil
}

// file is an open database.
type file struct {
	path  string
	info  os.FileInfo
	kinds []string
	db    *maxminddb.Reader
	// cache has the places of records that were asked for lately. Thousands
	// of networks share a record, and decoding it costs more than finding it.
	cache [cacheSize]atomic.Pointer[cached]
}

const cacheSize = 1 << 12

type cached struct {
	record uintptr // where it is in the file
	place  Place
}

// openFile reads a file as a whole. Mapping it into memory would let whoever
// overwrites it in place bring the process down.
func openFile(path string) (*file, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a file")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f, err := newFile(data)
	if err != nil {
		return nil, err
	}
	f.path, f.info = path, info
	return f, nil
}

func newFile(data []byte) (*file, error) {
	db, err := maxminddb.OpenBytes(data)
	if err != nil {
		return nil, fmt.Errorf("it is no database in MaxMind's format (.mmdb), or is cut short; fetch it again: %w", err)
	}
	return &file{db: db}, nil
}

// probes is how many networks are looked at to tell what a database has. Those
// without a record count, for in a hostile file there may be no end of them.
const probes = 50_000

// check fails unless some of the first records have what the file is for.
func (f *file) check(u use) error {
	seen, records := 0, 0
	for network := range f.db.Networks(maxminddb.IncludeNetworksWithoutData()) {
		if network.Found() {
			records++
		}
		var r record
		if err := network.Decode(&r); err != nil {
			return fmt.Errorf("it is damaged; fetch it again: %w", err)
		}
		if p := r.place(); network.Found() && u.has(&p) {
			return nil
		}
		if seen++; seen == probes {
			break
		}
	}
	return fmt.Errorf("it is a %q of which the first %d records have no %s; give a database like %s", f.db.Metadata.DatabaseType, records, u.what, u.like)
}

// lookup gives what the file knows, nil if nothing. The place is shared and
// must not be changed.
func (f *file) lookup(a netip.Addr) *Place {
	result := f.db.Lookup(a)
	if !result.Found() { // or damaged there, or IPv6 in a database of IPv4
		return nil
	}
	at := result.Offset()
	slot := &f.cache[uint64(at)*0x9e3779b97f4a7c15>>(64-12)]
	if c := slot.Load(); c != nil && c.record == at {
		return &c.place
	}
	var r record
	if err := result.Decode(&r); err != nil {
		return nil
	}
	c := &cached{at, r.place()}
	slot.Store(c)
	return &c.place
}

func (f *file) changed() bool {
	now, err := os.Stat(f.path)
	return err == nil && (now.Size() != f.info.Size() || !now.ModTime().Equal(f.info.ModTime()) || !os.SameFile(now, f.info))
}

func (f *file) source() Source {
	m := f.db.Metadata
	return Source{Name: m.DatabaseType, Kind: strings.Join(f.kinds, ","), Path: f.path, Built: m.BuildTime().UTC(), Licence: licence(m.DatabaseType)}
}

// licence goes by what the makers call their databases.
func licence(databaseType string) string {
	t := strings.ToLower(databaseType)
	switch {
	case strings.HasPrefix(t, "geolite2"):
		return "GeoLite2 End User License Agreement, MaxMind"
	case strings.HasPrefix(t, "geoip2"):
		return "commercial, MaxMind"
	case strings.HasPrefix(t, "dbip") && strings.Contains(t, "lite"):
		return "CC BY 4.0, DB-IP"
	case strings.HasPrefix(t, "ipinfo"):
		return "as IPinfo grants it"
	}
	return "as its maker grants it"
}
