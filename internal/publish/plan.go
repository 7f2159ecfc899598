package publish

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
	"github.com/vedette-project/vedette/internal/trace"
)

// memory is what is kept of a finding, or an incident, that was told.
type memory struct {
	ID       string            `json:"id"`                // of the incident
	Told     map[string]string `json:"told,omitempty"`    // the version that was told, by finding
	Pending  []string          `json:"pending,omitempty"` // findings whose newest version was not told
	Severity float64           `json:"severity"`          // the highest that was told
	Seen     time.Time         `json:"seen"`              // wall clock of the last finding
	Findings int               `json:"findings"`
	Ended    []string          `json:"ended,omitempty"` // findings that were told and then archived
}

const (
	maxTold = 200 // findings of an incident that are known by name
	maxMore = 20  // that an event names beside its own
)

// held is an item as a step changes it.
type held struct {
	item  store.PublishItem
	mem   memory
	units []*unit
	dirty bool
	due   bool // it was due when the step began

	// touched is the first change of the step that it remembers; -1: none.
	touched int
	// ended is the change that archived its last finding, at endedAt.
	ended   int
	endedAt time.Time
}

// The states of a unit.
const (
	unitOpen = iota // to be sent, or to be tried again
	unitTaken
	unitRefused
)

// unit is one event on its way.
type unit struct {
	event  Event
	held   *held // nil: nothing is kept of it
	change int   // index of the change that it is of; -1: of none
	at     time.Time
	dead   int64 // number of the dead letter that it is; 0: of none
	state  int
	reason string
	again  bool   // the target had it before this step
	data   []byte // of a dead letter that cannot be read
	trace  trace.Context
}

// work is what one step has to do.
type work struct {
	policy  *Policy
	now     time.Time
	changes []store.Change
	units   []*unit
	held    map[string]*held
	quiet   map[string]time.Duration // by detector
}

// plan says what is to be sent: of changes, of what has become due, and of dead
// letters that somebody wants sent again. A finding that changed several times
// is sent as it is now, once; one that is gone, or archived, not at all.
func (f *Follower) plan(ctx context.Context, changes []store.Change, now time.Time) (*work, error) {
	w := &work{policy: &f.Policy, now: now, changes: changes, held: map[string]*held{}, quiet: map[string]time.Duration{}}
	dead, err := f.Store.DeadToResend(ctx, f.Name, f.size)
	if err != nil {
		return nil, err
	}
	for _, d := range dead {
		w.addDead(d)
	}
	if f.Policy.remembers() {
		due, err := f.Store.PublishDue(ctx, f.Name, now, f.size)
		if err != nil {
			return nil, err
		}
		for _, i := range due {
			h, err := newHeld(i)
			if err != nil {
				return nil, err
			}
			h.due, h.dirty = true, true
			w.held[i.Key] = h
		}
	}
	last, refs := lastChanges(changes)
	found, err := f.findings(ctx, refs)
	if err != nil {
		return nil, err
	}
	if err := f.recall(ctx, w, found); err != nil {
		return nil, err
	}
	var ended []*held
	for i, c := range changes {
		switch c.Kind {
		case store.ChangeFinding:
			ref := c.DetectorID + "/" + c.ID
			switch {
			case last[ref] != i:
			case found.open[ref] != nil:
				w.addFinding(found.open[ref], i)
			case found.archived[ref] != nil:
				ended = append(ended, w.endFinding(found.archived[ref], i)...)
			}
		case store.ChangeSource:
			if err := w.addSource(i); err != nil {
				return nil, err
			}
		}
	}
	if err := f.resolve(ctx, w, ended); err != nil {
		return nil, err
	}
	w.trace()
	return w, f.flush(ctx, w)
}

// lastChanges are the indexes of the last change of each finding, and their names
// by detector.
func lastChanges(changes []store.Change) (last map[string]int, refs map[string][]string) {
	last, refs = map[string]int{}, map[string][]string{}
	for i, c := range changes {
		if c.Kind != store.ChangeFinding {
			continue
		}
		ref := c.DetectorID + "/" + c.ID
		if _, ok := last[ref]; !ok {
			refs[c.DetectorID] = append(refs[c.DetectorID], c.ID)
		}
		last[ref] = i
	}
	return last, refs
}

