package detect

import (
	"net/netip"
	"time"

	"github.com/vedette-project/vedette/internal/event"
)

// Bounds of what is remembered of interfaces: those whose knowledge changed
// longest ago are forgotten first, and learned again within a few records.
const (
	maxEndpoints = 200_000
	endpointIdle = 30 * 24 * time.Hour
)

// endpoint is what is remembered of a network interface.
type endpoint struct {
	// own and maybe are its address, for IPv4 and IPv6: while maybe is valid
	// nobody knows which of the two it is.
	own, maybe [2]netip.Addr
	strangers  uint8 // records with neither address its own
	carrier    bool  // it carries the traffic of others
	first      int64 // Unix seconds of its first record
	odd        int64 // Unix seconds of its latest contact that looks like a probe
	floods     []flood
}

// manyStrangers is how many records of others' addresses make a carrier: an
// instance has none, but its address may have been learned wrongly.
const manyStrangers = 3

func family(a netip.Addr) int {
	if a.Is4() {
		return 0
	}
	return 1
}

// handle is the name under which a machine is remembered: its interface, or
// its address where the log does not name interfaces.
func (v *view) handle() string {
	if v.eni != "" {
		return v.eni
	}
	return v.f.VPC + "/" + v.local.String()
}

// ownSide tells by what was learned of an interface which side it is: whether
// the record's packets left it.
func (r *record) ownSide(v *view, f *event.Flow, src, dst netip.Addr) (outgoing, ok bool) {
	if f.Interface == "" {
		return opener(f) >= 0, true // whoever called is looked at
	}
	e := v.end
	k := family(src)
	if e == nil || !e.own[k].IsValid() {
		if !f.Rejected {
			e = r.endpoint(f)
			if in := r.knownAddress(f, src, dst); in.IsValid() {
				e.own[k] = in
			} else {
				e.own[k], e.maybe[k] = src, dst
			}
			v.end = e
		}
		if e == nil || e.maybe[k].IsValid() {
			return v.byOpener(f, src)
		}
		return e.own[k] == src, true
	}
	if e.maybe[k].IsValid() {
		own, other := e.own[k], e.maybe[k]
		isOwn, isOther := src == own || dst == own, src == other || dst == other
		switch {
		case isOwn && isOther: // the same two again
			return v.byOpener(f, src)
		case f.Rejected:
			return false, false
		case isOther:
			own = other
		case !isOwn:
			own = netip.Addr{}
		}
		e = r.endpoint(f)
		e.own[k], e.maybe[k], v.end = own, netip.Addr{}, e
		if !own.IsValid() {
			e.stranger(k)
			return false, false
		}
	}
	switch e.own[k] {
	case src:
		return true, true
	case dst:
		return false, true
	}
	if !f.Rejected && !e.carrier {
		e = r.endpoint(f)
		e.stranger(k)
		v.end = e
	}
	return false, false
}

// byOpener takes the one who called for the local side, while nobody knows whose
// interface it is: inside a network both are somebody's machines, and it is the
// caller who does what is to be judged.
func (v *view) byOpener(f *event.Flow, src netip.Addr) (outgoing, ok bool) {
	who := opener(f)
	if who == 0 || isPublic(src) {
		return false, false
	}
	v.eni, v.end = "", nil
	return who > 0, true
}

// settle learns the address of an interface where the record shows it, and
// reports whether the record is of the interface's own traffic.
func (r *record) settle(v *view) bool {
	f := v.f
	if v.eni == "" {
		return true
	}
	e, k := v.end, family(v.local)
	if e != nil && e.own[k] == v.local && !e.maybe[k].IsValid() {
		return !e.carrier
	}
	if f.Rejected { // what is not let through teaches nothing
		return e == nil || !e.carrier
	}
	if e != nil && e.own[k].IsValid() && !e.maybe[k].IsValid() {
		if k == 1 { // an interface may have many addresses of IPv6
			return !e.carrier
		}
		if !e.carrier {
			v.end = r.endpoint(f)
			v.end.stranger(k)
		}
		return false
	}
	e = r.endpoint(f)
	e.own[k], e.maybe[k], v.end = v.local, netip.Addr{}, e
	if f.Instance != "" {
		ip := ""
		if k == 0 {
			ip = v.local.String()
		}
		r.account.instances.bind(f.Interface, f.VPC, ip, f.Instance, r.ev.Time)
	}
	return !e.carrier
}

// isOdd reports whether the machine made a contact that looks like a probe
// around a moment.
func (e *endpoint) isOdd(at time.Time) bool {
	return e != nil && e.odd != 0 && since(e.odd, at).Abs() <= scanWindow
}

// stranger notes a record of others' addresses.
func (e *endpoint) stranger(family int) {
	if family == 1 {
		return
	}
	if e.strangers++; e.strangers >= manyStrangers {
		e.carrier = true
	}
}

// carrier marks the interface of a record as one that carries others' traffic.
func (r *record) carrier(v *view, f *event.Flow) {
	if f.Interface != "" && (v.end == nil || !v.end.carrier) {
		r.endpoint(f).carrier = true
	}
}

// endpoint returns what is remembered of the record's interface, to be changed.
func (r *record) endpoint(f *event.Flow) *endpoint {
	s := r.account.net
	if s.endpoints.get(f.Interface) == nil {
		e := s.endpoints.touch(f.Interface, r.ev.Time)
		e.first = r.ev.Time.Unix()
		return e
	}
	return s.endpoints.touch(f.Interface, r.ev.Time)
}

// knownAddress is the side that another log said belongs to the interface.
func (r *record) knownAddress(f *event.Flow, src, dst netip.Addr) netip.Addr {
	in := r.account.instances
	id := in.byHandle.get(f.Interface)
	if id == nil {
		return netip.Addr{}
	}
	d := in.byID.get(*id)
	if d == nil {
		return netip.Addr{}
	}
	for _, n := range d.NetworkInterfaces {
		if n.NetworkInterfaceID != f.Interface {
			continue
		}
		if a, err := netip.ParseAddr(n.PrivateIPAddress); err == nil && (a == src || a == dst) {
			return a
		}
	}
	return netip.Addr{}
}

// MarshalBinary and UnmarshalBinary bring an endpoint into a table's log.
func (e *endpoint) MarshalBinary() ([]byte, error) {
	b := make([]byte, 0, 64)
	for k := range 2 {
		b = appendAddr(appendAddr(b, e.own[k]), e.maybe[k])
	}
	b = append(b, e.strangers, byte(oneIf(e.carrier)))
	b = appendInts(b, e.first, e.odd)
	return appendFloods(b, e.floods), nil
}

func (e *endpoint) UnmarshalBinary(b []byte) error {
	s := saved{b: b}
	for k := range 2 {
		e.own[k], e.maybe[k] = s.addr(), s.addr()
	}
	e.strangers, e.carrier = s.byte(), s.byte() == 1
	e.first, e.odd = s.int(), s.int()
	e.floods = s.floods()
	return s.err()
}
