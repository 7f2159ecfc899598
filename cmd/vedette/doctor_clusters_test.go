package main

import (
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/store"
)

// TestDoctorClock: an API server whose clock is wrong is a fault, as long as that
// is known to be so.
func TestDoctorClock(t *testing.T) {
	now := time.Now()
	for _, tt := range []struct {
		skew time.Duration
		at   time.Time
		want string
	}{
		{4 * time.Second, now, ""},
		{-4 * time.Second, now, ""},
		{time.Minute, now, "differs by 1m0s (it is ahead)"},
		{-time.Minute, now, "differs by 1m0s (it is behind)"},
		{time.Minute, now.Add(-time.Hour), ""},
	} {
		d := &doctor{now: func() time.Time { return now }}
		d.cluster(&store.Cluster{Name: "prod", At: tt.at, Skew: tt.skew})
		said := ""
		for _, c := range d.checks {
			if c.Name == "clock of prod" && c.Status == statusFault {
				said = c.Detail
			}
		}
		if (said == "") != (tt.want == "") || !strings.Contains(said, tt.want) {
			t.Errorf("%s, looked at %s ago: %q, want %q", tt.skew, now.Sub(tt.at), said, tt.want)
		}
	}
}
