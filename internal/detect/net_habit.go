package detect

import (
	"fmt"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/intel"
)

// What machines do as a habit is no finding. Learning begins with the first
// flow record of an account and Region.
const (
	// learning is the first time of an account's flow logs, and of a machine's,
	// in which what machines do is learned and raises nothing.
	learning = 24 * time.Hour
	// recent is how long a habit lasts that is not kept up.
	recent = 14 * 24 * time.Hour
	// pardoned is how long after its finding a habit becomes one.
	pardoned = 7 * 24 * time.Hour
	// refreshed is how often a habit that is kept up is written down.
	refreshed = 6 * time.Hour

	maxHabits = 100_000
	habitIdle = recent
	// commonAt is how many other machines make a resolver an ordinary one.
	commonAt  = 3
	maxOthers = 8

	// spamHosts are the mail servers that a machine without a history of mail
	// must call within spamWindow.
	spamHosts  = 3
	spamWindow = time.Hour
	// bulkHosts are those that a machine must call while its habits are learned:
	// a sender of that many which takes no mail itself is no relay.
	bulkHosts = 20
)

// habit is something that a machine does, or that several do.
type habit struct {
	first, last int64 // Unix seconds
	learned     bool
	told        int64 // Unix seconds of the latest finding
	others      burst // hosts called, or machines that have the habit
}

// resolver looks at a flow to a public DNS server.
func (r *record) resolver(v *view, h intel.Hit) {
	var typ, kind string
	switch p, proto := v.rport, v.f.Protocol; {
	case proto != event.ProtoTCP && proto != event.ProtoUDP:
	case h.Category == intel.DNSResolver && p == portDNS:
		typ, kind = "DefenseEvasion:EC2/UnusualDNSResolver", "DNS"
	case h.Category == intel.DoH && p == portHTTPS:
		typ, kind = "DefenseEvasion:EC2/UnusualDoHActivity", "DNS over HTTPS"
	case h.Category == intel.DoT && p == portDoT:
		typ, kind = "DefenseEvasion:EC2/UnusualDoTActivity", "DNS over TLS"
	}
	if typ == "" || !v.outgoing || v.opened == remoteSide || v.f.Rejected || v.f.Function != "" {
		return
	}
	operator := h.Entry
	if len(h.Names) > 0 {
		operator = h.Names[0]
	}
	what := kind + "/" + operator
	if r.habitual(v, what, commonAt) {
		return
	}
	mine := r.account.net.habits.touch(what+"/"+v.handle(), r.ev.Time)
	if mine.told != 0 && since(mine.told, r.ev.Time).Abs() < time.Hour {
		return
	}
	mine.told = r.ev.Time.Unix()
	s := r.claimFlow(typ, what, v)
	s.Role = "ACTOR"
	who := r.name(v)
	s.Title = fmt.Sprintf("%s uses the public %s server %s, which is new.", upper(who), kind, v.remote)
	s.Description = fmt.Sprintf("%s talks %s to the public server %s of %s, which it has not done lately.", upper(who), kind, v.remote, operator)
	s.Why = because(v.remote.String(), h) + fmt.Sprintf("; in the %d days before, this machine did not talk %s to that operator, nor did %d others", recent/day, kind, commonAt)
	s.Info = map[string]any{"unusual": map[string]any{"port": int64(v.rport), "resolver": operator}}
	r.raise(s)
}

// habitual reports whether a machine has a habit, and learns it where that is
// not to be told: while learning, and when common many others have it.
func (r *record) habitual(v *view, what string, common int) bool {
	s, at := r.account.net, r.ev.Time
	key := what + "/" + v.handle()
	mine := s.habits.get(key)
	if mine != nil && mine.learned && since(mine.last, at) <= recent {
		if since(mine.last, at) > refreshed {
			s.habits.touch(key, at).last = at.Unix()
			r.spread(v, what)
		}
		return true
	}
	learn := r.isLearning()
	if mine != nil && !learn {
		learn = !mine.learned && since(mine.first, at) > pardoned
	}
	if mine == nil && !learn {
		if all := s.habits.get(what); all != nil {
			n := all.others.within(recent, at)
			// A machine that is new itself does what its like do.
			isNew := v.end != nil && since(v.end.first, at) < learning
			learn = n >= common || isNew && n > 0
		}
	}
	if mine != nil && !learn && !mine.learned {
		return false
	}
	mine = s.habits.touch(key, at)
	if mine.first == 0 || mine.learned && !learn { // long ago it was one
		*mine = habit{first: at.Unix()}
	}
	mine.last, mine.learned = at.Unix(), learn
	if learn {
		r.spread(v, what)
	}
	return learn
}

