package detect

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
)

// snapshot is what of a scope must survive a restart, beside what was seen
// (Delta) and how far its streams have come (Marks), which change all the time.
type snapshot struct {
	Version  int            `json:"version"`
	Kubeflow bool           `json:"kubeflow,omitempty"`
	Admin    []adminEntry   `json:"admin,omitempty"`
	Waiting  []waitingEntry `json:"waiting,omitempty"`
}

type adminEntry struct {
	Role objectID `json:"role"`
	Why  string   `json:"why"`
}

type waitingEntry struct {
	Role    objectID `json:"role"`
	Binding objectID `json:"binding"`
	Account string   `json:"account"`
}

const snapshotVersion = 1

// Knows reports whether the engine holds state of a scope.
func (e *Engine) Knows(s event.Scope) bool { return e.scopes[s] != nil }

// Snapshot returns what is remembered of a scope, the same bytes for the same
// memory, and whether it changed since the last Snapshot or Restore.
func (e *Engine) Snapshot(s event.Scope) (data []byte, changed bool, err error) {
	sc := e.scope(s)
	if !sc.rbac.changed && sc.kubeflow == sc.kubeflowSaved {
		return nil, false, nil
	}
	sn := snapshot{Version: snapshotVersion, Kubeflow: sc.kubeflow}
	for _, r := range sortedIDs(sc.rbac.Admin) {
		sn.Admin = append(sn.Admin, adminEntry{r, sc.rbac.Admin[r]})
	}
	for _, r := range sortedIDs(sc.rbac.Waiting) {
		for _, b := range sortedIDs(sc.rbac.Waiting[r]) {
			sn.Waiting = append(sn.Waiting, waitingEntry{r, b, sc.rbac.Waiting[r][b]})
		}
	}
	if data, err = json.Marshal(sn); err != nil {
		return nil, false, fmt.Errorf("save what is known of %s: %w", s, err)
	}
	sc.rbac.changed, sc.kubeflowSaved = false, sc.kubeflow
	return data, true, nil
}

// Restore gives a scope the memory of a snapshot.
func (e *Engine) Restore(s event.Scope, data []byte) error {
	var sn snapshot
	if err := json.Unmarshal(data, &sn); err != nil {
		return fmt.Errorf("restore what was known of %s: %w", s, err)
	}
	if sn.Version != snapshotVersion {
		return fmt.Errorf("restore what was known of %s: it is of version %d, this program reads %d", s, sn.Version, snapshotVersion)
	}
	e.Forget(s)
	sc := e.scope(s)
	sc.kubeflow, sc.kubeflowSaved = sn.Kubeflow, sn.Kubeflow
	for _, a := range sn.Admin {
		sc.rbac.Admin[a.Role] = a.Why
	}
	for _, w := range sn.Waiting {
		sc.rbac.await(w.Role, w.Binding, w.Account)
	}
	sc.rbac.changed = false
	return nil
}

// Run is what a log of changes gets at once. A scope has several logs: of what
// was seen, and of each table of its account. To bring back what they say,
// their runs are restored in the order of their making; those of generations
// before Oldest are of no more use.
type Run struct {
	Log                string // "" is that of what was seen
	Generation, Oldest int64
	Data               []byte
}

// Delta returns what changed in a scope since the last Delta or restore.
func (e *Engine) Delta(s event.Scope) ([]Run, error) {
	sc := e.scope(s)
	var out []Run
	for _, r := range sc.seen.take() {
		out = append(out, Run{Generation: r.Generation, Oldest: sc.seen.number - 1, Data: r.Keys})
	}
	for _, r := range sc.lessons.keys.take() {
		out = append(out, Run{Log: LearnedKeys, Generation: r.Generation, Oldest: sc.lessons.keys.number - 1, Data: r.Keys})
	}
	if sc.past != nil {
		out = append(out, sc.past.take()...)
	}
	for _, t := range sc.tables() {
		run, ok, err := t.delta()
		if err != nil {
			return nil, fmt.Errorf("save what is known of %s: %w", s, err)
		}
		if ok {
			out = append(out, run)
		}
	}
	return out, nil
}

