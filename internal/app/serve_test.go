package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// begin is when the made-up records begin.
var begin = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// attack is the n-th record of an attack by a user of this name; all of them
// are one finding. Nothing but its audit ID and its time is different.
func attack(user string, n int) string {
	return record(user, n, `"level":"Request","stage":"ResponseStarted","verb":"create","requestURI":"/api/v1/namespaces/kube-system/pods/dns/exec?command=sh",`+
		`"objectRef":{"resource":"pods","namespace":"kube-system","name":"dns","apiVersion":"v1","subresource":"exec"},"responseStatus":{"code":101}`)
}

// benign is the n-th record of ordinary work by this user.
func benign(user string, n int) string {
	return record(user, n, `"level":"Metadata","stage":"ResponseComplete","verb":"list","requestURI":"/api/v1/pods",`+
		`"objectRef":{"resource":"pods","apiVersion":"v1"},"responseStatus":{"code":200}`)
}

func record(user string, n int, members string) string {
	at := begin.Add(time.Duration(n) * time.Millisecond).Format("2006-01-02T15:04:05.000000Z")
	return fmt.Sprintf(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"%s-%d",%s,"user":{"username":%[1]q},`+
		`"sourceIPs":["203.0.113.7"],"requestReceivedTimestamp":%[4]q,"stageTimestamp":%[4]q}`, user, n, members, at)
}

// counts are the occurrences of each finding by the user that it is about.
func counts(fs []*finding.Finding) map[string]int64 {
	out := map[string]int64{}
	for _, f := range fs {
		out[f.Resource.KubernetesDetails.KubernetesUserDetails.Username] += f.Service.Count
	}
	return out
}

// ledger adds up how records ended: by outcome, and by outcome and reason.
func ledger(t *testing.T, st *store.Store) map[string]int64 {
	t.Helper()
	rows, err := st.Ledger(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int64{}
	for _, r := range rows {
		key := r.Outcome
		if r.Reason != "" {
			key += "/" + r.Reason
		}
		out[key] += r.Count
	}
	return out
}

// settle waits until everything that was taken is judged.
func settle(t *testing.T, a *App) {
	t.Helper()
	if a.journal == nil {
		return // only its store is open
	}
	until(t, "everything is judged", func() bool {
		for shard := range a.Config.Journal.Shards {
			if behind, err := a.behind(t.Context(), shard); err != nil || behind > 0 {
				return false
			}
		}
		mark, told, err := a.sequenceMarks(t.Context())
		return err == nil && (mark == told || !a.does("detect") || a.Config.Detection.Sequences.Window == 0)
	})
}

// until waits for a condition, for at most two minutes. It looks less often the
// longer that takes: what is waited for needs the processor, too.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	pause := 2 * time.Millisecond
	for deadline := time.Now().Add(2 * time.Minute); !ok(); time.Sleep(pause) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
		pause = min(pause*5/4, 25*time.Millisecond)
	}
}

func mustPush(t *testing.T, a *App, cluster string, lines ...string) {
	t.Helper()
	if code := push(t, a, cluster, eventList(lines)); code != http.StatusOK {
		t.Fatalf("status %d", code)
	}
	settle(t, a)
}

// enable makes the detector, as a user of the API does.
func enable(t *testing.T, a *App) (st *store.Store, detector string) {
	t.Helper()
	detector = finding.DetectorID(a.Config.Account, a.Config.Region)
	err := a.keys.store.CreateDetector(t.Context(), finding.Detector{
		ID: detector, Account: a.Config.Account, Region: a.Config.Region, Enabled: true,
		Features: []finding.Feature{{Name: "EKS_AUDIT_LOGS", Enabled: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return a.keys.store, detector
}

// TestSuppression: a filter with the action ARCHIVE archives findings that are
// new, never one that was there, whatever happens to it.
func TestSuppression(t *testing.T) {
	t.Parallel()
	a := startApp(t, t.TempDir(), nil)
	st, detector := enable(t, a)
	mustPush(t, a, "prod", attack("old", 1))
	filter := finding.Filter{DetectorID: detector, Name: "known", Action: "ARCHIVE", Rank: 1, Criteria: finding.Criteria{
		"resource.kubernetesDetails.kubernetesUserDetails.username": finding.Condition{Equals: []string{"old", "new"}},
	}}
	saved := filter
	saved.Name, saved.Action = "saved search", "NOOP"
	saved.Criteria = finding.Criteria{"type": finding.Condition{Equals: []string{"Execution:Kubernetes/ExecInKubeSystemPod"}}}
	if err := errors.Join(st.CreateFilter(t.Context(), filter), st.CreateFilter(t.Context(), saved)); err != nil {
		t.Fatal(err)
	}
	mustPush(t, a, "prod", attack("old", 2), attack("new", 3), attack("other", 4))
	mustPush(t, a, "prod", attack("new", 5))
	if err := st.DeleteFilter(t.Context(), detector, "known"); err != nil {
		t.Fatal(err)
	}
	mustPush(t, a, "test", attack("new", 6)) // another cluster: another finding
	got := map[string]bool{}
	fs := stored(t, a)
	for _, f := range fs {
		got[f.Resource.EKSClusterDetails.Name+"/"+f.Resource.KubernetesDetails.KubernetesUserDetails.Username] = f.Service.Archived
	}
	if d := cmp.Diff(map[string]bool{"prod/old": false, "prod/new": true, "prod/other": false, "test/new": false}, got); d != "" {
		t.Errorf("archived:\n%s", d)
	}
	if d := cmp.Diff(map[string]int64{"old": 2, "new": 3, "other": 1}, counts(fs)); d != "" {
		t.Errorf("occurrences:\n%s", d)
	}
}

// TestSwitchedOff: records that arrive while the operator has the analysis off
// are dropped and counted so; before there is a detector they are judged.
func TestSwitchedOff(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		off, on func(context.Context, *store.Store, finding.Detector) error
		kept    int64 // occurrences from before
	}{
		"suspended": {setDetector(func(d *finding.Detector) { d.Enabled = false }), setDetector(func(d *finding.Detector) { d.Enabled = true }), 1},
		"without EKS_AUDIT_LOGS": {setDetector(func(d *finding.Detector) { d.Features[0].Enabled = false }),
			setDetector(func(d *finding.Detector) { d.Features[0].Enabled = true }), 1},
		"deleted": {func(ctx context.Context, st *store.Store, d finding.Detector) error {
			return st.DeleteDetector(ctx, d.ID)
		},
			func(ctx context.Context, st *store.Store, d finding.Detector) error { return st.CreateDetector(ctx, d) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			a := startApp(t, t.TempDir(), nil)
			mustPush(t, a, "prod", attack("mallory", 1))
			st, id := enable(t, a)
			d, err := st.Detector(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if err := tc.off(t.Context(), st, d); err != nil {
				t.Fatal(err)
			}
			mustPush(t, a, "prod", attack("mallory", 2), benign("jane", 3))
			mustPush(t, a, "test", attack("mallory", 4))
			if err := tc.on(t.Context(), st, d); err != nil {
				t.Fatal(err)
			}
			mustPush(t, a, "prod", attack("mallory", 5))
			if got := counts(stored(t, a))["mallory"]; got != tc.kept+1 {
				t.Errorf("%d occurrences, want %d", got, tc.kept+1)
			}
			want := map[string]int64{"received": 5, "evaluated": 2, "dropped/" + string(event.ReasonDetectorOff): 3}
			if d := cmp.Diff(want, ledger(t, st)); d != "" {
				t.Error(d)
			}
		})
	}
}

func setDetector(change func(*finding.Detector)) func(context.Context, *store.Store, finding.Detector) error {
	return func(ctx context.Context, st *store.Store, d finding.Detector) error {
		return st.UpdateDetector(ctx, d.ID, func(d *finding.Detector) error { change(d); return nil })
	}
}
