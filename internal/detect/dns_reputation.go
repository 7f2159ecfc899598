package detect

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vedette-project/vedette/internal/intel"
)

// judge says whether a name that is on no list has a low reputation, by what is
// known of it.
func (p *reputation) judge(set *intel.Set, q *dnsQuestion) *dnsVerdict {
	at := q.time
	p.observe(at)
	if !asksWhere(q) {
		return nil
	}
	where := p.places.of(set, q.name)
	if where == nil {
		return nil // as nearly all
	}
	if !isAnswered(q) {
		if q.rcode == "NXDOMAIN" && where.kind == "" && p.sites.get(where.site) == nil && pointsOf(spelling(where.label)) == pointsDrawn {
			p.missed(q.asker.key(), where.site, at)
		}
		return nil
	}
	s := p.sites.get(where.site)
	if s != nil && since(s.last, at) > siteIdle {
		s = nil
	}
	if s == nil {
		return p.meet(set, q, where)
	}
	if d := since(s.last, at); d > refreshed || d < -refreshed {
		s = p.sites.touch(where.site, at)
		s.first, s.last = min(s.first, at.Unix()), max(s.last, at.Unix())
		if s.watch != nil && since(s.first, at) > freshFor {
			s.watch = nil // it is usual now
		}
	}
	if s.watch != nil {
		return p.watchSite(set, q, where)
	}
	return nil
}

// meet notes a site that is asked for for the first time.
func (p *reputation) meet(set *intel.Set, q *dnsQuestion, where *somewhere) *dnsVerdict {
	at, who := q.time, q.asker.key()
	learned := p.hasLearned(at)
	if where.kind != kindHosting { // of which every page has many
		p.met(who, where.site, at)
	}
	if learned && p.roams(who, at) {
		return nil // nor shall it fill the table
	}
	if where.zone != "" {
		p.noteZone(where.zone, learned, at)
	}
	s := p.sites.touch(where.site, at)
	*s = site{first: at.Unix(), last: at.Unix(), fresh: learned}
	if sum(ofName(set, where)) >= worthWatching {
		s.watch = &watch{}
		return p.watchSite(set, q, where)
	}
	return nil
}

// watchSite looks at a query for a site that may get a low reputation, once in a
// slot for each asker.
func (p *reputation) watchSite(set *intel.Set, q *dnsQuestion, where *somewhere) *dnsVerdict {
	at, who := q.time, q.asker.key()
	id, slot := mixSeed.string(who).sum(), bucketOf(at, slotLength)
	for _, a := range p.sites.get(where.site).watch.askers {
		if a.id == id && a.slot == slot {
			return nil
		}
	}
	leads := leadsOf(set, q)
	s := p.sites.touch(where.site, at)
	a := s.watch.asker(id)
	if a == nil || leads.inside {
		s.watch = nil // what many ask for, or a machine inside, is usual
		return nil
	}
	a.slot, a.slots = slot, a.slots+1
	for _, n := range leads.nets {
		if len(s.watch.nets) < maxNets && !slices.Contains(s.watch.nets, n) {
			s.watch.nets = append(s.watch.nets, n)
		}
	}
	odds := slices.Concat(p.ofAge(s, where, at), ofName(set, where), p.ofUse(who, at, s, a), ofAnswer(set, leads))
	if sum(odds) < lowReputation || a.told != 0 && since(a.told, at).Abs() < toldAgain || p.roams(who, at) {
		return nil
	}
	a.told, s.told = at.Unix(), true
	v := p.lowReputation(q, where, odds)
	if where.zone != "" {
		p.sites.touch(zoneKey(where.zone), at).told = true
	}
	return v
}

// lowReputation says what is odd: of abused infrastructure where anybody gets a
// name below the domain, else of a suspicious one.
func (p *reputation) lowReputation(q *dnsQuestion, where *somewhere, odds []odd) *dnsVerdict {
	mechanism, kind := "SuspiciousDomainRequest.Reputation", "suspicious"
	if where.zone != "" {
		mechanism, kind = "AbusedDomainRequest.Reputation", "likely abused"
	}
	n := sum(odds)
	var why, features []string
	for _, o := range odds {
		why = append(why, fmt.Sprintf("%+d %s", o.Points, o.Detail))
		features = append(features, o.Feature)
	}
	return &dnsVerdict{
		purpose: "Impact", mechanism: mechanism, about: where.site, role: "ACTOR",
		title: fmt.Sprintf("asks for %s, which is %s", q.name, kind),
		description: fmt.Sprintf("asked for %s. No list has that name, but what is odd about %s (%s) adds up to %d points; from %d on a reputation is low",
			q.name, where.site, strings.Join(features, ", "), n, lowReputation),
		why: fmt.Sprintf("%d points, where %d are enough: %s", n, lowReputation, strings.Join(why, "; ")),
		info: map[string]any{"reputation": map[string]any{
			"domain": strings.Clone(where.site), "points": int64(n), "threshold": int64(lowReputation), "features": odds,
			"usual": fmt.Sprintf("%d domains are known here that are not popular; popular ones, those of earlier days and those that %d machines ask for get no points", p.sites.len(), maxSiteAskers),
		}},
	}
}
