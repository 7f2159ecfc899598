package geo

import (
	"net/netip"
	"time"
)

// Place is what is known of an address. What is not known is zero.
type Place struct {
	CountryCode, CountryName, City string
	Latitude, Longitude            float64
	Positioned                     bool // Latitude and Longitude are known
	// AccuracyKM is how far from the position the address may be, 0 if the
	// database does not say. Databases that know the country alone give its
	// middle and a thousand kilometres.
	AccuracyKM      uint16
	ASN             uint32
	ASOrg, ISP, Org string
}

// DB looks addresses up. The zero DB has what is built in; a nil one knows
// nothing.
type DB struct {
	// files are in the order in which they are believed.
	files []*file
}

// Source is where a DB takes its answers from.
type Source struct {
	Name    string    // of the data, as the database calls itself
	Kind    string    // what it is used for: "country", "city", "asn", "isp"; several are parted by commas
	Path    string    // "" if it is built in
	Built   time.Time // when the data was made
	Licence string
}

// Builtin knows the country of an address, from public domain data that is
// part of the program.
func Builtin() *DB { return new(DB) }

// Lookup gives the place of an address. Private addresses, and others that
// are nowhere on the internet, have none.
//
// Of several databases the first that knows something is believed, in the
// order city, country, ISP, ASN, built in.
func (d *DB) Lookup(a netip.Addr) Place {
	a, ok := public(a)
	if d == nil || !ok {
		return Place{}
	}
	if len(d.files) == 0 {
		return builtinPlace(a)
	}
	var p Place
	for _, f := range d.files {
		if q := f.lookup(a); q != nil {
			p.fill(q)
		}
	}
	if p.CountryCode == "" {
		c := builtinPlace(a)
		p.CountryCode, p.CountryName = c.CountryCode, c.CountryName
	}
	return p
}

// fill adds what q knows and p does not.
func (p *Place) fill(q *Place) {
	if p.CountryCode == "" {
		p.CountryCode, p.CountryName = q.CountryCode, q.CountryName
	}
	if p.City == "" {
		p.City = q.City
	}
	if !p.Positioned && q.Positioned {
		p.Latitude, p.Longitude, p.AccuracyKM, p.Positioned = q.Latitude, q.Longitude, q.AccuracyKM, true
	}
	if p.ASN == 0 {
		p.ASN, p.ASOrg = q.ASN, q.ASOrg
	}
	if p.ISP == "" {
		p.ISP = q.ISP
	}
	if p.Org == "" {
		p.Org = q.Org
	}
}

// Close ends the use of a DB. Files are read as a whole when they are opened,
// so there is nothing to give back and look-ups under way are not disturbed.
func (d *DB) Close() error { return nil }

// Stale reports whether a file has changed since it was opened. One that is
// gone has not: it may be on its way to be replaced.
func (d *DB) Stale() bool {
	if d == nil {
		return false
	}
	for _, f := range d.files {
		if f.changed() {
			return true
		}
	}
	return false
}

// Sources are what the answers come from, in the order in which they are
// believed.
func (d *DB) Sources() []Source {
	if d == nil {
		return nil
	}
	var out []Source
	for _, f := range d.files {
		out = append(out, f.source())
	}
	return append(out, builtinSource())
}

// public gives an address in the form in which databases have it, and whether
// it can be anywhere.
func public(a netip.Addr) (netip.Addr, bool) {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if b := a.As16(); [12]byte(b[:12]) == nat64 {
			a = netip.AddrFrom4([4]byte(b[12:]))
		}
	}
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return a, false
	}
	if a.Is4() {
		b := a.As4()
		if b[0] == 100 && b[1]&0xc0 == 64 { // 100.64.0.0/10, behind a provider's NAT
			return a, false
		}
	}
	return a, true
}

// nat64 is 64:ff9b::/96 (RFC 6052): an IPv4 address follows.
var nat64 = [12]byte{0, 0x64, 0xff, 0x9b}
