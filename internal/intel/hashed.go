package intel

import "hash/maphash"

// hashed is a hash table of names or files: open addressing, with a third of the
// places empty. The hash is seeded at random and only leads to where to look:
// who asks compares the text.
type hashed struct {
	seed  maphash.Seed
	lines []line
}

// node is a name or a file, and the entries that match it, and names below it.
type node struct {
	tag   uint32 // part of its hash, and its size in bytes; 0 where there is none
	key   uint32 // where its text is
	self  chain
	below chain
}

// line is the nodes of a cache line, those that are there first: most searches
// touch no other.
type line [perLine]node

const perLine = 4

func (n *node) size() uint8 { return uint8(n.tag) }

// hashedFor returns an empty table for so many nodes.
func hashedFor(n int, seed maphash.Seed) hashed {
	return hashed{seed, make([]line, n*3/2/perLine+1)}
}

// slot is the line in which to look first for something with a hash and a size,
// and its tag.
func (t *hashed) slot(hash uint64, size int) (at int, tag uint32) {
	return int(hash >> 32 * uint64(len(t.lines)) >> 32), uint32(hash)&^maxText | uint32(uint8(size))
}

// seeming returns the first node with a tag, nil if there is none. Which of a line
// that is is chosen without a branch, which would be guessed wrong: so the processor
// fetches what the next look-up needs while it waits for this one's line.
func (t *hashed) seeming(at int, tag uint32) *node {
	for ; ; at++ {
		if at == len(t.lines) {
			at = 0
		}
		l, i := &t.lines[at], perLine
		for k := perLine - 1; k >= 0; k-- {
			if l[k].tag == tag {
				i = k
			}
		}
		if i < perLine {
			return &l[i]
		}
		if l[perLine-1].tag == 0 {
			return nil
		}
	}
}

// insert adds a node, from the line at on.
func (t *hashed) insert(at int, n node) {
	for ; ; at = (at + 1) % len(t.lines) {
		for i := range t.lines[at] {
			if t.lines[at][i].tag == 0 {
				t.lines[at][i] = n
				return
			}
		}
	}
}
