package detect

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/history"
)

// HistoryRuns is the log in which Delta gives out what is new of the hours that
// are under way. It is not restored: who gives it out remembers no more than what
// is open.
const HistoryRuns = "history-runs"

// Bounds of the hours whose contacts are told apart in memory. Records come
// from several files at once, and some of them late. An hour that is let go of
// loses nothing but that: what of it was met before is then told once more.
const (
	maxHours  = 4
	hourGrace = 30 * time.Minute
	hourIdle  = 8 // commits without a record of it
)

// past is what is being remembered of a scope: who of it met what outside.
type past struct {
	limit  int // contacts of an hour
	hours  map[int64]*pastHour
	last   *pastHour
	runs   []Run     // of hours that were let go of
	newest watermark // of the records, commit by commit
	latest int64     // Unix seconds of the latest record of this commit
	key    []byte    // used again for every record
}

type pastHour struct {
	number int64
	set    *history.Set
	idle   int // commits since its last record
	dirty  bool
}

func newPast(limit int) *past { return &past{limit: limit, hours: map[int64]*pastHour{}} }

// hour returns the set of an hour, and the second in it.
func (p *past) hour(unix int64) (*history.Set, history.Second) {
	p.latest = max(p.latest, unix)
	number, at := history.HourOf(unix)
	if p.last == nil || p.last.number != number {
		p.last = p.open(number)
	}
	p.last.dirty = true
	return p.last.set, at
}

func (p *past) open(number int64) *pastHour {
	if h := p.hours[number]; h != nil {
		return h
	}
	if len(p.hours) >= maxHours {
		var out *pastHour
		for _, n := range slices.Sorted(maps.Keys(p.hours)) {
			if h := p.hours[n]; out == nil || h.idle > out.idle {
				out = h
			}
		}
		p.close(out)
	}
	h := &pastHour{number: number, set: history.NewSet(p.limit)}
	p.hours[number] = h
	return h
}

func (p *past) close(h *pastHour) {
	if data := h.set.Take(); data != nil {
		p.runs = append(p.runs, Run{Log: HistoryRuns, Generation: h.number, Data: data})
	}
	delete(p.hours, h.number)
	if p.last == h {
		p.last = nil
	}
}

// take returns what is new since the last take, and lets go of hours that are
// over.
func (p *past) take() []Run {
	if p.latest != 0 {
		p.newest.late(time.Unix(p.latest, 0), 0)
		p.latest = 0
	}
	for _, n := range slices.Sorted(maps.Keys(p.hours)) {
		h := p.hours[n]
		if h.idle++; h.dirty {
			h.idle, h.dirty = 0, false
		}
		over := time.Unix((n+1)*history.Seconds, 0).Add(hourGrace)
		if h.idle >= hourIdle && !p.newest.newest.Before(over) {
			p.close(h)
			continue
		}
		if data := h.set.Take(); data != nil {
			p.runs = append(p.runs, Run{Log: HistoryRuns, Generation: n, Data: data})
		}
	}
	out := p.runs
	p.runs = nil
	return out
}

// OpenHours are the hours of a scope that are under way. Of the others
// everything was given out as runs, which blocks can be made of.
func (e *Engine) OpenHours(s event.Scope) []int64 {
	p := e.scope(s).past
	if p == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(p.hours))
}

// past returns the past of a scope, nil if none is remembered.
func (e *Engine) past(sc *scope) *past {
	if sc.lessons.now {
		return nil
	}
	if sc.past == nil && e.opts.Durable && e.opts.History > 0 {
		sc.past = newPast(e.opts.History)
	}
	return sc.past
}

// told is what was claimed of a record when it was judged. A contact remembers
// it: what a list said then is not told again when another list says it.
func told(claims []*finding.Signal) []string {
	if len(claims) == 0 { // nearly always
		return nil
	}
	out := make([]string, 0, len(claims))
	for _, s := range claims {
		out = append(out, claimName(s))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// claimName is short for the finding that a claim belongs to.
func claimName(s *finding.Signal) string {
	sum := sha256.Sum256([]byte(s.Identity()))
	return hex.EncodeToString(sum[:8])
}

// packed is a value as a contact keeps it. It is read by versions to come, so
// members are added and never change their meaning.
func packed(v any) string {
	b, err := json.Marshal(v)
	if err != nil { // texts, numbers and truths only
		return ""
	}
	return string(b)
}

func unpack(text string, v any) error { return json.Unmarshal([]byte(text), v) }

// The kinds of contacts.
const (
	metByFlow    = "flow"
	metByQuery   = "query"
	metByCall    = "call"
	metByRequest = "request"
)

// how is what all kinds of contacts have in common.
type how struct {
	Kind string   `json:"kind"`
	Told []string `json:"told,omitempty"`
}

// appendTold makes what was told a part of a contact's key.
func appendTold(key []byte, told []string) []byte {
	for _, t := range told {
		key = append(key, t...)
	}
	return key
}

// rememberAccount remembers what a record of an account met outside.
func (e *Engine) rememberAccount(sc *scope, r *record) {
	p := e.past(sc)
	if p == nil {
		return
	}
	ev := r.ev
	switch {
	case ev.Flow != nil:
		r.rememberFlow(p, ev.Flow)
	case ev.Query != nil:
		r.rememberQuery(p, ev.Query)
	case ev.Trail != nil:
		r.rememberCall(p)
	}
}
