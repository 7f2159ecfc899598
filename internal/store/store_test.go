package store_test

import (
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/api"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

var _ api.Store = (*store.Store)(nil)

func TestSQLite(t *testing.T) {
	testContract(t, openSQLite)
}

func openSQLite(t testing.TB, o store.Options) *store.Store {
	return openAt(t, filepath.Join(t.TempDir(), "a store?.db"), o) // a name that must be escaped
}

func openAt(t testing.TB, path string, o store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// clock is a wall clock that a test moves.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: day(0)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = t
}

// day is midnight of the n-th day of the tests' calendar.
func day(n int) time.Time { return time.Date(2026, 5, 1+n, 0, 0, 0, 0, time.UTC) }

const detectorID = "d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0"

// newFinding is a small finding of the tests' detector.
func newFinding(id string, updated time.Time, change ...func(*finding.Finding)) *finding.Finding {
	f := &finding.Finding{
		ID: id, AccountID: "111122223333", Region: "eu-west-1", SchemaVersion: "2.0",
		Type: "Execution:Kubernetes/ExecInKubeSystemPod", Severity: 5,
		CreatedAt: finding.Timestamp(updated), UpdatedAt: finding.Timestamp(updated),
		Resource: &finding.Resource{ResourceType: "EKSCluster", EKSClusterDetails: &finding.EKSClusterDetails{Name: "prod"}},
		Service:  &finding.Service{ServiceName: "guardduty", DetectorID: detectorID, Count: 1},
	}
	for _, c := range change {
		c(f)
	}
	return f
}

func newRecord(f *finding.Finding) *finding.Record {
	return &finding.Record{Finding: f, Merge: finding.State{Identity: "identity of " + f.ID}}
}

func putRecords(t testing.TB, s *store.Store, fs ...*finding.Finding) {
	t.Helper()
	err := s.Commit(t.Context(), func(tx *store.Tx) error {
		for _, f := range fs {
			if err := tx.PutFinding(newRecord(f)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func number(f float64) *float64 { return &f }

func is(values ...string) finding.Condition { return finding.Condition{Equals: values} }

// intact fails the test when the file is not.
func intact(t testing.TB, s *store.Store) {
	t.Helper()
	problems, err := s.Check(t.Context())
	if err != nil || len(problems) > 0 {
		t.Errorf("check: %v, %q", err, problems)
	}
}
