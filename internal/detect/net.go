package detect

import (
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/intel"
)

// netState is what is remembered of an account's network flows. Ordinary
// flows only look things up; a table changes for what is new or odd.
type netState struct {
	endpoints *table[endpoint]
	contacts  *table[contacts] // of machines that look odd
	logins    *table[logins]   // of pairs of machines, per service that takes passwords
	habits    *table[habit]    // who uses which resolver, who sends mail
	watched   *table[habit]    // since when there are flows
	started   bool             // that is known
	functions *functions

	// What is usual.
	age       *table[accountAge]
	usages    *table[usage]  // of machines
	usual     *table[tally]  // of groups of machines, and of the account
	sent      *table[sent]   // by machines to hosts
	rhythms   *table[rhythm] // of machines' calls of hosts
	callers   *table[habit]  // of hosts
	knownNets []knownNet
}

func newNetState() *netState {
	return &netState{
		endpoints: newTable[endpoint]("net-endpoints", maxEndpoints, endpointIdle),
		contacts:  newTable[contacts]("net-contacts", maxOdd, oddIdle),
		logins:    newTable[logins]("net-logins", maxLogins, loginIdle),
		habits:    newTable[habit]("net-habits", maxHabits, habitIdle),
		watched:   newTable[habit]("net-watched", 1, 0),
		functions: newFunctions(),
		age:       newTable[accountAge]("net-age", 1, 0),
		usages:    newTable[usage]("net-usages", maxUsages, usageIdle),
		usual:     newTable[tally]("net-usual", maxUsual, 2*usageIdle),
		sent:      newTable[sent]("net-sent", maxSent, sentIdle),
		rhythms:   newTable[rhythm]("net-rhythms", maxRhythms, rhythmIdle),
		callers:   newTable[habit]("net-callers", maxCallers, rhythmIdle),
	}
}

func (s *netState) memories() []memory {
	return []memory{s.endpoints, s.contacts, s.logins, s.habits, s.watched, s.functions.byInterface,
		s.age, s.usages, s.usual, s.sent, s.rhythms, s.callers, retired("net-weak")}
}

// judgeFlow runs the detectors of network flows.
func (r *record) judgeFlow(f *event.Flow) {
	if f.Status != event.FlowOK {
		return
	}
	r.watch()
	f = r.asFunction(f)
	var v view
	if !r.look(f, &v) {
		return
	}
	if f.Rejected && !v.outgoing {
		return
	}
	if v.public {
		hits := r.opts.Intel.Addr(v.remote)
		if len(hits) > 0 {
			r.beacon(&v, nil, true)
			r.listed(&v, hits)
		}
		r.habits(&v, len(hits) > 0)
	}
	if f.Function != "" {
		return
	}
	if f.Protocol == event.ProtoTCP {
		switch v.service() {
		case portSSH, portRDP, portWinRM, portWinRMS:
			r.login(&v)
		case portSMTP:
			r.mail(&v)
		}
	}
	switch {
	case v.calling():
		r.contact(&v)
	case v.opened == localSide:
		r.contactAnswered(&v)
	}
	if v.public {
		r.flood(&v)
	}
}

// The ports that detectors ask for.
const (
	portSSH    = 22
	portSMTP   = 25
	portDNS    = 53
	portHTTP   = 80
	portNTP    = 123
	portHTTPS  = 443
	portDoT    = 853
	portRDP    = 3389
	portWinRM  = 5985
	portWinRMS = 5986
)

// listed is for flows whose peer is on a list.
func (r *record) listed(v *view, hits []intel.Hit) {
	for _, h := range hits {
		if h.Expired(r.ev.Time) {
			continue
		}
		switch h.Category {
		case intel.DNSResolver, intel.DoH, intel.DoT:
			r.resolver(v, h)
		case intel.Scanner:
			r.probed(v, h)
		default:
			r.onList(v, hits, h)
		}
	}
}

const watching = "flows"

// watch notes when the first flow of the account was seen, from which learning
// counts. Older records move it back: logs are read in any order.
func (r *record) watch() {
	s := r.account.net
	if s.started {
		return
	}
	w := s.watched.get(watching)
	if w != nil && since(w.first, r.ev.Time) > -time.Hour {
		s.started = since(w.first, r.ev.Time) > learning
		return
	}
	w = s.watched.touch(watching, r.ev.Time)
	w.first = r.ev.Time.Unix()
}

// since is the time between two moments, never beyond what can be reckoned with.
func since(unix int64, at time.Time) time.Duration {
	const most = int64(1<<62) / int64(time.Second)
	d := at.Unix() - unix
	return time.Duration(min(max(d, -most), most)) * time.Second
}
