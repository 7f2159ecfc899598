package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
)

// What is kept of one DNS message. Real questions have one entry and real
// answers few; a message that has more is read up to here and is Partial.
const (
	maxDNSQuestions = 8
	maxDNSAnswers   = 64
	maxDNSHints     = 8
)

// DNSMessage is a DNS message as a process sent or got it.
type DNSMessage struct {
	ID       uint16
	Response bool
	Opcode   uint8 // 0 is a query
	Rcode    uint8
	// Truncated is the bit by which a server says that the answer did not fit.
	Truncated bool
	Questions []DNSQuestion
	Answers   []DNSAnswer
	// Partial says that the message holds more than is told here: it was cut on
	// its way to us or had more records than are kept.
	Partial bool
	// Damage is the first thing in the answers that could not be read; "" for a
	// sound message. The records that could be read are there all the same.
	Damage string
}

// DNSQuestion is what was asked.
type DNSQuestion struct {
	Name  string // see dnsName
	Type  uint16
	Class uint16
}

// DNSAnswer is one resource record of the answer section.
type DNSAnswer struct {
	Name  string
	Type  uint16
	Class uint16
	TTL   uint32
	// Size is the length of the data on the wire. Of a TXT record it is all that
	// is told.
	Size int
	// Addr is the address of A and AAAA.
	Addr netip.Addr
	// Target is the name that CNAME, DNAME, NS, PTR, MX, SRV, SVCB and HTTPS lead to.
	Target string
	// Priority is that of MX, SRV, SVCB and HTTPS.
	Priority uint16
	// Hints are the addresses that SVCB and HTTPS name.
	Hints []netip.Addr
}

// The types that are decoded further.
const (
	dnsA     = 1
	dnsNS    = 2
	dnsCNAME = 5
	dnsPTR   = 12
	dnsMX    = 15
	dnsTXT   = 16
	dnsAAAA  = 28
	dnsSRV   = 33
	dnsDNAME = 39
	dnsSVCB  = 64
	dnsHTTPS = 65
)

const dnsHeaderLen = 12

var (
	errDNSShort = errors.New("the message ends too early")
	errDNSName  = errors.New("a name is malformed")
)

// parseDNS reads one message. cut says that b is only the message's beginning,
// so that an early end is no fault of it. A message whose questions can be read
// is a value even if its answers are damaged: the question is the evidence.
func parseDNS(b []byte, cut bool) (DNSMessage, error) {
	if len(b) < dnsHeaderLen {
		return DNSMessage{}, fmt.Errorf("read a DNS header: %w", errDNSShort)
	}
	flags := binary.BigEndian.Uint16(b[2:])
	m := DNSMessage{
		ID:        binary.BigEndian.Uint16(b),
		Response:  flags&0x8000 != 0,
		Opcode:    uint8(flags >> 11 & 0xf),
		Rcode:     uint8(flags & 0xf),
		Truncated: flags&0x0200 != 0,
	}
	questions := int(binary.BigEndian.Uint16(b[4:]))
	answers := int(binary.BigEndian.Uint16(b[6:]))
	off := dnsHeaderLen
	for i := range questions {
		if i == maxDNSQuestions {
			m.Partial = true
			return m, nil
		}
		q, next, err := parseDNSQuestion(b, off)
		if err != nil {
			return DNSMessage{}, fmt.Errorf("read question %d: %w", i+1, err)
		}
		m.Questions = append(m.Questions, q)
		off = next
	}
	for i := range answers {
		if i == maxDNSAnswers {
			m.Partial = true
			return m, nil
		}
		r, data, err := parseDNSRecord(b, off)
		switch {
		case errors.Is(err, errDNSShort) && cut:
			m.Partial = true
			return m, nil
		case err != nil:
			m.damaged(i, err)
			return m, nil // nobody knows where the next record begins
		}
		if err := r.readData(b, data); err != nil {
			m.damaged(i, err)
		}
		m.Answers = append(m.Answers, r)
		off = data + r.Size
	}
	return m, nil
}

func (m *DNSMessage) damaged(i int, err error) {
	if m.Damage == "" {
		m.Damage = fmt.Sprintf("answer %d: %v", i+1, err)
	}
}

