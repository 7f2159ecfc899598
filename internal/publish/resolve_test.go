package publish_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/publish"
	"github.com/vedette-project/vedette/internal/store"
)

// mark archives a finding, or brings it back; then it happens once more.
func mark(t *testing.T, st *store.Store, archived bool, id string, count int64, change ...func(*finding.Finding)) {
	t.Helper()
	if err := st.SetArchived(t.Context(), detector, []string{id}, archived); err != nil {
		t.Fatal(err)
	}
	put(t, st, id, count, change...)
}

func suppressed(f *finding.Finding) { f.Service.Archived = true }

// ends are the events that say that an incident is over: its key and findings.
func (j *judged) ends() (out []string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, e := range j.events {
		if e.Resolved() {
			s := e.Incident.Key + ":"
			for _, f := range e.Ended {
				s += " " + f.ID
			}
			out = append(out, s)
		}
	}
	return out
}

// TestResolve: a target is told once that a finding was archived, if it was told
// of it, and of it again when it is back.
func TestResolve(t *testing.T) {
	for name, p := range map[string]publish.Policy{"quiet": {Resolve: true, Quiet: quiet(time.Hour)}, "immediate": {Resolve: true}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, p)
			put(t, w.st, "a", 1)
			put(t, w.st, "suppressed", 1, suppressed)
			w.step("new", "a1")
			mark(t, w.st, true, "a", 2)
			put(t, w.st, "suppressed", 2)
			w.step("archived", "+a2")
			w.restart(p)
			mark(t, w.st, true, "a", 3)
			w.step("archived twice")
			mark(t, w.st, false, "a", 4)
			w.step("back", "a4")
			mark(t, w.st, true, "a", 5)
			w.step("archived again", "+a5")
			if d := cmp.Diff([]string{"a: a", "a: a"}, w.to.ends()); d != "" {
				t.Error(d)
			}
			seen := map[string]bool{}
			for _, e := range w.to.events {
				if seen[e.ID] {
					t.Errorf("two events have the id %s", e.ID)
				}
				seen[e.ID] = true
			}
		})
	}
	w := newWorld(t, publish.Policy{Quiet: quiet(time.Hour)})
	put(t, w.st, "a", 1)
	w.step("new", "a1")
	mark(t, w.st, true, "a", 2)
	w.step("a target that is not told of ends")
}

// TestResolveWaiting: what was archived before its update was due is not told,
// and ends what was told before.
func TestResolveWaiting(t *testing.T) {
	w := newWorld(t, publish.Policy{Resolve: true, Quiet: quiet(time.Hour)})
	put(t, w.st, "a", 1)
	w.step("new", "a1")
	put(t, w.st, "a", 2)
	w.step("an update waits")
	mark(t, w.st, true, "a", 3)
	w.step("archived", "+a3")
	w.at = w.at.Add(2 * time.Hour)
	w.step("nothing is due any more")
}

// TestResolveIncident: an incident is over when the last of its findings was
// archived, not before; and one that fails to be told is told later.
func TestResolveIncident(t *testing.T) {
	w := newWorld(t, publish.Policy{Resolve: true, Group: publish.GroupEntity, Window: time.Hour, Quiet: quiet(time.Hour)})
	pod := func(f *finding.Finding) {
		f.Resource.KubernetesDetails = &finding.KubernetesDetails{KubernetesWorkloadDetails: &finding.KubernetesWorkloadDetails{Name: "p", Namespace: "n", Type: "pods"}}
	}
	worse := func(f *finding.Finding) { f.Severity = 8 }
	put(t, w.st, "a", 1, pod)
	w.step("the first", "a1")
	put(t, w.st, "b", 1, pod, worse)
	put(t, w.st, "c", 1, pod)
	w.step("a worse one; another waits", "+b1")
	mark(t, w.st, true, "a", 2, pod)
	mark(t, w.st, true, "b", 2, pod, worse)
	w.step("one waits still")
	w.at = w.at.Add(time.Hour)
	w.step("it is told", "+c1")

	down := errors.New("not now")
	w.to.judge = func(*publish.Event) error { return down }
	put(t, w.st, "d", 1, pod, suppressed) // never told
	mark(t, w.st, true, "c", 2, pod)
	for range 2 {
		if err := step(t, w.f); !errors.Is(err, down) {
			t.Fatalf("error %v", err)
		}
	}
	w.to.judge = nil
	w.step("all are archived", "+c2")
	key := w.to.events[0].Incident.Key
	if d := cmp.Diff([]string{fmt.Sprintf("%s: a b c", key)}, w.to.ends()); d != "" {
		t.Error(d)
	}
	if last := w.to.events[len(w.to.events)-1]; last.Incident.Was != 8 {
		t.Errorf("the highest severity was %g", last.Incident.Was)
	}
}

