package intel

import (
	"net/netip"
	"slices"
	"strings"
)

// Set is what all lists say together. A nil Set knows nothing.
type Set struct {
	parts   []*Part
	threats []*index // of the parts that have some
	trusted []*index
}

// NewSet returns the set of some parts, which are asked in this order.
func NewSet(parts ...*Part) *Set {
	s := &Set{parts: slices.Clone(parts)}
	for _, p := range parts {
		if p.threats != nil {
			s.threats = append(s.threats, p.threats)
		}
		if p.trusted != nil {
			s.trusted = append(s.trusted, p.trusted)
		}
	}
	return s
}

// With returns a set with a part in the place of that with the same name, or
// behind the others.
func (s *Set) With(p *Part) *Set {
	parts := slices.Clone(s.all())
	if i := slices.IndexFunc(parts, func(q *Part) bool { return q.name == p.name }); i >= 0 {
		parts[i] = p
	} else {
		parts = append(parts, p)
	}
	return NewSet(parts...)
}

// Without returns a set without the part of a name.
func (s *Set) Without(name string) *Set {
	return NewSet(slices.DeleteFunc(slices.Clone(s.all()), func(p *Part) bool { return p.name == name })...)
}

func (s *Set) all() []*Part {
	if s == nil {
		return nil
	}
	return s.parts
}

// Lists are all lists of the set.
func (s *Set) Lists() []List {
	var out []List
	for _, p := range s.all() {
		out = append(out, p.Lists()...)
	}
	return out
}

// Conflicts are those of all parts.
func (s *Set) Conflicts() []Conflict {
	var out []Conflict
	for _, p := range s.all() {
		out = append(out, p.conflicts...)
	}
	return out
}

// few is room for the hits of nearly every look-up. It lies on the caller's
// stack: the functions that make it are small enough to become part of their
// callers, and allocate only if the caller lets the hits escape.
const few = 8

// Addr returns what is known of an address: part by part, the most specific
// entries first; nothing for a trusted one.
func (s *Set) Addr(a netip.Addr) []Hit { return s.AppendAddr(make([]Hit, 0, few), a) }

// Domain returns what is known of a name in lower case, without final dot: part
// by part, what lists say of itself, then of the nearest domain above it.
func (s *Set) Domain(name string) []Hit { return s.AppendDomain(make([]Hit, 0, few), name) }

// File returns what is known of a file by its SHA-256.
func (s *Set) File(sum [32]byte) []Hit { return s.AppendHash(make([]Hit, 0, few), sum[:]) }

// Hash returns what is known of a file by its SHA-256, SHA-1 or MD5: which one
// it is shows in its length. A list has one of them of a file, so who knows all
// three asks for each.
func (s *Set) Hash(sum []byte) []Hit { return s.AppendHash(make([]Hit, 0, few), sum) }

// AppendAddr appends what Addr returns.
func (s *Set) AppendAddr(hits []Hit, a netip.Addr) []Hit {
	if s == nil || !a.IsValid() {
		return hits
	}
	a = a.Unmap()
	n := len(hits)
	for _, x := range s.threats {
		if c := x.addr(a); c != none {
			hits = x.append(hits, c)
		}
	}
	if len(hits) > n && s.trusts(a) {
		return hits[:n]
	}
	return hits
}

// AppendDomain appends what Domain returns.
func (s *Set) AppendDomain(hits []Hit, name string) []Hit {
	if s == nil {
		return hits
	}
	n := len(hits)
	for _, x := range s.threats {
		if c := x.name(name); c != none {
			hits = x.append(hits, c)
		}
	}
	if len(hits) > n && s.TrustedDomain(name) {
		return hits[:n]
	}
	kept := hits[:n]
	for _, h := range hits[n:] {
		if !isWebsite(&h, name) {
			kept = append(kept, h)
		}
	}
	return kept
}

// isWebsite reports whether a name is no more than the website of a domain
// below which everything is on a list that is built in: people look at the
// sites of mining pools; who mines asks for other hosts.
func isWebsite(h *Hit, name string) bool {
	site, ok := strings.CutPrefix(name, "www.")
	return ok && h.Of.Kind == KindBuiltin && strings.HasPrefix(h.Entry, "*.") && h.Entry[2:] == site
}

// AppendHash appends what Hash returns.
func (s *Set) AppendHash(hits []Hit, sum []byte) []Hit {
	if s == nil {
		return hits
	}
	n := len(hits)
	for _, x := range s.threats {
		if c := x.sum(sum); c != none {
			hits = x.append(hits, c)
		}
	}
	if len(hits) > n && s.TrustedHash(sum) {
		return hits[:n]
	}
	return hits
}

// AddrIn returns the first hit of an address in the first of some categories
// that has one.
func (s *Set) AddrIn(a netip.Addr, in ...Category) (Hit, bool) {
	if s == nil || !a.IsValid() {
		return Hit{}, false
	}
	a = a.Unmap()
	var room [manyParts]chain
	chains, found := room[:0], false
	for _, x := range s.threats {
		c := x.addr(a)
		chains, found = append(chains, c), found || c != none
	}
	if !found || s.trusts(a) {
		return Hit{}, false
	}
	return s.inCategory(chains, "", in)
}

// DomainIn is AddrIn for a name.
func (s *Set) DomainIn(name string, in ...Category) (Hit, bool) {
	if s == nil {
		return Hit{}, false
	}
	var room [manyParts]chain
	chains, found := room[:0], false
	for _, x := range s.threats {
		c := x.name(name)
		chains, found = append(chains, c), found || c != none
	}
	if !found || s.TrustedDomain(name) {
		return Hit{}, false
	}
	return s.inCategory(chains, name, in)
}

// manyParts is more parts than a set has; if it has more, look-ups allocate.
const manyParts = 8

// inCategory chooses from the entries that each part has.
func (s *Set) inCategory(chains []chain, name string, in []Category) (Hit, bool) {
	for _, want := range in {
		for i, x := range s.threats {
			if h, ok := x.inCategory(chains[i], want); ok && !isWebsite(&h, name) {
				return h, true
			}
		}
	}
	return Hit{}, false
}

// Trusted reports whether an address is on a list of trusted ones.
func (s *Set) Trusted(a netip.Addr) bool { return s != nil && a.IsValid() && s.trusts(a.Unmap()) }

func (s *Set) trusts(a netip.Addr) bool {
	for _, x := range s.trusted {
		if x.addr(a) != none {
			return true
		}
	}
	return false
}

// TrustedDomain reports whether a name, or a domain above it, is trusted.
func (s *Set) TrustedDomain(name string) bool {
	if s == nil {
		return false
	}
	for _, x := range s.trusted {
		if x.name(name) != none {
			return true
		}
	}
	return false
}

// TrustedHash reports whether the file with a hash is trusted.
func (s *Set) TrustedHash(sum []byte) bool {
	if s == nil {
		return false
	}
	for _, x := range s.trusted {
		if x.sum(sum) != none {
			return true
		}
	}
	return false
}
