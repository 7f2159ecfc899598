package intel

import "net/netip"

// What follows is for prefixes, not single addresses: when lists are read, and
// when people ask.

// at is the i-th prefix of a family in order, with its entries.
func (x *index) at(v4 bool, i int) (netip.Prefix, chain) {
	if v4 {
		b, k := &x.v4.blocks[i/perBlock], i%perBlock
		return prefix4(b.start[k], unpackBits(b.bits[k])), chain(b.entry[k])
	}
	n := &x.v6.node[i]
	return prefix6(x.v6.hi.keys[i], x.v6.lo[i], unpackBits(n.bits)), chain(n.entry)
}

func (x *index) count(v4 bool) int {
	if !v4 {
		return len(x.v6.node)
	}
	if len(x.v4.blocks) == 0 {
		return 0
	}
	return (len(x.v4.blocks)-1)*perBlock + int(x.v4.blocks[len(x.v4.blocks)-1].n)
}

// after is the number of prefixes that come before p, or at it if also is true.
func (x *index) after(p netip.Prefix, also bool) int {
	v4 := p.Addr().Is4()
	from, to := 0, x.count(v4)
	for from < to {
		mid := from + (to-from)/2
		q, _ := x.at(v4, mid)
		c := q.Addr().Compare(p.Addr())
		if c == 0 {
			c = q.Bits() - p.Bits()
		}
		if c < 0 || c == 0 && also {
			from = mid + 1
		} else {
			to = mid
		}
	}
	return from
}

// around returns the entries of the narrowest prefix that contains all of p.
func (x *index) around(p netip.Prefix) chain {
	if x == nil {
		return none
	}
	i := x.after(p, true) - 1
	if i < 0 {
		return none
	}
	q, c := x.at(p.Addr().Is4(), i)
	for ; c != none; c = x.entries[c].up {
		if bits := int(x.entries[c].bits); bits <= p.Bits() && netip.PrefixFrom(q.Addr(), bits).Contains(p.Addr()) {
			return c
		}
	}
	return none
}

// each calls yield with every prefix that lies in p, p itself included.
func (x *index) each(p netip.Prefix, yield func(netip.Prefix, chain)) {
	if x == nil {
		return
	}
	v4 := p.Addr().Is4()
	for i := x.after(p, false); i < x.count(v4); i++ {
		q, c := x.at(v4, i)
		if !p.Contains(q.Addr()) {
			return
		}
		yield(q, c)
	}
}

// meets returns the entries of a prefix that contains p or lies in it.
func (x *index) meets(p netip.Prefix) chain {
	if c := x.around(p); x == nil || c != none {
		return c
	}
	if i := x.after(p, false); i < x.count(p.Addr().Is4()) {
		if q, c := x.at(p.Addr().Is4(), i); p.Contains(q.Addr()) {
			return c
		}
	}
	return none
}
