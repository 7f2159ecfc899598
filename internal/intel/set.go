package intel

import (
	"net/netip"
	"strings"

	"github.com/gaissmai/bart"
)

// Category is what a list says of its entries.
type Category string

// The categories.
const (
	Malicious      Category = "malicious" // calls from there, or traffic with it, are unwelcome
	Custom         Category = "custom"    // a list of the operator's own, without a category
	C2             Category = "c2"
	Cryptocurrency Category = "cryptocurrency"
	TorExit        Category = "tor-exit"  // calls come from there
	TorEntry       Category = "tor-entry" // guards and directory authorities: clients connect there
	TorRelay       Category = "tor-relay" // relays connect to each other
	BlackHole      Category = "black-hole"
	DropPoint      Category = "drop-point"
	Phishing       Category = "phishing"
	DriveBy        Category = "drive-by"
	DGA            Category = "dga"
	Scanner        Category = "scanner" // known to probe the whole internet

	AbusedReputation         Category = "abused-reputation"
	CryptocurrencyReputation Category = "cryptocurrency-reputation"
	MaliciousReputation      Category = "malicious-reputation"
	SuspiciousReputation     Category = "suspicious-reputation"

	// Services that are not bad by themselves.
	DNSResolver Category = "dns-resolver" // public
	DoH         Category = "doh"
	DoT         Category = "dot"
)

// Categories are all of them, in order.
func Categories() []Category {
	return []Category{
		Malicious, Custom, C2, Cryptocurrency, TorExit, TorEntry, TorRelay, BlackHole, DropPoint, Phishing, DriveBy, DGA, Scanner,
		AbusedReputation, CryptocurrencyReputation, MaliciousReputation, SuspiciousReputation, DNSResolver, DoH, DoT,
	}
}

// Hit is an entry of a list that matched.
type Hit struct {
	List     string // its name
	Category Category
	Names    []string // of threats, such as "Log4j Related"
	Entry    string   // as the list has it
}

// Set is what all lists say together. A nil Set knows nothing.
type Set struct {
	addrs   *bart.Table[[]Hit]
	domains map[string][]Hit // exact names; ".name" is everything below name
	trusted *bart.Lite
	safe    map[string]bool // trusted domains, with everything below
}

// Addr returns what is known of an address, the most specific entry's list
// first; nothing for a trusted one.
func (s *Set) Addr(a netip.Addr) []Hit {
	if s == nil || !a.IsValid() {
		return nil
	}
	a = a.Unmap()
	hits, ok := s.addrs.Lookup(a)
	if !ok || s.trusted.Contains(a) {
		return nil
	}
	return hits
}

// AddrIn returns the first hit of an address in one of the categories.
func (s *Set) AddrIn(a netip.Addr, in ...Category) (Hit, bool) { return first(s.Addr(a), in) }

// Trusted reports whether an address is on a list of trusted ones.
func (s *Set) Trusted(a netip.Addr) bool {
	return s != nil && a.IsValid() && s.trusted.Contains(a.Unmap())
}

// Domain returns what is known of a name in lower case, without final dot: what
// lists say of itself, or else of the nearest domain above it that is listed
// with everything below.
func (s *Set) Domain(name string) []Hit {
	if s == nil || name == "" || len(s.domains) == 0 || s.TrustedDomain(name) {
		return nil
	}
	if hits := s.domains[name]; hits != nil {
		return hits
	}
	for {
		i := strings.IndexByte(name, '.')
		if i < 0 {
			return nil
		}
		if hits := s.domains[name[i:]]; hits != nil { // ".name" stands for all below it
			return hits
		}
		name = name[i+1:]
	}
}

// DomainIn returns the first hit of a name in one of the categories.
func (s *Set) DomainIn(name string, in ...Category) (Hit, bool) { return first(s.Domain(name), in) }

// TrustedDomain reports whether a name, or a domain above it, is trusted.
func (s *Set) TrustedDomain(name string) bool {
	if s == nil || len(s.safe) == 0 {
		return false
	}
	for {
		if s.safe[name] {
			return true
		}
		i := strings.IndexByte(name, '.')
		if i < 0 {
			return false
		}
		name = name[i+1:]
	}
}

func first(hits []Hit, in []Category) (Hit, bool) {
	for _, c := range in {
		for _, h := range hits {
			if h.Category == c {
				return h, true
			}
		}
	}
	return Hit{}, false
}
