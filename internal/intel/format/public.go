package format

import "net/netip"

// notPublic are the ranges that IANA's registries of special-purpose addresses
// (RFC 6890 and its updates, read 2026-11) say are not globally reachable,
// multicast and class E with them. Those for documentation are left out: no
// log has them, and every example and test does.
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("10.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("224.0.0.0/3"),
	netip.MustParsePrefix("::/8"),
	netip.MustParsePrefix("100::/64"),
	netip.MustParsePrefix("fc00::/7"),
	netip.MustParsePrefix("fe80::/9"),
	netip.MustParsePrefix("ff00::/8"),
}

// Public reports whether a prefix has no part in ranges that are not public.
func Public(p netip.Prefix) bool {
	for _, q := range notPublic {
		if p.Overlaps(q) {
			return false
		}
	}
	return true
}