// Logs are the names of the logs a scope may have.
func (e *Engine) Logs(s event.Scope) []string {
	out := []string{""}
	sc := e.scope(s)
	if s.Cluster == "" {
		e.accountIn(sc)
	}
	e.runtimeIn(sc)
	for _, p := range planes() {
		e.anomaliesIn(sc).model(p)
	}
	e.rulesIn(sc)
	e.callersIn(sc)
	for _, t := range sc.tables() {
		out = append(out, t.name())
	}
	return out
}

func (e *Engine) accountOf(s event.Scope) *account { return e.accountIn(e.scope(s)) }

// tables are those that a scope has so far.
func (sc *scope) tables() (out []memory) {
	if sc.account != nil {
		out = append(out, sc.account.tables...)
	}
	if sc.runtime != nil {
		out = append(out, sc.runtime.tables...)
	}
	if sc.anomalies != nil {
		out = append(out, sc.anomalies.tables()...)
	}
	return append(append(out, sc.rules.memories()...), sc.callers.memories()...)
}

// RestoreRun gives a scope back what Delta returned.
func (e *Engine) RestoreRun(s event.Scope, run Run) error {
	if run.Log == "" {
		e.scope(s).seen.restore(Seen{run.Generation, run.Data})
		return nil
	}
	sc := e.scope(s)
	if run.Log == LearnedKeys {
		sc.lessons.keys.restore(Seen{run.Generation, run.Data})
		return nil
	}
	if strings.HasPrefix(run.Log, runtimeLog) {
		e.runtimeIn(sc)
	} else if strings.HasPrefix(run.Log, anomalyLog) {
		e.anomalyTable(sc, run.Log)
	} else if strings.HasPrefix(run.Log, ruleLog) {
		e.rulesIn(sc)
	} else if strings.HasPrefix(run.Log, callersLog) {
		e.callersIn(sc)
	} else {
		e.accountIn(sc)
	}
	for _, t := range sc.tables() {
		if t.name() == run.Log {
			return t.restore(run)
		}
	}
	return fmt.Errorf("restore what was known of %s: there is no log %q", s, run.Log)
}

// mark is a watermark as it is kept; times are nanoseconds since the epoch.
type mark struct {
	Newest  int64 `json:"newest"`
	Pending int64 `json:"pending,omitempty"`
}

// Marks returns how far the streams of a scope have come, and whether that
// changed since the last Marks or RestoreMarks.
func (e *Engine) Marks(s event.Scope) (data []byte, changed bool, err error) {
	sc := e.scope(s)
	if !sc.marked {
		return nil, false, nil
	}
	marks := make(map[string]mark, len(sc.streams))
	for name, w := range sc.streams {
		m := mark{Newest: w.newest.UnixNano()}
		if !w.pending.IsZero() {
			m.Pending = w.pending.UnixNano()
		}
		if !w.newest.IsZero() {
			marks[name] = m
		}
	}
	if data, err = json.Marshal(marks); err != nil {
		return nil, false, fmt.Errorf("save how far %s has come: %w", s, err)
	}
	sc.marked = false
	return data, true, nil
}

// RestoreMarks gives the streams of a scope the marks of Marks.
func (e *Engine) RestoreMarks(s event.Scope, data []byte) error {
	var marks map[string]mark
	if err := json.Unmarshal(data, &marks); err != nil {
		return fmt.Errorf("restore how far %s has come: %w", s, err)
	}
	sc := e.scope(s)
	for name, m := range marks {
		w := sc.watermark(name)
		w.newest = time.Unix(0, m.Newest).UTC()
		if m.Pending != 0 {
			w.pending = time.Unix(0, m.Pending).UTC()
		}
	}
	sc.marked = false
	return nil
}

func sortedIDs[V any](m map[objectID]V) []objectID {
	return slices.SortedFunc(maps.Keys(m), objectID.compare)
}
