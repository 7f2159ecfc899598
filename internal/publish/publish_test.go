package publish_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/publish"
	"github.com/vedette-project/vedette/internal/store"
)

var now = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

const detector = "d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0"

func open(t *testing.T) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "a.db"), store.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

// found is a finding as it is after so many occurrences.
func found(id string, count int64) *finding.Finding {
	return &finding.Finding{
		ID: id, ARN: "arn:aws:guardduty:eu-west-1:111122223333:detector/" + detector + "/finding/" + id, AccountID: "111122223333", Region: "eu-west-1",
		SchemaVersion: "2.0", Type: "Execution:Kubernetes/ExecInKubeSystemPod", Severity: 5,
		CreatedAt: finding.Timestamp(now), UpdatedAt: finding.Timestamp(now.Add(time.Duration(count) * time.Second)),
		Resource: &finding.Resource{ResourceType: "EKSCluster"}, Service: &finding.Service{ServiceName: "guardduty", DetectorID: detector, Count: count},
	}
}

// put writes a finding as it is after so many occurrences.
func put(t *testing.T, st *store.Store, id string, count int64, change ...func(*finding.Finding)) {
	t.Helper()
	f := found(id, count)
	for _, c := range change {
		c(f)
	}
	err := st.Commit(t.Context(), func(tx *store.Tx) error {
		return tx.PutFinding(&finding.Record{Finding: f, Merge: finding.State{Identity: "of " + id}})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func follower(st *store.Store, to publish.Target) *publish.Follower {
	return publish.NewFollower(publish.Options{
		Name: "test", Store: st, Target: to, Now: func() time.Time { return now },
		May: func() bool { return true }, Log: slog.New(slog.DiscardHandler),
		Sleep: func(ctx context.Context, d time.Duration) error { time.Sleep(time.Millisecond); return ctx.Err() },
	})
}

// kept is a target that keeps what it gets, and fails when it is told to.
type kept struct {
	events []publish.Event
	fail   error
}

func (k *kept) Send(_ context.Context, e []publish.Event) error {
	k.events = append(k.events, e...)
	return k.fail
}

// step follows until there is nothing more, or an error.
func step(t *testing.T, f *publish.Follower) error {
	t.Helper()
	for {
		n, err := f.Step(t.Context())
		if err != nil || n == 0 {
			return err
		}
	}
}

// names are the events in short.
func (k *kept) names() (out []string) {
	for _, e := range k.events {
		if f, ok := e.Detail.(*finding.Finding); ok {
			out = append(out, fmt.Sprintf("%s %s %d", e.DetailType, f.ID, f.Service.Count))
		} else {
			out = append(out, e.DetailType)
		}
	}
	return out
}

// TestFollow: each finding is sent as it is, what is archived is not, and what
// was sent is not sent again, by this follower or the next.
func TestFollow(t *testing.T) {
	st, k := open(t), &kept{}
	f := follower(st, k)
	for i := range 520 { // more than one step
		put(t, st, fmt.Sprintf("%03d", i), 1)
	}
	put(t, st, "000", 2)
	put(t, st, "archived", 1, func(f *finding.Finding) { f.Service.Archived = true })
	if err := step(t, f); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, n := range k.names() {
		seen[n] = true
	}
	if len(seen) != 520 || !seen["GuardDuty Finding 000 2"] || seen["GuardDuty Finding 000 1"] {
		t.Errorf("%d findings were sent: %q", len(seen), k.names())
	}
	sent := len(k.events)
	put(t, st, "007", 9)
	if err := step(t, follower(st, k)); err != nil { // after a restart
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"GuardDuty Finding 007 9"}, k.names()[sent:]); d != "" {
		t.Error(d)
	}
}

// TestFailingTarget: what a target did not take comes again, with the same ids.
func TestFailingTarget(t *testing.T) {
	st, k := open(t), &kept{fail: errors.New("not now")}
	f := follower(st, k)
	put(t, st, "a", 1)
	put(t, st, "b", 1)
	for range 3 {
		if err := step(t, f); !errors.Is(err, k.fail) {
			t.Errorf("error %v", err)
		}
	}
	k.fail = nil
	if err := step(t, f); err != nil {
		t.Fatal(err)
	}
	if len(k.events) != 8 {
		t.Fatalf("%d events", len(k.events))
	}
	for i, e := range k.events {
		if e.ID != k.events[i%2].ID || k.events[0].ID == k.events[1].ID {
			t.Errorf("event %d has the id %s", i, e.ID)
		}
	}
	put(t, st, "a", 2)
	if err := step(t, f); err != nil || k.events[8].ID == k.events[0].ID {
		t.Errorf("%v: another state of a finding has the same id", err)
	}
}

// TestSources: a source that goes quiet is an event, and so is its return.
func TestSources(t *testing.T) {
	st, k := open(t), &kept{}
	key := store.SourceKey{Source: "k8s-audit", Account: "111122223333", Region: "eu-west-1", Cluster: "prod"}
	for _, to := range []struct{ status, issue string }{{store.Unhealthy, "No records received:since noon"}, {store.Healthy, ""}} {
		err := st.Commit(t.Context(), func(tx *store.Tx) error {
			if err := tx.TouchSource(key, now, now); err != nil {
				return err
			}
			_, err := tx.SetSourceStatus(key, to.status, to.issue)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := step(t, follower(st, k)); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"Vedette Source Unhealthy", "Vedette Source Healthy"}, k.names()); d != "" {
		t.Fatal(d)
	}
	text, err := json.Marshal(k.events[0])
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	detail := got["detail"].(map[string]any)
	for name, want := range map[string]any{
		"schemaVersion": "1.0", "resourceAccountId": "111122223333", "currentStatus": "UNHEALTHY", "previousStatus": "HEALTHY",
		"issue": "No records received:since noon", "source": "k8s-audit", "lastUpdatedAt": "2026-05-01T12:00:00Z",
		"resourceDetails": map[string]any{"resourceType": "EKS", "eksClusterDetails": map[string]any{"clusterName": "prod"}},
	} {
		if d := cmp.Diff(want, detail[name]); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// TestFile: each event is a line; a line that was torn by a full disk or a
// kill does not spoil the next.
func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.jsonl")
	st, to := open(t), publish.File{Path: path}
	put(t, st, "a", 1)
	if err := step(t, follower(st, to)); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"version":"0","id":"torn`); err != nil {
		t.Fatal(err)
	}
	f.Close()
	put(t, st, "b", 1)
	if err := step(t, follower(st, to)); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+".1"); err != nil { // rotated
		t.Fatal(err)
	}
	put(t, st, "c", 1)
	if err := step(t, follower(st, to)); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"a", "b"}, ids(t, path+".1")); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"c"}, ids(t, path)); d != "" {
		t.Error(d)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others may read it: %v, %v", info.Mode(), err)
	}
	if err := (publish.File{Path: filepath.Join(path, "x")}).Send(t.Context(), nil); err == nil {
		t.Error("a file that cannot be there was written")
	}
}

