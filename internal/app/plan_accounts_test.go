package app

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// TestPlanOfAccounts: what a member has off is off for its own records, what
// the administrator has off for all.
func TestPlanOfAccounts(t *testing.T) {
	const home, member, stranger, region = "111111111111", "222222222222", "333333333333", "eu-central-1"
	audit := func(account string) *event.Event {
		return &event.Event{Scope: event.Scope{Account: account, Region: region}, Audit: &event.Audit{}}
	}
	off, on := finding.Feature{Name: "EKS_AUDIT_LOGS", Chosen: true}, finding.Feature{Name: "EKS_AUDIT_LOGS", Enabled: true, Chosen: true}
	for _, tc := range []struct {
		name         string
		home, member *finding.Detector
		want         map[string]bool
	}{
		{"no detectors", nil, nil, map[string]bool{home: false, member: false, stranger: false}},
		{"a member that was stopped", &finding.Detector{Enabled: true}, &finding.Detector{}, map[string]bool{home: false, member: true, stranger: false}},
		{"a member that switched a feature off", &finding.Detector{Enabled: true, Features: []finding.Feature{on}}, &finding.Detector{Enabled: true, Features: []finding.Feature{off}},
			map[string]bool{home: false, member: true, stranger: false}},
		{"a member that never chose", &finding.Detector{Enabled: true}, &finding.Detector{Enabled: true, Features: []finding.Feature{{Name: "EKS_AUDIT_LOGS"}}},
			map[string]bool{home: false, member: false, stranger: false}},
		{"an administrator that switched it off", &finding.Detector{Enabled: true, Features: []finding.Feature{off}}, &finding.Detector{Enabled: true, Features: []finding.Feature{on}},
			map[string]bool{home: true, member: true, stranger: true}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			st, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "store.db"), store.Options{Now: time.Now})
			if err != nil {
				t.Fatal(err)
			}
			defer st.Close()
			for account, d := range map[string]*finding.Detector{home: tc.home, member: tc.member} {
				if d == nil {
					continue
				}
				d.ID, d.Account, d.Region = finding.DetectorID(account, region), account, region
				if err := st.CreateDetector(t.Context(), *d); err != nil {
					t.Fatal(err)
				}
			}
			err = st.Commit(t.Context(), func(tx *store.Tx) error {
				p, err := (&judge{home: finding.Home{Account: home, Region: region}}).readPlan(tx)
				if err != nil {
					return err
				}
				for account, want := range tc.want {
					if got := p.off(audit(account)); got != want {
						t.Errorf("records of %s: off is %t, want %t", account, got, want)
					}
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}
