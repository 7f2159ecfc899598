package intel

import (
	"cmp"
	"encoding/binary"
	"errors"
	"hash/maphash"
	"net/netip"
	"slices"
	"strings"
)

// indexBuilder collects entries of lists in the order in which they come.
type indexBuilder struct {
	v4    []raw4
	v6    []raw6
	names []rawName
	sums  []rawSum

	entries []entry
	dropped map[uint32]bool // entries that warning lists keep out
	text    arena

	claims []claim
	ids    map[claimKey]uint32
	last   claimKey // of the entry before, which mostly says the same
	lastID uint32
}

type raw4 struct {
	addr, entry uint32
	bits        uint8
}

type raw6 struct {
	hi, lo uint64
	entry  uint32
	bits   uint8
}

type rawName struct {
	key, entry uint32
	n          uint8
	below      bool
	node       uint32 // found when the index is made
}

type rawSum struct {
	head       uint64
	entry, key uint32 // key is where the hash itself is
	n          uint8
}

type claimKey struct {
	list     *List
	category Category
	names    string
}

// entry notes an entry and what is said of it; the caller says what it stands for.
func (b *indexBuilder) entry(text string, bits int, l *List, f *Fact) (e uint32, at uint32, err error) {
	if at, err = b.text.add(text); err != nil {
		return 0, 0, err
	}
	id := b.claimID(l, f)
	if id >= maxClaims {
		return 0, 0, errClaims
	}
	b.entries = append(b.entries, entry{
		claim: packClaim(id, text), text: at, bits: uint8(bits), facts: facts{f.FirstSeen, f.LastSeen, f.Expires, min(f.Confidence, 100)},
	})
	return uint32(len(b.entries) - 1), at, nil
}

var errClaims = errors.New("the lists of one part have more than eight million different things to say")

// claimID numbers what lists say. A feed says the same of most of its entries.
func (b *indexBuilder) claimID(l *List, f *Fact) uint32 {
	key := claimKey{l, f.Category, ""}
	switch len(f.Names) {
	case 0:
	case 1:
		key.names = f.Names[0]
	default:
		key.names = strings.Join(f.Names, "\x00")
	}
	if key == b.last && len(b.claims) > 0 {
		return b.lastID
	}
	id, ok := b.ids[key]
	if !ok {
		if b.ids == nil {
			b.ids = map[claimKey]uint32{}
		}
		id = uint32(len(b.claims))
		key.names = strings.Clone(key.names)
		var names []string
		for _, n := range f.Names {
			names = append(names, strings.Clone(n))
		}
		b.claims, b.ids[key] = append(b.claims, claim{l, f.Category, names}), id
	}
	b.last, b.lastID = key, id
	return id
}

func (b *indexBuilder) addPrefix(p netip.Prefix, text string, l *List, f *Fact) error {
	e, _, err := b.entry(text, p.Bits(), l, f)
	if err != nil {
		return err
	}
	if p.Addr().Is4() {
		b.v4 = append(b.v4, raw4{as4(p.Addr()), e, uint8(p.Bits())})
		return nil
	}
	hi, lo := as6(p.Addr())
	b.v6 = append(b.v6, raw6{hi, lo, e, uint8(p.Bits())})
	return nil
}

// addName adds what a list says of a name, of all below it, or of both.
func (b *indexBuilder) addName(name string, self, below bool, text string, l *List, f *Fact) error {
	if len(text) > maxText {
		text = name
	}
	e, at, err := b.entry(text, 0, l, f)
	if err != nil {
		return err
	}
	key := at + uint32(len(text)-len(name)) // mostly the end of what the list says
	if !strings.HasSuffix(text, name) {
		if key, err = b.text.add(name); err != nil {
			return err
		}
	}
	if self {
		b.names = append(b.names, rawName{key: key, entry: e, n: uint8(len(name))})
	}
	if below {
		b.names = append(b.names, rawName{key: key, entry: e, n: uint8(len(name)), below: true})
	}
	return nil
}

func (b *indexBuilder) addSum(sum []byte, text string, l *List, f *Fact) error {
	e, _, err := b.entry(text, 0, l, f)
	if err != nil {
		return err
	}
	key, err := b.text.add(string(sum)) // is compared at once, hex is not
	if err != nil {
		return err
	}
	b.sums = append(b.sums, rawSum{binary.BigEndian.Uint64(sum), e, key, uint8(len(sum))})
	return nil
}

// assembly is an index that is being made: entries are put in the order of
// their chains.
type assembly struct {
	*index
	from *indexBuilder
	took []bool // of the builder's entries
}

// index makes the index; the builder is of no more use.
func (b *indexBuilder) index() *index {
	if len(b.entries) == 0 {
		return nil
	}
	b.text.seal()
	n := len(b.v4) + len(b.v6) + len(b.names) + len(b.sums)
	a := &assembly{&index{text: b.text, claims: b.claims, entries: append(make([]entry, 0, n+1), entry{})}, b, make([]bool, len(b.entries))}
	a.addV4()
	a.addV6()
	a.addSums()
	a.addNames()
	for e, took := range a.took { // an entry for a name and all below it is one
		if took {
			a.claimOf(&b.entries[e]).list.Entries++
		}
	}
	return a.index
}

