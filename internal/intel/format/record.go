package format

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// record is a line of a table or an object of JSON: what stands in each column.
type record struct {
	cells map[string]string
	tags  []string
}

func (r *record) set(name, cell string) {
	cell = strings.TrimSpace(cell)
	if cell == "" || cell == "None" || cell == "null" || cell == "N/A" { // ways to say nothing
		return
	}
	if r.cells == nil {
		r.cells = make(map[string]string, 8)
	}
	r.cells[name] = cell
}

// first is the first of some columns that says anything.
func (r *record) first(names []string) string {
	for _, n := range names {
		if c := r.cells[n]; c != "" {
			return c
		}
	}
	return ""
}

// The columns of records, by what they mean, as the lists that we know name
// them; the better word first.
var (
	valueColumns = []string{
		"ioc_value", "ioc", "indicator", "indicator_value", "value", "cidr", "network", "prefix", "dst_ip", "dstip", "ip_address", "ip", "ipaddr", "ipaddress",
		"address", "domain", "domain_name", "hostname", "host", "fqdn", "url", "sha256_hash", "sha256", "sha1_hash", "sha1", "md5_hash", "md5",
	}
	metaColumns = [][]string{familyColumns, typeColumns, firstColumns, lastColumns, expiryColumns, confidenceColumns, tagColumns, otherColumns}

	familyColumns     = []string{"malware_printable", "malware_family", "malwarefamily", "malware", "signature", "family", "listingreason", "threat_name"}
	typeColumns       = []string{"threat_type", "threat", "category", "description"}
	firstColumns      = []string{"first_seen_utc", "first_seen", "firstseen", "dateadded", "date_added", "listingdate", "publishdate", "date"}
	lastColumns       = []string{"last_seen_utc", "last_seen", "lastseen", "last_online", "observationtime", "timestamp"}
	expiryColumns     = []string{"valid_until", "expires", "expiration", "expiry"}
	confidenceColumns = []string{"confidence_level", "confidence", "score"}
	tagColumns        = []string{"tags", "tag", "labels"}
	otherColumns      = []string{"ioc_id", "ioc_type", "dst_port", "dstport", "url_status", "reporter", "type", "indicator_type", "sblid"}
)

// record makes entries of what stands in the columns that hold values.
func (s *sink) record(r record, values []string, line int) error {
	e := r.entry(line)
	found := false
	for _, name := range values {
		raw := r.cells[name]
		if raw == "" || found && s.o.Format != FireEye {
			continue // other formats say one thing in several ways: an address, and its URL
		}
		found = true
		if err := s.value(raw, e); err != nil {
			return err
		}
	}
	if found {
		return nil
	}
	if s.o.Format == CSV || s.o.Format == ProofPoint || s.o.Format == OTXCSV {
		return s.fault(line, "nothing in a column that holds values (%s)", strings.Join(present(values, 6), ", "))
	}
	s.skip("record without address, domain or SHA-256")
	return nil
}

func present(names []string, n int) []string { return names[:min(n, len(names))] }

// entry is what a record says beside its value.
func (r *record) entry(line int) Entry {
	e := Entry{Line: line, Confidence: -1, Threat: r.first(familyColumns), Tags: slices.Clip(r.tags)}
	kind := r.first(typeColumns)
	if e.Threat == "" {
		e.Threat = kind
	} else if kind != "" {
		e.Tags = append(e.Tags, kind)
	}
	for _, t := range strings.FieldsFunc(r.first(tagColumns), func(c rune) bool { return c == ',' || c == ' ' || c == ';' || c == '|' }) {
		e.Tags = append(e.Tags, strings.TrimPrefix(t, "#"))
	}
	if id := r.cells["sblid"]; id != "" {
		e.Tags = append(e.Tags, id)
	}
	if n, ok := number(r.first(confidenceColumns)); ok {
		e.Confidence = int(min(n, 100))
	}
	e.First, e.Last, e.Expires = when(r.first(firstColumns)), when(r.first(lastColumns)), when(r.first(expiryColumns))
	return e
}

// HoldValues reports whether one of some columns of a CSV is known to hold values.
func HoldValues(columns []string) bool {
	return slices.ContainsFunc(columns, func(c string) bool { return slices.Contains(valueColumns, column(c)) })
}

// number reads a number that is not negative.
func number(s string) (float64, bool) {
	n, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	return n, err == nil && n >= 0 && n < 1e15
}

// when reads the times that lists write; what is none is no time.
func when(s string) time.Time {
	s = strings.TrimSuffix(strings.TrimSpace(s), " UTC")
	if s == "" {
		return time.Time{}
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05", "2006-01-02", "2006-01-02T15:04:05", "2006/01/02"} {
		if t, err := time.Parse(layout, s); err == nil && t.Year() >= 1970 && t.Year() < 9999 {
			return t.UTC()
		}
	}
	if n, ok := number(s); ok && n > 1e8 && n < 1e11 { // seconds since 1970
		return time.Unix(int64(n), 0).UTC()
	}
	return time.Time{}
}
