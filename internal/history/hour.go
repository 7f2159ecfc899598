package history

import (
	"cmp"
	"slices"
	"strings"
)

// Hour brings together what runs and blocks tell of one hour. The zero value
// knows nothing.
type Hour struct {
	list  []Contact
	known map[contactKey]int
	// Forgotten counts the records of contacts for which there was no room.
	Forgotten int64

	// What runs refer to.
	defs       []int // numbers in list
	whos, hows []string
}

type contactKey struct{ thing, who, how string }

// Contacts are what is known, in no order that means anything.
func (h *Hour) Contacts() []Contact { return h.list }

// put finds or makes a contact and returns its number.
func (h *Hour) put(thing, who, how string) int {
	k := contactKey{thing, who, how}
	if n, ok := h.known[k]; ok {
		return n
	}
	if h.known == nil {
		h.known = map[contactKey]int{}
	}
	n := len(h.list)
	h.known[k] = n
	h.list = append(h.list, Contact{Thing: thing, Who: who, How: how})
	return n
}

func (h *Hour) add(n int, first, last Second, count, bytes int64) {
	c := &h.list[n]
	if c.Count == 0 {
		c.First, c.Last, c.Count, c.Bytes = first, last, count, bytes
		return
	}
	c.add(first, last, count, bytes)
}

// Run takes up a run. Those of an hour come in the order of their making. What
// stands before a fault is taken up all the same.
func (h *Hour) Run(data []byte) error {
	r := reader{b: data}
	switch r.byte() {
	case runAnew:
		h.defs, h.whos, h.hows = nil, nil, nil
	case runMore:
	default:
		return errDamaged
	}
	missed := r.number()
	for n := r.count(); n > 0 && !r.bad; n-- {
		thing := r.text()
		who, how := ref(&r, &h.whos), ref(&r, &h.hows)
		if !r.bad {
			h.defs = append(h.defs, h.put(thing, who, how))
		}
	}
	for len(r.b) > 0 && !r.bad {
		i := r.uint()
		first := r.second(0)
		last := r.second(first)
		count, bytes := r.number(), r.number()
		if r.bad || i >= uint64(len(h.defs)) || count == 0 {
			return errDamaged
		}
		h.add(h.defs[i], first, last, count, bytes)
	}
	if r.bad {
		return errDamaged
	}
	h.Forgotten = plus(h.Forgotten, missed)
	return nil
}

// ref reads the number of a text in a list, and the text when it is new.
func ref(r *reader, list *[]string) string {
	n := r.uint()
	switch {
	case n < uint64(len(*list)):
		return (*list)[n]
	case n == uint64(len(*list)):
		t := r.text()
		*list = append(*list, t)
		return t
	}
	r.bad = true
	return ""
}

// Block takes up a block.
func (h *Hour) Block(data []byte) error {
	err := new(Walker).Walk(data, func([]byte) bool { return true }, func(c *Contact) {
		if n := h.put(c.Thing, c.Who, c.How); c.Count > 0 {
			h.add(n, c.First, c.Last, c.Count, c.Bytes)
		}
	})
	if b, ok := open(data); ok {
		h.Forgotten = plus(h.Forgotten, b.forgotten)
	}
	return err
}

// sorted are the contacts as a block has them: those with records, in order,
// at most limit. Of things that many have met the most contacts are forgotten.
func (h *Hour) sorted(limit int) []Contact {
	h.list = slices.DeleteFunc(h.list, func(c Contact) bool { return c.Count == 0 })
	slices.SortFunc(h.list, func(a, b Contact) int { return compare(&a, &b) })
	h.known = nil // the numbers are not what they were
	if len(h.list) > limit {
		kept := thin(h.list, limit)
		h.Forgotten = plus(h.Forgotten, records(h.list)-records(kept))
		return kept
	}
	return h.list
}

func records(list []Contact) (n int64) {
	for i := range list {
		n = plus(n, list[i].Count)
	}
	return n
}

// thin keeps of each thing the earliest contacts, as many of each as fit into
// the limit for all.
func thin(list []Contact, limit int) []Contact {
	type span struct{ from, to int }
	var things []span
	for i := 0; i < len(list); {
		j := i + 1
		for j < len(list) && list[j].Thing == list[i].Thing {
			j++
		}
		things = append(things, span{i, j})
		i = j
	}
	fits := func(each int) (total int) {
		for _, s := range things {
			total += min(each, s.to-s.from)
		}
		return total
	}
	each := 0
	for low, high := 1, limit; low <= high; {
		if mid := (low + high) / 2; fits(mid) <= limit {
			each, low = mid, mid+1
		} else {
			high = mid - 1
		}
	}
	var out []Contact
	for _, s := range things {
		of := slices.Clone(list[s.from:s.to])
		slices.SortFunc(of, earliest)
		out = append(out, of[:min(max(each, 1), len(of))]...)
	}
	if len(out) > limit { // there are more things than that
		slices.SortFunc(out, func(a, b Contact) int { return cmp.Or(earliest(a, b), strings.Compare(a.Thing, b.Thing)) })
		out = out[:limit]
	}
	slices.SortFunc(out, func(a, b Contact) int { return compare(&a, &b) })
	return out
}

func earliest(a, b Contact) int {
	return cmp.Or(cmp.Compare(a.First, b.First), strings.Compare(a.Who, b.Who), strings.Compare(a.How, b.How))
}
