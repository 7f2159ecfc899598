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
)

// memory is what is kept of a finding, or an incident, that was told.
type memory struct {
	ID       string            `json:"id"`                // of the incident
	Told     map[string]string `json:"told,omitempty"`    // the version that was told, by finding
	Pending  []string          `json:"pending,omitempty"` // findings whose newest version was not told
	Severity float64           `json:"severity"`          // the highest that was told
	Seen     time.Time         `json:"seen"`              // wall clock of the last finding
	Findings int               `json:"findings"`
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
	dead, err := f.Store.DeadToResend(ctx, f.Name, batch)
	if err != nil {
		return nil, err
	}
	for _, d := range dead {
		w.addDead(d)
	}
	if f.Policy.remembers() {
		due, err := f.Store.PublishDue(ctx, f.Name, now, batch)
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
	for i, c := range changes {
		switch c.Kind {
		case store.ChangeFinding:
			x := found[c.DetectorID+"/"+c.ID]
			if x == nil || last[c.DetectorID+"/"+c.ID] != i {
				continue
			}
			if err := w.addFinding(x, i); err != nil {
				return nil, err
			}
		case store.ChangeSource:
			if err := w.addSource(i); err != nil {
				return nil, err
			}
		}
	}
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

// findings are those that the target wants, as they are now.
func (f *Follower) findings(ctx context.Context, refs map[string][]string) (map[string]*finding.Finding, error) {
	out := map[string]*finding.Finding{}
	for detector, ids := range refs {
		list, err := f.Store.Findings(ctx, detector, ids, finding.Sort{})
		if err != nil {
			return nil, fmt.Errorf("read the findings that changed: %w", err)
		}
		for _, x := range list {
			ok, err := f.Policy.wants(x)
			if err != nil {
				return nil, fmt.Errorf("see whether a finding is for %s: %w", f.Name, err)
			}
			if ok {
				out[detector+"/"+x.ID] = x
			}
		}
	}
	return out, nil
}

// recall reads what was told of findings and of what they belong to.
func (f *Follower) recall(ctx context.Context, w *work, found map[string]*finding.Finding) error {
	if !f.Policy.remembers() || len(found) == 0 {
		return nil
	}
	var keys []string
	for _, x := range found {
		key, _ := f.Policy.keyOf(x)
		keys = append(keys, key)
		if own := ownKey(x); own != key {
			keys = append(keys, own)
		}
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
	h := &held{item: i}
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
func (w *work) addFinding(x *finding.Finding, change int) error {
	at := w.changes[change].At
	if !w.policy.remembers() {
		w.units = append(w.units, &unit{event: FindingEvent(x, at), change: change, at: at})
		return nil
	}
	key, part := w.policy.keyOf(x)
	h := w.held[key]
	if h == nil && part && w.held[ownKey(x)] != nil {
		return nil // it was told alone, and the sequence is about to be
	}
	if h == nil {
		h = &held{item: store.PublishItem{Key: key}}
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
	return nil
}

func (w *work) fold(h *held, x *finding.Finding, change int, at time.Time) {
	ref, mem := refOf(x), &h.mem
	if mem.Told[ref] == versionOf(x) {
		return
	}
	h.dirty, mem.Seen = true, w.now
	_, known := mem.Told[ref]
	if !known && !slices.Contains(mem.Pending, ref) {
		mem.Findings++
	}
	first := len(mem.Told) == 0
	if first || x.Severity > mem.Severity || !w.now.Before(h.item.Told.Add(w.pause(x, known))) {
		e := FindingEvent(x, at)
		e.Update, e.Incident = !first, Incident{Key: mem.ID, Findings: mem.Findings}
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

func (m *memory) told(x *finding.Finding) {
	ref := refOf(x)
	m.Pending = slices.DeleteFunc(m.Pending, func(p string) bool { return p == ref })
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
			for _, ref := range h.waiting() {
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

func (w *work) tell(h *held, found map[string]*finding.Finding) {
	var list []*finding.Finding
	for _, ref := range h.waiting() {
		if x := found[ref]; x != nil {
			list = append(list, x)
		}
	}
	h.mem.Pending, h.item.Due, h.item.Told = nil, time.Time{}, w.now
	if len(list) == 0 { // archived, or gone
		return
	}
	slices.SortFunc(list, func(a, b *finding.Finding) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(b.UpdatedAt, a.UpdatedAt), cmp.Compare(a.ID, b.ID))
	})
	e := FindingEvent(list[0], w.now)
	e.Update, e.Incident = true, Incident{Key: h.mem.ID, Findings: h.mem.Findings}
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
