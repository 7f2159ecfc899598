package detect

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/vedette-project/vedette/internal/event"
)

// When a stream of packets is an attack on whoever gets it. All are rates to
// one public host, in two minutes at least; ordinary servers are seldom near.
const (
	floodPackets   = 600_000 // a minute: 10,000/s
	unusualPackets = 60_000  // of a protocol that next to nobody uses: 1,000/s
	floodDNSBytes  = 5 << 20 // a minute of questions
	// answered: who gets an answer to one packet in a hundred, as every TCP
	// connection and media session does, is talking with somebody.
	answered = 100

	maxFloods   = 8 // hosts watched for each machine
	floodSlots  = 4 // minutes open at once: records come out of order
	floodPause  = 15
	smallUDP    = 100 // packets
	mostInFlow  = 1 << 40
	synsOfFlood = 6000 // a minute in one record: worth a look
)

type floodKind uint8

const (
	floodTCP floodKind = iota + 1
	floodUDP
	floodUDPOnTCP
	floodDNS
	floodUnusual
)

// flood is what a machine sends to one host, by minutes.
type flood struct {
	remote netip.Addr
	kind   floodKind
	slots  [floodSlots]floodMinute
	// since and last are the first and the latest heavy minute of a run, sent
	// and back the packets in it, either way.
	since, last, sent, back int64
}

// floodMinute is what went out in a minute, and the packets that came back.
type floodMinute struct{ minute, packets, bytes, syns, back int64 }

func floodKindOf(v *view) floodKind {
	f := v.f
	switch f.Protocol {
	case event.ProtoTCP:
		if f.Packets >= synsOfFlood || looksLikeProbe(v) {
			return floodTCP
		}
	case event.ProtoUDP:
		switch {
		case v.rport == portDNS:
			return floodDNS
		case portMarks()[v.rport].tcpOnly:
			return floodUDPOnTCP
		case f.Packets >= smallUDP, f.Packets > 0 && !smallByNature(v.rport):
			return floodUDP
		}
	case 1, 50, 51, 58, 132, 4, 41, 47: // ICMP, IPsec, SCTP and tunnels
	default:
		return floodUnusual
	}
	return 0
}

// smallByNature reports whether clients send a few packets to a port of many
// hosts all the time.
func smallByNature(port uint16) bool {
	switch port {
	case 123, portHTTPS, 500, 3478, 4500:
		return true
	}
	return false
}

// flood adds up what goes out to one host, and what comes back.
func (r *record) flood(v *view) {
	if !v.outgoing {
		r.answer(v)
		return
	}
	if v.opened == remoteSide || v.f.Rejected || v.eni == "" {
		return
	}
	kind := floodKindOf(v)
	if kind == 0 {
		return
	}
	e := r.endpoint(v.f)
	fl := e.flood(v.remote, kind)
	minute := fl.add(v, r.ev.Time)
	if minute == nil || !minute.heavy(kind) {
		return
	}
	if m := minute.minute; fl.since == 0 || m-fl.last > floodPause || fl.last-m > floodPause {
		fl.since, fl.last = m, m
		fl.sent, fl.back = minute.packets, fl.cameBack(m)
		return
	}
	fl.last = max(fl.last, minute.minute)
	syns := kind == floodTCP && minute.syns >= floodPackets
	if minute.minute <= fl.since || fl.back > fl.sent/answered && !syns {
		return
	}
	r.flooded(v, kind, minute)
	fl.since, fl.sent, fl.back = minute.minute, 0, 0 // one finding a minute
}

// answer notes what a watched host sent back. What is answer enough to a flood
// may come before the record of what it answers.
func (r *record) answer(v *view) {
	if v.end == nil {
		return
	}
	kind, packets := answerKind(v), min(max(v.f.Packets, 0), mostInFlow)
	watched := slices.ContainsFunc(v.end.floods, func(fl flood) bool { return fl.remote == v.remote })
	if !watched && (kind == 0 || packets < kind.limit()/answered) {
		return
	}
	e, m := r.endpoint(v.f), bucketOf(r.ev.Time, time.Minute)
	if !watched {
		e.flood(v.remote, kind)
	}
	for i := range e.floods {
		fl := &e.floods[i]
		if fl.remote != v.remote {
			continue
		}
		if slot := fl.slot(m); slot != nil {
			slot.back += packets
		}
		if fl.since != 0 {
			fl.back += packets
		}
	}
}

// answerKind is the kind of flood that a record would be an answer to.
func answerKind(v *view) floodKind {
	switch v.f.Protocol {
	case event.ProtoTCP:
		return floodTCP
	case event.ProtoUDP:
		switch {
		case v.rport == portDNS:
			return floodDNS
		case portMarks()[v.rport].tcpOnly:
			return floodUDPOnTCP
		}
		return floodUDP
	case 1, 50, 51, 58, 132, 4, 41, 47:
		return 0
	}
	return floodUnusual
}

// limit is how many packets a minute are a flood; questions to resolvers have
// some 64 bytes.
func (k floodKind) limit() int64 {
	switch k {
	case floodDNS:
		return floodDNSBytes / 64
	case floodUnusual:
		return unusualPackets
	}
	return floodPackets
}

