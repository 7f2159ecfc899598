package detect

import (
	"encoding/binary"
	"math/bits"
	"strconv"
	"time"

	"github.com/vedette-project/vedette/internal/anomaly"
)

// Bounds of a model. A profile of a principal of the usual kind takes less than
// a KiB. When profiles are many, those of principals that were met on one day
// only make room for one another, so that made-up names cannot push out those
// that have been here for long. Of groups and words no new ones are taken while
// all that are there were met within a week.
const (
	maxPrincipals = 1_000_000
	maxFresh      = 200_000
	maxGroups     = 20_000
	maxActive     = 100_000
	maxHeldBy     = 100_000
	maxWords      = 65_536
	wordLength    = 96
	idleProfile   = 90 * 24 * time.Hour
	idleFresh     = 40 * 24 * time.Hour
	inUse         = 7 * 24 * time.Hour
)

// model is what one plane of a scope knows.
type model struct {
	plane             *plane
	clocks            *table[modelClock] // of one row
	principals, fresh *table[anomaly.Profile]
	groups, kinds     *table[anomaly.Profile] // the kind "" is everybody
	hours             *table[anomaly.Recent]
	held              *table[heldValues]
	words             *table[word]
	scores            *table[anomaly.Scores] // by day
	tables            []memory
	refused           int64 // groups and words that found no room

	// What follows from the scores of the days before, as of the day fitted.
	fitted int32
	tail   anomaly.Tail
	fits   bool
}

const anomalyLog = "anomaly/"

func newModel(p *plane, durable bool) *model {
	label := anomalyLog + p.name + "/"
	m := &model{
		plane:      p,
		clocks:     newTable[modelClock](label+"clock", 1, 0),
		principals: newTable[anomaly.Profile](label+"principals", maxPrincipals, idleProfile),
		fresh:      newTable[anomaly.Profile](label+"fresh", maxFresh, idleFresh),
		groups:     newTable[anomaly.Profile](label+"groups", maxGroups, idleProfile),
		kinds:      newTable[anomaly.Profile](label+"kinds", 64, 0),
		hours:      newTable[anomaly.Recent](label+"hours", maxActive, 2*time.Hour),
		held:       newTable[heldValues](label+"held", maxHeldBy, idleProfile),
		words:      newTable[word](label+"words", maxWords, idleProfile),
		scores:     newTable[anomaly.Scores](label+"scores", scoreDays+2, 0),
	}
	m.tables = []memory{m.clocks, m.principals, m.fresh, m.groups, m.kinds, m.hours, m.held, m.words, m.scores}
	if durable {
		for _, t := range m.tables {
			t.keep()
		}
	}
	return m
}

func newAnomalies(o *Options) *anomalies {
	return &anomalies{budget: o.AnomalyBudget, durable: o.Durable, off: o.AnomaliesOff}
}

// tables are all that the models of a scope have so far.
func (a *anomalies) tables() (out []memory) {
	for _, m := range a.models {
		out = append(out, m.tables...)
	}
	return out
}

func (a *anomalies) model(p *plane) *model {
	for _, m := range a.models {
		if m.plane.name == p.name {
			return m
		}
	}
	m := newModel(p, a.durable)
	a.models = append(a.models, m)
	return m
}

// modelClock is how far a model has come. Time moves forward by its events; a
// jump of more than two days must be told by many of them in a row, so that one
// record with a wrong date does not age all that was learned.
type modelClock struct {
	today, first  int32
	days          uint32 // on which there were events, bit 0 is today
	events, daily uint64 // all, and those since today began
	ahead         int32  // the day that a jump would lead to
	told          uint64 // events in a row that told of it
}

const (
	jumpDays = 2
	jumpTold = 32
)

func (c *modelClock) mature() bool {
	return c.events >= matureEvents && bits.OnesCount32(c.days) >= matureDays
}

// counts reports whether there were enough days for scores to mean something.
func (c *modelClock) counts() bool { return bits.OnesCount32(c.days) >= countDays }

// advance counts an event, and moves the model on to its day.
func (m *model) advance(at time.Time, day int32) *modelClock {
	c := m.clocks.touch("", at)
	c.events++
	switch {
	case c.today == 0:
		c.today, c.first = day, day
	case day <= c.today:
		c.told = 0
	case day-c.today <= jumpDays:
		m.turn(at, c, day)
	default:
		if day < c.ahead-1 || day > c.ahead+1 {
			c.ahead, c.told = day, 0
		}
		if c.told++; c.told >= jumpTold {
			m.turn(at, c, day)
		}
	}
	c.daily++
	c.first = min(c.first, day)
	if ago := max(c.today-day, 0); ago < anomaly.Window {
		c.days |= 1 << ago
	}
	return c
}

