package detect

import (
	"net/netip"
	"strings"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/history"
)

// queryWho is who asked for a name.
type queryWho struct {
	Instance string     `json:"instance,omitempty"`
	VPC      string     `json:"vpc,omitempty"`
	IP       netip.Addr `json:"ip,omitzero"`
	Endpoint string     `json:"endpoint,omitempty"`
	Account  string     `json:"account,omitempty"`
}

type queryHow struct {
	how
	Transport string `json:"transport,omitempty"`
	Blocked   bool   `json:"blocked,omitempty"`
}

// maxName is the longest name that is remembered; DNS allows no longer one.
const maxName = 253

// rememberQuery remembers the name that was asked for.
func (r *record) rememberQuery(p *past, q *event.Query) {
	if q.Name == "" || len(q.Name) > maxName || isInside(q.Name) {
		return
	}
	said := told(r.out)
	set, at := p.hour(r.ev.Time.Unix())
	name := q.Name
	if r.touchName(p, set, q, name, at, said) {
		return
	}
	owner := asker(q)
	if set.Tight(owner) { // names that somebody makes up have a domain in common
		if above := registered(name); above != "" && above != name {
			if name = "*." + above; r.touchName(p, set, q, name, at, said) {
				return
			}
		}
	}
	thing := history.NameThing(name)
	if !set.Room(thing, owner) {
		return
	}
	who := queryWho{Instance: r.askingInstance(q), VPC: q.VPC, IP: q.SrcAddr, Endpoint: q.ResolverEndpoint, Account: q.Account}
	set.Add(p.key, owner, history.Contact{
		Thing: thing, Who: packed(who), How: packed(queryHow{how{metByQuery, said}, q.Transport, q.Blocked()}),
		First: at, Last: at, Count: 1,
	})
}

// touchName counts a query of a contact that is known.
func (r *record) touchName(p *past, set *history.Set, q *event.Query, name string, at history.Second, said []string) bool {
	key := append(append(p.key[:0], 'q', byte(oneIf(q.Blocked()))), name...)
	key = append(append(key, 0), q.Instance...)
	if q.Instance == "" {
		key = append(append(key, q.VPC...), q.ResolverEndpoint...)
		if q.SrcAddr.IsValid() {
			key = history.AppendAddr(key, q.SrcAddr)
		}
	}
	p.key = appendTold(key, said)
	return set.Touch(p.key, at, 0)
}

// isInside reports whether a name is one of a network's own: no list of bad
// ones has it.
func isInside(name string) bool {
	i := strings.LastIndexByte(name, '.')
	if i < 0 {
		return true
	}
	switch name[i+1:] {
	case "internal", "local", "localhost", "lan", "home", "corp", "intranet", "arpa":
		return true
	}
	return false
}

// recallQuery makes the claims that lists make of a query.
func (r *recall) recallQuery(name string, c *act) []*finding.Signal {
	var who queryWho
	var how queryHow
	if unpack(c.who, &who) != nil || unpack(c.how, &how) != nil {
		return nil
	}
	q := &event.Query{
		Account: who.Account, VPC: who.VPC, Name: name, Transport: how.Transport, SrcAddr: who.IP, Instance: who.Instance, ResolverEndpoint: who.Endpoint,
	}
	if how.Blocked {
		q.FirewallAction = "BLOCK"
	}
	rec := r.record(&event.Event{Source: event.DNS, Query: q}, c)
	if rec == nil {
		return nil
	}
	rec.raiseQuery(q, listedQuestion(questionOf(q, rec.ev.Time), r.set.Domain(name)))
	return rec.out
}
