package detect

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/vedette-project/vedette/internal/event"
)

// Bounds of what is remembered of machines that look odd.
const (
	maxOdd      = 20_000
	oddIdle     = 24 * time.Hour
	maxContacts = 128 // newest contacts of a machine
)

// contacts are the newest contacts of a machine that look like probes, and,
// while there are such, its others.
type contacts struct{ list []contact }

type contact struct {
	at     int64 // Unix seconds
	host   uint32
	local  uint16 // hash of the local address: a node has many pods
	lport  uint16
	port   uint16
	failed bool
	guess  bool // who called is known by its port alone
	udp    bool
}

// contactOf says who is at the two ends of a contact.
func contactOf(v *view) contact {
	return contact{
		host: uint32(mixSeed.addr(v.remote).sum()), local: uint16(mixSeed.addr(v.local).sum()), lport: v.lport, port: v.rport,
		udp: v.f.Protocol == event.ProtoUDP,
	}
}

// contact judges an outgoing connection: does it look like a probe?
func (r *record) contact(v *view) {
	f, at := v.f, r.ev.Time
	probe := looksLikeProbe(v)
	if !probe && v.public && looksLikeSweep(f, v.rport) {
		if l := r.account.net.contacts.get(v.handle()); l != nil && l.known(contactOf(v)) != nil {
			return // as those who ask the same server of names or of the time all day
		}
		probe = true
	}
	if !probe {
		// The others count where there is a probe among the latest.
		if f.Protocol != event.ProtoTCP || v.eni != "" && !v.end.isOdd(at) {
			return
		}
	}
	if r.opts.trustedEnd(v) { // the operator's own scanner
		return
	}
	s := r.account.net
	if probe && v.eni != "" && (v.end == nil || at.Unix() >= v.end.odd+int64(scanWindow/time.Second)/4) {
		v.end = r.endpoint(f)
		v.end.odd = at.Unix()
	}
	c := contactOf(v)
	c.at, c.failed, c.guess = at.Unix(), probe, f.Has&event.FlowTCPFlags == 0 || f.Protocol != event.ProtoTCP
	key := v.handle()
	list := s.contacts.get(key)
	if list == nil {
		if !probe {
			return
		}
	} else if k := list.known(c); k != nil {
		if k.failed && !probe {
			s.contacts.touch(key, at)
			k.failed = false
		}
		return
	}
	list = s.contacts.touch(key, at)
	if list.add(c) && probe {
		r.scan(v, list, c)
	}
}

// contactAnswered takes back that a contact failed, when the peer sent more
// than a refusal. Without flags, a connection that idles looks like a probe;
// and of a datagram nothing but the answer tells that it was welcome.
func (r *record) contactAnswered(v *view) {
	f := v.f
	const refusal = 44 // bytes of a RST
	switch {
	case v.eni != "" && !v.end.isOdd(r.ev.Time):
		return
	case f.Protocol == event.ProtoUDP:
	case f.Has&event.FlowTCPFlags != 0 || f.Protocol != event.ProtoTCP || f.Packets < 2 && f.Bytes <= refusal:
		return
	}
	s, key := r.account.net, v.handle()
	list := s.contacts.get(key)
	if list == nil {
		return
	}
	c := contactOf(v)
	switch k := list.known(c); {
	case k != nil && k.failed:
		s.contacts.touch(key, r.ev.Time)
		k.failed = false
	case k == nil && c.udp && v.public && sweptByUDP(v.rport): // the record of the question comes later
		c.at, c.guess = r.ev.Time.Unix(), true
		s.contacts.touch(key, r.ev.Time).add(c)
	}
}

