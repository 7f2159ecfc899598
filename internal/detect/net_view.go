package detect

import (
	"net/netip"

	"github.com/vedette-project/vedette/internal/event"
)

// view is a flow record seen from the machine whose interface logged it.
type view struct {
	f             *event.Flow
	local, remote netip.Addr
	lport, rport  uint16
	public        bool // the remote address is
	outgoing      bool // the record's packets went from local to remote
	opened        side // who began the connection
	// eni is the interface of the local side, with what is remembered of it;
	// "" where the log names none, or does not tell which side is its own.
	eni string
	end *endpoint
}

// side is one of the two ends of a connection.
type side int8

const (
	unknownSide side = iota
	localSide
	remoteSide
)

// service is the port that the one who was called listens on.
func (v *view) service() uint16 {
	if v.opened == remoteSide {
		return v.lport
	}
	return v.rport
}

// calling reports whether the machine called the peer, and the record is of
// what it sent. The peer's answers are another record of the same connection.
func (v *view) calling() bool { return v.opened == localSide && v.outgoing }

// called reports whether the peer called the machine, and the record is of
// what the peer sent.
func (v *view) called() bool { return v.opened == remoteSide && !v.outgoing }

// look finds out which end of a flow is ours. It reports false where that
// cannot be told, and for the interfaces of NAT gateways, load balancers and
// routers, which carry the traffic of others.
func (r *record) look(f *event.Flow, v *view) bool {
	src, dst := f.Src.Unmap(), f.Dst.Unmap()
	if !src.IsValid() || !dst.IsValid() || src == dst {
		return false
	}
	srcPublic, dstPublic := isPublic(src), isPublic(dst)
	ingress := f.Direction == event.FlowIngress
	if f.Rejected && (ingress || f.Direction == event.FlowUnknown && srcPublic && !dstPublic) {
		return false // noise of the internet, which a security group kept out
	}
	s := r.account.net
	if v.eni = f.Interface; v.eni != "" {
		v.end = s.endpoints.get(v.eni)
	}
	if f.Has&event.FlowPktAddrs != 0 && f.Function == "" && carriesOthers(f, src, dst, srcPublic, dstPublic) {
		r.carrier(v, f)
		return false
	}
	switch {
	case f.Direction == event.FlowEgress:
		v.outgoing = true
	case ingress:
	case f.Function != "" && srcPublic && dstPublic:
		v.outgoing = opener(f) >= 0 // functions call; little calls them
	case srcPublic != dstPublic:
		v.outgoing = dstPublic
	default:
		out, ok := r.ownSide(v, f, src, dst)
		if !ok {
			return false
		}
		v.outgoing = out
	}
	v.f = f
	v.local, v.remote, v.lport, v.rport, v.public = dst, src, f.DstPort, f.SrcPort, srcPublic
	if v.outgoing {
		v.local, v.remote, v.lport, v.rport, v.public = src, dst, f.SrcPort, f.DstPort, dstPublic
	}
	if !r.settle(v) {
		return false
	}
	v.packetAddress()
	if who := opener(f); who != 0 {
		v.opened = remoteSide
		if who > 0 == v.outgoing {
			v.opened = localSide
		}
	}
	return true
}

// packetAddress puts the address of a pod, or another secondary address of the
// interface, in the place of the interface's first one.
func (v *view) packetAddress() {
	if v.f.Has&event.FlowPktAddrs == 0 {
		return
	}
	own := v.f.PktDst
	if v.outgoing {
		own = v.f.PktSrc
	}
	if own.IsValid() && own != v.local {
		v.local = own.Unmap()
	}
}

// carriesOthers reports whether the packets on one side came from, or went to,
// a public address that is not the interface's: NAT gateways and load balancers
// pass on what is others'.
func carriesOthers(f *event.Flow, src, dst netip.Addr, srcPublic, dstPublic bool) bool {
	ps, pd := f.PktSrc.Unmap(), f.PktDst.Unmap()
	return ps.IsValid() && ps != src && !srcPublic && isPublic(ps) ||
		pd.IsValid() && pd != dst && !dstPublic && isPublic(pd)
}

// opener says who opened the connection of a record: 1 the sender of its
// packets, -1 the receiver, 0 if that cannot be told. Flags say it of the
// records that hold the start; of others, ports.
func opener(f *event.Flow) int {
	if f.Protocol == event.ProtoTCP && f.Has&event.FlowTCPFlags != 0 && f.TCPFlags&event.TCPSyn != 0 {
		if f.TCPFlags&event.TCPAck != 0 {
			return -1
		}
		return 1
	}
	if f.Protocol != event.ProtoTCP && f.Protocol != event.ProtoUDP {
		return 0
	}
	table := portMarks()
	src, dst := f.SrcPort, f.DstPort
	switch s, d := table[src].service, table[dst].service; {
	case d && !s:
		return 1
	case s && !d:
		return -1
	case s && d && src < firstClientPort != (dst < firstClientPort):
		if dst < firstClientPort {
			return 1
		}
		return -1
	case s && d:
		return 0
	}
	switch {
	case src >= firstEphemeralPort && dst < firstEphemeralPort:
		return 1
	case dst >= firstEphemeralPort && src < firstEphemeralPort:
		return -1
	}
	return 0
}
