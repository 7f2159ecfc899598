package history

import (
	"cmp"
	"net/netip"
	"strings"
)

// Second is a second of an hour, 0 to 3599.
type Second uint16

// Seconds is how long an hour is.
const Seconds = 3600

// HourOf splits a Unix time into the number of its hour and the second in it.
func HourOf(unix int64) (hour int64, s Second) {
	hour = unix / Seconds
	if rest := unix % Seconds; rest >= 0 {
		return hour, Second(rest)
	} else { // before 1970
		return hour - 1, Second(rest + Seconds)
	}
}

// Contact is one of ours and a thing outside that met within an hour.
type Contact struct {
	Thing, Who, How string
	First, Last     Second
	Count           int64 // records
	Bytes           int64
}

// add takes up what else is known of the contact.
func (c *Contact) add(first, last Second, count, bytes int64) {
	c.First, c.Last = min(c.First, first), max(c.Last, last)
	c.Count, c.Bytes = plus(c.Count, count), plus(c.Bytes, bytes)
}

// plus adds numbers that are not negative, and stays at the largest there is.
func plus(a, b int64) int64 {
	if sum := a + b; sum >= a {
		return sum
	}
	return 1<<63 - 1
}

func compare(a, b *Contact) int {
	return cmp.Or(strings.Compare(a.Thing, b.Thing), strings.Compare(a.Who, b.Who), strings.Compare(a.How, b.How))
}

// The first byte of a thing says what it is. Addresses follow as bytes, so
// that neighbours are sorted beside each other.
const (
	thingV4   = '4'
	thingV6   = '6'
	thingName = 'n'
)

// AppendAddr appends the thing that an address is.
func AppendAddr(to []byte, a netip.Addr) []byte {
	if a = a.Unmap(); a.Is4() {
		v := a.As4()
		return append(append(to, thingV4), v[:]...)
	}
	v := a.As16()
	return append(append(to, thingV6), v[:]...)
}

// NameThing is the thing that a domain name is.
func NameThing(name string) string { return string(thingName) + name }

// Addr is the address that a thing is.
func Addr(thing []byte) (netip.Addr, bool) {
	if len(thing) == 5 && thing[0] == thingV4 || len(thing) == 17 && thing[0] == thingV6 {
		return netip.AddrFromSlice(thing[1:])
	}
	return netip.Addr{}, false
}

// Name is the domain name that a thing is.
func Name(thing []byte) (string, bool) {
	if len(thing) > 1 && thing[0] == thingName {
		return string(thing[1:]), true
	}
	return "", false
}
