package detect

import (
	"cmp"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
)

// judgeQuery runs the detectors of DNS queries.
func (r *record) judgeQuery(q *event.Query) {
	r.raiseQuery(q, r.account.dns.judge(r.opts.Intel, questionOf(q, r.ev.Time)))
	if name := r.account.dns.hinted(); name != "" {
		r.hint(HintDrawnNames, r.askingInstance(q), name)
	}
}

// questionOf is what a record of a query log asks.
func questionOf(q *event.Query, at time.Time) *dnsQuestion {
	return &dnsQuestion{
		name: q.Name, typ: q.Type, rcode: q.Rcode, blocked: q.Blocked(), answers: dnsAnswers{json: q.AnswersJSON},
		time: at, asker: dnsAsker{id: q.Instance, network: q.VPC, addr: q.SrcAddr},
	}
}

// raiseQuery makes findings about instances of what is wrong with a query.
func (r *record) raiseQuery(q *event.Query, verdicts []*dnsVerdict) {
	for _, v := range verdicts {
		s := r.claimQuery(v.typ("EC2"), v.about, q)
		v.tell(s, r.questioner(q))
		r.raise(s)
	}
}

// asker is the key of who asked.
func asker(q *event.Query) string {
	a := dnsAsker{id: q.Instance, network: q.VPC, addr: q.SrcAddr}
	return a.key()
}

// claimQuery starts a claim about a query.
func (r *record) claimQuery(typ, what string, q *event.Query) *finding.Signal {
	s := r.claim(typ, cmp.Or(r.askingInstance(q), asker(q))+"|"+what)
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
