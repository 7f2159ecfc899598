package publish

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
)

// endFinding notes that a finding which may have been told was archived, and
// returns the incidents that it was the last open finding of.
func (w *work) endFinding(x *finding.Finding, change int) (over []*held) {
	ref := refOf(x)
	for _, key := range w.policy.keysOf(x) {
		h := w.held[key]
		if h == nil || !h.mem.ends(ref) {
			continue
		}
		h.touch(change)
		h.ended, h.endedAt = change, w.changes[change].At
		if len(h.mem.Pending) == 0 {
			h.item.Due = time.Time{}
		}
		if h.over() {
			over = append(over, h)
		}
	}
	return over
}

// ends takes a finding from what is open, and reports whether it was there.
func (m *memory) ends(ref string) bool {
	_, told := m.Told[ref]
	if !told && !slices.Contains(m.Pending, ref) {
		return false
	}
	m.Pending = without(m.Pending, ref)
	if told {
		delete(m.Told, ref)
		m.Ended = append(m.Ended, ref)
		m.Ended = m.Ended[max(0, len(m.Ended)-maxTold):]
	}
	return true
}

// over reports whether all that was told of an incident was archived. Of one
// with more findings than are known by name nobody can tell.
func (h *held) over() bool {
	m := &h.mem
	return len(m.Told)+len(m.Pending) == 0 && len(m.Ended) > 0 && m.Findings <= maxTold
}

// resolve tells that incidents are over.
func (f *Follower) resolve(ctx context.Context, w *work, over []*held) error {
	over = slices.DeleteFunc(over, func(h *held) bool { return !h.over() }) // a later change may have opened it again
	if len(over) == 0 {
		return nil
	}
	refs := map[string][]string{}
	for _, h := range over {
		for _, ref := range h.mem.Ended {
			detector, id := splitRef(ref)
			refs[detector] = append(refs[detector], id)
		}
	}
	found, err := f.findings(ctx, refs)
	if err != nil {
		return err
	}
	slices.SortFunc(over, func(a, b *held) int { return cmp.Compare(a.item.Key, b.item.Key) })
	for _, h := range slices.Compact(over) {
		w.end(h, found.archived, h.ended, h.endedAt)
	}
	return nil
}

// end sends the event that an incident is over.
func (w *work) end(h *held, archived map[string]*finding.Finding, change int, at time.Time) {
	var list []*finding.Finding
	for _, ref := range h.mem.Ended {
		if x := archived[ref]; x != nil {
			list = append(list, x)
		}
	}
	if len(list) == 0 {
		return
	}
	last := list[len(list)-1]
	e := FindingEvent(last, at)
	// The same finding may be archived, brought back and archived again.
	which := strconv.FormatInt(at.UnixNano(), 10)
	if change >= 0 {
		which = w.changes[change].Cursor
	}
	e.ID = eventID("resolved", last.ARN, last.ID, which)
	e.Update, e.Ended = true, list
	e.Incident = Incident{Key: h.mem.ID, Findings: h.mem.Findings, Was: h.mem.Severity}
	h.item.Told = w.now
	h.sent(&unit{event: e, held: h, change: change, at: at}, w)
}

func without(list []string, ref string) []string {
	return slices.DeleteFunc(list, func(r string) bool { return r == ref })
}
