package finding

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func signalAt(i int) *Signal {
	at := start.Add(time.Duration(i) * time.Second)
	return &Signal{
		Type: "Execution:Kubernetes/ExecInKubeSystemPod", Key: "k", Account: "111122223333", Region: "us-east-1", Cluster: "c",
		Time: at, Occurrence: fmt.Sprintf("occurrence %d", i), Severity: 5, Title: "t", Description: fmt.Sprintf("act %d", i), Why: fmt.Sprintf("why %d", i),
		Resource: Resource{ResourceType: "EKSCluster"}, Action: Action{ActionType: "KUBERNETES_API_CALL"},
		Actor:    Actor{Username: fmt.Sprintf("user %d", i%3), SourceIPs: []string{"203.0.113.7"}},
		Evidence: EvidenceRecord{AuditID: fmt.Sprintf("id %d", i), Stage: "ResponseComplete", Time: at},
	}
}

// TestMergeIgnoresOrder: whatever came first, the finding is the same but for
// its id, which the first to arrive decides, and for the memory of arrivals.
func TestMergeIgnoresOrder(t *testing.T) {
	order := make([]int, 40)
	for i := range order {
		order[i] = i
	}
	var want string
	rnd := rand.New(rand.NewPCG(1, 2))
	for round := range 20 {
		r := NewRecord(signalAt(order[0]))
		for _, i := range order[1:] {
			if !Merge(r, signalAt(i)) {
				t.Fatal("a new occurrence said nothing new")
			}
		}
		for _, i := range order {
			if Merge(r, signalAt(i)) {
				t.Fatal("an occurrence counted twice")
			}
		}
		r.Finding.ID, r.Finding.ARN, r.Merge.Occurrences = "", "", nil
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if round == 0 {
			want = string(b)
		} else if string(b) != want {
			t.Fatalf("round %d:\n%s\n%s", round, b, want)
		}
		rnd.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
}

func TestMergeKeepsWhatMatters(t *testing.T) {
	r := NewRecord(signalAt(5))
	id := r.Finding.ID
	for i := range 20 {
		if i != 5 {
			Merge(r, signalAt(i))
		}
	}
	f := r.Finding
	if f.ID != id || f.Service.Count != 20 || f.Description != "act 19" || f.Service.EventFirstSeen != "2026-01-02T03:04:05.000Z" || f.Service.EventLastSeen != "2026-01-02T03:04:24.000Z" ||
		f.CreatedAt != f.Service.EventFirstSeen || f.UpdatedAt != f.Service.EventLastSeen {
		t.Errorf("%+v %+v", f, f.Service)
	}
	var info struct{ Evidence evidence }
	if err := json.Unmarshal([]byte(f.Service.AdditionalInfo.Value), &info); err != nil {
		t.Fatal(err)
	}
	e := info.Evidence
	if len(e.Actors) != 3 || e.Actors[0].Count+e.Actors[1].Count+e.Actors[2].Count != 20 || e.Why != "why 19" {
		t.Errorf("actors %+v, why %q", e.Actors, e.Why)
	}
	var ids []string
	for _, r := range e.Records {
		ids = append(ids, r.AuditID)
	}
	if !slices.Equal(ids, []string{"id 0", "id 1", "id 2", "id 3", "id 16", "id 17", "id 18", "id 19"}) {
		t.Errorf("evidence %v", ids)
	}
}

// TestMergeIsBounded: a finding that a million calls make stays small.
func TestMergeIsBounded(t *testing.T) {
	r := NewRecord(signalAt(0))
	for i := 1; i < 5000; i++ {
		s := signalAt(i)
		s.Actor.Username = fmt.Sprintf("user %d", i)
		s.Evidence.Raw = strings.Repeat("x", MaxRawEvidence)
		Merge(r, s)
	}
	b, err := json.Marshal(r.Finding)
	if err != nil || len(b) > 100<<10 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	if len(r.Merge.Occurrences) != maxOccurrences || len(r.Merge.Actors) != maxActors || r.Merge.MoreActors != 4900 || r.Finding.Service.Count != 5000 {
		t.Errorf("%d occurrences, %d actors and %d more", len(r.Merge.Occurrences), len(r.Merge.Actors), r.Merge.MoreActors)
	}
}

// TestEpoch reads back what it writes, in the wire's form.
func TestEpoch(t *testing.T) {
	for in, want := range map[time.Time]string{
		time.UnixMilli(1767323045000): "1767323045", time.UnixMilli(1767323045123): "1767323045.123", time.Unix(0, 0): "0",
	} {
		b, err := json.Marshal(Epoch{in})
		if err != nil || string(b) != want {
			t.Errorf("got %s %v, want %s", b, err, want)
		}
		var back Epoch
		if err := json.Unmarshal(b, &back); err != nil || !back.Equal(in) {
			t.Errorf("got %v %v, want %v", back, err, in)
		}
	}
}

// TestIDsAreStable: ids are part of what users store; they must not change
// from one version to the next.
func TestIDsAreStable(t *testing.T) {
	if got := DetectorID("111122223333", "us-east-1"); got != "e86a377e8f61e9576ac4df22cf43bb86" {
		t.Errorf("detector %s", got)
	}
	if got := NewRecord(signalAt(0)).Finding; len(got.ID) != 32 || got.ARN != "arn:aws:guardduty:us-east-1:111122223333:detector/"+DetectorID("111122223333", "us-east-1")+"/finding/"+got.ID {
		t.Errorf("finding %s %s", got.ID, got.ARN)
	}
}

// TestMergeKnowsWhatCame: a record that is kept in memory, and one that comes
// from a store each time, take the same occurrences for known.
func TestMergeKnowsWhatCame(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	kept, read := NewRecord(signalAt(0)), NewRecord(signalAt(0))
	known := 0
	for n := range 6000 {
		s := signalAt(rnd.IntN(2500))
		if n > 3000 {
			s = signalAt(rnd.IntN(1100))
		}
		fresh := kept.Add(s)
		if !fresh {
			known++
		}
		if again := read.Add(s); again != fresh {
			t.Fatalf("signal %d is new: %v, for a record that was read: %v", n, fresh, again)
		}
		read = &Record{Finding: read.Finding, Merge: read.Merge}
	}
	if known < 1000 || !slices.Equal(kept.Merge.Occurrences, read.Merge.Occurrences) {
		t.Errorf("%d were known; %d and %d are remembered", known, len(kept.Merge.Occurrences), len(read.Merge.Occurrences))
	}
}
