package publish_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/publish"
	"github.com/vedette-project/vedette/internal/store"
)

// judged is a target that says of each event what becomes of it.
type judged struct {
	mu     sync.Mutex
	judge  func(e *publish.Event) error
	events []publish.Event
	calls  int
}

func (j *judged) Send(_ context.Context, events []publish.Event) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.calls++
	each := make(publish.Each, len(events))
	for i := range events {
		if j.judge != nil {
			each[i] = j.judge(&events[i])
		}
		if each[i] == nil {
			j.events = append(j.events, events[i])
		}
	}
	if len(events) == 1 {
		return each[0]
	}
	if slices.ContainsFunc(each, func(err error) bool { return err != nil }) {
		return each
	}
	return nil
}

// told are the events in short: the finding with its count, + before an update,
// and the incident.
func (j *judged) told() (out []string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, e := range j.events {
		s := e.DetailType
		if f := e.Finding(); f != nil {
			s = fmt.Sprintf("%s%d", f.ID, f.Service.Count)
		}
		if e.Update {
			s = "+" + s
		}
		for _, m := range e.Incident.More {
			s += "," + m.ID
		}
		out = append(out, s)
	}
	return out
}

// world is a store, a clock and followers of one target.
type world struct {
	t  *testing.T
	st *store.Store
	at time.Time
	to *judged
	f  *publish.Follower
}

func newWorld(t *testing.T, p publish.Policy) *world {
	w := &world{t: t, st: open(t), at: now, to: &judged{}}
	w.restart(p)
	return w
}

func (w *world) restart(p publish.Policy) {
	f := follower(w.st, w.to)
	o := f.Options
	o.Now, o.Policy = func() time.Time { return w.at }, p
	w.f = publish.NewFollower(o)
}

// step follows until nothing is left, and checks what the target was told.
func (w *world) step(what string, want ...string) {
	w.t.Helper()
	before := len(w.to.told())
	if err := step(w.t, w.f); err != nil {
		w.t.Fatalf("%s: %v", what, err)
	}
	if d := cmp.Diff(want, w.to.told()[before:], cmp.Transformer("sort", func(s []string) []string { s = append([]string{}, s...); slices.Sort(s); return s })); d != "" {
		w.t.Errorf("%s: %s", what, d)
	}
}

func quiet(d time.Duration) func(context.Context, string) (time.Duration, error) {
	return func(context.Context, string) (time.Duration, error) { return d, nil }
}

// TestQuietUpdates: a finding is told at once, its updates as often as is
// wanted, the newest of them, also after a restart.
func TestQuietUpdates(t *testing.T) {
	p := publish.Policy{Quiet: quiet(15 * time.Minute)}
	w := newWorld(t, p)
	put(t, w.st, "a", 1)
	w.step("new", "a1")
	put(t, w.st, "a", 2)
	w.step("too soon")
	w.at = w.at.Add(10 * time.Minute)
	put(t, w.st, "a", 5)
	put(t, w.st, "b", 1)
	w.step("another one is new", "b1")
	w.restart(p)
	w.at = w.at.Add(5 * time.Minute)
	w.step("due", "+a5")
	w.at = w.at.Add(24 * time.Hour)
	w.step("nothing is new")
	put(t, w.st, "a", 6)
	w.step("long after", "+a6")
	put(t, w.st, "a", 7, func(f *finding.Finding) { f.Severity = 8 })
	w.step("worse than what was told", "+a7")
	put(t, w.st, "a", 8)
	put(t, w.st, "a", 9, func(f *finding.Finding) { f.Service.Archived = true })
	if err := w.st.SetArchived(t.Context(), detector, []string{"a"}, true); err != nil {
		t.Fatal(err)
	}
	w.at = w.at.Add(time.Hour)
	w.step("archived meanwhile")
}

