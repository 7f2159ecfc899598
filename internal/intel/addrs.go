package intel

import (
	"encoding/binary"
	"net/netip"
)

// The prefixes of an index are kept in the order of their first address, the
// wider before the narrower. Of two prefixes that meet, one contains the other:
// so whatever contains an address contains the last prefix that starts at or
// before it, and is found by climbing from there.
//
// What decides about the time of a look-up is how many places of a large memory
// it touches. So what is needed to say that an address is not listed, which is
// nearly always said, lies in one cache line.

// perBlock is how many IPv4 prefixes, with what belongs to them, fill a cache line.
const perBlock = 7

// block4 is some IPv4 prefixes.
type block4 struct {
	start [perBlock]uint32
	entry [perBlock]uint32 // the first of each one's
	bits  [perBlock]uint8  // how long it is, with the mark inWider
	n     uint8            // how many there are
}

// inWider marks the length of a prefix that lies in another one of the index.
// Lengths are kept less one, so that 128 leaves room for it.
const inWider = 0x80

func packBits(bits uint8, wider bool) uint8 {
	bits--
	if wider {
		bits |= inWider
	}
	return bits
}

func unpackBits(b uint8) uint8 { return b&^inWider + 1 }

// nodes4 are the IPv4 prefixes of an index.
type nodes4 struct {
	blocks  []block4
	buckets // of the first addresses of the blocks
}

// last is the last prefix that starts at or before an address.
func (t *nodes4) last(a uint32) (b *block4, i int, ok bool) {
	from, to := t.around(uint64(a))
	for to-from > near {
		if mid := from + (to-from)/2; t.blocks[mid].start[0] <= a {
			from = mid
		} else {
			to = mid
		}
	}
	for from < to && t.blocks[from].start[0] <= a {
		from++
	}
	if from == 0 {
		return nil, 0, false
	}
	b, i = &t.blocks[from-1], 1
	for i < int(b.n) && b.start[i] <= a {
		i++
	}
	return b, i - 1, true
}

// nodes6 are the IPv6 prefixes of an index: the upper halves of their first
// addresses, sorted, with the rest beside them.
type nodes6 struct {
	hi   sorted
	lo   []uint64
	node []node6
}

type node6 struct {
	entry uint32
	bits  uint8
}

// last is the last prefix that starts at or before an address; -1 if there is none.
func (t *nodes6) last(hi, lo uint64) int {
	end := t.hi.last(hi)
	if end < 0 || t.hi.keys[end] < hi {
		return end
	}
	first := 0
	if hi > 0 {
		first = t.hi.last(hi-1) + 1
	}
	for first <= end { // among those with the same upper half
		if mid := int(uint(first+end) / 2); t.lo[mid] <= lo {
			first = mid + 1
		} else {
			end = mid - 1
		}
	}
	return end
}

// addr returns the entries of the narrowest prefix around a valid address that
// is not a mapped one.
func (x *index) addr(a netip.Addr) chain {
	if x == nil {
		return none
	}
	if a.Is4() {
		return x.addr4(as4(a))
	}
	hi, lo := as6(a)
	i := x.v6.last(hi, lo)
	if i < 0 {
		return none
	}
	n := &x.v6.node[i]
	hi, lo = hi^x.v6.hi.keys[i], lo^x.v6.lo[i]
	if inside(hi, lo, unpackBits(n.bits)) {
		return chain(n.entry)
	}
	if n.bits&inWider == 0 {
		return none
	}
	c := x.entries[n.entry].up
	for c != none && !inside(hi, lo, x.entries[c].bits) {
		c = x.entries[c].up
	}
	return c
}

func (x *index) addr4(a uint32) chain {
	b, i, ok := x.v4.last(a)
	if !ok {
		return none
	}
	differ := a ^ b.start[i]
	if differ>>(32-unpackBits(b.bits[i])) == 0 {
		return chain(b.entry[i])
	}
	if b.bits[i]&inWider == 0 {
		return none
	}
	c := x.entries[b.entry[i]].up
	for c != none && differ>>(32-x.entries[c].bits) != 0 {
		c = x.entries[c].up
	}
	return c
}

// inside reports whether two addresses that differ in these bits share the
// first n.
func inside(hi, lo uint64, n uint8) bool {
	if n <= 64 {
		return hi>>(64-n) == 0
	}
	return hi == 0 && lo>>(128-n) == 0
}

func as4(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

func as6(a netip.Addr) (hi, lo uint64) {
	b := a.As16()
	return binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
}

func prefix4(a uint32, bits uint8) netip.Prefix {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], a)
	return netip.PrefixFrom(netip.AddrFrom4(b), int(bits))
}

func prefix6(hi, lo uint64, bits uint8) netip.Prefix {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], hi)
	binary.BigEndian.PutUint64(b[8:], lo)
	return netip.PrefixFrom(netip.AddrFrom16(b), int(bits))
}
