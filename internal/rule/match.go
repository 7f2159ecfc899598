package rule

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// test is one thing that a rule asks of a value.
type test interface {
	match(*Matcher, *value) bool
}

// oneOf are values that must be there whole.
type oneOf struct {
	texts map[string]struct{}
	cased bool
}

func (t *oneOf) match(m *Matcher, v *value) bool {
	s := v.text
	if !t.cased {
		s = m.folded(v)
	}
	_, ok := t.texts[s]
	return ok
}

// compare is a bound of a number.
type compare struct {
	op   string
	with float64
}

func (t *compare) match(_ *Matcher, v *value) bool {
	f, ok := v.number()
	return ok && holds(t.op, f, t.with)
}

// holds compares two numbers.
func holds(op string, a, b float64) bool {
	switch op {
	case "lt":
		return a < b
	case "lte":
		return a <= b
	case "gt":
		return a > b
	case "gte":
		return a >= b
	case "eq":
		return a == b
	case "neq":
		return a != b
	}
	return false
}

// network is a range of addresses.
type network struct{ prefix netip.Prefix }

func (t network) match(_ *Matcher, v *value) bool {
	if v.text == "" || len(v.text) > maxAddress {
		return false
	}
	a, ok := parseAddr(v.text)
	return ok && t.prefix.Contains(a)
}

const maxAddress = len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255")

// parseAddr tells most texts that are no address by their first byte: an error
// would be made for each of them.
func parseAddr(s string) (netip.Addr, bool) {
	c := s[0] | 0x20
	if s[0] != ':' && (s[0] < '0' || s[0] > '9') && (c < 'a' || c > 'f') || strings.IndexByte(s, '.') < 0 && strings.IndexByte(s, ':') < 0 {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(s)
	return a.Unmap().WithZone(""), err == nil
}

// expression is a regular expression.
type expression struct {
	re    *regexp.Regexp
	steps int // for each character, at most
}

func (t expression) match(_ *Matcher, v *value) bool { return t.re.MatchString(v.text) }

// clock is a part of a time: its hour, say.
type clock struct {
	part string
	op   string
	with float64
}

func (t *clock) match(_ *Matcher, v *value) bool {
	at, ok := v.time()
	return ok && holds(t.op, float64(timePart(t.part, at)), t.with)
}

func timePart(name string, t time.Time) int {
	switch name {
	case "minute":
		return t.Minute()
	case "hour":
		return t.Hour()
	case "day":
		return t.Day()
	case "week":
		_, week := t.ISOWeek()
		return week
	case "month":
		return int(t.Month())
	}
	return t.Year()
}

// value is one value that an event has under a field. Its text may alias the
// event; it is good until the next event.
type value struct {
	text  string
	lower string // folded, once somebody asked
	isLow bool
	null  bool
	next  int32 // of the same field, or -1
}

// number reads a value as one.
func (v *value) number() (float64, bool) {
	if v.text == "" || len(v.text) > 40 {
		return 0, false
	}
	if c := v.text[0]; c != '-' && c != '+' && c != '.' && (c < '0' || c > '9') {
		return 0, false
	}
	for i := range len(v.text) { // an error would be made for each that is none
		if c := v.text[i]; (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c|0x20 != 'e' {
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(v.text, 64)
	return f, err == nil
}

// time reads a value as a time: of RFC 3339, or seconds or milliseconds since 1970.
func (v *value) time() (time.Time, bool) {
	if n, ok := v.number(); ok {
		if n > 1e11 {
			return time.UnixMilli(int64(min(n, 1e15))).UTC(), true
		}
		return time.Unix(int64(max(n, 0)), 0).UTC(), true
	}
	if len(v.text) < len("2006-01-02") || v.text[4] != '-' {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339, v.text)
	if err != nil {
		t, err = time.Parse("2006-01-02 15:04:05", v.text[:min(len(v.text), 19)])
	}
	return t, err == nil
}
