package detect

import (
	"net/netip"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/intel"
)

// Bounds of what is remembered of the addresses of callers. A cluster has
// fewer; who makes up more in a header costs look-ups.
const (
	maxPeers  = 4096 // lists of addresses
	maxPublic = 3    // public addresses of one list, the nearest ones
)

// peers remembers what there is in the addresses of a call: nearly all calls
// come from the same few.
type peers struct {
	by   *intel.Set
	seen map[string]peer // by the addresses as the record has them
}

// peer is who may have made a call.
type peer struct {
	public []netip.Addr // the addresses nearest to the API server, up to one that is trusted
	listed netip.Addr   // the nearest one that is on a list of callers; not valid if none is
	last   netip.Addr   // who connected to the API server, if that is a public address and not trusted
}

func (p *peers) of(by *intel.Set, sourceIPs []byte) peer {
	if len(sourceIPs) == 0 {
		return peer{}
	}
	if p.seen == nil || p.by != by || len(p.seen) >= maxPeers {
		p.by, p.seen = by, map[string]peer{}
	}
	known, ok := p.seen[string(sourceIPs)]
	if !ok {
		known = peerOf(by, (&event.Audit{SourceIPsJSON: sourceIPs}).SourceIPs())
		p.seen[string(sourceIPs)] = known
	}
	return known
}

// peerOf looks through addresses from the API server outwards. Those further
// away may be forged, but who would forge a bad one? If the nearest public one
// is trusted, the call is.
func peerOf(by *intel.Set, ips []string) (p peer) {
	for i := len(ips) - 1; i >= 0; i-- {
		ip := parseAddr(ips[i])
		if !ip.IsValid() || !isPublic(ip) {
			continue
		}
		if by.Trusted(ip) {
			break
		}
		if i == len(ips)-1 {
			p.last = ip
		}
		if len(p.public) < maxPublic {
			p.public = append(p.public, ip)
		}
		if !p.listed.IsValid() && isListedCaller(by, ip) {
			p.listed = ip
		}
	}
	return p
}

// unmapped writes IPv4 addresses as such where an API server that listens on
// IPv6 wrote ::ffff:203.0.113.7: a caller is one, however it is reached.
func unmapped(ips []string) []string {
	for i, text := range ips {
		if ip, err := netip.ParseAddr(text); err == nil && ip.Is4In6() {
			ips[i] = ip.Unmap().WithZone("").String()
		}
	}
	return ips
}
