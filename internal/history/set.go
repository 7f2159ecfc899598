package history

import (
	"encoding/binary"
	"strings"
)

// Set collects the contacts of an hour that is under way. It knows of each no
// more than that it is there and what is new of it; what was taken is kept by
// others. It is bounded: see Room.
type Set struct {
	limit int
	index map[string]uint32 // by the caller's key
	live  []fresh

	whos, hows map[string]uint32
	owners     map[string]int // contacts of each who there are, by the caller's short name
	crowd      map[string]int // contacts of each thing; nil as long as there is room for all

	// What Take has not given out yet.
	begun   bool
	defined int
	defs    []byte
	dirty   []uint32
	missed  int64 // records for whose contact there was no room
}

// fresh is what of a contact was not taken yet.
type fresh struct {
	first, last Second
	count       int64
	bytes       int64
}

// NewSet returns an empty set for at most limit contacts.
func NewSet(limit int) *Set {
	return &Set{limit: limit, index: map[string]uint32{}, whos: map[string]uint32{}, hows: map[string]uint32{}, owners: map[string]int{}}
}

// Touch counts a record of a contact, and reports whether the contact is known.
func (s *Set) Touch(key []byte, at Second, bytes int64) bool {
	i, ok := s.index[string(key)]
	if !ok {
		return false
	}
	f := &s.live[i]
	if f.count == 0 {
		s.dirty = append(s.dirty, i)
		*f = fresh{at, at, 1, bytes}
		return true
	}
	f.first, f.last = min(f.first, at), max(f.last, at)
	f.count, f.bytes = f.count+1, plus(f.bytes, bytes)
	return true
}

// Bounds within a set: when three quarters are taken, a thing that many have
// met gets no more contacts, since who else meets it says little. And nobody
// takes more than a quarter of the room, whatever he does.
const (
	crowdedAt  = 0.75
	crowdSize  = 8
	ownerShare = 0.25
)

// Tight reports whether room is getting scarce: in all, or for an owner.
func (s *Set) Tight(owner string) bool {
	return len(s.live) >= int(crowdedAt*float64(s.limit)) || s.owners[owner] >= int(crowdedAt*ownerShare*float64(s.limit))
}

// Room reports whether a contact of an owner, a short name of who it is, with a
// thing may be added. If not, its record is counted as forgotten.
func (s *Set) Room(thing, owner string) bool {
	if len(s.live) < s.limit && s.owners[owner] < max(1, int(ownerShare*float64(s.limit))) && s.crowdOf(thing) < crowdSize {
		return true
	}
	s.missed++
	return false
}

// crowdOf is how many contacts a thing has, 0 as long as that is of no interest.
func (s *Set) crowdOf(thing string) int {
	if s.crowd == nil {
		return 0
	}
	return s.crowd[thing]
}

// Add makes a contact known under a key, with its first record.
func (s *Set) Add(key []byte, owner string, c Contact) {
	i := uint32(len(s.live))
	s.index[string(key)] = i
	s.live = append(s.live, fresh{c.First, c.Last, c.Count, c.Bytes})
	s.dirty = append(s.dirty, i)
	if n, ok := s.owners[owner]; ok {
		s.owners[owner] = n + 1
	} else {
		s.owners[strings.Clone(owner)] = 1
	}
	s.defs = appendText(s.defs, c.Thing)
	s.defs = appendRef(s.defs, s.whos, c.Who)
	s.defs = appendRef(s.defs, s.hows, c.How)
	s.defined++
	switch {
	case s.crowd != nil:
		s.crowd[c.Thing]++
	case len(s.live) >= int(crowdedAt*float64(s.limit)):
		s.count()
	}
}

// count begins to count the contacts of things. The keys do not tell them, so
// it begins with those of the contacts that come; a crowd shows soon enough.
func (s *Set) count() { s.crowd = map[string]int{} }

// A run is what is new since the one before: how many records were forgotten,
// contacts that were not known, and numbers. It refers to what the runs before it said, back to the one that
// begins anew, as the first run of a Set does.
const (
	runAnew = 1
	runMore = 2
)

// Take returns what is new since the last Take as a run, nil if that is nothing.
func (s *Set) Take() []byte {
	if len(s.dirty) == 0 && s.missed == 0 {
		return nil
	}
	kind := byte(runMore)
	if !s.begun {
		kind, s.begun = runAnew, true
	}
	b := make([]byte, 0, len(s.defs)+8*len(s.dirty)+16)
	b = binary.AppendUvarint(append(b, kind), uint64(s.missed))
	b = binary.AppendUvarint(b, uint64(s.defined))
	b = append(b, s.defs...)
	for _, i := range s.dirty {
		f := &s.live[i]
		b = binary.AppendUvarint(b, uint64(i))
		b = binary.AppendUvarint(b, uint64(f.first))
		b = binary.AppendUvarint(b, uint64(f.last-f.first))
		b = binary.AppendUvarint(b, uint64(f.count))
		b = binary.AppendUvarint(b, uint64(f.bytes))
		f.count = 0
	}
	s.defined, s.defs, s.dirty, s.missed = 0, s.defs[:0], s.dirty[:0], 0
	return b
}

// Len is the number of contacts that are known.
func (s *Set) Len() int { return len(s.live) }

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// appendRef appends the number of a text in a list, and the text when it is new.
func appendRef(b []byte, list map[string]uint32, text string) []byte {
	if n, ok := list[text]; ok {
		return binary.AppendUvarint(b, uint64(n))
	}
	n := uint32(len(list))
	list[text] = n
	return appendText(binary.AppendUvarint(b, uint64(n)), text)
}