// start starts a chain with an entry.
func (a *assembly) start(e uint32, up chain) chain {
	c := chain(len(a.entries))
	a.entries = append(a.entries, a.from.entries[e])
	a.took[e] = true
	last := &a.entries[c]
	last.claim, last.up = last.claim|isLast, up
	return c
}

// maxPerKey bounds what lists can say of one prefix or name: nobody reads more,
// and a list that repeats itself shall not make look-ups slow.
const maxPerKey = 256

// put puts an entry behind those of the newest chain, unless it says there
// again what a list said before.
func (a *assembly) put(e uint32, to chain) {
	said := a.entries[to:]
	if len(said) >= maxPerKey {
		return
	}
	is := a.from.entries[e]
	for i := range said {
		if said[i].claimID() == is.claimID() {
			return
		}
	}
	last := &said[len(said)-1]
	last.claim &^= isLast
	is.claim, is.up = is.claim|isLast, last.up
	a.entries = append(a.entries, is)
	a.took[e] = true
}

// addV4 puts prefixes into blocks. Wider ones come first, so that around a
// prefix are those that were open before it and contain it.
func (a *assembly) addV4() {
	raw := slices.DeleteFunc(a.from.v4, func(r raw4) bool { return a.from.dropped[r.entry] })
	slices.SortFunc(raw, func(x, y raw4) int {
		return cmp.Or(cmp.Compare(x.addr, y.addr), cmp.Compare(x.bits, y.bits), cmp.Compare(x.entry, y.entry))
	})
	blocks := make([]block4, 0, len(raw)/perBlock+1)
	open := none
	for i, r := range raw {
		if i > 0 && r.addr == raw[i-1].addr && r.bits == raw[i-1].bits {
			a.put(r.entry, open)
			continue
		}
		for open != none && (r.addr^raw[i-1].addr)>>(32-a.entries[open].bits) != 0 {
			open = a.entries[open].up
		}
		wider := open != none
		open = a.start(r.entry, open)
		if len(blocks) == 0 || blocks[len(blocks)-1].n == perBlock {
			blocks = append(blocks, block4{})
		}
		b := &blocks[len(blocks)-1]
		b.start[b.n], b.entry[b.n], b.bits[b.n] = r.addr, uint32(open), packBits(r.bits, wider)
		b.n++
	}
	first := func(i int) uint64 { return uint64(blocks[i].start[0]) }
	a.v4, a.from.v4 = nodes4{slices.Clip(blocks), bucketsOf(len(blocks), first)}, nil
}

func (a *assembly) addV6() {
	raw := slices.DeleteFunc(a.from.v6, func(r raw6) bool { return a.from.dropped[r.entry] })
	slices.SortFunc(raw, func(x, y raw6) int {
		return cmp.Or(cmp.Compare(x.hi, y.hi), cmp.Compare(x.lo, y.lo), cmp.Compare(x.bits, y.bits), cmp.Compare(x.entry, y.entry))
	})
	his, los, nodes := make([]uint64, 0, len(raw)), make([]uint64, 0, len(raw)), make([]node6, 0, len(raw))
	open := none
	for i, r := range raw {
		if i > 0 && r.hi == raw[i-1].hi && r.lo == raw[i-1].lo && r.bits == raw[i-1].bits {
			a.put(r.entry, open)
			continue
		}
		for open != none && !inside(r.hi^raw[i-1].hi, r.lo^raw[i-1].lo, a.entries[open].bits) {
			open = a.entries[open].up
		}
		wider := open != none
		open = a.start(r.entry, open)
		his, los, nodes = append(his, r.hi), append(los, r.lo), append(nodes, node6{uint32(open), packBits(r.bits, wider)})
	}
	a.v6, a.from.v6 = nodes6{sortedOf(his), los, nodes}, nil
}

func (a *assembly) addSums() {
	raw := slices.DeleteFunc(a.from.sums, func(r rawSum) bool { return a.from.dropped[r.entry] })
	hash := func(r rawSum) string { return a.text.at(r.key, r.n) }
	byHash := func(x, y rawSum) int {
		if c := cmp.Compare(x.head, y.head); c != 0 { // nearly always
			return c
		}
		return strings.Compare(hash(x), hash(y))
	}
	slices.SortStableFunc(raw, byHash)
	if len(raw) == 0 {
		return
	}
	a.files = hashedFor(len(raw), maphash.MakeSeed())
	newest := none
	for i, r := range raw {
		if i > 0 && byHash(r, raw[i-1]) == 0 {
			a.put(r.entry, newest)
			continue
		}
		newest = a.start(r.entry, none)
		at, tag := a.files.slot(maphash.String(a.files.seed, hash(r)), int(r.n))
		a.files.insert(at, node{tag: tag, key: r.key, self: newest})
	}
	a.from.sums = nil
}
