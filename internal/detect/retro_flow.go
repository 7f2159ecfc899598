package detect

import (
	"encoding/binary"
	"net/netip"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/history"
	"github.com/vedette-project/vedette/internal/intel"
)

// flowWho is the machine of a contact by flows, as the log named it then.
type flowWho struct {
	Function  string     `json:"function,omitempty"`
	Interface string     `json:"eni,omitempty"`
	VPC       string     `json:"vpc,omitempty"`
	Subnet    string     `json:"subnet,omitempty"`
	Instance  string     `json:"instance,omitempty"`
	IP        netip.Addr `json:"ip"`
}

// flowHow is the kind of traffic.
type flowHow struct {
	how
	Protocol uint8  `json:"proto"`
	Port     uint16 `json:"port,omitempty"` // of the one who was called
	Outgoing bool   `json:"out,omitempty"`
	Opened   side   `json:"opened,omitempty"`
	Rejected bool   `json:"rejected,omitempty"`
}

// meeting is a flow as far as a list of addresses could ask for it. It is made
// for every flow, and so of little.
type meeting struct {
	local, remote netip.Addr
	port          uint16
	outgoing      bool
	opened        side
}

// meets finds out who meets whom in a flow that was judged, and reports whether
// a list could make a claim of it. It learns nothing: judging did.
func (r *record) meets(f *event.Flow, m *meeting) bool {
	src, dst := f.Src.Unmap(), f.Dst.Unmap()
	if f.Status != event.FlowOK || !src.IsValid() || !dst.IsValid() || src == dst {
		return false
	}
	srcPublic, dstPublic := isPublic(src), isPublic(dst)
	switch {
	case f.Direction == event.FlowEgress:
		m.outgoing = true
	case f.Direction == event.FlowIngress:
	case srcPublic != dstPublic:
		m.outgoing = dstPublic
	case !srcPublic:
		return false
	case f.Function != "" || f.Interface == "":
		m.outgoing = opener(f) >= 0
	default:
		e, k := r.account.net.endpoints.get(f.Interface), family(src)
		if e == nil || e.maybe[k].IsValid() || e.own[k] != src && e.own[k] != dst {
			return false
		}
		m.outgoing = e.own[k] == src
	}
	m.local, m.remote = dst, src
	public, local, remote := srcPublic, f.DstPort, f.SrcPort
	if m.outgoing {
		m.local, m.remote, public, local, remote = src, dst, dstPublic, f.SrcPort, f.DstPort
	}
	if !public || f.Rejected && !m.outgoing {
		return false
	}
	if who := opener(f); who != 0 {
		m.opened = remoteSide
		if who > 0 == m.outgoing {
			m.opened = localSide
		}
	}
	switch m.opened {
	case localSide:
		m.port = remote
		return m.outgoing // answers are other records
	case remoteSide:
		m.port = local
		return !m.outgoing && f.Function == ""
	}
	if remote < firstEphemeralPort {
		m.port = remote
	}
	return true
}

// owns reports whether a flow is of its interface's own traffic, not of what a
// gateway or load balancer carries for others.
func (r *record) owns(f *event.Flow, m *meeting) bool {
	if f.Has&event.FlowPktAddrs != 0 && f.Function == "" {
		src, dst := f.Src.Unmap(), f.Dst.Unmap()
		if carriesOthers(f, src, dst, isPublic(src), isPublic(dst)) {
			return false
		}
	}
	e := r.account.net.endpoints.get(f.Interface)
	if e == nil {
		return true
	}
	k := family(m.local)
	return !e.carrier && (k == 1 || f.Rejected || !e.own[k].IsValid() || e.maybe[k].IsValid() || e.own[k] == m.local)
}

// rememberFlow remembers the public peer of a flow.
func (r *record) rememberFlow(p *past, f *event.Flow) {
	var m meeting
	if !r.meets(f, &m) {
		return
	}
	said := told(r.out)
	own := m.local
	if f.Has&event.FlowPktAddrs != 0 { // of a pod, or another of the interface's
		packet := f.PktDst
		if m.outgoing {
			packet = f.PktSrc
		}
		if packet.IsValid() {
			own = packet.Unmap()
		}
	}
	key := append(p.key[:0], 'f', f.Protocol, byte(m.opened)<<2|byte(oneIf(m.outgoing))<<1|byte(oneIf(f.Rejected)))
	key = binary.BigEndian.AppendUint16(key, m.port)
	start := len(key)
	key = history.AppendAddr(key, m.remote)
	end := len(key)
	key = history.AppendAddr(key, own)
	key = append(append(key, f.Interface...), f.Function...)
	if said != nil {
		key = appendTold(key, said)
	}
	p.key = key
	set, at := p.hour(r.ev.Time.Unix())
	if set.Touch(key, at, max(f.Bytes, 0)) || !r.owns(f, &m) {
		return
	}
	who := flowWho{Function: f.Function, Interface: f.Interface, VPC: f.VPC, Subnet: f.Subnet, Instance: f.Instance, IP: own}
	owner := f.Interface + f.Function
	if owner == "" {
		owner = f.VPC + "/" + own.String()
	}
	thing := string(key[start:end])
	if !set.Room(thing, owner) {
		return
	}
	if who.Instance == "" && f.Function == "" {
		who.Instance = r.account.instances.idOf(f.Interface, f.VPC, own)
	}
	set.Add(key, owner, history.Contact{
		Thing: thing, Who: packed(who), First: at, Last: at, Count: 1, Bytes: max(f.Bytes, 0),
		How: packed(flowHow{how{metByFlow, said}, f.Protocol, m.port, m.outgoing, m.opened, f.Rejected}),
	})
}

// recallFlow makes the claims that lists make of a flow, of one that is
// remembered.
func (r *recall) recallFlow(ip netip.Addr, c *act) []*finding.Signal {
	var who flowWho
	var how flowHow
	if unpack(c.who, &who) != nil || unpack(c.how, &how) != nil || !who.IP.IsValid() {
		return nil
	}
	f := &event.Flow{
		Protocol: how.Protocol, Rejected: how.Rejected, Interface: who.Interface, VPC: who.VPC, Subnet: who.Subnet, Instance: who.Instance,
		Function: who.Function, Bytes: c.bytes, Packets: c.count,
	}
	v := view{f: f, local: who.IP, remote: ip, public: true, outgoing: how.Outgoing, opened: how.Opened, eni: who.Interface}
	if how.Opened == remoteSide {
		v.lport = how.Port
	} else {
		v.rport = how.Port
	}
	rec := r.record(&event.Event{Source: event.VPCFlow, Flow: f}, c)
	if rec == nil {
		return nil
	}
	if v.end = rec.account.net.endpoints.get(v.eni); v.end != nil && v.end.carrier { // known by now
		return nil
	}
	hits := r.set.Addr(ip)
	known := append(append([]intel.Hit{}, hits...), r.engine.opts.Intel.Addr(ip)...)
	for _, h := range hits {
		if _, ok := listTypeOf(h.Category); ok {
			rec.onList(&v, known, h)
		}
	}
	for _, s := range rec.out { // the caller's port was another one each time
		n := s.Action.NetworkConnectionAction
		if how.Opened != remoteSide {
			n.LocalPortDetails = nil
			continue
		}
		n.RemotePortDetails = nil
	}
	return rec.out
}
