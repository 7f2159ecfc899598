package kernel

import "encoding/binary"

// Bounds of the reassembly of DNS over TCP. A stream keeps at most the beginning
// of one message; the kernel sends no more of a segment than that either.
const (
	maxDNSStreams    = 4096
	maxDNSStreamKeep = 1500
)

// dnsStreams puts segments of DNS over TCP together. The oldest stream makes
// room for a new one. It is used by one goroutine.
type dnsStreams struct {
	live  map[dnsFlow]*dnsStream
	order []dnsFlow // by age; may name streams that are gone
	// gaps counts segments that did not continue what was there before.
	gaps uint64
}

// dnsFlow is one direction of one socket.
type dnsFlow struct {
	cookie   uint64
	outbound bool
}

// dnsStream is where reading stands: in a message whose length is known once
// two bytes of it are there.
type dnsStream struct {
	next uint32 // sequence number of the next byte
	buf  []byte // what is kept of the message, with its length in front
	skip int    // bytes of the message that are still to come and not kept
}

func newDNSStreams() *dnsStreams {
	return &dnsStreams{live: map[dnsFlow]*dnsStream{}}
}

// add takes one segment: its first sequence number, the bytes that are there
// and how long it was on the wire. It calls found for every message that is
// complete, or as complete as it will get; cut says that its end is not there.
// The bytes are found's only during the call.
func (d *dnsStreams) add(flow dnsFlow, seq uint32, data []byte, length int, found func(msg []byte, cut bool)) {
	if length < len(data) {
		length = len(data)
	}
	s := d.live[flow]
	if s == nil {
		s = d.open(flow)
		s.next = seq
	}
	switch ahead := int(int32(seq - s.next)); {
	case ahead > 0:
		d.gaps++
		s.lose(ahead, found)
		s.next = seq
	case ahead < 0: // sent again
		old := min(-ahead, length)
		data, length = data[min(old, len(data)):], length-old
	}
	if length == 0 {
		return
	}
	s.next += uint32(length)
	missing := length - len(data)
	s.read(data, found)
	if missing > 0 {
		s.lose(missing, found)
	}
}

// read consumes bytes that are there.
func (s *dnsStream) read(data []byte, found func([]byte, bool)) {
	for len(data) > 0 {
		if s.skip > 0 {
			n := min(s.skip, len(data))
			s.skip -= n
			data = data[n:]
			continue
		}
		want := 2
		if len(s.buf) >= 2 {
			want = min(s.size(), maxDNSStreamKeep)
		}
		n := min(want-len(s.buf), len(data))
		s.buf = append(s.buf, data[:n]...)
		data = data[n:]
		if len(s.buf) == want && want > 2 {
			s.skip = s.size() - want
			s.flush(found)
		} else if len(s.buf) == 2 && s.size() == 2 {
			s.buf = s.buf[:0] // an empty message
		}
	}
}

// lose passes over bytes that never came to us. Where they reach over the end
// of the message, the next segment is taken for the beginning of one, as it
// mostly is.
func (s *dnsStream) lose(n int, found func([]byte, bool)) {
	if s.skip == 0 && len(s.buf) >= 2 {
		s.skip = s.size() - len(s.buf)
	}
	s.flush(found)
	s.skip = max(0, s.skip-n)
}

// size is the length of the message with the two bytes that say so.
func (s *dnsStream) size() int { return 2 + int(binary.BigEndian.Uint16(s.buf)) }

// flush gives out what is there of the message.
func (s *dnsStream) flush(found func([]byte, bool)) {
	if len(s.buf) > 2 {
		found(s.buf[2:], len(s.buf) < s.size())
	}
	s.buf = s.buf[:0]
}

func (d *dnsStreams) open(flow dnsFlow) *dnsStream {
	for len(d.live) >= maxDNSStreams {
		delete(d.live, d.order[0])
		d.order = d.order[1:]
	}
	s := &dnsStream{}
	d.live[flow] = s
	d.order = append(d.order, flow)
	return s
}
