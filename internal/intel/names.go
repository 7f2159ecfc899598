package intel

import (
	"hash/maphash"
	"strings"
)

// names is a tree of domains in a hash table: every listed name and every
// name above one is a node, except single labels. A look-up goes from the right
// and ends at the first name that is not there, so a name about which no list
// says anything costs one probe or two.
//
// The hash is seeded at random: nobody can choose names that collide. What the
// table answers does not depend on it, for names are compared whole.
type names struct {
	seed  maphash.Seed
	slots []slot
	nodes []node
	text  *arena
}

// slot is a place of the table: part of a name's hash and its node, 0 for none.
// The hash gives the place too, so a table can grow without reading names.
type slot struct{ hash, node uint32 }

// node is a name, and the entries that match it and names below it.
type node struct {
	key   uint32 // where its text is
	self  chain
	below chain
	n     uint8 // how long it is
}

// name returns the entries that match a name in lower case, without final dot.
func (x *index) name(name string) chain {
	if x == nil || len(x.names.nodes) == 0 {
		return none
	}
	t := &x.names
	n, from := t.deepest(name)
	if n == 0 {
		return none
	}
	if !t.is(n, name[from:]) {
		if n, from = t.deepestExact(name); n == 0 {
			return none
		}
	}
	if from == 0 {
		return t.nodes[n].self
	}
	return t.nodes[n].below
}

// deepest is the node of the longest end of a name that is there, judged by
// hashes alone, and where that end starts. Only it needs to be compared: if it
// is what it seems, so are those above it.
func (t *names) deepest(name string) (n uint32, from int) {
	from = len(name)
	dot := strings.LastIndexByte(name, '.')
	for dot >= 0 {
		dot = strings.LastIndexByte(name[:dot], '.')
		h := t.hash(name[dot+1:])
		at := place(h, len(t.slots))
		for t.slots[at].node != 0 && t.slots[at].hash != h {
			if at++; at == len(t.slots) {
				at = 0
			}
		}
		if t.slots[at].node == 0 {
			break
		}
		n, from = t.slots[at].node, dot+1
	}
	return n, from
}

// deepestExact is deepest for the rare name of which an end has the hash of
// another name.
func (t *names) deepestExact(name string) (n uint32, from int) {
	from = len(name)
	dot := strings.LastIndexByte(name, '.')
	for dot >= 0 {
		dot = strings.LastIndexByte(name[:dot], '.')
		next := t.find(name[dot+1:])
		if next == 0 {
			break
		}
		n, from = next, dot+1
	}
	return n, from
}

func (t *names) hash(name string) uint32 { return uint32(maphash.String(t.seed, name)) }

func (t *names) is(n uint32, name string) bool {
	is := &t.nodes[n]
	return int(is.n) == len(name) && t.text.at(is.key, is.n) == name
}

// find returns the node of a name, 0 if there is none.
func (t *names) find(name string) uint32 {
	if len(t.slots) == 0 {
		return 0
	}
	h := t.hash(name)
	for i := place(h, len(t.slots)); ; i++ {
		if i == len(t.slots) {
			i = 0
		}
		if s := t.slots[i]; s.node == 0 || s.hash == h && t.is(s.node, name) {
			return s.node
		}
	}
}

// place spreads hashes over a table of any size.
func place(hash uint32, slots int) int { return int(uint64(hash) * uint64(slots) >> 32) }

// put returns the node of a name, a new one if there is none.
func (t *names) put(name string, key uint32) (n uint32, isNew bool) {
	if len(t.slots) == 0 {
		t.nodes = append(t.nodes, node{}) // 0 is none
		t.resize(16)
	}
	if n := t.find(name); n != 0 {
		return n, false
	}
	if len(t.nodes)*3/2 >= len(t.slots) {
		t.resize(2 * len(t.slots))
	}
	n = uint32(len(t.nodes))
	t.nodes = append(t.nodes, node{key: key, n: uint8(len(name))})
	t.insert(slot{t.hash(name), n})
	return n, true
}

func (t *names) insert(s slot) {
	i := place(s.hash, len(t.slots))
	for t.slots[i].node != 0 {
		if i++; i == len(t.slots) {
			i = 0
		}
	}
	t.slots[i] = s
}

func (t *names) resize(n int) {
	old := t.slots
	t.slots = make([]slot, n)
	for _, s := range old {
		if s.node != 0 {
			t.insert(s)
		}
	}
}

// trim leaves a third of the places empty, so that probes stay short.
func (t *names) trim() {
	if len(t.nodes) > 0 {
		t.resize(len(t.nodes)*3/2 + 1)
	}
}