// TestEntities: what happens to one thing in a while is one incident.
func TestEntities(t *testing.T) {
	w := newWorld(t, publish.Policy{Quiet: quiet(6 * time.Hour), Group: publish.GroupEntity, Window: time.Hour})
	about := func(pod string, severity float64) func(*finding.Finding) {
		return func(f *finding.Finding) {
			f.Severity = severity
			f.Resource.KubernetesDetails = &finding.KubernetesDetails{KubernetesWorkloadDetails: &finding.KubernetesWorkloadDetails{Name: pod, Namespace: "x", Type: "pods"}}
		}
	}
	put(t, w.st, "a", 1, about("web", 5))
	put(t, w.st, "b", 1, about("web", 5))
	put(t, w.st, "c", 1, about("db", 5))
	w.step("one for each thing", "a1", "c1")
	put(t, w.st, "d", 1, about("web", 8))
	w.step("worse", "+d1")
	put(t, w.st, "e", 1, about("web", 2))
	w.step("not worse")
	w.at = w.at.Add(time.Hour)
	w.step("the others, in one event", "+b1,e")
	keys := map[string]bool{}
	for _, e := range w.to.events {
		keys[e.Incident.Key] = true
	}
	if len(keys) != 2 {
		t.Errorf("%d incidents", len(keys))
	}
	if got := w.to.events[len(w.to.events)-1].Incident.Findings; got != 4 {
		t.Errorf("the incident has %d findings, it says", got)
	}
	w.at = w.at.Add(2 * time.Hour)
	put(t, w.st, "g", 1, about("web", 2))
	w.step("another incident", "g1")
	if last := w.to.events[len(w.to.events)-1]; keys[last.Incident.Key] {
		t.Error("it has the key of the former")
	}
}

// TestSequences: what is part of an attack sequence is told with it.
func TestSequences(t *testing.T) {
	w := newWorld(t, publish.Policy{Quiet: quiet(6 * time.Hour), Group: publish.GroupSequence, Window: time.Hour})
	sequence := func(f *finding.Finding) { f.Type, f.Severity = "AttackSequence:EKS/CompromisedCluster", 9 }
	part := func(f *finding.Finding) {
		f.AssociatedAttackSequenceARN = "arn:aws:guardduty:eu-west-1:111122223333:detector/" + detector + "/finding/seq"
	}
	put(t, w.st, "a", 1)
	w.step("alone", "a1")
	put(t, w.st, "a", 1, part)
	put(t, w.st, "b", 1, part)
	w.step("the first of a sequence that is not there yet", "b1")
	put(t, w.st, "seq", 1, sequence)
	w.step("the sequence", "+seq1")
	if a, b := w.to.events[1].Incident.Key, w.to.events[2].Incident.Key; a != b {
		t.Errorf("its parts are incidents of their own: %s, %s", a, b)
	}
	put(t, w.st, "c", 1, part)
	w.step("another part")
	w.at = w.at.Add(time.Hour)
	w.step("when it is due", "+c1")
}

