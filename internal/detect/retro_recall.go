package detect

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/history"
	"github.com/vedette-project/vedette/internal/intel"
)

// Bounds of what one look into the past finds. Who lists half of the internet
// learns that it was half of the internet.
const (
	maxRecalled = 10_000 // findings
	maxRecActs  = 200_000
	maxTold     = 32 // acts of a finding that are told one by one
)

// Recall looks into the past of a scope for what lists name from now on. Its
// user gives it the hours that are kept, the newest first.
type Recall struct{ recall }

type recall struct {
	engine *Engine
	scope  *scope
	off    func(*event.Event) bool
	set    *intel.Set // of the new entries
	since  time.Time  // when they were told
	walker history.Walker

	acts     map[actKey]*act
	found    map[string]*recalled // by the identity of their finding
	hour     int64                // under way
	contacts int64
	faults   int // entries that are none
	left     int // acts and findings for which there was no room
	fault    error
}

// act is what one of ours did with one thing in one way, in all hours.
type act struct {
	actKey
	first, last  int64 // Unix seconds
	count, bytes int64
	of           []*recalled
}

type actKey struct{ thing, who, how string }

// recalled is a finding about the past.
type recalled struct {
	acts   []*act
	things map[string]map[int64]int64 // records by thing and day
}

// Recalled is a claim about the past: what a list names now was met before.
type Recalled struct {
	// Acts are what was done, by their first times. Where there are too many the
	// earliest and the latest stand for all.
	Acts []RecalledAct
	// Things are how often each of the things was met; their names say nothing.
	Things []RecalledThing
}

// RecalledAct is something that was done again and again.
type RecalledAct struct {
	Signal *finding.Signal // of the last time
	Thing  string
	First  time.Time
	Count  int64
}

// RecalledThing is how often one thing was met.
type RecalledThing struct {
	Name string
	Days []RecalledDay
}

// RecalledDay is the number of records of a day, which is counted from 1970.
type RecalledDay struct{ Day, Count int64 }

// Recall begins to look into the past of a scope. off, if set, tells which
// records are not to be analysed.
func (e *Engine) Recall(s event.Scope, told []*event.Event, off func(*event.Event) bool) *Recall {
	r := recall{engine: e, scope: e.scope(s), off: off, acts: map[actKey]*act{}, found: map[string]*recalled{}}
	b := intel.NewBuilder()
	type listKey struct {
		name, category, sum string
		below               bool
	}
	lists := map[listKey]*intel.ListBuilder{}
	for _, ev := range told {
		if ev.Time.After(r.since) {
			r.since = ev.Time
		}
		for _, ind := range ev.Indicators.List {
			k := listKey{ind.List, ind.Category, ind.SHA256, ind.Below}
			l := lists[k]
			if l == nil {
				of := intel.List{Name: ind.List, Kind: intel.KindBuiltin, Category: intel.Category(ind.Category), SHA256: ind.SHA256}
				if ind.Below {
					of.Match = intel.MatchBelow
				}
				l = b.List(of)
				lists[k] = l
			}
			if l.Add(ind.Entry, intel.Fact{Names: ind.Names}) != nil {
				r.faults++
			}
		}
	}
	r.set = b.Set()
	return &Recall{r}
}

// Block looks into the block of an hour.
func (r *Recall) Block(hour int64, data []byte) error {
	r.hour = hour
	return r.walker.Walk(data, r.wants, r.take)
}

// Hour looks into an hour of which there are runs.
func (r *Recall) Hour(hour int64, h *history.Hour) {
	r.hour = hour
	for _, c := range h.Contacts() {
		if c.Count > 0 && r.wants([]byte(c.Thing)) {
			r.take(&c)
		}
	}
}

// wants reports whether one of the new entries names a thing, and nobody trusts it.
func (r *recall) wants(thing []byte) bool {
	if ip, ok := history.Addr(thing); ok {
		return len(r.set.Addr(ip)) > 0 && !r.engine.opts.Intel.Trusted(ip)
	}
	if name, ok := history.Name(thing); ok {
		return len(r.set.Domain(name)) > 0 && !r.engine.opts.Intel.TrustedDomain(name)
	}
	return false
}

// take takes up what an hour tells of an act.
func (r *recall) take(c *history.Contact) {
	r.contacts++
	start := r.hour * history.Seconds
	first, last := start+int64(c.First), start+int64(c.Last)
	k := actKey{c.Thing, c.Who, c.How}
	a := r.acts[k]
	if a == nil {
		if len(r.acts) >= maxRecActs {
			r.left++
			return
		}
		a = &act{actKey: k, first: first, last: last}
		r.acts[k] = a
		r.resolve(a)
	}
	a.first, a.last = min(a.first, first), max(a.last, last)
	a.count, a.bytes = a.count+c.Count, a.bytes+c.Bytes
	for _, f := range a.of {
		days := f.things[a.thing]
		if days == nil {
			days = map[int64]int64{}
			f.things[a.thing] = days
		}
		days[start/(24*history.Seconds)] += c.Count
	}
}

// resolve finds out what is to be claimed of an act.
func (r *recall) resolve(a *act) {
	for _, s := range r.claims(a) {
		id := s.Identity()
		f := r.found[id]
		if f == nil {
			if len(r.found) >= maxRecalled {
				r.left++
				continue
			}
			f = &recalled{things: map[string]map[int64]int64{}}
			r.found[id] = f
		}
		f.acts = append(f.acts, a)
		a.of = append(a.of, f)
	}
}

