package intel

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// index finds what lists say of an address, a name or a file. A nil index is
// empty.
type index struct {
	v4      nodes4
	v6      nodes6
	names   names
	sums    sorted  // first bytes of hashes
	sumAt   []chain // of each
	entries []entry // the first is nobody's
	claims  []claim
	text    arena
}

// chain is the entries of one prefix, name or file: the number of the first.
// The entry that is marked as the last leads on to those of the next wider
// prefix or name.
type chain uint32

const none chain = 0

// entry is what one list says of one prefix, name or file.
type entry struct {
	claim uint32 // with the mark isLast
	text  uint32 // where the entry is, as the list has it
	up    chain  // the same in all entries of a chain
	facts
	bits uint8 // how long a prefix is
}

const isLast = 1 << 31

// facts are what an entry has of its own.
type facts struct {
	first, last, expires Day
	confidence           uint8
}

// claim is what entries have in common.
type claim struct {
	list     *List
	category Category
	names    []string
}

// sum returns the entries of a file's SHA-256.
func (x *index) sum(sum *[32]byte) chain {
	if x == nil || len(x.sumAt) == 0 {
		return none
	}
	head := binary.BigEndian.Uint64(sum[:8])
	for i := x.sums.last(head); i >= 0 && x.sums.keys[i] == head; i-- {
		if isHex(x.text.text(x.entries[x.sumAt[i]].text), sum) {
			return x.sumAt[i]
		}
	}
	return none
}

// isHex reports whether a text is a hash in hex, of either case.
func isHex(text string, sum *[32]byte) bool {
	if len(text) != 2*len(sum) {
		return false
	}
	for i, b := range sum {
		if lowerHex(text[2*i]) != hexDigits[b>>4] || lowerHex(text[2*i+1]) != hexDigits[b&15] {
			return false
		}
	}
	return true
}

const hexDigits = "0123456789abcdef"

func lowerHex(c byte) byte {
	if 'A' <= c && c <= 'F' {
		return c + 'a' - 'A'
	}
	return c
}

// parseSum reads a SHA-256 in hex.
func parseSum(s string) (sum [32]byte, ok bool) {
	if len(s) != 2*len(sum) || strings.ContainsAny(s, ".:/") {
		return sum, false
	}
	_, err := hex.Decode(sum[:], []byte(s))
	return sum, err == nil
}

// append adds the entries of a chain and of those above it.
func (x *index) append(hits []Hit, c chain) []Hit {
	for c != none {
		e := &x.entries[c]
		hits = append(hits, x.hit(e))
		c = x.next(c)
	}
	return hits
}

// next is the entry behind another: of the same chain, or the first of the next.
func (x *index) next(c chain) chain {
	if e := &x.entries[c]; e.claim&isLast != 0 {
		return e.up
	}
	return c + 1
}

func (x *index) claimOf(e *entry) *claim { return &x.claims[e.claim&^isLast] }

func (x *index) hit(e *entry) Hit {
	w := x.claimOf(e)
	return Hit{
		List: w.list.Name, Category: w.category, Names: w.names, Entry: x.text.text(e.text), Of: w.list,
		FirstSeen: e.first, LastSeen: e.last, Expires: e.expires, Confidence: e.confidence,
	}
}

// inCategory returns the first entry of a chain with a category.
func (x *index) inCategory(c chain, want Category) (Hit, bool) {
	for ; c != none; c = x.next(c) {
		if e := &x.entries[c]; x.claimOf(e).category == want {
			return x.hit(e), true
		}
	}
	return Hit{}, false
}