// TestWants: a target is told what it wants to hear, and nothing else.
func TestWants(t *testing.T) {
	criteria := finding.Criteria{"type": {Matches: []string{"Execution:*"}}}
	m, err := criteria.Compile()
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, publish.Policy{MinSeverity: 4, Matcher: m, NoHealth: true})
	put(t, w.st, "low", 1, func(f *finding.Finding) { f.Severity = 2 })
	put(t, w.st, "other", 1, func(f *finding.Finding) { f.Type = "Recon:EC2/Portscan" })
	put(t, w.st, "good", 1)
	err = w.st.Commit(t.Context(), func(tx *store.Tx) error {
		_, err := tx.SetSourceStatus(store.SourceKey{Source: "k8s-audit"}, store.Unhealthy, "quiet")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	w.step("wanted", "good1")
	at, err := w.st.Cursor(t.Context(), "publish:test")
	if err != nil {
		t.Fatal(err)
	}
	if rest, err := w.st.Changes(t.Context(), string(at), 9); err != nil || len(rest) > 0 {
		t.Errorf("the cursor stays before what is not wanted: %v, %v", rest, err)
	}
}

// TestDeadLetters: what a target refuses for good is kept with the reason, holds
// up nothing, and is sent again when somebody wants that.
func TestDeadLetters(t *testing.T) {
	for _, batch := range []int{0, 1} {
		w := newWorld(t, publish.Policy{Batch: batch})
		refuse := true
		w.to.judge = func(e *publish.Event) error {
			if refuse && e.Finding() != nil && e.Finding().ID == "bad" {
				return &publish.RefusedError{Reason: "answered 400: too strange"}
			}
			return nil
		}
		put(t, w.st, "a", 1)
		put(t, w.st, "bad", 1)
		put(t, w.st, "c", 1)
		w.step("the others", "a1", "c1")
		dead, err := w.st.DeadLetters(t.Context(), "test", 0, 9)
		if err != nil || len(dead) != 1 || dead[0].Reason != "answered 400: too strange" {
			t.Fatalf("dead letters: %+v, %v", dead, err)
		}
		w.step("nobody wants it yet")
		resend := func() {
			if n, err := w.st.ResendDead(t.Context(), "test", []int64{dead[0].N}); err != nil || n != 1 {
				t.Fatalf("resend: %d, %v", n, err)
			}
		}
		resend()
		w.step("refused again")
		if again, err := w.st.DeadLetters(t.Context(), "test", 0, 9); err != nil || len(again) != 1 || again[0].N != dead[0].N || again[0].Resend {
			t.Errorf("after it was refused again: %+v, %v", again, err)
		}
		refuse = false
		resend()
		w.step("taken", "bad1")
		if n, err := w.st.CountDead(t.Context(), "test"); err != nil || n != 0 {
			t.Errorf("%d are left, %v", n, err)
		}
		text, err := w.st.PublishStatus(t.Context(), "test")
		if err != nil {
			t.Fatal(err)
		}
		if s, err := publish.ParseStatus(text); err != nil || s.Sent != 3 || s.Refused != 2 {
			t.Errorf("status %+v, %v", s, err)
		}
	}
}

// TestRefusedBatch: of a call that is refused as a whole the events are tried
// one by one, so that one of them does not spoil the others.
func TestRefusedBatch(t *testing.T) {
	st, to := open(t), &whole{}
	f := follower(st, to)
	for _, id := range []string{"a", "bad", "c"} {
		put(t, st, id, 1)
	}
	if err := step(t, f); err != nil {
		t.Fatal(err)
	}
	if dead, err := st.DeadLetters(t.Context(), "test", 0, 9); err != nil || len(dead) != 1 || to.taken != "a c" {
		t.Errorf("taken %q, dead %v, %v", to.taken, dead, err)
	}
}

// whole refuses a call that has a bad event.
type whole struct{ taken string }

func (w *whole) Send(_ context.Context, events []publish.Event) error {
	var ids []string
	for _, e := range events {
		ids = append(ids, e.Finding().ID)
	}
	if slices.Contains(ids, "bad") {
		return &publish.RefusedError{Reason: "bad"}
	}
	w.taken = strings.TrimSpace(w.taken + " " + strings.Join(ids, " "))
	return nil
}

// TestOneFails: what a target took before and beside the one that failed is not
// sent again, and nothing is left out.
func TestOneFails(t *testing.T) {
	for _, p := range []publish.Policy{{Batch: 1}, {Batch: 1, Parallel: 4}, {Batch: 3}, {Batch: 1, Quiet: quiet(time.Hour)}, {Batch: 2, Quiet: quiet(time.Hour), Parallel: 3}} {
		w := newWorld(t, p)
		fails := 3
		w.to.judge = func(e *publish.Event) error {
			if e.Finding().ID == "05" && fails > 0 {
				fails--
				return errors.New("not now")
			}
			return nil
		}
		var want []string
		for i := range 12 {
			put(t, w.st, fmt.Sprintf("%02d", i), 1)
			want = append(want, fmt.Sprintf("%02d1", i))
		}
		for n := 0; step(t, w.f) != nil; n++ {
			if n > 5 {
				t.Fatal("it fails for ever")
			}
		}
		got := w.to.told()
		slices.Sort(got)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("batch %d, parallel %d, memory %v: %s", p.Batch, p.Parallel, p.Quiet != nil, d)
		}
	}
}

// TestBegin: a target that is new is not told of what was before it.
func TestBegin(t *testing.T) {
	w := newWorld(t, publish.Policy{})
	put(t, w.st, "old", 1)
	o := w.f.Options
	o.Begin = w.st.LastChange
	w.f = publish.NewFollower(o)
	w.step("what was before")
	put(t, w.st, "a", 1)
	w.f = publish.NewFollower(o) // restarted before it saw that
	w.step("what came since", "a1")
}

// TestTakenOverWithMemory: two processes that send at once, one of them slow, do
// not leave an old state as the newest that the target heard.
func TestTakenOverWithMemory(t *testing.T) {
	w := newWorld(t, publish.Policy{Quiet: quiet(time.Hour)})
	o := w.f.Options
	other := publish.NewFollower(o)
	slow := &late{}
	o.Target = slow
	f := publish.NewFollower(o)
	put(t, w.st, "a", 1)
	slow.before = func() {
		put(t, w.st, "a", 2)
		if err := step(t, other); err != nil {
			t.Error(err)
		}
	}
	if _, err := f.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(slow.events) != 1 || slow.events[0].Finding().Service.Count != 1 {
		t.Fatalf("sent late: %v; the test says nothing", slow.names())
	}
	if d := cmp.Diff([]string{"a2"}, w.to.told()); d != "" {
		t.Fatal(d)
	}
	if err := step(t, other); err != nil {
		t.Fatal(err)
	}
	if got := w.to.told(); got[len(got)-1] != "+a2" || len(got) != 2 {
		t.Errorf("the newest that was heard is old: %q", got)
	}
}

