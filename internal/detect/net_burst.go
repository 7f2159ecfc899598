package detect

import (
	"encoding/binary"
	"net/netip"
	"sort"
	"time"
)

// burst remembers when distinct things happened last, the newest few of them,
// in the order of their times. It is small, and its cost does not grow with
// what an attacker does.
type burst []occasion

type occasion struct {
	at int64 // Unix seconds
	id uint64
}

// add notes that id happened, and reports whether that was new. The oldest
// make room.
func (b *burst) add(id uint64, at time.Time, limit int) bool {
	for _, o := range *b {
		if o.id == id {
			return false
		}
	}
	t := at.Unix()
	i := sort.Search(len(*b), func(i int) bool { return (*b)[i].at > t })
	if len(*b) >= limit {
		if i == 0 { // older than all that is remembered
			return false
		}
		copy((*b)[:i-1], (*b)[1:i])
		(*b)[i-1] = occasion{t, id}
		return true
	}
	*b = append(*b, occasion{})
	copy((*b)[i+1:], (*b)[i:])
	(*b)[i] = occasion{t, id}
	return true
}

// within is how many of them happened within a window that holds at: the most
// crowded one.
func (b burst) within(window time.Duration, at time.Time) int {
	w, t, most := int64(window/time.Second), at.Unix(), 0
	for i := range b {
		if b[i].at < t-w || b[i].at > t {
			continue
		}
		n := sort.Search(len(b), func(k int) bool { return b[k].at > b[i].at+w }) - i
		most = max(most, n)
	}
	return most
}

func (b burst) append(to []byte) []byte {
	to = binary.AppendUvarint(to, uint64(len(b)))
	last := int64(0)
	for _, o := range b {
		to = binary.AppendVarint(to, o.at-last)
		to = binary.LittleEndian.AppendUint64(to, o.id)
		last = o.at
	}
	return to
}

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

func appendAddr(to []byte, a netip.Addr) []byte {
	v := a.AsSlice()
	return append(append(to, byte(len(v))), v...)
}

func (s *saved) burst(limit int) burst {
	n := s.count(limit)
	if n == 0 {
		return nil
	}
	b, last := make(burst, 0, n), int64(0)
	for range n {
		last += s.int()
		b = append(b, occasion{last, s.uint64()})
	}
	return b
}

// mix is a hash that is the same in every process (FNV-1a, and a stir so that
// all its bits are good).
type mix uint64

const mixSeed mix = 14695981039346656037

func (h mix) byte(c byte) mix { return (h ^ mix(c)) * 1099511628211 }

func (h mix) string(s string) mix {
	for i := range len(s) {
		h = h.byte(s[i])
	}
	return h
}

func (h mix) addr(a netip.Addr) mix {
	if a.Is4() {
		for _, c := range a.As4() {
			h = h.byte(c)
		}
		return h
	}
	for _, c := range a.As16() {
		h = h.byte(c)
	}
	return h
}

func (h mix) sum() uint64 {
	v := uint64(h)
	v ^= v >> 33
	v *= 0xff51afd7ed558ccd
	return v ^ v>>33
}