// cameBack is what came back in a minute, and in the one before.
func (f *flood) cameBack(minute int64) (packets int64) {
	for _, m := range f.slots {
		if m.minute >= minute-1 {
			packets += m.back
		}
	}
	return packets
}

// slot is the minute of a number; nil if that is gone by.
func (f *flood) slot(minute int64) *floodMinute {
	slot := &f.slots[uint64(minute)%floodSlots]
	if slot.minute > minute {
		return nil
	}
	if slot.minute < minute {
		*slot = floodMinute{minute: minute}
	}
	return slot
}

// flood returns the counts of a host; those of the host with the fewest
// packets make room.
func (e *endpoint) flood(remote netip.Addr, kind floodKind) *flood {
	least := 0
	for i := range e.floods {
		if fl := &e.floods[i]; fl.remote == remote && fl.kind == kind {
			return fl
		}
		if e.floods[i].weight() < e.floods[least].weight() {
			least = i
		}
	}
	if len(e.floods) < maxFloods {
		e.floods = append(e.floods, flood{})
		least = len(e.floods) - 1
	}
	e.floods[least] = flood{remote: remote, kind: kind}
	return &e.floods[least]
}

func (f *flood) weight() int64 {
	w := f.sent
	for _, m := range f.slots {
		w += m.packets
	}
	return w
}

// add adds a record to its minute; nil if that is gone by. A record of more
// than a minute counts with what it has in one.
func (f *flood) add(v *view, at time.Time) *floodMinute {
	slot := f.slot(bucketOf(at, time.Minute))
	if slot == nil {
		return nil
	}
	packets, bytes := min(max(v.f.Packets, 0), mostInFlow), min(max(v.f.Bytes, 0), mostInFlow)
	if d := int64(v.f.End.Sub(v.f.Start) / time.Second); d > 60 {
		packets, bytes = packets*60/d, bytes*60/d
	}
	slot.packets += packets
	slot.bytes += bytes
	f.sent += packets
	if v.f.Protocol == event.ProtoTCP && v.f.Bytes <= v.f.Packets*80 && (v.f.Has&event.FlowTCPFlags == 0 && v.f.Packets <= 3 || v.f.TCPFlags == event.TCPSyn) {
		slot.syns += packets
	}
	return slot
}

func (m *floodMinute) heavy(kind floodKind) bool {
	if kind == floodDNS {
		return m.bytes >= floodDNSBytes
	}
	return m.packets >= kind.limit()
}

func (r *record) flooded(v *view, kind floodKind, m *floodMinute) {
	typ, what, limit := "Backdoor:EC2/DenialOfService.Tcp", "TCP packets", fmt.Sprintf("%d packets", floodPackets)
	switch kind {
	case floodUDP:
		typ, what = "Backdoor:EC2/DenialOfService.Udp", "UDP packets"
	case floodUDPOnTCP:
		typ, what = "Backdoor:EC2/DenialOfService.UdpOnTcpPorts", "UDP packets to a port of TCP"
	case floodDNS:
		typ, what, limit = "Backdoor:EC2/DenialOfService.Dns", "DNS questions", fmt.Sprintf("%d bytes", floodDNSBytes)
	case floodUnusual:
		typ, what = "Backdoor:EC2/DenialOfService.UnusualProtocol", "packets of the protocol "+protocolName(v.f.Protocol)
		limit = fmt.Sprintf("%d packets", unusualPackets)
	}
	s := r.claimFlow(typ, v.remote.String(), v)
	s.Role = "ACTOR"
	who := r.name(v)
	s.Title = fmt.Sprintf("%s floods %s with %s.", upper(who), v.remote, what)
	s.Description = fmt.Sprintf("%s sends %s at a rate of %d packets and %d bytes a minute to %s, which hardly answers.", upper(who), what, m.packets, m.bytes, v.peer())
	s.Why = fmt.Sprintf("%d packets and %d bytes of %s to one public host in a minute, for more than a minute, with fewer than one packet in %d answered or without data in them (the threshold is %s a minute)",
		m.packets, m.bytes, what, answered, limit)
	s.Info = map[string]any{"outBytes": m.bytes, "outPackets": m.packets}
	if kind == floodUnusual {
		s.Info["unusualProtocol"] = protocolName(v.f.Protocol)
	}
	r.raise(s)
}

func appendFloods(b []byte, fs []flood) []byte {
	b = binary.AppendUvarint(b, uint64(len(fs)))
	for i := range fs {
		f := &fs[i]
		b = append(appendAddr(b, f.remote), byte(f.kind))
		for _, m := range f.slots {
			b = appendInts(b, m.minute, m.packets, m.bytes, m.syns, m.back)
		}
		b = appendInts(b, f.since, f.last, f.sent, f.back)
	}
	return b
}

func (s *saved) floods() []flood {
	n := s.count(maxFloods)
	if n == 0 {
		return nil
	}
	fs := make([]flood, n)
	for i := range fs {
		f := &fs[i]
		f.remote, f.kind = s.addr(), floodKind(s.byte())
		for k := range f.slots {
			f.slots[k] = floodMinute{s.int(), s.int(), s.int(), s.int(), s.int()}
		}
		f.since, f.last, f.sent, f.back = s.int(), s.int(), s.int(), s.int()
	}
	return fs
}