// TestRetryAfter: a target that asks to be left alone is.
func TestRetryAfter(t *testing.T) {
	w := newWorld(t, publish.Policy{})
	fails := 2
	w.to.judge = func(*publish.Event) error {
		if fails--; fails >= 0 {
			return &publish.LaterError{After: 7 * time.Minute, Err: errors.New("answered 429")}
		}
		return nil
	}
	put(t, w.st, "a", 1)
	ctx, cancel := context.WithCancel(t.Context())
	var pauses []time.Duration
	o := w.f.Options
	o.Sleep = func(_ context.Context, d time.Duration) error {
		if d >= time.Second {
			pauses = append(pauses, d)
		}
		if len(w.to.told()) > 0 {
			cancel()
		}
		return ctx.Err()
	}
	publish.NewFollower(o).Run(ctx)
	if len(pauses) != 2 || pauses[0] < 7*time.Minute || pauses[1] < 7*time.Minute {
		t.Errorf("it waited %v", pauses)
	}
	text, err := w.st.PublishStatus(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	if s, err := publish.ParseStatus(text); err != nil || s.Error != "" || s.Sent != 1 {
		t.Errorf("after it was taken: %+v, %v", s, err)
	}
}

// TestRate: calls begin no faster than is wanted.
func TestRate(t *testing.T) {
	w := newWorld(t, publish.Policy{Batch: 1, Every: 100 * time.Millisecond})
	o := w.f.Options
	var waited time.Duration
	o.Sleep = func(_ context.Context, d time.Duration) error { w.at = w.at.Add(d); waited += d; return nil }
	w.f = publish.NewFollower(o)
	for i := range 11 {
		put(t, w.st, fmt.Sprint(i, "-"), 1)
	}
	if err := step(t, w.f); err != nil || len(w.to.told()) != 11 {
		t.Fatalf("%q, %v", w.to.told(), err)
	}
	if waited != time.Second {
		t.Errorf("eleven calls took %s, want a second", waited)
	}
}

// FuzzLetter: what a dead letter holds comes from the store, whatever wrote it.
func FuzzLetter(f *testing.F) {
	f.Add([]byte(`{"event":{"detail-type":"GuardDuty Finding","detail":{"id":"a"}},"incident":{"key":"k"}}`))
	f.Add([]byte(`{"event":{"detail-type":"Vedette Source Healthy","detail":{"source":"a"}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := publish.ParseLetter(data)
		if err != nil {
			return
		}
		if e.Finding() == nil && e.Health() == nil {
			t.Error("an event of nothing")
		}
		if _, err := json.Marshal(e); err != nil {
			t.Error(err)
		}
	})
}

// TestStepSize: a target that is slow is sent little at once, so that little
// comes again after a crash; one that is fast is sent much.
func TestStepSize(t *testing.T) {
	w := newWorld(t, publish.Policy{})
	err := w.st.Commit(t.Context(), func(tx *store.Tx) error {
		for i := range 2000 {
			if err := tx.PutFinding(&finding.Record{Finding: found(fmt.Sprint(i), 1), Merge: finding.State{Identity: fmt.Sprint(i)}}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sizes := func(steps int, each time.Duration) (out []int) {
		w.to.judge = func(*publish.Event) error { return nil }
		for range steps {
			before := len(w.to.events)
			spent := false
			w.to.judge = func(*publish.Event) error {
				if !spent {
					spent, w.at = true, w.at.Add(each)
				}
				return nil
			}
			if _, err := w.f.Step(t.Context()); err != nil {
				t.Fatal(err)
			}
			out = append(out, len(w.to.events)-before)
		}
		return out
	}
	if d := cmp.Diff([]int{100, 200, 400, 400}, sizes(4, time.Millisecond)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]int{400, 200, 100, 50, 25, 12, 10, 10}, sizes(8, 10*time.Second)); d != "" {
		t.Error(d)
	}
	w.restart(publish.Policy{Batch: 1, Every: time.Second})
	if n, err := w.f.Step(t.Context()); err != nil || n != 10 {
		t.Errorf("one call a second: %d at once, %v", n, err)
	}
}
