package intel

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/gaissmai/bart"
	"golang.org/x/net/idna"
)

// Builder collects entries for a Set.
type Builder struct{ set *Set }

// NewBuilder returns a builder without entries.
func NewBuilder() *Builder {
	return &Builder{&Set{addrs: new(bart.Table[[]Hit]), trusted: new(bart.Lite), domains: map[string][]Hit{}, safe: map[string]bool{}}}
}

// Add adds one entry of a list: an address, a prefix, a domain, or a domain
// with "*." or "." before it, which stands for everything below.
func (b *Builder) Add(entry string, h Hit) error {
	h.Entry = entry
	if p, ok := prefix(entry); ok {
		old, _ := b.set.addrs.Get(p)
		b.set.addrs.Insert(p, append(slices.Clip(old), h))
		return nil
	}
	name, err := domain(entry)
	if err != nil {
		return err
	}
	b.set.domains[name] = append(b.set.domains[name], h)
	return nil
}

// Trust adds one entry that no list shall flag; a domain with all below it.
func (b *Builder) Trust(entry string) error {
	if p, ok := prefix(entry); ok {
		b.set.trusted.Insert(p)
		return nil
	}
	name, err := domain(entry)
	if err != nil {
		return err
	}
	b.set.safe[strings.TrimPrefix(name, ".")] = true
	return nil
}

// Set returns the set; the builder is of no more use.
func (b *Builder) Set() *Set {
	// An address has what all prefixes around it say, the nearest first.
	whole := new(bart.Table[[]Hit])
	for p, hits := range b.set.addrs.All() {
		all := slices.Clip(hits)
		for outer, more := range b.set.addrs.Supernets(p) {
			if outer != p {
				all = append(all, more...)
			}
		}
		whole.Insert(p, all)
	}
	b.set.addrs = whole
	return b.set
}

func prefix(entry string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(entry); err == nil {
		return p.Masked(), true
	}
	if a, err := netip.ParseAddr(entry); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	return netip.Prefix{}, false
}

// domain brings a name into the form in which names are looked up.
func domain(entry string) (string, error) {
	below := strings.HasPrefix(entry, "*.") || strings.HasPrefix(entry, ".")
	name := strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(entry, "*"), "."), ".")
	ascii, err := idna.Lookup.ToASCII(strings.ToLower(name))
	if err != nil { // names with "_" and the like are asked for, too
		ascii = strings.ToLower(name)
	}
	if ascii == "" || len(ascii) > 253 || strings.ContainsAny(ascii, " \t/:@,;\"'") || !strings.Contains(ascii, ".") {
		return "", fmt.Errorf("%q is no address, prefix or domain", entry)
	}
	if below {
		ascii = "." + ascii
	}
	return ascii, nil
}
