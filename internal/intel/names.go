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
	hashed
	text *arena
}

// name returns the entries that match a name in lower case, without final dot.
func (x *index) name(name string) chain {
	if x == nil || len(x.names.lines) == 0 {
		return none
	}
	t := &x.names
	n, from := t.deepest(name)
	if n == nil {
		return none
	}
	if !t.is(n, name[from:]) {
		if n, from = t.deepestExact(name); n == nil {
			return none
		}
	}
	if from == 0 {
		return n.self
	}
	return n.below
}

// deepest is the node of the longest end of a name that is there, judged by
// hashes alone, and where that end starts. Only it needs to be compared: if it
// is what it seems, so are those above it.
func (t *names) deepest(name string) (deepest *node, from int) {
	from = len(name)
	for dot := strings.LastIndexByte(name, '.'); dot >= 0; {
		dot = strings.LastIndexByte(name[:dot], '.')
		n := t.seeming(t.place(name[dot+1:]))
		if n == nil {
			break
		}
		deepest, from = n, dot+1
	}
	return deepest, from
}

// deepestExact is deepest for the rare name of which an end has the hash of
// another name.
func (t *names) deepestExact(name string) (deepest *node, from int) {
	from = len(name)
	for dot := strings.LastIndexByte(name, '.'); dot >= 0; {
		dot = strings.LastIndexByte(name[:dot], '.')
		n := t.find(name[dot+1:])
		if n == nil {
			break
		}
		deepest, from = n, dot+1
	}
	return deepest, from
}

func (t *names) is(n *node, name string) bool {
	return int(n.size()) == len(name) && t.text.at(n.key, n.size()) == name
}

// find returns the node of a name, nil if there is none.
func (t *names) find(name string) *node {
	if len(t.lines) == 0 || len(name) > maxText {
		return nil
	}
	for at, tag := t.place(name); ; at++ {
		if at == len(t.lines) {
			at = 0
		}
		for i := range t.lines[at] {
			if n := &t.lines[at][i]; n.tag == 0 {
				return nil
			} else if n.tag == tag && t.is(n, name) {
				return n
			}
		}
	}
}

// place is where to look for a name first, and its tag.
func (t *names) place(name string) (at int, tag uint32) {
	return t.slot(maphash.String(t.seed, name), len(name))
}
