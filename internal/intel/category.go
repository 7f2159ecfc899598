package intel

import "strings"

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

// Service reports whether the category is of services that are not bad by
// themselves, so that well-known servers may have it.
func (c Category) Service() bool { return c == DNSResolver || c == DoH || c == DoT }

func categoryNames() string {
	var names []string
	for _, c := range Categories() {
		names = append(names, string(c))
	}
	return strings.Join(names, ", ")
}