// turn ends a day of the model.
func (m *model) turn(at time.Time, c *modelClock, day int32) {
	if c.mature() { // before, nothing was scored
		if c.counts() {
			m.scores.touch(scoreKey(c.today), at).Events = c.daily
		}
	}
	by := day - c.today
	if c.days <<= by; by >= anomaly.Window {
		c.days = 0
	}
	c.today, c.daily, c.told = day, 0, 0
	for ago := int32(scoreDays + 1); ago < scoreDays+1+anomaly.Window; ago++ {
		m.scores.drop(scoreKey(day - ago))
	}
}

func scoreKey(day int32) string { return strconv.Itoa(int(day)) }

// today are the scores of the day. They are those of the model's day, not of
// the event's: days that are over stay as they were when the threshold was set.
func (m *model) today(at time.Time) *anomaly.Scores {
	return m.scores.touch(scoreKey(m.clocks.get("").today), at)
}

// threshold is the score of a finding, set anew each midnight.
func (m *model) threshold(budget AnomalyBudget) int64 {
	today := m.clocks.get("").today
	if m.fitted != today {
		var days []*anomaly.Scores
		for ago := int32(1); ago <= scoreDays; ago++ {
			if s := m.scores.get(scoreKey(today - ago)); s != nil {
				days = append(days, s)
			}
		}
		m.tail, m.fits = anomaly.Fit(days)
		m.fitted = today
	}
	if !m.fits {
		return floorScore
	}
	perDay := m.tail.Events / uint64(max(m.tail.Days, 1))
	return min(max(m.tail.Threshold(budget.events(perDay)), floorScore), ceilingScore)
}

// whose are the nodes of a behaviour.
type whose struct {
	nodes       anomaly.Nodes
	established bool // the principal is known from an earlier day
}

// who finds the nodes, and makes those that are missing.
func (m *model) who(b *behaviour, at time.Time, today int32) (w whose) {
	own := m.principals.get(b.principal)
	if w.established = own != nil; !w.established {
		if own = m.fresh.get(b.principal); own == nil {
			own = m.fresh.touch(b.principal, at)
		}
	}
	w.nodes = anomaly.Nodes{own, m.node(m.groups, b.group, at), m.node(m.kinds, b.kind, at), m.everybody(at)}
	for _, p := range w.nodes {
		if p != nil {
			p.Settle(today)
		}
	}
	return w
}

func (m *model) everybody(at time.Time) *anomaly.Profile {
	if p := m.kinds.get(""); p != nil {
		return p
	}
	return m.kinds.touch("", at)
}

func (m *model) node(t *table[anomaly.Profile], key string, at time.Time) *anomaly.Profile {
	if key == "" {
		return nil
	}
	if p := t.get(key); p != nil {
		return p
	}
	if !hasRoom(t, at) {
		m.refused++
		return nil
	}
	return t.touch(key, at)
}

// hasRoom reports whether a table can take a row without losing one in use.
func hasRoom[V any](t *table[V], at time.Time) bool {
	return t.len() < t.limit || at.Unix()-t.oldest.touched > int64(inUse/time.Second)
}

// changed takes note of which nodes are not as they were saved.
func (m *model) changed(at time.Time, b *behaviour, w *whose, levels uint8) {
	if levels&1 != 0 {
		switch {
		case w.established:
			m.principals.touch(b.principal, at)
		case w.nodes[0].Days() > 1:
			known := *w.nodes[0]
			m.fresh.drop(b.principal)
			*m.principals.touch(b.principal, at) = known
		default:
			m.fresh.touch(b.principal, at)
		}
	}
	if levels&2 != 0 {
		m.groups.touch(b.group, at)
	}
	if levels&4 != 0 {
		m.kinds.touch(b.kind, at)
	}
	if levels&8 != 0 {
		m.kinds.touch("", at)
	}
}

// word is a value that a finding may have to name.
type word struct{ text string }

func wordKey(hash uint32) string { return string(binary.LittleEndian.AppendUint32(nil, hash)) }

func (m *model) remember(at time.Time, hash uint32, value string) {
	key := wordKey(hash)
	if w := m.words.get(key); w == nil && !hasRoom(m.words, at) {
		m.refused++
		return
	}
	if w := m.words.touch(key, at); w.text == "" {
		w.text = cutText(value, wordLength)
	}
}