// claims are those that the detectors of lists would have made of an act,
// without those that they made.
func (r *recall) claims(a *act) (out []*finding.Signal) {
	defer func() {
		if p := recover(); p != nil { // what is remembered came from attackers, too
			out, r.fault = nil, fmt.Errorf("judge what is remembered of %q, %.200s: %v\n%s", a.thing, a.who, p, debug.Stack())
		}
	}()
	var of how
	if unpack(a.how, &of) != nil {
		return nil
	}
	thing := []byte(a.thing)
	if name, ok := history.Name(thing); ok {
		if of.Kind == metByQuery {
			out = r.recallQuery(name, a)
		}
	} else if ip, ok := history.Addr(thing); ok {
		switch of.Kind {
		case metByFlow:
			out = r.recallFlow(ip, a)
		case metByCall:
			out = r.recallCall(ip, a)
		case metByRequest:
			out = r.recallRequest(ip, a)
		}
	}
	return slices.DeleteFunc(out, func(s *finding.Signal) bool { return slices.Contains(of.Told, claimName(s)) })
}

// record is an act as a record under judgement, nil where such records are not
// to be analysed.
func (r *recall) record(ev *event.Event, a *act) *record {
	ev.Scope, ev.Time = r.scope.self, time.Unix(a.last, 0).UTC()
	if r.off != nil && r.off(ev) {
		return nil
	}
	rec := &record{ev: ev, opts: &r.engine.opts, rules: r.engine.trail}
	if ev.Audit == nil {
		rec.account = r.engine.accountIn(r.scope)
	}
	return rec
}

// Claims are what was found, in the order of the findings' types and keys.
func (r *Recall) Claims() []Recalled {
	var out []Recalled
	for _, id := range slices.Sorted(maps.Keys(r.found)) {
		f := r.found[id]
		var c Recalled
		for _, thing := range slices.Sorted(maps.Keys(f.things)) {
			t := RecalledThing{Name: thingID(thing)}
			for _, day := range slices.Sorted(maps.Keys(f.things[thing])) {
				t.Days = append(t.Days, RecalledDay{day, f.things[thing][day]})
			}
			c.Things = append(c.Things, t)
		}
		for _, a := range telling(f.acts) {
			for _, s := range r.claims(a) {
				if s.Identity() == id {
					r.dress(s, a)
					c.Acts = append(c.Acts, RecalledAct{Signal: s, Thing: thingID(a.thing), First: time.Unix(a.first, 0).UTC(), Count: a.count})
					break
				}
			}
		}
		if len(c.Acts) > 0 {
			out = append(out, c)
		}
	}
	return out
}

// thingID is short for a thing.
func thingID(thing string) string {
	sum := sha256.Sum256([]byte(thing))
	return hex.EncodeToString(sum[:6])
}

// telling are the acts of a finding that are told: all of them, or else the
// earliest and the latest, by their first times.
func telling(acts []*act) []*act {
	byText := func(a, b *act) int {
		return cmp.Or(cmp.Compare(a.thing, b.thing), cmp.Compare(a.who, b.who), cmp.Compare(a.how, b.how))
	}
	slices.SortFunc(acts, func(a, b *act) int { return cmp.Or(cmp.Compare(a.last, b.last), byText(a, b)) })
	rest := max(0, len(acts)-maxTold/2)
	out := slices.Clone(acts[rest:])
	early := slices.Clone(acts[:rest])
	slices.SortFunc(early, func(a, b *act) int { return cmp.Or(cmp.Compare(a.first, b.first), byText(a, b)) })
	out = append(out, early[:min(len(early), maxTold/2)]...)
	slices.SortFunc(out, func(a, b *act) int { return cmp.Or(cmp.Compare(a.first, b.first), byText(a, b)) })
	return out
}

const hiddenByTime = "found in what is remembered of the past, when a list named it later: the number and times of the records were kept, the records were not"

// dress makes a claim say that it is about the past.
func (r *recall) dress(s *finding.Signal, a *act) {
	first, last := time.Unix(a.first, 0).UTC(), time.Unix(a.last, 0).UTC()
	sum := sha256.Sum256([]byte(s.Identity() + "\x00" + a.thing + "\x00" + a.who + "\x00" + a.how))
	s.Time, s.Occurrence = last, "history:"+hex.EncodeToString(sum[:12])
	s.Evidence = finding.EvidenceRecord{Time: last, Hidden: hiddenByTime}
	span := fmt.Sprintf("at %s", last.Format(time.RFC3339))
	if a.count > 1 {
		span = fmt.Sprintf("%d times from %s to %s", a.count, first.Format(time.RFC3339), last.Format(time.RFC3339))
	}
	s.Why += "; it was met " + span + ", before the list named it"
	if s.Info == nil {
		s.Info = map[string]any{}
	}
	s.Info["inRetrospect"] = map[string]any{
		"records": a.count, "firstSeen": finding.Timestamp(first), "lastSeen": finding.Timestamp(last), "listedSince": finding.Timestamp(r.since),
	}
	r.engine.locate(s)
}

// Summary is what a look into the past came to, for a log.
type Summary struct {
	Contacts int64 // hour by hour
	Findings int
	Faults   int // entries that are neither address nor domain
	Left     int // acts and findings beyond what one look may find
	Fault    error
}

// Summary tells what was found.
func (r *Recall) Summary() Summary {
	return Summary{r.contacts, len(r.found), r.faults, r.left, r.fault}
}
