package app

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
)

// TestFeedback: what a user calls not useful is expected from then on, also
// after a restart; what is useful, or useful after all, is found again.
func TestFeedback(t *testing.T) {
	t.Parallel()
	days, act := unusual(t, begin)
	old := logFile(t, days)
	for name, tc := range map[string]struct {
		said []string
		more bool // the finding grows when it happens again
	}{
		"nothing":                {nil, true},
		"not useful":             {[]string{"NOT_USEFUL"}, false},
		"useful":                 {[]string{"USEFUL"}, true},
		"useful after all":       {[]string{"NOT_USEFUL", "USEFUL"}, true},
		"not useful after all":   {[]string{"NOT_USEFUL", "USEFUL", "NOT_USEFUL"}, false},
		"said twice counts once": {[]string{"NOT_USEFUL", "NOT_USEFUL", "USEFUL"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			learn(t, dir, nil, old)
			a := startApp(t, dir, nil)
			enable(t, a)
			pushTrail(t, a, act)
			before := anomalousIn(t, a)
			if len(before) == 0 {
				t.Fatal("nothing unusual was found")
			}
			for _, said := range tc.said {
				for _, f := range before {
					if err := a.keys.store.SetFeedback(t.Context(), f.Service.DetectorID, []string{f.ID}, said, "as I see it"); err != nil {
						t.Fatal(err)
					}
				}
				if err := a.tellFeedbackOnce(t.Context()); err != nil { // as it does every second
					t.Fatal(err)
				}
				until(t, "feedback is taken up", func() bool {
					waiting, err := a.keys.store.FeedbackWaiting(t.Context(), 10)
					return err == nil && len(waiting) == 0
				})
			}
			if err := a.Stop(context.Background()); err != nil {
				t.Fatal(err)
			}
			a = startApp(t, dir, nil)
			pushTrail(t, a, sameLater(act))
			grown := false
			for _, f := range anomalousIn(t, a) {
				if len(tc.said) > 0 && f.Service.UserFeedback != tc.said[len(tc.said)-1] {
					t.Errorf("the finding says %q", f.Service.UserFeedback)
				}
				for _, was := range before {
					grown = grown || f.ID == was.ID && f.Service.Count > was.Service.Count
				}
			}
			if grown != tc.more {
				t.Errorf("it grew: %v, want %v", grown, tc.more)
			}
		})
	}
}

func anomalousIn(t *testing.T, a *App) (out []*finding.Finding) {
	t.Helper()
	for _, f := range stored(t, a) {
		if f.Type == anomalous {
			out = append(out, f)
		}
	}
	return out
}

// sameLater are the same calls two hours later.
func sameLater(lines []string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		for h := 23; h >= 0; h-- {
			was, is := begin.Truncate(24*time.Hour).Add(time.Duration(h)*time.Hour), begin.Truncate(24*time.Hour).Add(time.Duration(h+2)*time.Hour)
			l = strings.ReplaceAll(l, was.Format("2006-01-02T15:"), is.Format("2006-01-02T15:"))
		}
		out[i] = strings.ReplaceAll(l, `"eventID":"`, `"eventID":"f`)
	}
	return out
}

// TestFeedbackOnOthers: feedback on a finding that no model made, or on a
// sample, is kept, and nothing waits.
func TestFeedbackOnOthers(t *testing.T) {
	t.Parallel()
	a := startApp(t, t.TempDir(), nil)
	st, detector := enable(t, a)
	mustPush(t, a, "prod", attack("mallory", 1))
	typ, _ := finding.Lookup(anomalous)
	sample := finding.Sample(typ, a.Config.Account, a.Config.Region, begin)
	if err := st.PutFindings(t.Context(), detector, []*finding.Finding{sample}); err != nil {
		t.Fatal(err)
	}
	for _, f := range stored(t, a) {
		if err := st.SetFeedback(t.Context(), detector, []string{f.ID}, "NOT_USEFUL", ""); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "feedback is taken up", func() bool {
		waiting, err := st.FeedbackWaiting(t.Context(), 10)
		return err == nil && len(waiting) == 0
	})
	for _, f := range stored(t, a) {
		if f.Service.UserFeedback != "NOT_USEFUL" {
			t.Errorf("%s says %q", f.Type, f.Service.UserFeedback)
		}
	}
}
