package intel

import (
	"net/netip"
	"strings"
)

// Network is whose an address is, if it belongs to a cloud or a CDN. That is
// no threat: it says how much the address means.
type Network struct {
	Provider string `json:"provider"` // such as aws
	Region   string `json:"region,omitempty"`
	Service  string `json:"service,omitempty"`
	Prefix   string `json:"prefix"`
	List     string `json:"list"`
}

// Network returns the provider of an address.
func (s *Set) Network(a netip.Addr) (provider string, ok bool) {
	n, ok := s.NetworkOf(a)
	return n.Provider, ok
}

// NetworkOf returns the network of an address, the narrowest that the first
// part with one has.
func (s *Set) NetworkOf(a netip.Addr) (Network, bool) {
	if !a.IsValid() {
		return Network{}, false
	}
	for _, p := range s.all() {
		x := p.networks()
		c := x.addr(a.Unmap())
		if c == none {
			continue
		}
		h := x.hit(&x.entries[c])
		n := Network{Prefix: h.Entry, List: h.List}
		for i, to := range []*string{&n.Provider, &n.Region, &n.Service} {
			if i < len(h.Names) {
				*to = h.Names[i]
			}
		}
		return n, true
	}
	return Network{}, false
}

// DomainKinds returns what kinds of domain a name belongs to, such as
// dynamic-dns: the category of a hit is the kind, its name the operator.
func (s *Set) DomainKinds(name string) []Hit { return s.AppendKinds(make([]Hit, 0, few), name) }

// AppendKinds appends what DomainKinds returns.
func (s *Set) AppendKinds(hits []Hit, name string) []Hit {
	for _, p := range s.all() {
		if x := p.kinds(); x != nil {
			hits = x.append(hits, x.name(name))
		}
	}
	return hits
}

// AddrKinds is DomainKinds for the few kinds that are of addresses, too, such
// as sinkhole.
func (s *Set) AddrKinds(a netip.Addr) []Hit { return s.AppendAddrKinds(make([]Hit, 0, few), a) }

// AppendAddrKinds appends what AddrKinds returns.
func (s *Set) AppendAddrKinds(hits []Hit, a netip.Addr) []Hit {
	if !a.IsValid() {
		return hits
	}
	for _, p := range s.all() {
		if x := p.kinds(); x != nil {
			hits = x.append(hits, x.addr(a.Unmap()))
		}
	}
	return hits
}

// PopularDomain returns the rank of a name among popular domains, or that of the
// nearest name above it of the same owner; 1 is the first.
func (s *Set) PopularDomain(name string) (rank int, ok bool) {
	for _, p := range s.all() {
		if p.popular == nil {
			continue
		}
		r := p.popular()
		above := name
		for rank, ok = r.rank(above); !ok; rank, ok = r.rank(above) {
			dot := strings.IndexByte(above, '.')
			if dot < 0 {
				break
			}
			above = above[dot+1:]
		}
		// Under github.io everybody is who they say.
		if ok && (above == name || len(above) >= len(registered(name))) {
			return rank, true
		}
	}
	return 0, false
}
