package feed

import (
	"time"

	"github.com/vedette-project/vedette/internal/intel/format"
)

// The states of a feed.
const (
	Waiting = "waiting" // nothing has come yet
	OK      = "ok"
	Failing = "failing" // the last attempt failed; the last good list is used
	Held    = "held"    // a new list is held aside; the last good one is used
	Stale   = "stale"   // the last good list is too old to be used
	// Unreadable is a feed of which files cannot be read. Its list is used if
	// that can be.
	Unreadable = "unreadable"
)

// Status is how a feed is.
type Status struct {
	Name     string         `json:"name"`
	Title    string         `json:"title"`
	State    string         `json:"state"`
	Reason   string         `json:"reason,omitempty"` // of a state that is not ok
	Checked  time.Time      `json:"checked,omitzero"` // when it was last asked
	Fetched  time.Time      `json:"fetched,omitzero"` // when the list in use came
	Next     time.Time      `json:"next,omitzero"`
	Failures int            `json:"failures,omitempty"` // in a row
	Entries  int            `json:"entries"`            // of the list in use
	Bytes    int64          `json:"bytes,omitempty"`
	SHA256   string         `json:"sha256,omitempty"`
	Faults   int            `json:"faults,omitempty"`
	Sample   []format.Fault `json:"sample,omitempty"`
	Skipped  map[string]int `json:"skipped,omitempty"`
	LeftOut  int            `json:"leftOut,omitempty"`
	Held     int            `json:"held,omitempty"` // entries of the list that is held aside
}

// Status tells how each feed is.
func (u *Updater) Status() []Status {
	var out []Status
	for i := range u.sources {
		out = append(out, u.sources[i].status(u.read(&u.sources[i]), u.o.Now()))
	}
	return out
}

func (s *Source) status(st *state, now time.Time) Status {
	out := Status{Name: s.Name, Title: s.Title, Checked: st.Checked, Next: st.Next, Failures: st.Failures, State: OK}
	if g := st.Good; g != nil {
		out.Fetched, out.Entries, out.Bytes, out.SHA256 = g.Fetched, g.Entries, g.Bytes, g.SHA256
		out.Faults, out.Sample, out.Skipped, out.LeftOut = g.Faults, g.Sample, g.Skipped, g.LeftOut
	}
	if st.HeldAside != nil {
		out.Held = st.HeldAside.Entries
	}
	switch {
	case st.damage != nil:
		out.State, out.Reason = Unreadable, st.damage.Error()
	case st.unread != nil:
		out.State, out.Reason = Unreadable, st.unread.Error()
	case s.stale(st, now):
		out.State, out.Reason = Stale, st.Error
		if out.Reason == "" {
			out.Reason = "nothing newer has come for too long"
		}
	case st.HeldAside != nil:
		out.State, out.Reason = Held, st.Held
	case st.Failures > 0:
		out.State, out.Reason = Failing, st.Error
	case st.Good == nil:
		out.State = Waiting
	}
	return out
}
