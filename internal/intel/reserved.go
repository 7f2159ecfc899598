package intel

import (
	"fmt"
	"net/netip"
)

// The widest prefixes that a list may have: wider ones are slips of the pen
// that would flag, or excuse, a good part of the internet.
const (
	minBits4 = 8
	minBits6 = 16
)

func checkWidth(p netip.Prefix) error {
	if p.Addr().Is4() && p.Bits() < minBits4 || p.Addr().Is6() && p.Bits() < minBits6 {
		return fmt.Errorf("%s is too wide; at most /%d, and /%d for IPv6", p, minBits4, minBits6)
	}
	return nil
}

// special is a range whose addresses are nobody's on the internet.
type special struct {
	netip.Prefix
	what string
	// documentation: no real traffic has such addresses, so they are what lists
	// and logs are tried out with.
	documentation bool
}

var specials = []special{
	{netip.MustParsePrefix("0.0.0.0/8"), "of this network", false},
	{netip.MustParsePrefix("10.0.0.0/8"), "private", false},
	{netip.MustParsePrefix("100.64.0.0/10"), "shared by customers of carriers", false},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback", false},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local", false},
	{netip.MustParsePrefix("172.16.0.0/12"), "private", false},
	{netip.MustParsePrefix("192.0.0.0/24"), "of protocols", false},
	{netip.MustParsePrefix("192.0.2.0/24"), "for documentation", true},
	{netip.MustParsePrefix("192.168.0.0/16"), "private", false},
	{netip.MustParsePrefix("198.18.0.0/15"), "for benchmarks", false},
	{netip.MustParsePrefix("198.51.100.0/24"), "for documentation", true},
	{netip.MustParsePrefix("203.0.113.0/24"), "for documentation", true},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast", false},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved", false},
	{netip.MustParsePrefix("::/127"), "unspecified or loopback", false},
	{netip.MustParsePrefix("100::/64"), "for discarding", false},
	{netip.MustParsePrefix("2001:db8::/32"), "for documentation", true},
	{netip.MustParsePrefix("3fff::/20"), "for documentation", true},
	{netip.MustParsePrefix("fc00::/7"), "private", false},
	{netip.MustParsePrefix("fe80::/10"), "link-local", false},
	{netip.MustParsePrefix("ff00::/8"), "multicast", false},
}

// reservedFor says what a prefix is kept for if the internet does not route it,
// or not all of it.
func reservedFor(p netip.Prefix) (why string, documentation, ok bool) {
	for i := range specials {
		if s := &specials[i]; s.Overlaps(p) {
			if s.Prefix == p {
				return fmt.Sprintf("%s is %s", p, s.what), s.documentation, true
			}
			if s.Bits() < p.Bits() {
				return fmt.Sprintf("%s is %s (%s)", p, s.what, s.Prefix), s.documentation, true
			}
			return fmt.Sprintf("%s has %s in it, which is %s", p, s.Prefix, s.what), s.documentation, true
		}
	}
	return "", false, false
}
