package app

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/backtest"
	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/simulate"
)

// backtestLog is a log in which most types of findings are.
func backtestLog(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "all.log")
	quick := slices.DeleteFunc(simulate.Types(), func(typ string) bool { // else days of ordinary records come before
		return strings.Contains(typ, "Anomalous") || strings.Contains(typ, "Unusual")
	})
	types, times := simulate.Schedule(quick, time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC))
	var text strings.Builder
	for i, typ := range types {
		lines, err := simulate.Records(typ, times[i])
		if err != nil {
			t.Fatal(err)
		}
		text.WriteString(strings.Join(lines, "\n") + "\n")
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func jsonOf(t *testing.T, fs []*finding.Finding) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, f := range fs {
		b, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		out[f.ID] = string(b)
	}
	return out
}

func findingsOf(found []backtest.Found) (out []*finding.Finding) {
	for _, f := range found {
		out = append(out, f.Finding)
	}
	return out
}

// settingsOf are those of a configuration, with rules of the operator's.
func settingsOf(t *testing.T, c *config.Config) Settings {
	t.Helper()
	d, err := DetectOptions(c)
	if err != nil {
		t.Fatal(err)
	}
	return Settings{Detect: d, Sequences: SequenceOptions(c), Noise: NoiseLimits(c)}
}

// TestBacktestIsTwoScans: each side finds, byte for byte, what a scan by its
// settings finds, with one worker or several, judged once or twice.
func TestBacktestIsTwoScans(t *testing.T) {
	t.Parallel()
	log := backtestLog(t)
	today := config.Default()
	candidate := config.Default()
	candidate.Detection.LegacyKubernetesTypes = !today.Detection.LegacyKubernetesTypes
	candidate.Detection.Rules = []string{filepath.Join(t.TempDir(), "r.yml")}
	rule := "title: Lists\nlogsource: {product: kubernetes, service: audit}\ndetection: {s: {verb: list}, condition: s}\n"
	if err := os.WriteFile(candidate.Detection.Rules[0], []byte(rule), 0o600); err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	scan := func(c *config.Config) map[string]string {
		s := settingsOf(t, c)
		res, err := Scan(t.Context(), ScanOptions{
			Paths: []string{log}, Scope: event.Scope{Account: c.Account, Region: c.Region, Cluster: c.Cluster},
			Detect: s.Detect, Sequences: s.Sequences, Noise: s.Noise, Log: quiet,
		})
		if err != nil {
			t.Fatal(err)
		}
		return jsonOf(t, res.Findings)
	}
	wantToday, wantCandidate := scan(today), scan(candidate)
	if len(wantToday) < 50 || maps.Equal(wantToday, wantCandidate) {
		t.Fatalf("%d findings, and the same by both: this test shows nothing", len(wantToday))
	}
	for _, workers := range []int{1, 4} {
		o := BacktestOptions{
			Scan:  ScanOptions{Paths: []string{log}, Scope: event.Scope{Account: today.Account, Region: today.Region, Cluster: today.Cluster}, Log: quiet, Workers: workers},
			Today: settingsOf(t, today), Candidate: settingsOf(t, candidate),
		}
		res, err := Backtest(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(wantToday, jsonOf(t, findingsOf(res.Today))); d != "" {
			t.Errorf("%d workers, today:\n%s", workers, d)
		}
		if d := cmp.Diff(wantCandidate, jsonOf(t, findingsOf(res.Candidate))); d != "" {
			t.Errorf("%d workers, candidate:\n%s", workers, d)
		}
		r := backtest.Compare(res.Today, res.Candidate)
		if r.Total.Today != len(wantToday) || r.Total.Candidate != len(wantCandidate) || r.Total.Added == 0 {
			t.Errorf("report: %+v", r.Total)
		}
	}

	// A filter alone: records are judged once, and both come to the same as if twice.
	hide := NewSuppressions([]finding.Filter{{
		DetectorID: finding.DetectorID(today.Account, today.Region), Name: "f", Action: "ARCHIVE",
		Criteria: finding.Criteria{"type": {Matches: []string{"*Kubernetes*"}}},
	}})
	var reports []string
	for _, once := range []bool{false, true} {
		o := BacktestOptions{
			Scan:  ScanOptions{Paths: []string{log}, Scope: event.Scope{Account: today.Account, Region: today.Region, Cluster: today.Cluster}, Log: quiet},
			Today: settingsOf(t, today), Candidate: settingsOf(t, today), SameDetection: once,
		}
		o.Candidate.Suppress = hide
		res, err := Backtest(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(wantToday, jsonOf(t, findingsOf(res.Today))); d != "" {
			t.Errorf("once %t, today:\n%s", once, d)
		}
		r := backtest.Compare(res.Today, res.Candidate)
		kubernetes := 0
		for _, f := range res.Today {
			if strings.Contains(f.Finding.Type, "Kubernetes") {
				kubernetes++
			}
		}
		if kubernetes == 0 || r.Total.Suppressed != kubernetes || r.Total.Added+r.Total.Gone+r.Total.Changed > 0 {
			t.Errorf("once %t: %+v, %d findings are of Kubernetes", once, r.Total, kubernetes)
		}
		ids := slices.Sorted(maps.Keys(jsonOf(t, findingsOf(res.Candidate))))
		reports = append(reports, fmt.Sprint(r.Total, ids))
	}
	if reports[0] != reports[1] {
		t.Errorf("judged twice and once differ:\n%s\n%s", reports[0], reports[1])
	}
}
