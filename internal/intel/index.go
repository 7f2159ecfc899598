package intel

import (
	"encoding/hex"
	"hash/maphash"
	"strings"
)

// index finds what lists say of an address, a name or a file. A nil index is
// empty.
type index struct {
	v4      nodes4
	v6      nodes6
	names   names
	files   hashed  // by their hashes
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
	claim uint32 // its number, how long the text is, and the mark isLast
	text  uint32 // where the entry is, as the list has it
	up    chain  // the same in all entries of a chain
	facts
	bits uint8 // how long a prefix is
}

// The length of an entry's text lies beside the number of its claim: to show an
// entry nothing needs to be read where the text is.
const (
	isLast     = 1 << 31
	claimShift = 8
	maxClaims  = 1 << (31 - claimShift)
)

func packClaim(id uint32, text string) uint32 { return id<<claimShift | uint32(len(text)) }

func (e *entry) claimID() uint32 { return e.claim &^ isLast >> claimShift }

// textOf is the entry as the list has it.
func (a *arena) textOf(e *entry) string { return a.at(e.text, uint8(e.claim)) }

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

// sum returns the entries of a file's SHA-256, SHA-1 or MD5.
func (x *index) sum(sum []byte) chain {
	if x == nil || len(x.files.lines) == 0 || len(sum) > maxText {
		return none
	}
	t := &x.files
	for at, tag := t.slot(maphash.Bytes(t.seed, sum), len(sum)); ; at++ {
		if at == len(t.lines) {
			at = 0
		}
		for i := range t.lines[at] {
			if n := &t.lines[at][i]; n.tag == 0 {
				return none
			} else if n.tag == tag && x.text.at(n.key, n.size()) == string(sum) {
				return n.self
			}
		}
	}
}

// parseSum reads a SHA-256, SHA-1 or MD5 in hex.
func parseSum(s string) (sum []byte, ok bool) {
	switch len(s) {
	case 64, 40, 32:
	default:
		return nil, false
	}
	if strings.ContainsAny(s, ".:/") { // most names and addresses, without an error that costs something
		return nil, false
	}
	sum, err := hex.DecodeString(s)
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

func (x *index) claimOf(e *entry) *claim { return &x.claims[e.claimID()] }

func (x *index) hit(e *entry) Hit {
	w := x.claimOf(e)
	return Hit{
		List: w.list.Name, Category: w.category, Names: w.names, Entry: x.text.textOf(e), Of: w.list,
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
