package ranges

import (
	"encoding/binary"
	"iter"
	"net/netip"
	"time"
)

// Table says which label an address has. It never changes.
type Table struct {
	built  time.Time
	labels []string
	v4     column[uint32] // by the whole address
	v6     column[uint64] // by the upper half: a range is never narrower than a /64
}

// Built says when the data was made.
func (t *Table) Built() time.Time { return t.built }

// Labels are all labels; the first is "", that of an address in no range.
func (t *Table) Labels() []string { return t.labels }

// Find gives the label of an address, as an index into Labels. An IPv4
// address that is written as an IPv6 one is an IPv4 address.
func (t *Table) Find(a netip.Addr) int {
	switch a = a.Unmap(); {
	case a.Is4():
		b := a.As4()
		return int(t.v4.find(binary.BigEndian.Uint32(b[:])))
	case a.Is6():
		b := a.As16()
		return int(t.v6.find(binary.BigEndian.Uint64(b[:])))
	}
	return 0
}

// All gives the first address and the label of every range, and of every gap,
// IPv4 first, in order.
func (t *Table) All() iter.Seq2[netip.Addr, string] {
	return func(yield func(netip.Addr, string) bool) {
		for i, s := range t.v4.starts {
			var b [4]byte
			binary.BigEndian.PutUint32(b[:], s)
			if !yield(netip.AddrFrom4(b), t.labels[t.v4.labels[i]]) {
				return
			}
		}
		for i, s := range t.v6.starts {
			var b [16]byte
			binary.BigEndian.PutUint64(b[:], s)
			if !yield(netip.AddrFrom16(b), t.labels[t.v6.labels[i]]) {
				return
			}
		}
	}
}

// column has the ranges of one family: range i goes from starts[i] to
// starts[i+1], the last to the end of the space. The first starts at 0.
type column[T uint32 | uint64] struct {
	starts []T
	labels []uint8
	// index says how many starts are in the buckets before bucket b, so a
	// search looks at one bucket only.
	index []uint32
	first T    // where the second bucket starts; all below is in the first
	shift uint // the width of a bucket, as a power of two
}

const buckets = 1 << 16

// The buckets of IPv4 are its /16s. Those of IPv6 are as fine as can be within
// 2000::/3, where all addresses in use are.
const (
	shift4 = 16
	first6 = 0x2000 << 48
	shift6 = 61 - 16
)

func newColumn[T uint32 | uint64](starts []T, labels []uint8, first T, shift uint) column[T] {
	c := column[T]{starts, labels, make([]uint32, buckets+1), first, shift}
	next := 0 // the first bucket that is not in the index yet
	for i, s := range starts {
		for b := c.bucket(s); next <= b; next++ {
			c.index[next] = uint32(i)
		}
	}
	for ; next <= buckets; next++ {
		c.index[next] = uint32(len(starts))
	}
	return c
}

func (c *column[T]) bucket(x T) int {
	if x < c.first {
		return 0
	}
	return int(min((x-c.first)>>c.shift, buckets-1))
}

func (c *column[T]) find(x T) uint8 {
	if len(c.starts) == 0 {
		return 0
	}
	b := c.bucket(x)
	low, high := c.index[b], c.index[b+1]
	for low < high { // the first start after x
		if mid := (low + high) / 2; c.starts[mid] <= x {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return c.labels[low-1] // the first start is 0, so there is one before
}
