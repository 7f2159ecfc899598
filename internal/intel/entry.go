package intel

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// parsePrefix reads an address or a prefix; that of a mapped IPv4 address is
// the IPv4 one.
func parsePrefix(entry string) (netip.Prefix, bool) {
	if entry == "" || strings.IndexByte("0123456789abcdefABCDEF:", entry[0]) < 0 {
		return netip.Prefix{}, false // most names, without an error that costs something
	}
	if !strings.Contains(entry, "/") {
		a, err := netip.ParseAddr(entry)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, false
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(entry)
	if err != nil {
		return netip.Prefix{}, false
	}
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), true
}

// errNoEntry is of entries that are nothing that is known.
var errNoEntry = errors.New("no address, prefix, domain or hash of a file")

// parseName brings a domain into the form in which names are looked up: lower
// case, ASCII, no final dot. "*." or "." before it means all below it.
func parseName(entry string) (name string, below bool, err error) {
	name = entry
	for _, mark := range []string{"*.", "."} {
		if rest, ok := strings.CutPrefix(entry, mark); ok {
			name, below = rest, true
			break
		}
	}
	name = strings.TrimSuffix(name, ".")
	if !isASCII(name) {
		ascii, err := idna.Lookup.ToASCII(strings.ToLower(name))
		if err != nil {
			return "", false, fmt.Errorf("%q is %w", entry, errNoEntry)
		}
		name = ascii
	}
	name = strings.ToLower(name)
	if !isName(name) {
		return "", false, fmt.Errorf("%q is %w", entry, errNoEntry)
	}
	return name, below, nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// maxLabels is more than any name has that somebody would list, those of
// addresses in ip6.arpa included; each label costs a node.
const maxLabels = 40

// isName reports whether a text can be asked of DNS as a name of two labels or
// more: what has a port, a path or a list separator in it cannot, nor can an
// address with a slip of the pen.
func isName(s string) bool {
	if len(s) > 253 || strings.Count(s, ".") >= maxLabels {
		return false
	}
	labels := 0
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for i := range len(label) {
			c := label[i]
			if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
				return false
			}
		}
		labels++
	}
	last := s[strings.LastIndexByte(s, '.')+1:]
	return labels > 1 && strings.Trim(last, "0123456789") != ""
}

// isSuffix reports whether a name is one under which everybody can register,
// such as co.uk.
func isSuffix(name string) bool {
	suffix, icann := publicsuffix.PublicSuffix(name)
	return icann && suffix == name
}

// registered is the domain that somebody registered to have a name; the name
// itself if it is that of a registry.
func registered(name string) string {
	if domain, err := publicsuffix.EffectiveTLDPlusOne(name); err == nil {
		return domain
	}
	return name
}