// foundFindings are findings as they are now, by reference.
type foundFindings struct {
	open     map[string]*finding.Finding // that the target wants
	archived map[string]*finding.Finding // that it may have been told of; of a target that is told of ends
}

// findings reads those that the target wants, or wants no more.
func (f *Follower) findings(ctx context.Context, refs map[string][]string) (*foundFindings, error) {
	out := &foundFindings{map[string]*finding.Finding{}, map[string]*finding.Finding{}}
	for detector, ids := range refs {
		list, err := f.Store.Findings(ctx, detector, ids, finding.Sort{})
		if err != nil {
			return nil, fmt.Errorf("read the findings that changed: %w", err)
		}
		for _, x := range list {
			if x.Service != nil && x.Service.Archived {
				if f.Policy.Resolve {
					out.archived[detector+"/"+x.ID] = x
				}
				continue
			}
			ok, err := f.Policy.wants(x)
			if err != nil {
				return nil, fmt.Errorf("see whether a finding is for %s: %w", f.Name, err)
			}
			if ok {
				out.open[detector+"/"+x.ID] = x
			}
		}
	}
	return out, nil
}

// recall reads what was told of findings and of what they belong to.
func (f *Follower) recall(ctx context.Context, w *work, found *foundFindings) error {
	if !f.Policy.remembers() || len(found.open)+len(found.archived) == 0 {
		return nil
	}
	var keys []string
	for _, x := range found.archived {
		keys = append(keys, f.Policy.keysOf(x)...)
	}
	for _, x := range found.open {
		keys = append(keys, f.Policy.keysOf(x)...)
		detector := x.Service.DetectorID
		if _, ok := w.quiet[detector]; !ok && f.Policy.Quiet != nil {
			d, err := f.Policy.Quiet(ctx, detector)
			if err != nil {
				return err
			}
			w.quiet[detector] = d
		}
	}
	items, err := f.Store.PublishItems(ctx, f.Name, keys)
	if err != nil {
		return err
	}
	for key, i := range items {
		if w.held[key] != nil {
			continue
		}
		if w.held[key], err = newHeld(i); err != nil {
			return err
		}
	}
	return nil
}

func newHeld(i store.PublishItem) (*held, error) {
	h := &held{item: i, touched: -1}
	if err := json.Unmarshal(i.Data, &h.mem); err != nil {
		return nil, fmt.Errorf("read what was told of %s: %w", i.Key, err)
	}
	if h.mem.Told == nil {
		h.mem.Told = map[string]string{}
	}
	return h, nil
}

func (w *work) addSource(i int) error {
	if w.policy.NoHealth {
		return nil
	}
	e, err := sourceEvent(w.changes[i])
	if err == nil {
		w.units = append(w.units, &unit{event: e, change: i, at: w.changes[i].At})
	}
	return err
}

// addFinding sends a finding now, or notes that it is to be told later.
func (w *work) addFinding(x *finding.Finding, change int) {
	at := w.changes[change].At
	if !w.policy.remembers() {
		w.units = append(w.units, &unit{event: FindingEvent(x, at), change: change, at: at})
		return
	}
	key, part := w.policy.keyOf(x)
	h := w.held[key]
	if h == nil && part && w.held[ownKey(x)] != nil {
		return // it was told alone, and the sequence is about to be
	}
	if h == nil {
		h = &held{item: store.PublishItem{Key: key}, touched: -1}
		w.held[key] = h
	}
	if h.mem.Told == nil || key[0] == 'e' && w.now.Sub(h.mem.Seen) > w.policy.Window && len(h.mem.Pending) == 0 && !h.due {
		h.mem = memory{Told: map[string]string{}} // a new incident
		h.mem.ID = x.ID
		if key[0] != 'f' {
			h.mem.ID = eventID("incident", key, fmt.Sprint(w.now.UnixMilli()))
		}
	}
	w.fold(h, x, change, at)
}

