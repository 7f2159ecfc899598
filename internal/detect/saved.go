package detect

import (
	"encoding/binary"
	"net/netip"
)

// saved reads what tables saved. The first fault makes everything after it zero.
type saved struct {
	b   []byte
	bad bool
}

func (s *saved) err() error {
	if s.bad || len(s.b) > 0 {
		return errCutRow
	}
	return nil
}

func (s *saved) bytes(n int) []byte {
	if s.bad || n < 0 || n > len(s.b) {
		s.bad = true
		return make([]byte, min(max(n, 0), 64))
	}
	v := s.b[:n]
	s.b = s.b[n:]
	return v
}

func (s *saved) int() int64 {
	v, n := binary.Varint(s.b)
	if s.bad || n <= 0 {
		s.bad = true
		return 0
	}
	s.b = s.b[n:]
	return v
}

func (s *saved) count(limit int) int {
	v, n := binary.Uvarint(s.b)
	if s.bad || n <= 0 || v > uint64(limit) {
		s.bad = true
		return 0
	}
	s.b = s.b[n:]
	return int(v)
}

func (s *saved) uint64() uint64 { return binary.LittleEndian.Uint64(s.bytes(8)) }
func (s *saved) uint32() uint32 { return binary.LittleEndian.Uint32(s.bytes(4)) }
func (s *saved) uint16() uint16 { return binary.LittleEndian.Uint16(s.bytes(2)) }
func (s *saved) byte() byte     { return s.bytes(1)[0] }

func (s *saved) addr() netip.Addr {
	a, ok := netip.AddrFromSlice(s.bytes(s.count(16)))
	if !ok {
		return netip.Addr{}
	}
	return a
}

func appendInts(b []byte, vs ...int64) []byte {
	for _, v := range vs {
		b = binary.AppendVarint(b, v)
	}
	return b
}

// oneIf is a truth as tables save it.
func oneIf(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func appendAddr(to []byte, a netip.Addr) []byte {
	v := a.AsSlice()
	return append(append(to, byte(len(v))), v...)
}