// TestResolveFails: findings of one incident that are archived in one step, of
// which the end cannot be told yet, are all remembered.
func TestResolveFails(t *testing.T) {
	w := newWorld(t, publish.Policy{Resolve: true, Group: publish.GroupEntity, Window: time.Hour, Quiet: quiet(0)})
	user := func(f *finding.Finding) {
		f.Resource.KubernetesDetails = &finding.KubernetesDetails{KubernetesUserDetails: &finding.KubernetesUserDetails{Username: "u"}}
	}
	put(t, w.st, "a", 1, user)
	put(t, w.st, "b", 1, user)
	w.step("new", "a1", "+b1")
	fail := true
	w.to.judge = func(*publish.Event) error {
		if fail {
			return errors.New("not now")
		}
		return nil
	}
	mark(t, w.st, true, "a", 2, user)
	put(t, w.st, "other", 1)
	mark(t, w.st, true, "b", 2, user)
	if err := step(t, w.f); err == nil {
		t.Fatal("no error")
	}
	fail = false
	w.step("later", "other1", "+b2")
	if n := len(w.to.ends()); n != 1 {
		t.Errorf("%d ends", n)
	}
}

// TestGroupFails: what waits to be told of an incident is not forgotten when a
// worse finding of it, later in the same step, cannot be told.
func TestGroupFails(t *testing.T) {
	w := newWorld(t, publish.Policy{Group: publish.GroupEntity, Window: time.Hour, Quiet: quiet(time.Hour)})
	put(t, w.st, "a", 1, func(f *finding.Finding) { f.Resource.EKSClusterDetails = &finding.EKSClusterDetails{Name: "c"} })
	w.step("new", "a1")
	w.to.judge = func(*publish.Event) error { return errors.New("not now") }
	of := func(f *finding.Finding) { f.Resource.EKSClusterDetails = &finding.EKSClusterDetails{Name: "c"} }
	put(t, w.st, "b", 1, of)
	put(t, w.st, "c", 1, of, func(f *finding.Finding) { f.Severity = 8 })
	if err := step(t, w.f); err == nil {
		t.Fatal("no error")
	}
	w.to.judge = nil
	w.step("the worse one", "+c1")
	w.at = w.at.Add(time.Hour)
	w.step("the one that waited", "+b1")
}

// TestResolveRefused: an end that is refused is a dead letter, and still an end
// when it is sent again.
func TestResolveRefused(t *testing.T) {
	w := newWorld(t, publish.Policy{Resolve: true})
	put(t, w.st, "a", 1)
	w.step("new", "a1")
	w.to.judge = func(e *publish.Event) error { return &publish.RefusedError{Reason: "no"} }
	mark(t, w.st, true, "a", 2)
	w.step("refused")
	w.to.judge = nil
	if n, err := w.st.ResendDead(t.Context(), "test", nil); err != nil || n != 1 {
		t.Fatalf("%d dead letters, %v", n, err)
	}
	w.step("sent again", "+a2")
	if d := cmp.Diff([]string{"a: a"}, w.to.ends()); d != "" {
		t.Error(d)
	}
}