func ids(t *testing.T, path string) (out []string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewScanner(strings.NewReader(string(b)))
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var e struct{ Detail struct{ ID string } }
		if json.Unmarshal(in.Bytes(), &e) == nil {
			out = append(out, e.Detail.ID)
		}
	}
	return out
}

// TestRun: a follower that may not send is silent, and goes on where another
// was when it may.
func TestRun(t *testing.T) {
	st, first, second := open(t), &kept{}, &kept{}
	put(t, st, "a", 1)
	if err := step(t, follower(st, first)); err != nil {
		t.Fatal(err)
	}
	turn := make(chan bool, 1)
	turn <- false
	f := follower(st, second)
	f.May = func() bool { may := <-turn; turn <- may; return may }
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); f.Run(ctx) }()
	put(t, st, "b", 1)
	time.Sleep(20 * time.Millisecond)
	<-turn
	turn <- true
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		at, err := st.Cursor(t.Context(), "publish:test")
		if err != nil {
			t.Fatal(err)
		}
		if rest, err := st.Changes(t.Context(), string(at), 1); err == nil && len(rest) == 0 {
			break
		}
	}
	cancel()
	<-done
	if got := second.names(); !slices.Equal(got, []string{"GuardDuty Finding b 1"}) {
		t.Errorf("sent: %q", got)
	}
}

// late is a target that does something before it takes the events.
type late struct {
	kept
	before func()
}

func (l *late) Send(ctx context.Context, e []publish.Event) error {
	if do := l.before; do != nil {
		l.before = nil
		do()
	}
	return l.kept.Send(ctx, e)
}

// TestTakenOver: a process that is slow to send, while another has taken over
// and published what came since, does not leave an old state as the newest.
func TestTakenOver(t *testing.T) {
	for _, published := range []bool{false, true} {
		st, to := open(t), &late{}
		f, other := follower(st, to), follower(st, &to.kept)
		if published {
			put(t, st, "before", 1)
			if err := step(t, f); err != nil {
				t.Fatal(err)
			}
		}
		put(t, st, "a", 1)
		to.before = func() {
			put(t, st, "a", 2)
			if err := step(t, other); err != nil {
				t.Error(err)
			}
		}
		if _, err := f.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, want := to.names()[len(to.events)-2:], []string{"GuardDuty Finding a 2", "GuardDuty Finding a 1"}; !slices.Equal(got, want) {
			t.Fatalf("sent: %q; the test says nothing", got)
		}
		if err := step(t, other); err != nil {
			t.Fatal(err)
		}
		if got := to.names(); got[len(got)-1] != "GuardDuty Finding a 2" {
			t.Errorf("sent: %q", got)
		}
	}
}

// TestLostTheTurn: what was read is not sent when another took over meanwhile.
func TestLostTheTurn(t *testing.T) {
	st, to := open(t), &kept{}
	put(t, st, "a", 1)
	f := follower(st, to)
	f.May = func() bool { return false }
	if err := step(t, f); err != nil || len(to.events) != 0 {
		t.Errorf("sent: %q, %v", to.names(), err)
	}
	f.May = func() bool { return true }
	if err := step(t, f); err != nil || len(to.events) != 1 {
		t.Errorf("sent: %q, %v", to.names(), err)
	}
}
