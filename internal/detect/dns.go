package detect

import (
	"cmp"
	"net/netip"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
)

// dnsState is what is remembered of an account's DNS queries.
type dnsState struct {
	tunnels *table[tunnel]
	askers  *table[askers]

	reputation *reputation
}

func newDNSState() *dnsState {
	return &dnsState{
		tunnels: newTable[tunnel]("dns-tunnels", maxTunnels, tunnelIdle),
		askers:  newTable[askers]("dns-askers", maxTunnels, tunnelIdle),

		reputation: newReputation(),
	}
}

func (s *dnsState) memories() []memory {
	return append([]memory{s.tunnels, s.askers}, s.reputation.memories()...)
}

// judgeQuery runs the detectors of DNS queries.
func (r *record) judgeQuery(q *event.Query) {
	if q.Name == "" {
		return
	}
	if hits := r.opts.Intel.Domain(q.Name); len(hits) > 0 {
		r.askedFor(q, hits)
	} else {
		r.reputation(q)
	}
	r.rebind(q)
	r.exfiltrate(q)
}

// asker is the key of who asked.
func asker(q *event.Query) string {
	if q.Instance != "" {
		return q.Instance
	}
	return q.VPC + "/" + q.SrcAddr.String()
}

// claimQuery starts a claim about a query.
func (r *record) claimQuery(typ, what string, q *event.Query) *finding.Signal {
	s := r.claim(typ, cmp.Or(r.askingInstance(q), asker(q))+"|"+what)
	s.Role = "ACTOR"
	s.Action = finding.Action{ActionType: "DNS_REQUEST", DNSRequestAction: &finding.DNSRequestAction{
		Domain: strings.Clone(q.Name), DomainWithSuffix: strings.Clone(registered(q.Name)), Protocol: strings.Clone(cmp.Or(q.Transport, "UDP")),
		Blocked: q.Blocked(), VPCOwnerAccountID: strings.Clone(q.Account),
	}}
	s.Resource = finding.Resource{
		ResourceType:    "Instance",
		InstanceDetails: r.account.instances.details(q.Instance, "", q.VPC, "", q.SrcAddr.Unmap()),
	}
	if q.SrcAddr.IsValid() {
		s.Actor.SourceIPs = []string{q.SrcAddr.String()}
	}
	return s
}

// askingInstance is the id of the instance that asked, "" if no log names it.
func (r *record) askingInstance(q *event.Query) string {
	if q.Instance != "" {
		return q.Instance
	}
	return r.account.instances.idOf("", q.VPC, q.SrcAddr)
}

// questioner names who asked in a sentence.
func (r *record) questioner(q *event.Query) string {
	switch id := r.askingInstance(q); {
	case id != "":
		return "the instance " + id
	case q.ResolverEndpoint != "" && q.SrcAddr.IsValid():
		return "the machine at " + q.SrcAddr.String() + ", which asks through the resolver endpoint " + q.ResolverEndpoint + ","
	case q.SrcAddr.IsValid():
		return "the machine at " + q.SrcAddr.String()
	}
	return "a machine in " + q.VPC
}

// icannSuffix is the part of a name under which ICANN's registries give out
// domains, "" if it is none of theirs. The private part of the public suffix
// list, of providers such as cloudfront.net, does not count.
func icannSuffix(name string) string {
	for rest := name; ; {
		suffix, icann := publicsuffix.PublicSuffix(rest)
		if icann {
			return suffix
		}
		i := strings.IndexByte(suffix, '.')
		if i < 0 {
			return ""
		}
		rest = suffix[i+1:]
	}
}

// registered is the domain, of those somebody registered, that a name is in;
// "" if there is none.
func registered(name string) string {
	suffix := icannSuffix(name)
	if suffix == "" || len(name) <= len(suffix)+1 {
		return ""
	}
	left := name[:len(name)-len(suffix)-1]
	at := strings.LastIndexByte(left, '.') + 1
	if at == len(left) { // an empty label
		return ""
	}
	return name[at:]
}

// parseAddr reads an address as records have it; not valid where that is none.
func parseAddr(s string) netip.Addr {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}
