package event

import (
	"net/netip"
	"time"

	"github.com/vedette-project/vedette/internal/jsonscan"
)

// Query is one record of a Route 53 Resolver query log.
type Query struct {
	Account, Region, VPC string
	Name                 string // as asked, lower case, without the final dot
	Type                 string // A, AAAA, TXT, …
	Class                string // IN
	Rcode                string // NOERROR, NXDOMAIN, SERVFAIL, …
	Transport            string // UDP, TCP, DOH, …
	SrcAddr              netip.Addr
	SrcPort              uint16
	Instance             string // srcids.instance: who asked; "" if not known
	ResolverEndpoint     string // srcids.resolver_endpoint: came from outside the VPC
	FirewallAction       string // firewall_rule_action: ALLOW, BLOCK or ALERT; "" without a firewall
	Time                 time.Time
	AnswersJSON          []byte // array of {Rdata, Type, Class}
}

// Answer is one resource record of an answer.
type Answer struct{ Data, Type, Class string }

// Answers decodes the answers.
func (q *Query) Answers() []Answer {
	if len(q.AnswersJSON) == 0 {
		return nil
	}
	n, _ := jsonscan.Parse(q.AnswersJSON)
	items := n.Items()
	out := make([]Answer, 0, len(items))
	for _, a := range items {
		out = append(out, Answer{a.Text("Rdata"), a.Text("Type"), a.Text("Class")})
	}
	return out
}

// Blocked reports whether the DNS firewall kept the answer back.
func (q *Query) Blocked() bool { return q.FirewallAction == "BLOCK" }
