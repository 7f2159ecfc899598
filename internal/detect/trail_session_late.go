package detect

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
)

// The records of an account come in files that overlap and are in no order
// themselves. A machine's calls are judged as they come; what an older record
// says of a younger one that was let pass is said then.

// disorder is how much older than one that came before a record may be.
const disorder = 15 * time.Minute

// firstCall is what is remembered of this call, should it be the first from an
// address.
func (c *apiCall) firstCall(m *sessionMemory) *firstCall {
	return &firstCall{
		API: shown(c.t.Name), ID: c.id(), Service: strings.Clone(c.t.Service), Agent: strings.Clone(c.t.UserAgent),
		ARN: strings.Clone(c.t.Identity.ARN), Key: strings.Clone(c.t.Identity.AccessKeyID), Session: c.session(), Before: m.Calls,
	}
}

// reviewable is a call from a new home, if an older record could show it in
// another light: one of a function's from inside Lambda stands.
func (c *apiCall) reviewable(m *sessionMemory) *firstCall {
	if m.Kind == kindFunction && inLambda(c.t.UserAgent) {
		return nil
	}
	return c.firstCall(m)
}

// predates handles a call that is older than all that made a home of an
// address on the internet: then that one was not the first, and needs a reason.
func (c *apiCall) predates(m *sessionMemory, at origin) bool {
	first := m.firstOutside()
	if first == nil || first.Call == nil || c.ev.Time.Unix() >= first.First {
		return false
	}
	later := *first
	call, ip := later.Call, homeAddr(later.Addr)
	id, _ := instanceSession(&c.t.Identity)
	c.settle(m, at)
	switch {
	case c.isShared(later.Addr), ip.Is6() && isAWSv6(ip), id != "" && c.startedWithin(id, c.ev.Time.Unix(), later.First):
	case movedQuietly(c.ev.Time.Unix(), later.First, call.Session) && program(call.Agent) == program(c.t.UserAgent) && !c.abroad(at.ip, ip):
		m.Moved = &move{From: at.name, To: later.Addr, At: later.First, Call: *call}
	case program(call.Agent) == program(c.t.UserAgent) && c.account.trail.sessions.len() <= 1: // one more of a NAT gateway's, perhaps
	default:
		c.disown(m, c.t.Identity.PrincipalID, later.Addr, *call, "the machine itself called from "+at.name+" before, and nothing says that it moved")
	}
	return true
}

// excused takes a verdict back when a record that comes late explains the
// address: other machines call from there, it was allocated, or the machine was
// started anew since it called from elsewhere. What was claimed stays.
func (c *apiCall) excused(m *sessionMemory, at origin) bool {
	a := c.account.trail.addresses.get(at.name)
	shared := a != nil && at.foreign == "" && (a.Shared || a.Allocation != "")
	id, _ := instanceSession(&c.t.Identity)
	if !shared && (id == "" || !c.restartedSince(id, m.lastCall())) {
		return false
	}
	m.Bad = slices.DeleteFunc(slices.Clone(m.Bad), func(b string) bool { return b == at.name })
	return true
}

// lastCall is when the machine called from a home last.
func (m *sessionMemory) lastCall() (last int64) {
	for _, h := range m.Homes {
		last = max(last, h.Last)
	}
	return last
}

// firstOutside is the home on the internet with the oldest call.
func (m *sessionMemory) firstOutside() *home {
	var first *home
	for i := range m.Homes {
		h := &m.Homes[i]
		if homeAddr(h.Addr).IsValid() && (first == nil || h.First < first.First) {
			first = h
		}
	}
	return first
}

// homeAddr is the address of a home on the internet; that of a network of IPv6
// is its first. Others have none.
func homeAddr(name string) netip.Addr {
	name, _, _ = strings.Cut(name, "/")
	return parseAddr(name)
}

// startedWithin reports whether an instance was started between two times.
func (c *apiCall) startedWithin(id string, from, to int64) bool {
	m := c.account.trail.operators.get("start:" + id)
	return m != nil && m.At >= from && m.At <= to
}

// ranAfter handles an operator's call of which the record comes after that of a
// machine's call from the same address, which was let pass.
func (c *apiCall) ranAfter(id string, o *operatorMemory) {
	at := c.account.trail.addresses.get(o.Addr)
	if at == nil || at.Shared || !strings.HasSuffix(at.One, ":"+id) {
		return
	}
	known := c.account.trail.sessions.get(at.One)
	if known == nil {
		return
	}
	i := slices.IndexFunc(known.Homes, func(h home) bool { return h.Addr == o.Addr && h.Call != nil && o.ranBefore(h.First) })
	if i < 0 {
		return
	}
	m := *known
	c.disown(&m, at.One, o.Addr, *m.Homes[i].Call, o.why())
	*c.account.trail.sessions.touch(at.One, c.ev.Time) = m
}

// outnumber counts an older call of a function before those that were taken for
// its own because there were few others.
func (c *apiCall) outnumber(m *sessionMemory) {
	now := c.ev.Time.Unix()
	for i := range m.Homes {
		h := &m.Homes[i]
		if h.Call == nil || now >= h.First || inLambda(h.Call.Agent) {
			continue
		}
		if h.Call.Before++; h.Call.Before == functionCalls {
			c.disown(m, c.t.Identity.PrincipalID, h.Addr, *h.Call, "the function called from Lambda before, and this user agent says nothing of Lambda: "+shown(h.Call.Agent))
			return
		}
	}
}

// disown takes an address back that was taken for a machine's, and claims the
// first call from there, on the evidence of the record at hand.
func (c *apiCall) disown(m *sessionMemory, machine, addr string, first firstCall, why string) {
	m.Homes = slices.DeleteFunc(slices.Clone(m.Homes), func(h home) bool { return h.Addr == addr })
	m.markBad(addr)
	ip := homeAddr(addr)
	then := &apiCall{record: c.record, t: &event.Trail{
		Name: first.API, Service: first.Service, SourceIP: ip.String(), UserAgent: first.Agent,
		Identity: event.Identity{Type: "AssumedRole", PrincipalID: machine, ARN: first.ARN, AccessKeyID: first.Key, AccountID: c.recipient()},
	}}
	c.raise(then.exfiltration(m, origin{name: addr, ip: ip}, why+" (the first call from there was "+first.API+", event "+first.ID+")"))
}
