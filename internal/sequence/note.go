package sequence

import (
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bounds of what a note keeps.
const (
	maxEntities = 32
	maxNames    = 16
	maxRecords  = 4
	maxPlaces   = 8
)

// Entity is something that acts or is acted on, as kind:id.
type Entity string

// Kind is what the entity is.
func (e Entity) Kind() string { kind, _, _ := strings.Cut(string(e), ":"); return kind }

// ID is the entity without its kind.
func (e Entity) ID() string { _, id, _ := strings.Cut(string(e), ":"); return id }

// Note says that something was seen of an entity on a day: a finding, or
// something that is harmless alone.
type Note struct {
	// Name is the finding type, or the name of a weak signal of the rules.
	Name string `json:"name"`
	// Finding is the identity of the finding; "" for what is harmless alone.
	Finding string `json:"finding,omitempty"`
	// Who is the entity that a weak signal is about.
	Who Entity `json:"who,omitempty"`
	// Entities join it to others; Touched are only shown.
	Entities []Entity `json:"entities"`
	Touched  []Entity `json:"touched,omitempty"`
	// The place: Cluster is that of Kubernetes, ECS that of ECS.
	Account string `json:"account"`
	Region  string `json:"region"`
	Cluster string `json:"cluster,omitempty"`
	ECS     string `json:"ecs,omitempty"`
	Source  string `json:"source"` // signal type in GuardDuty's words
	// When: the day since the epoch, its hours as bits, and the ends.
	Day   int64     `json:"day"`
	Hours uint32    `json:"hours"`
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
	// Names are the calls, and Records the ids of records that told it.
	Names   []string `json:"names,omitempty"`
	Records []string `json:"records,omitempty"`
	// Places are the addresses it came from.
	Places []string `json:"places,omitempty"`
	// Archived says that a suppression rule hid the finding.
	Archived bool `json:"archived,omitempty"`
}

// Strong reports whether the note is of a finding.
func (n *Note) Strong() bool { return n.Finding != "" }

// Key is what notes that fold into one have in common.
func (n *Note) Key() string {
	return strings.Join([]string{n.Name, n.Finding, string(n.Who), n.Account, n.Region, n.Cluster, strconv.FormatInt(n.Day, 10)}, "\x1f")
}

// at sets when the note was seen.
func (n *Note) at(t time.Time) {
	t = t.UTC()
	n.First, n.Last = t, t
	n.Day = t.Unix() / daySeconds
	n.Hours = 1 << (t.Unix() % daySeconds / 3600)
}

const daySeconds = 24 * 60 * 60

// end is when the note was seen last: to the hour, of what is harmless alone.
func (n *Note) end() time.Time {
	if n.Last.Before(n.First) {
		return n.First
	}
	return n.Last
}

// times are when the note was seen: exact at its ends, to the hour between.
func (n *Note) times() []time.Time {
	out := make([]time.Time, 0, bits.OnesCount32(n.Hours)+1)
	for h := range int64(24) {
		if n.Hours&(1<<h) == 0 {
			continue
		}
		t := time.Unix(n.Day*daySeconds+h*3600, 0).UTC()
		if t.Before(n.First) {
			t = n.First
		}
		out = append(out, t)
	}
	if n.Last.After(n.First) {
		out = append(out, n.Last)
	}
	return out
}

// merge folds another note of the same key in and reports whether that changed
// anything. Whatever is merged in whatever order, and however often, the
// outcome is the same.
func (n *Note) merge(o *Note) bool {
	changed := n.Hours|o.Hours != n.Hours || o.First.Before(n.First) || o.Last.After(n.Last) || o.Archived && !n.Archived
	n.Hours |= o.Hours
	if o.First.Before(n.First) {
		n.First = o.First
	}
	if o.Last.After(n.Last) {
		n.Last = o.Last
	}
	n.Archived = n.Archived || o.Archived
	n.ECS = max(n.ECS, o.ECS)
	for _, c := range []bool{
		union(&n.Entities, o.Entities, maxEntities), union(&n.Touched, o.Touched, maxEntities), union(&n.Names, o.Names, maxNames),
		union(&n.Records, o.Records, maxRecords), union(&n.Places, o.Places, maxPlaces),
	} {
		changed = changed || c
	}
	return changed
}

// union adds elements to a sorted set that keeps its smallest ones.
func union[S ~string](set *[]S, more []S, limit int) (changed bool) {
	for _, v := range more {
		at, found := slices.BinarySearch(*set, v)
		if found || v == "" || at == limit {
			continue
		}
		*set = slices.Insert(*set, at, v)
		*set = (*set)[:min(len(*set), limit)]
		changed = true
	}
	return changed
}

// Edge says that one entity became another, or made it.
type Edge struct {
	From Entity `json:"from"`
	To   Entity `json:"to"`
	How  string `json:"how"` // read between the two: "runs as"
	// First and Last are when it was seen. Standing edges hold until they are
	// seen no more for as long as notes are kept; others are good for a window.
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
	Standing bool      `json:"standing,omitempty"`
}

// Key is what edges that fold into one have in common.
func (e *Edge) Key() string { return string(e.From) + "\x1f" + string(e.To) + "\x1f" + e.How }

func (e *Edge) merge(o *Edge) bool {
	changed := o.First.Before(e.First) || o.Last.After(e.Last)
	if o.First.Before(e.First) {
		e.First = o.First
	}
	if o.Last.After(e.Last) {
		e.Last = o.Last
	}
	return changed
}