// spread notes that a machine has a habit, for the others.
func (r *record) spread(v *view, what string) {
	all := r.account.net.habits.touch(what, r.ev.Time)
	id := mixSeed.string(v.handle()).sum()
	for i := range all.others {
		if all.others[i].id == id {
			all.others = append(all.others[:i], all.others[i+1:]...)
			break
		}
	}
	all.others.add(id, r.ev.Time, maxOthers)
}

// isLearning reports whether flows of the account have been seen for so short
// a time that nothing is known to be new.
func (r *record) isLearning() bool {
	w := r.account.net.watched.get(watching)
	return w == nil || since(w.first, r.ev.Time) < learning
}

// mail looks at a flow to a mail server.
func (r *record) mail(v *view) {
	const what = "mail"
	at := r.ev.Time
	if v.opened == remoteSide && !v.f.Rejected {
		if takes := takesMail + v.handle(); r.account.net.habits.get(takes) == nil {
			r.account.net.habits.touch(takes, at)
		}
		return
	}
	if !v.public || !v.outgoing || v.f.Rejected {
		return
	}
	if r.habitual(v, what, maxOthers+1) {
		if r.isLearning() {
			r.bulkMail(v)
		}
		return
	}
	mine := r.account.net.habits.touch(what+"/"+v.handle(), at)
	if !mine.others.add(mixSeed.addr(v.remote).sum(), at, maxOthers) {
		return
	}
	n := mine.others.within(spamWindow, at)
	if n < spamHosts {
		return
	}
	s := r.claimFlow("Backdoor:EC2/Spambot", what, v)
	s.Role = "ACTOR"
	who := r.name(v)
	s.Title = fmt.Sprintf("%s sends mail, which it never did.", upper(who))
	s.Description = fmt.Sprintf("%s called %d mail servers within %s, the latest %s, and has no earlier history of mail.", upper(who), n, minutes(spamWindow), v.remote)
	s.Why = fmt.Sprintf("%d public hosts on TCP port 25 within %s (the threshold is %d), and none in the %d days before", n, minutes(spamWindow), spamHosts, recent/day)
	r.raise(s)
	mine.told = at.Unix()
	mine.others = nil
}

// takesMail begins the name of the habit of a machine that mail is sent to.
const takesMail = "takes mail/"

// bulkMail looks at the mail of a machine whose habits are being learned.
func (r *record) bulkMail(v *view) {
	at, habits := r.ev.Time, r.account.net.habits
	if habits.get(takesMail+v.handle()) != nil {
		return
	}
	key := "bulk mail/" + v.handle()
	if mine := habits.get(key); mine != nil && mine.told != 0 && since(mine.told, at).Abs() < day {
		return
	}
	mine := habits.touch(key, at)
	if !mine.others.add(mixSeed.addr(v.remote).sum(), at, bulkHosts) {
		return
	}
	n := mine.others.within(spamWindow, at)
	if n < bulkHosts {
		return
	}
	mine.told, mine.others = at.Unix(), nil
	s := r.claimFlow("Backdoor:EC2/Spambot", "mail", v)
	s.Role = "ACTOR"
	who := r.name(v)
	s.Title = fmt.Sprintf("%s sends mail to many servers, and takes none.", upper(who))
	s.Description = fmt.Sprintf("%s called %d mail servers within %s, the latest %s; nobody sends mail to it, as to a relay.", upper(who), n, minutes(spamWindow), v.remote)
	s.Why = fmt.Sprintf("%d public hosts on TCP port 25 within %s (the threshold while habits are learned is %d), and no connection to a mail port of its own", n, minutes(spamWindow), bulkHosts)
	r.raise(s)
}

// MarshalBinary and UnmarshalBinary bring a habit into a table's log.
func (h *habit) MarshalBinary() ([]byte, error) {
	return h.others.append(appendInts(nil, h.first, h.last, oneIf(h.learned), h.told)), nil
}

func (h *habit) UnmarshalBinary(b []byte) error {
	s := saved{b: b}
	h.first, h.last = s.int(), s.int()
	h.learned = s.int() == 1
	h.told = s.int()
	h.others = s.burst(max(maxOthers, bulkHosts))
	return s.err()
}
