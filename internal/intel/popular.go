package intel

import (
	"fmt"
	"hash/maphash"
	"strings"
)

// ranks knows the ranks of popular domains: names in their order, end to end in
// one string, and a hash table of the ranks.
type ranks struct {
	seed  maphash.Seed
	slots []treeSlot // node is the rank
	text  string
	at    []uint32 // where name rank-1 starts; the next starts where it ends
}

// ranksOf takes names in the order of their popularity. Of a name that comes
// again, the first counts.
func ranksOf(names []string) (*ranks, error) {
	r := &ranks{seed: maphash.MakeSeed(), slots: make([]treeSlot, len(names)*3/2+1), text: strings.Join(names, "")}
	at := uint32(0)
	for _, name := range names {
		if !isName(name) {
			return nil, fmt.Errorf("%q is no domain in lower case", name)
		}
		r.at = append(r.at, at)
		at += uint32(len(name))
	}
	r.at = append(r.at, at)
	for i, name := range names {
		if _, again := r.rank(name); again {
			continue
		}
		h := uint32(maphash.String(r.seed, name))
		k := placeIn(h, len(r.slots))
		for r.slots[k].node != 0 {
			k = (k + 1) % len(r.slots)
		}
		r.slots[k] = treeSlot{h, uint32(i + 1)}
	}
	return r, nil
}

func (r *ranks) rank(name string) (int, bool) {
	if r == nil || len(r.at) < 2 {
		return 0, false
	}
	h := uint32(maphash.String(r.seed, name))
	for k := placeIn(h, len(r.slots)); r.slots[k].node != 0; k = (k + 1) % len(r.slots) {
		n := r.slots[k].node
		if r.slots[k].hash == h && r.text[r.at[n-1]:r.at[n]] == name {
			return int(n), true
		}
	}
	return 0, false
}