// looksLikeProbe reports whether what a machine sent is no more than what it
// takes to see whether a port is open: a handshake at most, and no data.
func looksLikeProbe(v *view) bool {
	f := v.f
	if v.rport == 0 || f.Packets <= 0 {
		return false
	}
	// A SYN has at most 60 bytes, 80 with IPv6; data make the mean grow.
	perPacket := int64(60)
	if v.remote.Is6() {
		perPacket = 80
	}
	if f.Rejected {
		return f.Protocol == event.ProtoTCP || probedByUDP(v.rport)
	}
	switch f.Protocol {
	case event.ProtoTCP:
		const (
			handshake = 4 // SYN, ACK and a FIN or RST, perhaps with one more
			retries   = 8 // of a SYN that nobody answers
		)
		if f.Packets > retries || f.Bytes > f.Packets*perPacket {
			return false
		}
		if f.Has&event.FlowTCPFlags == 0 {
			return f.Packets < handshake
		}
		// A connection that was closed in order is a health check.
		syn := f.TCPFlags&event.TCPSyn != 0
		if f.TCPFlags&event.TCPFin != 0 || !syn {
			return false
		}
		return f.TCPFlags&event.TCPRst == 0 || f.Packets <= handshake
	case event.ProtoUDP:
		return f.Packets < 3 && probedByUDP(v.rport)
	}
	return false
}

// probedByUDP reports whether a datagram to a port may be a probe. To those
// left out, ordinary machines send single datagrams all day.
func probedByUDP(port uint16) bool {
	switch port {
	case portDNS, 67, 123, 137, 161, portHTTPS, 500, 514, portDoT, 1900, 3478, 4500, 5353:
		return false
	}
	return portMarks()[port].service
}

// looksLikeSweep reports whether what a machine sent may be one of the
// datagrams with which the internet is searched for servers of a protocol.
func looksLikeSweep(f *event.Flow, port uint16) bool {
	const retries = 3
	return f.Protocol == event.ProtoUDP && f.Packets > 0 && f.Packets <= retries && sweptByUDP(port)
}

// sweptByUDP reports whether a port is one that is searched for by datagrams:
// those of protocols that amplify, and of telephones, controls and devices. To
// those of QUIC, of VPNs, of peers and of NAT traversal clients send to many
// hosts anyway.
func sweptByUDP(port uint16) bool {
	switch port {
	case 7, 13, 17, 19, portDNS, 69, 111, portNTP, 137, 161, 177, 389, 427, 520, 523, 623, 1434, 1604, 1701, 1900, 2123, 3283, 3702, 5060, 5061,
		5093, 5351, 5353, 5632, 5683, 10001, 11211, 17185, 20000, 37810, 44818, 47808:
		return true
	}
	return false
}

// known finds the contact of the same machine, host and port. What is called
// again and again, as those who check health do, counts once.
func (l *contacts) known(c contact) *contact {
	for i := range l.list {
		if k := &l.list[i]; k.host == c.host && k.port == c.port && k.local == c.local && k.udp == c.udp {
			return k
		}
	}
	return nil
}

// add puts a contact in its place by time; the oldest make room.
func (l *contacts) add(c contact) bool {
	return insertByTime(&l.list, c, maxContacts, func(k *contact) int64 { return k.at })
}

// without takes out the contacts that a finding told of.
func (l *contacts) without(told func(*contact) bool) {
	l.list = slices.DeleteFunc(l.list, func(c contact) bool { return told(&c) })
}

// MarshalBinary and UnmarshalBinary bring contacts into a table's log.
func (l *contacts) MarshalBinary() ([]byte, error) {
	b := binary.AppendUvarint(nil, uint64(len(l.list)))
	for _, c := range l.list {
		b = binary.AppendVarint(b, c.at)
		b = binary.LittleEndian.AppendUint32(b, c.host)
		for _, p := range []uint16{c.local, c.lport, c.port} {
			b = binary.LittleEndian.AppendUint16(b, p)
		}
		b = append(b, byte(oneIf(c.failed)|oneIf(c.guess)<<1|oneIf(c.udp)<<2))
	}
	return b, nil
}

func (l *contacts) UnmarshalBinary(b []byte) error {
	s := saved{b: b}
	n := s.count(maxContacts)
	l.list = make([]contact, 0, n)
	for range n {
		c := contact{at: s.int(), host: s.uint32()}
		c.local, c.lport, c.port = s.uint16(), s.uint16(), s.uint16()
		flags := s.byte()
		c.failed, c.guess, c.udp = flags&1 != 0, flags&2 != 0, flags&4 != 0
		l.list = append(l.list, c)
	}
	return s.err()
}
