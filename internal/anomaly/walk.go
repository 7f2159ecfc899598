package anomaly

import "math/bits"

// Levels is how many nodes are asked: the principal, its peers, its kind and
// the account.
const Levels = 4

// Nodes are those of a behaviour, the nearest first. A node that has met
// nothing may be nil, and says nothing.
type Nodes [Levels]*Profile

// Bounds of the values that a node keeps in a view.
const (
	ownSlots    = 64
	groupSlots  = 512
	commonSlots = 4096
)

func slotsAt(level int) int {
	switch level {
	case 0:
		return ownSlots
	case 1:
		return groupSlots
	}
	return commonSlots
}

// Surprise is how unusual a value is in a view.
type Surprise struct {
	Score   int64  // natural logarithm of how seldom, in units of 1/1024
	Known   int    // the nearest level that knows the value; Levels if none does
	Days    uint32 // on which that level met it, bit 0 is today
	Trusted bool   // somebody said that it is to be expected
}

// Bounds of what one view says. A view that is a little unusual says nothing;
// one alone cannot decide.
const (
	least = Decade * 7 / 10
	most  = 5 * Decade
)

// Walk asks the nodes about a value. A node that does not know it says how
// often it meets what is new (Witten and Bell): of total events, distinct were
// the first of their value. The first that knows it says how often it meets
// what is as rare, and nothing if it meets the value often: in one event of
// twenty, or where it is the principal itself, on five days of thirty. Of what
// the principal meets on two to four days it says half.
func Walk(n *Nodes, view int, hash uint32) Surprise {
	s := Surprise{Known: Levels}
	for level, p := range n {
		c := p.count(view, hash)
		if c.distinct == 0 {
			continue
		}
		all := ln(c.total + c.distinct)
		if c.own == 0 && !c.expected {
			s.Score += all - ln(c.distinct)
			continue
		}
		s.Known, s.Days = level, c.days
		switch {
		case c.expected:
			s.Trusted, s.Score = true, 0
		case level == 0 && isFrequent(c.days): // rare beside what goes on all day, and yet usual
		case c.own*20 <= c.total:
			s.Score += all - ln(c.rare+c.distinct)
			if level == 0 && bits.OnesCount32(c.days&(1<<30-1)) > 1 { // it comes again now and then
				s.Score /= 2
			}
		}
		break
	}
	switch {
	case s.Score < least:
		s.Score = 0
	case s.Score > most:
		s.Score = most
	}
	return s
}

// Learn teaches the nodes a value that Walk found known at a level: a node
// counts it only if it was new to the one below; the others note once a day that
// it is still met. draw decides which events of a frequent value count. It says
// which nodes changed, by bits.
func Learn(n *Nodes, view int, hash uint32, s Surprise, day int32, draw uint64) (changed uint8) {
	again := s.Known == 0 && s.Days&1 != 0
	for level, p := range n {
		switch {
		case p == nil:
		case level <= s.Known:
			if p.add(view, hash, day, mix(draw+uint64(hash)), slotsAt(level)) {
				changed |= 1 << level
			}
		case !again && p.meet(view, hash, day):
			changed |= 1 << level
		}
	}
	return changed
}

// Class is how often a value was met, in GuardDuty's words: on five days or
// more of the last thirty, on two to four, on one, on none.
func Class(days uint32) string {
	switch n := bits.OnesCount32(days & (1<<30 - 1)); {
	case isFrequent(days):
		return "FREQUENT"
	case n >= 2:
		return "INFREQUENT"
	case n == 1:
		return "RARE"
	}
	return "UNSEEN"
}

// DaysOf is on which days a node met a value; bit 0 is today.
func (p *Profile) DaysOf(view int, hash uint32) uint32 { return p.count(view, hash).days }

func isFrequent(days uint32) bool { return bits.OnesCount32(days&(1<<30-1)) >= 5 }
