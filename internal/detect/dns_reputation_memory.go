package detect

import (
	"slices"
	"time"
)

const (
	// newDays is on how many days before there must have been queries for "never
	// asked before" to mean something.
	newDays = 7
	// freshFor is how long after its first query a site still counts as new.
	freshFor = 3 * day
	// zoneFamiliar is when a shared domain of which a name was asked is usual, and
	// zonePardoned when it is after a finding.
	zoneFamiliar, zonePardoned = day, 7 * day

	maxSites = 65_536
	siteIdle = 30 * day
	// maxSiteAskers are as many askers as make a site usual.
	maxSiteAskers = 4
	maxNets       = 5

	// A machine that asks for more than roamsFrom new sites in a day roams: a crawler,
	// a mail server, a resolver of many. An account where so many are new is busy.
	roamsFrom, busyFrom = 30, 300
	roamsFor            = 7 * day
	maxRoamers          = 20_000
	roamerIdle          = 14 * day

	// missedEnough is how many drawn names without an answer, within an hour, are
	// those of malware that looks for its server.
	missedEnough = 8
	missedWindow = time.Hour
)

// reputation is what is remembered to tell new domains from usual ones.
type reputation struct {
	sites   *table[site]
	roamers *table[roamer]
	watched *table[habit] // the days on which there were queries

	// What is found out again after a restart: the latest day that is noted in
	// watched, and where names are.
	today  int64
	places places
}

func newReputation(prefix string) *reputation {
	return &reputation{
		sites:   newTable[site](prefix+"-sites", maxSites, siteIdle),
		roamers: newTable[roamer](prefix+"-roamers", maxRoamers, roamerIdle),
		watched: newTable[habit](prefix+"-watched", 1, 0),
	}
}

func (p *reputation) memories() []memory { return []memory{p.sites, p.roamers, p.watched} }

// site is a domain that was asked for.
type site struct {
	first, last int64 // Unix seconds; last is refreshed now and then
	fresh       bool  // that it was new meant something
	told        bool
	watch       *watch // nil for one of which nothing is to be expected
}

// watch is what more is kept of a site that may get a low reputation.
type watch struct {
	askers []siteAsker
	nets   []uint32 // where it leads
}

// siteAsker is a machine that asks for a site.
type siteAsker struct {
	id    uint64
	slot  int64 // of the latest query
	slots int64 // how many there were
	told  int64 // Unix seconds of the latest finding
}

// roamer counts the different new sites that a machine asks for on a day.
type roamer struct {
	day    int64
	sites  distinct
	until  int64 // Unix seconds; till then it roams
	missed burst
}

// observe notes the day, once a day.
func (p *reputation) observe(at time.Time) {
	today := bucketOf(at, day)
	if today == p.today {
		return
	}
	p.today = today
	if w := p.watched.get(watching); w != nil && slices.ContainsFunc(w.others, func(o occasion) bool { return int64(o.id) == today }) {
		return
	}
	p.watched.touch(watching, at).others.add(uint64(today), at, newDays+1)
}

// days is on how many days before a moment there were queries, counted to newDays.
func (p *reputation) days(at time.Time) int {
	w := p.watched.get(watching)
	if w == nil {
		return 0
	}
	n, today := 0, bucketOf(at, day)
	for _, o := range w.others {
		if int64(o.id) < today {
			n++
		}
	}
	return min(n, newDays)
}

// hasLearned reports whether what was never asked for is new.
func (p *reputation) hasLearned(at time.Time) bool {
	if p.days(at) < newDays {
		return false
	}
	// A full table has forgotten what was asked for before its oldest row.
	full := len(p.sites.rows) >= p.sites.limit
	return !full || since(p.sites.oldest.touched, at) > newDays*day
}

// roams reports whether a machine, or with "" the account, asks for so much
// that is new that it says nothing.
func (p *reputation) roams(who string, at time.Time) bool {
	m := p.roamers.get(who)
	return m != nil && m.until > at.Unix()
}

// met counts a new site of a machine.
func (p *reputation) met(who, name string, at time.Time) {
	if p.days(at) < newDays/2 {
		return // at first everything is new
	}
	h, today := uint32(mixSeed.string(name).sum()), bucketOf(at, day)
	for _, c := range []struct {
		who  string
		most int64
	}{{who, roamsFrom}, {"", busyFrom}} {
		m := p.roamers.get(c.who)
		if m != nil && m.day == today && m.sites.has(h) {
			continue
		}
		m = p.roamers.touch(c.who, at)
		if m.day != today {
			m.day, m.sites = today, distinct{}
		}
		if m.sites.add(h, 0); m.sites.count() > c.most {
			m.until = at.Add(roamsFor).Unix()
		}
	}
}

