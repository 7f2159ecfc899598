package detect

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vedette-project/vedette/internal/event"
)

// reputation judges a name that is on no list by what is known of it.
func (r *record) reputation(q *event.Query) {
	p, at := r.account.dns.reputation, r.ev.Time
	p.observe(at)
	if !asksWhere(q) {
		return
	}
	where := p.places.of(r.opts.Intel, q.Name)
	if where == nil {
		return // as nearly all
	}
	if !isAnswered(q) {
		if q.Rcode == "NXDOMAIN" && where.kind == "" && p.sites.get(where.site) == nil && pointsOf(spelling(where.label)) == pointsDrawn {
			p.missed(asker(q), where.site, at)
		}
		return
	}
	s := p.sites.get(where.site)
	if s != nil && since(s.last, at) > siteIdle {
		s = nil
	}
	if s == nil {
		r.meet(q, where)
		return
	}
	if d := since(s.last, at); d > refreshed || d < -refreshed {
		s = p.sites.touch(where.site, at)
		s.first, s.last = min(s.first, at.Unix()), max(s.last, at.Unix())
		if s.watch != nil && since(s.first, at) > freshFor {
			s.watch = nil // it is usual now
		}
	}
	if s.watch != nil {
		r.watchSite(q, where)
	}
}

// meet notes a site that is asked for for the first time.
func (r *record) meet(q *event.Query, where *somewhere) {
	p, at, who := r.account.dns.reputation, r.ev.Time, asker(q)
	learned := p.hasLearned(at)
	if where.kind != kindHosting { // of which every page has many
		p.met(who, where.site, at)
	}
	if learned && p.roams(who, at) {
		return // nor shall it fill the table
	}
	if where.zone != "" {
		p.noteZone(where.zone, learned, at)
	}
	s := p.sites.touch(where.site, at)
	*s = site{first: at.Unix(), last: at.Unix(), fresh: learned}
	if sum(r.ofName(where)) >= worthWatching {
		s.watch = &watch{}
		r.watchSite(q, where)
	}
}

// watchSite looks at a query for a site that may get a low reputation, once in a
// slot for each asker.
func (r *record) watchSite(q *event.Query, where *somewhere) {
	p, at := r.account.dns.reputation, r.ev.Time
	id, slot := mixSeed.string(asker(q)).sum(), bucketOf(at, slotLength)
	for _, a := range p.sites.get(where.site).watch.askers {
		if a.id == id && a.slot == slot {
			return
		}
	}
	leads := r.leadsOf(q)
	s := p.sites.touch(where.site, at)
	a := s.watch.asker(id)
	if a == nil || leads.inside {
		s.watch = nil // what many ask for, or a machine inside, is usual
		return
	}
	a.slot, a.slots = slot, a.slots+1
	for _, n := range leads.nets {
		if len(s.watch.nets) < maxNets && !slices.Contains(s.watch.nets, n) {
			s.watch.nets = append(s.watch.nets, n)
		}
	}
	odds := slices.Concat(r.ofAge(s, where), r.ofName(where), r.ofUse(q, s, a), r.ofAnswer(leads))
	if sum(odds) < lowReputation || a.told != 0 && since(a.told, at).Abs() < toldAgain || p.roams(asker(q), at) {
		return
	}
	a.told, s.told = at.Unix(), true
	r.lowReputation(q, where, odds)
	if where.zone != "" {
		p.sites.touch(zoneKey(where.zone), at).told = true
	}
}

// lowReputation raises the finding: of abused infrastructure where anybody gets a
// name below the domain, else of a suspicious one.
func (r *record) lowReputation(q *event.Query, where *somewhere, odds []odd) {
	typ, kind := "Impact:EC2/SuspiciousDomainRequest.Reputation", "suspicious"
	if where.zone != "" {
		typ, kind = "Impact:EC2/AbusedDomainRequest.Reputation", "likely abused"
	}
	p, n := r.account.dns.reputation, sum(odds)
	var why, features []string
	for _, o := range odds {
		why = append(why, fmt.Sprintf("%+d %s", o.Points, o.Detail))
		features = append(features, o.Feature)
	}
	s := r.claimQuery(typ, where.site, q)
	who := r.questioner(q)
	s.Title = fmt.Sprintf("%s asks for %s, which is %s.", upper(who), q.Name, kind)
	s.Description = fmt.Sprintf("%s asked for %s. No list has that name, but what is odd about %s (%s) adds up to %d points; from %d on a reputation is low.",
		upper(who), q.Name, where.site, strings.Join(features, ", "), n, lowReputation)
	s.Why = fmt.Sprintf("%d points, where %d are enough: %s", n, lowReputation, strings.Join(why, "; "))
	s.Info = map[string]any{"reputation": map[string]any{
		"domain": strings.Clone(where.site), "points": int64(n), "threshold": int64(lowReputation), "features": odds,
		"usual": fmt.Sprintf("%d domains are known here that are not popular; popular ones, those of earlier days and those that %d machines ask for get no points", p.sites.len(), maxSiteAskers),
	}}
	r.raise(s)
}
