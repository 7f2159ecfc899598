package noise

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"
)

// Limits are how many findings of a type are told one by one on a day.
type Limits struct {
	PerDay int            // 0: all
	Types  map[string]int // in place of that
}

// Of is the budget of a type, 0 if there is none.
func (l *Limits) Of(typ string) int {
	if n, ok := l.Types[typ]; ok {
		return n
	}
	return l.PerDay
}

const (
	// Critical is the severity from which nothing is ever told together.
	Critical = 9
	// beyond is how many budgets the findings about entities that had none yet
	// may take, of one severity.
	beyond = 10

	maxDays  = 512 // types and days remembered of a scope
	idleDays = 8   // those no longer touched are forgotten
)

// Claim is a finding that there is none of yet.
type Claim struct {
	Type string
	// Day is the day of the claim, of event time, counted from 1970.
	Day      int64
	Severity float64
	// Suppressed: a suppression rule hides it. What is hidden has budgets of its
	// own, so that it takes no room from what is shown.
	Suppressed bool
	// Through names the entities through which it may be told with others: if
	// one has a finding of its own.
	Through []string
}

// DayOf counts the days from 1970 until a moment.
func DayOf(unix int64) int64 {
	const seconds = 24 * 60 * 60
	day := unix / seconds
	if unix%seconds < 0 { // before 1970
		day--
	}
	return day
}

// Book is what is remembered of the findings of one scope.
type Book struct {
	days    map[dayKey]*day
	clock   uint64 // counts what was touched
	newest  int64  // day of the newest claim
	changed bool
}

// NewBook returns a book that remembers nothing.
func NewBook() *Book { return &Book{days: map[dayKey]*day{}} }

type dayKey struct {
	typ        string
	day        int64
	suppressed bool
}

// day is about the findings of a type on a day.
type day struct {
	made       int // findings told one by one
	bySeverity []severityCount
	// known are the entities with a finding of their own, by severity.
	known   map[uint64]struct{}
	touched uint64
	seen    int64 // the newest day of the scope when it was touched last
}

type severityCount struct {
	severity uint64 // in hundredths
	made     int
}

// Place decides about a claim and notes the decision: whether its finding is
// told together with others, and which of the entities in Through is why; -1
// where it is none of them, but that there are too many.
func (b *Book) Place(budget int, c Claim) (through int, together bool) {
	if budget <= 0 || c.Severity >= Critical {
		return -1, false
	}
	d := b.touch(dayKey{c.Type, c.Day, c.Suppressed})
	severity := uint64(math.Round(max(0, c.Severity) * 100))
	at := slices.IndexFunc(d.bySeverity, func(s severityCount) bool { return s.severity == severity })
	if d.made >= budget {
		for i, name := range c.Through {
			if _, ok := d.known[idOf(name, severity)]; ok {
				return i, true
			}
		}
		if at >= 0 && (len(c.Through) == 0 || d.bySeverity[at].made >= beyond*budget) {
			return -1, true
		}
	}
	if at < 0 {
		at = len(d.bySeverity)
		d.bySeverity = append(d.bySeverity, severityCount{severity: severity})
	}
	d.made++
	d.bySeverity[at].made++
	for _, name := range c.Through {
		d.known[idOf(name, severity)] = struct{}{}
	}
	b.changed = true
	return -1, false
}

// idOf is a number for an entity that nobody can choose a name for.
func idOf(name string, severity uint64) uint64 {
	sum := sha256.Sum256(binary.AppendUvarint([]byte(name+"\x00"), severity))
	return binary.BigEndian.Uint64(sum[:])
}

func (b *Book) touch(k dayKey) *day {
	b.newest = max(b.newest, k.day)
	d := b.days[k]
	if d == nil {
		b.makeRoom()
		d = &day{known: map[uint64]struct{}{}}
		b.days[k] = d
		b.changed = true
	}
	if d.touched != b.clock || d.seen != b.newest {
		b.clock++
		d.touched, d.seen, b.changed = b.clock, b.newest, true
	}
	return d
}

// makeRoom forgets what is idle, and what was touched least recently if that is
// not enough.
func (b *Book) makeRoom() {
	var last dayKey
	oldest := uint64(math.MaxUint64)
	for k, d := range b.days {
		if d.seen < b.newest-idleDays {
			delete(b.days, k)
		} else if d.touched < oldest {
			last, oldest = k, d.touched
		}
	}
	if len(b.days) >= maxDays {
		delete(b.days, last)
	}
}

func compareKeys(a, b dayKey) int {
	c := cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.typ, b.typ))
	if c == 0 && a.suppressed != b.suppressed {
		c = 1
		if b.suppressed {
			c = -1
		}
	}
	return c
}
