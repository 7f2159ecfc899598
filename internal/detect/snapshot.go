package detect

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/vedette-project/vedette/internal/event"
)

// snapshot is what of a scope must survive a restart. What was seen is not in
// it: a finding remembers its own occurrences.
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

func sortedIDs[V any](m map[objectID]V) []objectID {
	return slices.SortedFunc(maps.Keys(m), objectID.compare)
}