func parseDNSQuestion(b []byte, off int) (DNSQuestion, int, error) {
	name, off, err := dnsName(b, off)
	if err != nil {
		return DNSQuestion{}, 0, err
	}
	if len(b)-off < 4 {
		return DNSQuestion{}, 0, errDNSShort
	}
	return DNSQuestion{name, binary.BigEndian.Uint16(b[off:]), binary.BigEndian.Uint16(b[off+2:])}, off + 4, nil
}

// parseDNSRecord reads the head of a record and returns it with the offset of
// its data, which is all there.
func parseDNSRecord(b []byte, off int) (DNSAnswer, int, error) {
	name, off, err := dnsName(b, off)
	if err != nil {
		return DNSAnswer{}, 0, err
	}
	if len(b)-off < 10 {
		return DNSAnswer{}, 0, errDNSShort
	}
	r := DNSAnswer{
		Name:  name,
		Type:  binary.BigEndian.Uint16(b[off:]),
		Class: binary.BigEndian.Uint16(b[off+2:]),
		TTL:   binary.BigEndian.Uint32(b[off+4:]),
		Size:  int(binary.BigEndian.Uint16(b[off+8:])),
	}
	off += 10
	if len(b)-off < r.Size {
		return DNSAnswer{}, 0, errDNSShort
	}
	return r, off, nil
}

// readData decodes the data, which is b[off:off+r.Size]. Names in it may point
// back into the whole message.
func (r *DNSAnswer) readData(b []byte, off int) error {
	data := b[off : off+r.Size]
	fixed := 0 // bytes in front of the target
	switch r.Type {
	case dnsA, dnsAAAA:
		addr, ok := netip.AddrFromSlice(data)
		if !ok || addr.Is4() != (r.Type == dnsA) {
			return fmt.Errorf("an address of %d bytes in a record of type %s", r.Size, DNSType(r.Type))
		}
		r.Addr = addr
		return nil
	case dnsNS, dnsCNAME, dnsPTR, dnsDNAME:
	case dnsMX, dnsSVCB, dnsHTTPS:
		fixed = 2
	case dnsSRV:
		fixed = 6
	default:
		return nil
	}
	if r.Size < fixed {
		return fmt.Errorf("%w: data of type %s has %d bytes", errDNSName, DNSType(r.Type), r.Size)
	}
	if fixed > 0 {
		r.Priority = binary.BigEndian.Uint16(data)
	}
	// The message is cut after the data, so that no name runs over its end.
	target, end, err := dnsName(b[:off+r.Size], off+fixed)
	if err != nil {
		return fmt.Errorf("%w: target of type %s", errDNSName, DNSType(r.Type))
	}
	r.Target = target
	if r.Type == dnsSVCB || r.Type == dnsHTTPS {
		r.Hints = svcbHints(b[end : off+r.Size])
	}
	return nil
}

// svcbHints collects ipv4hint and ipv6hint of RFC 9460. What is malformed ends
// the list: hints are a convenience, and the target is already known.
func svcbHints(params []byte) []netip.Addr {
	const ipv4hint, ipv6hint = 4, 6
	var hints []netip.Addr
	for len(params) >= 4 {
		key := binary.BigEndian.Uint16(params)
		n := int(binary.BigEndian.Uint16(params[2:]))
		params = params[4:]
		if n > len(params) {
			break
		}
		value := params[:n]
		params = params[n:]
		size := 0
		switch key {
		case ipv4hint:
			size = 4
		case ipv6hint:
			size = 16
		}
		for size > 0 && len(value) >= size && len(hints) < maxDNSHints {
			addr, _ := netip.AddrFromSlice(value[:size])
			hints = append(hints, addr)
			value = value[size:]
		}
	}
	return hints
}

// Text is the record's data in the manner of a zone file, "" where it is not decoded.
func (r DNSAnswer) Text() string {
	switch {
	case r.Addr.IsValid():
		return r.Addr.String()
	case r.Target == "":
		return ""
	case r.Type == dnsMX || r.Type == dnsSRV || r.Type == dnsSVCB || r.Type == dnsHTTPS:
		return strconv.Itoa(int(r.Priority)) + " " + r.Target
	}
	return r.Target
}
