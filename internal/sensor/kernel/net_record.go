package kernel

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"
)

// The kinds of the network; their numbers are those of bpf/net.bpf.h.
const (
	KindConnect Kind = 40 // a connection was made, or tried; datagrams were sent
	KindAccept  Kind = 41 // a connection was taken
	KindListen  Kind = 42 // a TCP socket listens
	KindBind    Kind = 43 // a UDP socket waits at a port that it chose
	KindSocket  Kind = 44 // a raw or packet socket was made
	KindDNS     Kind = 45 // DNS messages went out or came in
	KindStratum Kind = 46 // a connection began as miners begin
)

// The numbers of the kernel that detections ask for.
const (
	FamilyPacket = 17

	SocketStream   = 1
	SocketDatagram = 2
	SocketRaw      = 3

	ProtocolTCP = 6
	ProtocolUDP = 17

	protocolMPTCP = 262
)

// Results of a connection, as errno. What is none of them is an error too.
const (
	ResultOK          = 0
	ResultReset       = 104 // ECONNRESET
	ResultTimeout     = 110 // ETIMEDOUT
	ResultRefused     = 111 // ECONNREFUSED
	ResultUnreachable = 113 // EHOSTUNREACH
	ResultNoAnswer    = 115 // EINPROGRESS: none for a second; another record says how it ended
	ResultCanceled    = 125 // ECANCELED: its own process closed it first
)

// Network is the body of a record of one of the network's kinds: exactly one
// of the pointers is set.
type Network struct {
	Connection *Connection // connect, accept, listen, bind and socket
	DNS        *DNS
	Stratum    *Stratum

	connection Connection
	dns        DNS
	stratum    Stratum
	words      words
}

// NetSocket is a socket and its two ends. IPv4 inside IPv6 is IPv4.
type NetSocket struct {
	// Cookie names the socket for as long as the machine runs; 0 where the
	// kernel gave it no name.
	Cookie uint64
	// Inode is the number that /proc shows for its descriptors; 0 if not known.
	Inode                  uint64
	Family, Type, Protocol uint16
	// Local has no address where the kernel had chosen none yet.
	Local, Remote netip.AddrPort
	NetNS         uint32 // inode number of its network namespace
}

// Connection is what a process did with a socket. Records that are alike are
// told a few times in a window, and then once with Folded.
type Connection struct {
	Socket NetSocket
	// Result is 0 where the other end answered, and for what needs no answer.
	Result uint32
	// Sent, of UDP: a datagram was sent. Without it only an address was set, as
	// resolvers do that look for a route.
	Sent bool
	// Folded is how many like it were not told since the last one that was.
	Folded int
	// Took is the time from the first packet of a TCP connection to its result.
	Took time.Duration
}

// DNS are the messages of one packet.
type DNS struct {
	Socket NetSocket
	// Outbound: the process sent them, as questions; else they came to it.
	Outbound bool
	Messages []DNSMessage
}

// Stratum is how a process began a connection that it made: with a request of
// the protocol by which miners speak with pools.
type Stratum struct {
	Socket NetSocket
	Method string // mining.subscribe, login, …
	User   string // account or wallet; "" if the request has none
	Agent  string // what the miner calls itself; likewise
}

// The sizes of the C structs.
const (
	endsSize       = 64
	connectionSize = headerSize + endsSize + 24
	wordsSize      = headerSize + endsSize + 16
)

// words is a payload before it is read.
type words struct {
	socket   NetSocket
	seq      uint32
	length   int // on the wire
	outbound bool
	data     []byte // the record's own bytes
}

// isNetwork says whether decodeNetwork knows a kind.
func isNetwork(k Kind) bool { return k >= KindConnect && k <= KindStratum }

// decode reads what follows the header. What a payload says is read by
// networkReader.read.
func (n *Network) decode(kind Kind, b []byte) error {
	n.Connection, n.DNS, n.Stratum = nil, nil, nil
	size := connectionSize
	if kind == KindDNS || kind == KindStratum {
		size = wordsSize
	}
	if len(b) < size {
		return fmt.Errorf("%w: %d bytes of %v, which has %d or more", ErrRecord, len(b), kind, size)
	}
	c := cursor{b: b, off: headerSize}
	switch kind {
	case KindDNS:
		n.DNS = &n.dns
		return n.words.decode(&c)
	case KindStratum:
		n.Stratum = &n.stratum
		return n.words.decode(&c)
	}
	n.Connection = &n.connection
	n.connection.decode(&c)
	return nil
}

func (s *NetSocket) decode(c *cursor) {
	s.Cookie, s.Inode = c.u64(), c.u64()
	addrs := c.off
	c.skip(2 * 16)
	local, remote := c.u16(), c.u16()
	s.Family, s.Protocol, s.Type = c.u16(), c.u16(), c.u16()
	if s.Protocol == protocolMPTCP { // TCP over several paths
		s.Protocol = ProtocolTCP
	}
	c.skip(2)
	s.NetNS = c.u32()
	at := cursor{b: c.b, off: addrs}
	s.Local = netip.AddrPortFrom(at.addr(s.Family), local)
	s.Remote = netip.AddrPortFrom(at.addr(s.Family), remote)
}

// The bits of C's flags.
const (
	connectionSent = 1 << 0
	wordsOutbound  = 1 << 0
)

func (n *Connection) decode(c *cursor) {
	n.Socket.decode(c)
	n.Result = c.u32()
	n.Sent = c.u32()&connectionSent != 0
	n.Folded = int(c.u32())
	c.skip(4)
	n.Took = c.since()
}

func (w *words) decode(c *cursor) error {
	w.socket.decode(c)
	w.seq = c.u32()
	w.length = int(c.u32())
	have := int(c.u16())
	w.outbound = c.u16()&wordsOutbound != 0
	c.skip(4)
	if have > len(c.b)-c.off {
		return fmt.Errorf("%w: a payload of %d bytes where %d are left", ErrRecord, have, len(c.b)-c.off)
	}
	w.data = c.b[c.off : c.off+have]
	return nil
}

// portOrder is a port as the kernel's programs compare it.
func portOrder(port uint16) uint16 {
	return binary.LittleEndian.Uint16(binary.BigEndian.AppendUint16(nil, port))
}
