package format

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/net/idna"
)

// value is one value of a list in normal form.
type value struct {
	kind   Kind
	text   string
	prefix netip.Prefix // of an Address
	url    bool         // the host of a URL
	skip   string       // why it is of no use
}

// Normal brings one value, written as in any list or by hand, into the form of
// an entry: the host of a URL or of an address with a port, names in lower case,
// without what keeps a value from being clicked on.
func Normal(raw string) (Kind, string, error) {
	if host, ok := strings.CutPrefix(strings.TrimSpace(raw), "["); ok && isAddr(strings.TrimSuffix(host, "]")) { // [2001:db8::1]
		raw = strings.TrimSuffix(host, "]")
	}
	v, err := classify(raw)
	if err == nil && v.skip != "" {
		err = fmt.Errorf("%.80q is no address, prefix, domain or hash that can be looked up: %s", raw, v.skip)
	}
	return v.kind, v.text, err
}

// classify finds out what a value is and brings it into normal form.
func classify(raw string) (value, error) {
	raw, _, _ = strings.Cut(raw, " #") // a note in a cell
	raw = refang(strings.TrimSpace(raw))
	if raw == "" {
		return value{}, errors.New("there is no value")
	}
	if len(raw) > 8<<10 {
		return value{}, fmt.Errorf("a value of %d bytes", len(raw))
	}
	if _, rest, ok := strings.Cut(raw, "://"); ok {
		return hostOf(raw, rest)
	}
	if v, ok, err := address(raw); ok || err != nil {
		return v, err
	}
	if v, ok := hash(raw); ok {
		return v, nil
	}
	if strings.Contains(raw, "@") {
		return value{skip: "e-mail address"}, nil
	}
	if host, _, ok := strings.Cut(raw, "/"); ok && strings.Contains(host, ".") { // a URL without its scheme
		return hostOf(raw, raw)
	}
	host, port, ok := strings.Cut(raw, ":")
	if ok && digits(port) {
		raw = host
	}
	return domain(raw)
}

// refang undoes what keeps an entry from being clicked on by mistake.
func refang(s string) string {
	if !strings.ContainsAny(s, "[({hH") {
		return s
	}
	if len(s) > 4 && strings.EqualFold(s[:4], "hxxp") {
		s = "http" + s[4:]
	}
	for _, f := range []struct{ fanged, plain string }{
		{"[.]", "."}, {"(.)", "."}, {"{.}", "."}, {"[dot]", "."}, {"(dot)", "."}, {"[:]", ":"}, {"[://]", "://"},
	} {
		if strings.Contains(s, f.fanged) {
			s = strings.ReplaceAll(s, f.fanged, f.plain)
		}
	}
	return s
}

// address reads addresses, prefixes, and addresses with a port.
func address(s string) (value, bool, error) {
	if strings.ContainsAny(s, "/") {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			if host, _, _ := strings.Cut(s, "/"); isAddr(host) {
				return value{}, false, fmt.Errorf("%q is not a prefix: what is behind the slash is not a length it can have", s)
			}
			return value{}, false, nil
		}
		return fromPrefix(p), true, nil
	}
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return fromPrefix(netip.PrefixFrom(a, a.BitLen())), true, nil
	}
	if ap, err := netip.ParseAddrPort(s); err == nil && ap.Addr().Zone() == "" {
		a := ap.Addr().Unmap()
		return fromPrefix(netip.PrefixFrom(a, a.BitLen())), true, nil
	}
	return value{}, false, nil
}

func isAddr(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

func fromPrefix(p netip.Prefix) value {
	if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	p = p.Masked()
	v := value{kind: Address, prefix: p, text: p.String()}
	if p.IsSingleIP() {
		v.text = p.Addr().String()
	}
	return v
}

// hash tells hashes by their length.
func hash(s string) (value, bool) {
	switch len(s) {
	case 64, 32, 40, 128, 96:
	default:
		return value{}, false
	}
	if !isHex(s) {
		return value{}, false
	}
	switch len(s) {
	case 64:
		return value{kind: SHA256, text: strings.ToLower(s)}, true
	case 32:
		return value{kind: MD5, text: strings.ToLower(s)}, true
	case 40:
		return value{kind: SHA1, text: strings.ToLower(s)}, true
	}
	return value{skip: "other hash"}, true
}

func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return false
		}
	}
	return s != ""
}

