package geo

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/oschwald/maxminddb-golang/v2/mmdbdata"
)

// record is what a database says of a network. Makers name the same things
// differently and write numbers as text, so each field is taken from wherever
// it may be, and what makes no sense is left out.
type record struct {
	code, registered, country, city string
	latitude, longitude             float64 // NaN if unknown
	accuracy                        uint64
	asn                             uint64
	asOrg, name, isp, org           string

	budget int // how many fields may still be looked at
}

// Bounds for hostile databases. Real records have some 150 fields, most of
// them names in other languages.
const (
	maxFields = 4096
	maxText   = 256
)

var errTooLarge = errors.New("a record has more than 4096 fields")

// UnmarshalMaxMindDBCursor reads a record.
func (r *record) UnmarshalMaxMindDBCursor(c mmdbdata.Cursor) (mmdbdata.Cursor, error) {
	*r = record{latitude: math.NaN(), longitude: math.NaN(), budget: maxFields}
	return r.each(c, (*record).field)
}

// each calls visit for each field of a map. What is no map is skipped.
func (r *record) each(c mmdbdata.Cursor, visit func(r *record, key []byte, value mmdbdata.Cursor) (mmdbdata.Cursor, error)) (mmdbdata.Cursor, error) {
	if kind, err := c.Kind(); err != nil || kind != mmdbdata.KindMap {
		return c.Skip()
	}
	m, err := c.Map()
	if err != nil {
		return c, err
	}
	var next mmdbdata.Cursor
	for {
		key, value, ok := m.Next(next)
		if !ok {
			return m.End()
		}
		if r.budget--; r.budget < 0 {
			return c, errTooLarge
		}
		if next, err = visit(r, key, value); err != nil {
			return c, err
		}
	}
}

// field reads a field of the record itself.
func (r *record) field(key []byte, v mmdbdata.Cursor) (mmdbdata.Cursor, error) {
	switch string(key) {
	case "country": // MaxMind and DB-IP: a map; IPinfo: a code or a name
		if kind, err := v.Kind(); err == nil && kind == mmdbdata.KindMap {
			return r.each(v, (*record).countryField)
		}
		var s string
		next, err := text(v, &s)
		if isCode(s) {
			r.code = s
		} else {
			r.country = s
		}
		return next, err
	case "country_code":
		return text(v, &r.code)
	case "country_name":
		return text(v, &r.country)
	case "registered_country":
		return r.each(v, (*record).registeredField)
	case "city":
		if kind, err := v.Kind(); err == nil && kind == mmdbdata.KindMap {
			return r.each(v, (*record).cityField)
		}
		return text(v, &r.city)
	case "location":
		return r.each(v, (*record).locationField)
	case "loc": // IPinfo: "37.4,-122.1"
		var s string
		next, err := text(v, &s)
		if lat, lon, ok := strings.Cut(s, ","); ok {
			r.latitude, r.longitude = parseFloat(lat), parseFloat(lon)
		}
		return next, err
	case "traits": // GeoIP2 Enterprise
		return r.each(v, (*record).networkField)
	case "name": // IPinfo's database of ASNs
		return text(v, &r.name)
	}
	switch string(key) {
	case "lat", "latitude", "lng", "lon", "longitude":
		return r.locationField(key, v)
	}
	return r.networkField(key, v)
}

func (r *record) countryField(key []byte, v mmdbdata.Cursor) (mmdbdata.Cursor, error) {
	switch string(key) {
	case "iso_code":
		return text(v, &r.code)
	case "names":
		return r.each(v, func(r *record, key []byte, v mmdbdata.Cursor) (mmdbdata.Cursor, error) {
			return english(key, v, &r.country)
		})
	}
	return v.Skip()
}

func (r *record) registeredField(key []byte, v mmdbdata.Cursor) (mmdbdata.Cursor, error) {
	if string(key) == "iso_code" {
		return text(v, &r.registered)
	}
	return v.Skip()
}

func (r *record) cityField(key []byte, v mmdbdata.Cursor) (mmdbdata.Cursor, error) {
	if string(key) == "names" {
		return r.each(v, func(r *record, key []byte, v mmdbdata.Cursor) (mmdbdata.Cursor, error) {
			return english(key, v, &r.city)
		})
	}
	return v.Skip()
}

func (r *record) locationField(key []byte, v mmdbdata.Cursor) (mmdbdata.Cursor, error) {
	switch string(key) {
	case "lat", "latitude":
		return float(v, &r.latitude)
	case "lng", "lon", "longitude":
		return float(v, &r.longitude)
	case "accuracy_radius":
		return number(v, &r.accuracy)
	}
	return v.Skip()
}

// networkField reads what says whose network it is.
func (r *record) networkField(key []byte, v mmdbdata.Cursor) (mmdbdata.Cursor, error) {
	switch string(key) {
	case "autonomous_system_number", "asn":
		return number(v, &r.asn)
	case "autonomous_system_organization", "as_name":
		return text(v, &r.asOrg)
	case "isp":
		return text(v, &r.isp)
	case "organization":
		return text(v, &r.org)
	}
	return v.Skip()
}

// place makes sense of a record.
func (r *record) place() Place {
	p := Place{City: r.city, ISP: r.isp, Org: r.org}
	if p.CountryCode = r.code; !isCode(p.CountryCode) {
		p.CountryCode = r.registered
	}
	if !isCode(p.CountryCode) {
		p.CountryCode = ""
	} else if p.CountryName = countryName(p.CountryCode); p.CountryName == "" {
		p.CountryName = r.country
	}
	if math.Abs(r.latitude) <= 90 && math.Abs(r.longitude) <= 180 { // NaN is not
		p.Latitude, p.Longitude, p.Positioned = r.latitude, r.longitude, true
		p.AccuracyKM = uint16(min(r.accuracy, math.MaxUint16))
	}
	if 0 < r.asn && r.asn <= math.MaxUint32 {
		p.ASN, p.ASOrg = uint32(r.asn), r.asOrg
		if p.ASOrg == "" {
			p.ASOrg = r.name
		}
	}
	return p
}

func english(key []byte, v mmdbdata.Cursor, to *string) (mmdbdata.Cursor, error) {
	if string(key) == "en" {
		return text(v, to)
	}
	return v.Skip()
}

// text reads a string; anything else, or an absurd one, is skipped.
func text(v mmdbdata.Cursor, to *string) (mmdbdata.Cursor, error) {
	if kind, err := v.Kind(); err == nil && kind == mmdbdata.KindString {
		if s, next, err := v.ReadStringMaxSize(maxText); err == nil {
			if utf8.ValidString(s) {
				*to = s
			}
			return next, nil
		}
	}
	return v.Skip()
}

// float reads a number, or a text that is one.
func float(v mmdbdata.Cursor, to *float64) (mmdbdata.Cursor, error) {
	if f, next, err := v.ReadFloat(); err == nil {
		*to = f
		return next, nil
	}
	var s string
	next, err := text(v, &s)
	if s != "" {
		*to = parseFloat(s)
	}
	return next, err
}

func parseFloat(s string) float64 {
	f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil {
		return math.NaN()
	}
	return f
}

// number reads a whole number, or a text like "AS15169".
func number(v mmdbdata.Cursor, to *uint64) (mmdbdata.Cursor, error) {
	if n, next, err := v.ReadUint(); err == nil {
		*to = n
		return next, nil
	}
	var s string
	next, err := text(v, &s)
	if n, bad := strconv.ParseUint(strings.TrimPrefix(strings.ToUpper(s), "AS"), 10, 32); bad == nil {
		*to = n
	}
	return next, err
}