func (w *work) fold(h *held, x *finding.Finding, change int, at time.Time) {
	ref, mem := refOf(x), &h.mem
	if mem.Told[ref] == versionOf(x) {
		return
	}
	h.touch(change)
	mem.Seen = w.now
	mem.Ended = without(mem.Ended, ref)
	_, known := mem.Told[ref]
	if !known && !slices.Contains(mem.Pending, ref) {
		mem.Findings++
	}
	first := len(mem.Told) == 0
	if first || x.Severity > mem.Severity || !w.now.Before(h.item.Told.Add(w.pause(x, known))) {
		e := FindingEvent(x, at)
		e.Update, e.Incident = !first, Incident{Key: mem.ID, Findings: mem.Findings, Was: mem.Severity}
		if first {
			mem.Severity, e.Incident.Was = 0, 0
		}
		mem.told(x)
		h.item.Told = w.now
		h.sent(&unit{event: e, held: h, change: change, at: at}, w)
		return
	}
	if !slices.Contains(mem.Pending, ref) && len(mem.Pending) < maxTold {
		mem.Pending = append(mem.Pending, ref)
	}
	due := h.item.Told.Add(w.pause(x, known))
	if h.item.Due.IsZero() || due.Before(h.item.Due) {
		h.item.Due = due
	}
}

// pause is how long after the last event of an incident the next one may be: a
// finding that is new in it does not wait as long as an update may.
func (w *work) pause(x *finding.Finding, known bool) time.Duration {
	d := w.quiet[x.Service.DetectorID]
	if !known {
		d = min(d, w.policy.Window)
	}
	return d
}

// touch notes that an item remembers a change.
func (h *held) touch(change int) {
	h.dirty = true
	if h.touched < 0 {
		h.touched = change
	}
}

func (m *memory) told(x *finding.Finding) {
	ref := refOf(x)
	m.Pending = without(m.Pending, ref)
	m.Severity = max(m.Severity, x.Severity)
	if _, ok := m.Told[ref]; ok || len(m.Told) < maxTold {
		m.Told[ref] = versionOf(x)
	}
}

func (h *held) sent(u *unit, w *work) {
	h.units = append(h.units, u)
	w.units = append(w.units, u)
	if len(h.mem.Pending) == 0 {
		h.item.Due = time.Time{}
	}
}

// flush tells what has become due, each incident in one event.
func (f *Follower) flush(ctx context.Context, w *work) error {
	var due []*held
	refs := map[string][]string{}
	for _, h := range w.held {
		if h.due && !h.item.Due.IsZero() {
			due = append(due, h)
			for _, ref := range slices.Concat(h.waiting(), h.mem.Ended) {
				detector, id := splitRef(ref)
				refs[detector] = append(refs[detector], id)
			}
		}
	}
	if len(due) == 0 {
		return nil
	}
	found, err := f.findings(ctx, refs)
	if err != nil {
		return err
	}
	slices.SortFunc(due, func(a, b *held) int { return cmp.Compare(a.item.Key, b.item.Key) })
	for _, h := range due {
		w.tell(h, found)
	}
	return nil
}

// waiting are the findings of an item that is due. One that is due though
// nothing is pending is told again: nobody knows what the target heard last.
func (h *held) waiting() []string {
	if len(h.mem.Pending) > 0 {
		return h.mem.Pending
	}
	out := make([]string, 0, len(h.mem.Told))
	for ref := range h.mem.Told {
		out = append(out, ref)
	}
	return out
}

func (w *work) tell(h *held, found *foundFindings) {
	var list []*finding.Finding
	for _, ref := range h.waiting() {
		if x := found.open[ref]; x != nil {
			list = append(list, x)
		}
	}
	h.mem.Pending, h.item.Due, h.item.Told = nil, time.Time{}, w.now
	if len(list) == 0 { // archived, or gone
		if h.over() { // nobody knows whether the target heard that last
			w.end(h, found.archived, -1, w.now)
		}
		return
	}
	slices.SortFunc(list, func(a, b *finding.Finding) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(b.UpdatedAt, a.UpdatedAt), cmp.Compare(a.ID, b.ID))
	})
	e := FindingEvent(list[0], w.now)
	e.Update, e.Incident = true, Incident{Key: h.mem.ID, Findings: h.mem.Findings, Was: h.mem.Severity}
	for _, x := range list {
		h.mem.told(x)
	}
	for _, x := range list[1:min(len(list), 1+maxMore)] {
		e.Incident.More = append(e.Incident.More, Brief{ID: x.ID, Type: x.Type, Title: x.Title, Severity: x.Severity})
	}
	h.sent(&unit{event: e, held: h, change: -1}, w)
}

func splitRef(ref string) (detector, id string) {
	for i := range len(ref) {
		if ref[i] == '/' {
			return ref[:i], ref[i+1:]
		}
	}
	return "", ref
}