// hostOf is the host of a URL, whose part behind "://" is rest.
func hostOf(raw, rest string) (value, error) {
	end := strings.IndexAny(rest, "/?#\\")
	if end >= 0 {
		rest = rest[:end]
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = rest[i+1:]
	}
	if strings.HasPrefix(rest, "[") {
		host, _, ok := strings.Cut(rest[1:], "]")
		if !ok {
			return value{}, fmt.Errorf("%.80q is no URL: its host has no end", raw)
		}
		rest = host
	} else if host, port, ok := strings.Cut(rest, ":"); ok && (port == "" || digits(port)) {
		rest = host
	}
	v, ok, err := address(rest)
	if !ok && err == nil {
		v, err = domain(rest)
	}
	if err != nil {
		return value{}, fmt.Errorf("%.80q has no usable host: %w", raw, err)
	}
	v.url = true
	return v, nil
}

// domain brings a name into normal form: ASCII, lower case, no final dot;
// "*.x" and ".x" both stand for everything below x.
func domain(raw string) (value, error) {
	name, below := strings.CutPrefix(raw, "*.")
	if !below {
		name, below = strings.CutPrefix(raw, ".")
	}
	name = strings.TrimSuffix(name, ".")
	lower, ascii := strings.ToLower(name), true
	for i := range len(lower) {
		if lower[i] >= 0x80 {
			ascii = false
			break
		}
	}
	if !ascii {
		var err error
		if lower, err = idna.Lookup.ToASCII(name); err != nil {
			return value{}, fmt.Errorf("%.80q is no domain that can be asked for: %w", raw, err)
		}
	}
	if why := badName(lower); why != "" {
		return value{}, fmt.Errorf("%.80q is no address, prefix, domain or hash of a file: %s", raw, why)
	}
	if below {
		lower = "*." + lower
	}
	return value{kind: Domain, text: lower}, nil
}

// badName says why a name cannot be a domain: names with "_" can, single
// labels and names that end in a number cannot.
func badName(s string) string {
	switch {
	case len(s) > 253:
		return "it is longer than 253 bytes"
	case !strings.Contains(s, "."):
		return "it has no dot"
	}
	last := ""
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 {
			return "a part between dots is empty or longer than 63 bytes"
		}
		for i := range len(label) {
			c := label[i]
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return fmt.Sprintf("%q does not belong in it", c)
			}
		}
		last = label
	}
	if digits(last) {
		return "it ends in a number"
	}
	return ""
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// maxSpan bounds the prefixes of one range; the worst one in IPv4 has 62.
const maxSpan = 64

// spanOf covers a range of addresses with prefixes.
func spanOf(from, to string) ([]value, error) {
	a, errA := netip.ParseAddr(strings.TrimSpace(from))
	b, errB := netip.ParseAddr(strings.TrimSpace(to))
	if errA != nil || errB != nil {
		return nil, fmt.Errorf("%.60q to %.60q is no range of addresses", from, to)
	}
	a, b = a.Unmap(), b.Unmap()
	if a.BitLen() != b.BitLen() || b.Less(a) || a.Zone() != "" || b.Zone() != "" {
		return nil, fmt.Errorf("%s to %s is no range: its end is before its start, or of another kind", a, b)
	}
	var out []value
	for a.IsValid() && !b.Less(a) {
		p := widest(a, b)
		if out = append(out, fromPrefix(p)); len(out) > maxSpan {
			return nil, fmt.Errorf("the range up to %s needs more than %d prefixes", b, maxSpan)
		}
		a = lastOf(p).Next()
	}
	return out, nil
}

// widest is the widest prefix that starts at a and does not go beyond b.
func widest(a, b netip.Addr) netip.Prefix {
	best := netip.PrefixFrom(a, a.BitLen())
	for bits := a.BitLen() - 1; bits >= 0; bits-- {
		p := netip.PrefixFrom(a, bits)
		if p.Masked().Addr() != a || b.Less(lastOf(p)) {
			break
		}
		best = p
	}
	return best
}

func lastOf(p netip.Prefix) netip.Addr {
	raw := p.Addr().AsSlice()
	for i := p.Bits(); i < len(raw)*8; i++ {
		raw[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(raw)
	return a
}
