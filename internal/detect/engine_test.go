package detect

import (
	"fmt"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
)

var t0 = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// batchOf wraps audit events of one cluster, one second apart.
func batchOf(stream string, as ...*event.Audit) *event.Batch {
	b := &event.Batch{Stream: stream}
	for i, a := range as {
		if a.Received.IsZero() {
			a.Received = t0.Add(time.Duration(i) * time.Second)
		}
		b.Events = append(b.Events, event.Event{Source: event.K8sAudit, Scope: event.Scope{Cluster: "c"}, Time: a.Received, Audit: a})
	}
	return b
}

func counts(r Result) map[string]int64 {
	m := map[string]int64{}
	for _, c := range r.Counts {
		m[string(c.Outcome)] += c.N
	}
	return m
}

func exec(id string) *event.Audit {
	return &event.Audit{AuditID: id, Stage: "ResponseStarted", Verb: "get", Code: 101, RequestURI: "/api/v1/namespaces/kube-system/pods/p/exec?command=id",
		User: event.User{Username: "eve"}, Object: event.ObjectRef{Resource: "pods", Subresource: "exec", Namespace: "kube-system", Name: "p"}}
}

func TestDuplicates(t *testing.T) {
	e := New(Options{})
	r := e.Process(batchOf("s", exec("1"), exec("2")))
	if n := counts(r); n["evaluated"] != 2 || len(r.Signals) != 2 {
		t.Fatal(n, len(r.Signals))
	}
	r = e.Process(batchOf("s", exec("1"), exec("2")))
	if n := counts(r); n["duplicate"] != 2 || n["evaluated"] != 0 || len(r.Signals) != 0 {
		t.Fatal(n, len(r.Signals))
	}
	done := exec("1") // another stage of the same call is no duplicate and no second act
	done.Stage = "ResponseComplete"
	first := e.Process(batchOf("s", done))
	if n := counts(first); n["evaluated"] != 1 {
		t.Fatal(n)
	}
	again := New(Options{}).Process(batchOf("s", exec("1")))
	if first.Signals[0].Occurrence != again.Signals[0].Occurrence {
		t.Error("two stages of one call are two occurrences")
	}
}

// TestForgedAuditID: any client may choose its audit ID. Calls that share one
// are still different calls.
func TestForgedAuditID(t *testing.T) {
	e := New(Options{})
	benign := &event.Audit{AuditID: "same", Stage: "ResponseStarted", Verb: "get", Code: 200, RequestURI: "/api", User: event.User{Username: "eve"}}
	second := exec("same")
	third := exec("same")
	third.Received = t0.Add(time.Hour)
	r := e.Process(batchOf("s", benign, second, third))
	if n := counts(r); n["evaluated"] != 3 || len(r.Signals) != 2 {
		t.Fatalf("a reused Audit-ID hid a call: %v, %d signals", n, len(r.Signals))
	}
}

func TestLate(t *testing.T) {
	e := New(Options{})
	at := func(d time.Duration) *event.Audit {
		a := exec(fmt.Sprint(d))
		a.Received = t0.Add(d)
		return a
	}
	for _, step := range []struct {
		stream string
		at     time.Duration
		late   int64
	}{
		{"a", 0, 0}, {"a", time.Minute, 0}, {"a", 51 * time.Second, 0}, {"a", 49 * time.Second, 1},
		{"b", 0, 0},                                 // another stream has its own time
		{"a", 1000 * time.Hour, 0},                  // one broken clock
		{"a", 2 * time.Minute, 0},                   // does not make what follows late
		{"a", 1000*time.Hour + time.Millisecond, 0}, // but two agree: time has jumped
		{"a", 1000*time.Hour + time.Second, 0},      //
		{"a", 3 * time.Minute, 1},                   // and now this is late, and judged all the same
	} {
		r := e.Process(batchOf(step.stream, at(step.at+time.Duration(len(step.stream)))))
		if n := counts(r); n[event.MarkLate] != step.late || n["evaluated"]+n["duplicate"] != 1 {
			t.Errorf("%v of %s: %v, want %d late", step.at, step.stream, n, step.late)
		}
	}
}