// missed notes that a machine asked for a drawn name that does not exist.
func (p *reputation) missed(who, name string, at time.Time) {
	id := mixSeed.string(name).sum()
	if m := p.roamers.get(who); m != nil && slices.ContainsFunc(m.missed, func(o occasion) bool { return o.id == id }) {
		return
	}
	p.roamers.touch(who, at).missed.add(id, at, missedEnough)
}

// missedBy is how many drawn names without an answer a machine asked for lately.
func (p *reputation) missedBy(who string, at time.Time) int {
	if m := p.roamers.get(who); m != nil {
		return m.missed.within(missedWindow, at)
	}
	return 0
}

// isFamiliar reports whether names below a shared domain are usual here.
func (p *reputation) isFamiliar(zone string, at time.Time) bool {
	s := p.sites.get(zoneKey(zone))
	if s == nil {
		return false
	}
	if s.told {
		return since(s.first, at) > zonePardoned
	}
	return !s.fresh || since(s.first, at) > zoneFamiliar
}

// noteZone notes that a name below a shared domain was asked for.
func (p *reputation) noteZone(zone string, learned bool, at time.Time) {
	key := zoneKey(zone)
	z := p.sites.get(key)
	if z != nil && since(z.last, at) <= refreshed {
		return
	}
	isNew := z == nil || since(z.last, at) > siteIdle
	if z = p.sites.touch(key, at); isNew {
		*z = site{first: at.Unix(), fresh: learned}
	}
	z.last = at.Unix()
}

// zoneKey is the key of a shared domain, which is no site.
func zoneKey(zone string) string { return "*." + zone }

// isNew reports whether a site is new at a moment.
func (s *site) isNew(at time.Time) bool { return s.fresh && since(s.first, at).Abs() <= freshFor }

// asker returns what is known of a machine that asks for a site, nil if others
// took all the places.
func (w *watch) asker(id uint64) *siteAsker {
	for i := range w.askers {
		if w.askers[i].id == id {
			return &w.askers[i]
		}
	}
	if len(w.askers) == maxSiteAskers {
		return nil
	}
	w.askers = append(w.askers, siteAsker{id: id})
	return &w.askers[len(w.askers)-1]
}

// MarshalBinary and UnmarshalBinary bring a site into a table's log.
func (s *site) MarshalBinary() ([]byte, error) {
	b := appendInts(nil, s.first, s.last, oneIf(s.fresh), oneIf(s.told), oneIf(s.watch != nil))
	if w := s.watch; w != nil {
		b = appendInts(b, int64(len(w.askers)))
		for _, a := range w.askers {
			b = appendInts(b, int64(a.id), a.slot, a.slots, a.told)
		}
		b = appendInts(b, int64(len(w.nets)))
		for _, n := range w.nets {
			b = appendInts(b, int64(n))
		}
	}
	return b, nil
}

func (s *site) UnmarshalBinary(b []byte) error {
	r := saved{b: b}
	*s = site{first: r.int(), last: r.int(), fresh: r.int() == 1, told: r.int() == 1}
	if r.int() == 1 {
		s.watch = &watch{}
		for range r.upTo(maxSiteAskers) {
			s.watch.askers = append(s.watch.askers, siteAsker{uint64(r.int()), r.int(), r.int(), r.int()})
		}
		for range r.upTo(maxNets) {
			s.watch.nets = append(s.watch.nets, uint32(r.int()))
		}
	}
	return r.err()
}

// upTo reads a number of things of which there may be so many.
func (s *saved) upTo(most int64) int64 {
	n := s.int()
	if n < 0 || n > most {
		s.bad = true
		return 0
	}
	return n
}

// MarshalBinary and UnmarshalBinary bring a roamer into a table's log.
func (m *roamer) MarshalBinary() ([]byte, error) {
	return m.sites.append(m.missed.append(appendInts(nil, m.day, m.until))), nil
}

func (m *roamer) UnmarshalBinary(b []byte) error {
	s := saved{b: b}
	m.day, m.until = s.int(), s.int()
	m.missed, m.sites = s.burst(missedEnough), s.distinct()
	return s.err()
}
