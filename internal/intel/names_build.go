package intel

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"
)

// nameTree is a tree of domains that is being made. Nodes have numbers, parents
// before children; 0 is none.
type nameTree struct {
	seed  maphash.Seed
	slots []treeSlot
	nodes []treeNode
	text  *arena
}

// treeSlot is a place of a hash table: part of a name's hash and its node. The hash
// gives the place too, so the table can grow without reading names.
type treeSlot struct{ hash, node uint32 }

type treeNode struct {
	key, above  uint32
	self, below chain
	size        uint8
}

// put returns the node of a name, a new one below another if there is none.
func (t *nameTree) put(name string, key, above uint32) uint32 {
	if len(t.nodes)*3/2 >= len(t.slots) {
		t.grow()
	}
	h := uint32(maphash.String(t.seed, name))
	i := placeIn(h, len(t.slots))
	for ; t.slots[i].node != 0; i = (i + 1) % len(t.slots) {
		s := t.slots[i]
		if s.hash != h {
			continue
		}
		if n := &t.nodes[s.node]; int(n.size) == len(name) && t.text.at(n.key, n.size) == name {
			return s.node
		}
	}
	t.slots[i] = treeSlot{h, uint32(len(t.nodes))}
	t.nodes = append(t.nodes, treeNode{key: key, above: above, size: uint8(len(name))})
	return t.slots[i].node
}

func (t *nameTree) grow() {
	old := t.slots
	t.slots = make([]treeSlot, max(16, 2*len(old)))
	for _, s := range old {
		if s.node == 0 {
			continue
		}
		i := placeIn(s.hash, len(t.slots))
		for t.slots[i].node != 0 {
			i = (i + 1) % len(t.slots)
		}
		t.slots[i] = s
	}
}

// placeIn spreads hashes over a table of any size.
func placeIn(hash uint32, slots int) int { return int(uint64(hash) * uint64(slots) >> 32) }

// table is the tree as it is asked. The tree is of no more use.
func (t *nameTree) table() names {
	out := names{text: t.text}
	if len(t.nodes) <= 1 {
		return out
	}
	t.slots = nil
	out.hashed = hashedFor(len(t.nodes), t.seed)
	for i := range t.nodes[1:] {
		n := &t.nodes[1+i]
		at, tag := out.place(t.text.at(n.key, n.size))
		out.insert(at, node{tag, n.key, n.self, n.below})
	}
	t.nodes = nil
	return out
}

// addNames makes the tree of names: parents before children, so that one pass
// over the nodes hands down what is said of all below a name.
func (a *assembly) addNames() {
	t := &nameTree{seed: maphash.MakeSeed(), text: &a.text, nodes: make([]treeNode, 1)}
	raw := slices.DeleteFunc(a.from.names, func(r rawName) bool { return a.from.dropped[r.entry] })
	for i := range raw {
		r := &raw[i]
		name := a.text.at(r.key, r.n)
		for dot := strings.LastIndexByte(name, '.'); dot >= 0; {
			dot = strings.LastIndexByte(name[:dot], '.')
			r.node = t.put(name[dot+1:], r.key+uint32(dot+1), r.node)
		}
	}
	slices.SortFunc(raw, func(x, y rawName) int {
		return cmp.Or(cmp.Compare(x.node, y.node), compareBool(x.below, y.below), cmp.Compare(x.entry, y.entry))
	})
	next := 0
	for i := 1; i < len(t.nodes); i++ {
		n := &t.nodes[i]
		wider := t.nodes[n.above].below
		n.self, n.below = wider, wider
		for ; next < len(raw) && raw[next].node == uint32(i); next++ {
			r, is := raw[next], &n.self
			if r.below {
				is = &n.below
			}
			if *is == wider {
				*is = a.start(r.entry, wider)
			} else {
				a.put(r.entry, *is)
			}
		}
	}
	a.from.names, a.index.names = nil, t.table()
}

func compareBool(x, y bool) int {
	switch {
	case x == y:
		return 0
	case y:
		return -1
	}
	return 1
}
