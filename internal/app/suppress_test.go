package app

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/sequence"
	"github.com/vedette-project/vedette/internal/simulate"
	"github.com/vedette-project/vedette/internal/store"
)

// TestSuppressionCounts: what a filter hides is counted exactly, over restarts
// too, until it expires by the time of the findings.
func TestSuppressionCounts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := startApp(t, dir, nil)
	st, detector := enable(t, a)
	at := func(n int) time.Time { return begin.Add(time.Duration(n) * time.Millisecond).UTC() }
	err := st.CreateFilter(t.Context(), finding.Filter{
		DetectorID: detector, Name: "known", Action: "ARCHIVE",
		Criteria: finding.Criteria{"resource.kubernetesDetails.kubernetesUserDetails.username": {Matches: []string{"known-*"}}},
		Tags:     finding.Tags{finding.TagExpires: at(100).Truncate(time.Second).Add(time.Second).Format(time.RFC3339)},
	})
	if err != nil {
		t.Fatal(err)
	}
	err = st.CreateFilter(t.Context(), finding.Filter{
		DetectorID: detector, Name: "broken", Action: "ARCHIVE",
		Criteria: finding.Criteria{"type": {Matches: []string{"*"}}}, Tags: finding.Tags{finding.TagExpires: "soon"},
	})
	if err != nil {
		t.Fatal(err)
	}
	// 1, 2: hidden. 3: of the finding of 1. 5000, 6000: after the expiry, also
	// when it is of a user who was hidden elsewhere before.
	mustPush(t, a, "prod", attack("known-a", 1), attack("known-b", 2), attack("known-a", 3), attack("other", 4))
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	a = startApp(t, dir, nil)
	mustPush(t, a, "prod", attack("known-a", 1), attack("known-c", 7))
	mustPush(t, a, "prod", attack("known-d", 5000), attack("known-b", 6000))
	mustPush(t, a, "prod", attack("known-e", 8)) // late: judged by its own time
	archived := map[string]bool{}
	for _, f := range stored(t, a) {
		archived[f.Resource.KubernetesDetails.KubernetesUserDetails.Username] = f.Service.Archived
	}
	want := map[string]bool{"known-a": true, "known-b": true, "known-c": true, "known-d": false, "known-e": true, "other": false}
	if d := cmp.Diff(want, archived); d != "" {
		t.Errorf("archived:\n%s", d)
	}
	got, err := a.keys.store.Hidden(t.Context(), detector)
	rows := []store.Hidden{{DetectorID: detector, Filter: "known", Type: "Execution:Kubernetes/ExecInKubeSystemPod", Count: 4, First: at(1), Last: at(8)}}
	if d := cmp.Diff(rows, got); err != nil || d != "" {
		t.Errorf("hidden: %v\n%s", err, d)
	}
}

// TestSuppressedSequenceCounts: an attack sequence that a filter hides counts
// once, however often it grows.
func TestSuppressedSequenceCounts(t *testing.T) {
	t.Parallel()
	lines, err := simulate.Records(sequence.TypeIAM, time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	a := startApp(t, t.TempDir(), nil)
	st, detector := enable(t, a)
	err = st.CreateFilter(t.Context(), finding.Filter{
		DetectorID: detector, Name: "sequences", Action: "ARCHIVE", Criteria: finding.Criteria{"type": {Equals: []string{sequence.TypeIAM}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines {
		pushPiece(t, a, pathOf(l), l)
	}
	told := onlySequences(stored(t, a))
	if len(told) != 1 || !told[0].Service.Archived {
		t.Fatalf("%d sequences, want one that is hidden", len(told))
	}
	got, err := st.Hidden(t.Context(), detector)
	if err != nil || len(got) != 1 || got[0].Count != 1 || got[0].Type != sequence.TypeIAM || got[0].First.IsZero() {
		t.Errorf("hidden: %+v, %v", got, err)
	}
}
