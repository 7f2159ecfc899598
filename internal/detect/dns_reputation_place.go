package detect

import (
	_ "embed"
	"hash/maphash"
	"strings"
	"sync"

	"golang.org/x/net/publicsuffix"

	"github.com/vedette-project/vedette/internal/intel"
)

// dns_reputation_tlds.txt has the top-level domains with much abuse.
//
//go:embed dns_reputation_tlds.txt
var tldsText string

var abusedTLDs = sync.OnceValue(func() map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(tldsText) {
		if tld, why, ok := strings.Cut(strings.TrimSpace(line), " "); ok && tld != "#" {
			m[tld] = why
		}
	}
	return m
})

// The kinds of domains under which anybody gets a name.
const (
	kindTunnel  = "tunnel"
	kindDynamic = "dynamic-dns"
	kindHosting = "free-hosting"
)

// somewhere is the part of a name that somebody registered: a domain, or a name
// below a domain that many share.
type somewhere struct {
	site  string // paypal.com, myhost.duckdns.org
	label string // its first label
	// Of a shared domain: itself, what kind it is, and whose.
	zone, kind, operator string
}

// places keeps where names are, for the few hundred that are asked for again and
// again: to find that out takes longer than all else that is done with a query.
// It answers what placeOf does, so nothing of it need be saved.
type places struct {
	set   *intel.Set
	seed  maphash.Seed
	slots []placed
}

type placed struct {
	name  string
	where somewhere
	ok    bool
}

const placeSlots = 512

// of returns where a name is, nil if nobody's reputation is in question.
func (c *places) of(set *intel.Set, name string) *somewhere {
	if c.slots == nil || c.set != set {
		c.set, c.seed, c.slots = set, maphash.MakeSeed(), make([]placed, placeSlots)
	}
	p := &c.slots[maphash.String(c.seed, name)%placeSlots]
	if p.name != name {
		p.name = strings.Clone(name)
		p.where, p.ok = judgedPlace(set, p.name)
	}
	if !p.ok {
		return nil
	}
	return &p.where
}

// judgedPlace is placeOf for what is neither popular nor trusted.
func judgedPlace(set *intel.Set, name string) (p somewhere, ok bool) {
	if isInside(name) {
		return p, false
	}
	if _, popular := set.PopularDomain(name); popular || set.TrustedDomain(name) {
		return p, false
	}
	return placeOf(set, name)
}

// placeOf finds out whose a name is. It is nobody's of interest where no registry
// of ICANN's gives out such names, or the operator of a shared domain uses it.
func placeOf(set *intel.Set, name string) (p somewhere, ok bool) {
	if name[0] == '_' || strings.Contains(name, "._") {
		return p, false
	}
	var room [4]intel.Hit
	hits := set.AppendKinds(room[:0], name)
	if len(hits) > 0 {
		return sharedPlace(name, hits)
	}
	p.site = registered(name)
	if p.site == "" || wideDomains()[p.site] {
		return p, false
	}
	p.label, _, _ = strings.Cut(p.site, ".")
	return p, true
}

func sharedPlace(name string, hits []intel.Hit) (p somewhere, ok bool) {
	for i := range hits {
		h := &hits[i]
		zone, below := strings.CutPrefix(h.Entry, "*.")
		rank := kindRank(string(h.Category))
		if rank == 0 || !below { // a service of its own, such as one that tells addresses
			return p, false
		}
		if rank > kindRank(p.kind) {
			p.zone, p.kind, p.operator = zone, string(h.Category), strings.Join(h.Names, ", ")
		}
	}
	if suffix, _ := publicsuffix.PublicSuffix(name); len(suffix) > len(p.zone) { // eu.ngrok.io
		p.zone = suffix
	}
	if len(name) <= len(p.zone)+1 {
		return p, false
	}
	left := name[:len(name)-len(p.zone)-1]
	p.site = name[strings.LastIndexByte(left, '.')+1:]
	p.label, _, _ = strings.Cut(p.site, ".")
	return p, !p.isOperators()
}

// kindRank orders kinds by how much they say; 0 is for those that say nothing of
// who is behind a name.
func kindRank(kind string) int {
	switch kind {
	case kindTunnel:
		return 3
	case kindDynamic:
		return 2
	case kindHosting:
		return 1
	}
	return 0
}

// isOperators reports whether a name below a shared domain is its operator's.
func (p *somewhere) isOperators() bool {
	switch p.label {
	case "www", "docs", "dashboard", "status", "blog", "mail", "support", "help", "static", "assets":
		return true
	case "api", "update", "dynupdate", "dyn", "members", "checkip", "ip", "nic", "dns", "ns", "ns1", "ns2", "ns3", "ns4", "login", "account", "app":
		return p.kind != kindTunnel // who asks there for a tunnel opens one
	}
	return false
}

// asksWhere reports whether a query is of the kind that comes before a connection.
// Mail servers ask for the mail and text records of whoever writes to them.
func asksWhere(q *dnsQuestion) bool {
	switch q.typ {
	case "A", "AAAA", "CNAME", "HTTPS", "TYPE65":
		return true
	}
	return false
}

// isAnswered reports whether a query was answered, or the DNS firewall kept the
// answer back.
func isAnswered(q *dnsQuestion) bool {
	return q.rcode == "NOERROR" && q.answers.some() || q.blocked
}