// TestTimeless: a record that lost its time gets that of the one before it.
func TestTimeless(t *testing.T) {
	e := New(Options{})
	first := exec("1")
	b := batchOf("s", first)
	b.Events = append(b.Events, event.Event{Source: event.K8sAudit, Scope: event.Scope{Cluster: "c"}, Truncated: true, Audit: exec("2"), Raw: []byte("x")})
	r := e.Process(b)
	if len(r.Signals) != 2 || !r.Signals[1].Time.Equal(first.Received) {
		t.Fatalf("%+v", r.Signals)
	}
	lone := &event.Batch{Received: t0, Events: []event.Event{{Source: event.K8sAudit, Truncated: true, Audit: exec("3")}}}
	if r = New(Options{}).Process(lone); !r.Signals[0].Time.Equal(t0) {
		t.Error("without neighbours the arrival should stand in")
	}
}

// TestSeenIsBounded reads far more calls than are remembered.
func TestSeenIsBounded(t *testing.T) {
	var s seen
	key := func(i int) callKey { return callKey{uint64(i) * 0x9E3779B97F4A7C15, uint64(i) << 4} }
	for i := 1; i < 3*seenGeneration; i++ {
		if s.add(key(i), 4) {
			t.Fatal("a new call was taken for a copy")
		}
		if !s.add(key(i), 4) || s.add(key(i), 2) {
			t.Fatal("stages are mixed up")
		}
	}
	if n := len(s.now.slots) + len(s.before.slots); n > 4*seenGeneration {
		t.Errorf("%d slots are kept", n)
	}
	for i := 2*seenGeneration + 1; i < 3*seenGeneration; i++ {
		if !s.add(key(i), 4) {
			t.Fatal("a call of the last generation was forgotten")
		}
	}
}

// TestSnapshot restores an engine in the middle of a story that needs memory.
func TestSnapshot(t *testing.T) {
	scope := event.Scope{Cluster: "c"}
	binding := &event.Audit{AuditID: "1", Stage: "ResponseComplete", Verb: "create", Code: 201, Object: event.ObjectRef{Resource: "clusterrolebindings", APIGroup: rbacGroup},
		RequestObject: []byte(`{"metadata":{"name":"b"},"roleRef":{"kind":"ClusterRole","name":"ops"},"subjects":[{"kind":"ServiceAccount","name":"default","namespace":"x"}]}`)}
	role := &event.Audit{AuditID: "2", Stage: "ResponseComplete", Verb: "update", Code: 200, User: event.User{Username: "eve"}, Object: event.ObjectRef{Resource: "clusterroles", APIGroup: rbacGroup, Name: "ops"},
		RequestObject: []byte(`{"metadata":{"name":"ops"},"rules":[{"apiGroups":["*"],"resources":["*"],"verbs":["*"]}]}`)}
	one := New(Options{})
	if r := one.Process(batchOf("s", binding)); len(r.Signals) != 0 {
		t.Fatal("the role is not known to be an admin's yet")
	}
	data, changed, err := one.Snapshot(scope)
	if err != nil || !changed {
		t.Fatal(changed, err)
	}
	if _, changed, _ = one.Snapshot(scope); changed {
		t.Error("nothing changed since")
	}
	two := New(Options{})
	if err := two.Restore(scope, data); err != nil {
		t.Fatal(err)
	}
	a, b := one.Process(batchOf("s", role)), two.Process(batchOf("s", role))
	if len(a.Signals) != 1 || len(b.Signals) != 1 || a.Signals[0].Description != b.Signals[0].Description || a.Signals[0].Type != typeAdminDefaultSA {
		t.Fatalf("before %+v, after %+v", a.Signals, b.Signals)
	}
	if err := two.Restore(scope, []byte(`{"version":99}`)); err == nil {
		t.Error("a snapshot of another version was taken")
	}
}

// TestBrokenDetector: a detector that panics costs its record, not the engine.
func TestBrokenDetector(t *testing.T) {
	e := New(Options{})
	e.byResource["configmaps"] = []detector{func(*call) []*finding.Signal { panic("broken") }}
	bad := exec("1")
	bad.Object.Resource = "configmaps"
	r := e.Process(batchOf("s", bad, exec("2")))
	if n := counts(r); n["dropped"] != 1 || n["evaluated"] != 1 || len(r.Signals) != 1 || len(r.Faults) != 1 {
		t.Fatalf("%v, %d signals, faults %v", n, len(r.Signals), r.Faults)
	}
}
