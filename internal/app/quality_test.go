package app

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/vedette-project/vedette/internal/evaluate"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/simulate"
)

// TestQuality measures detection on the labelled records of the repository: the
// acts of `vedette simulate`, each among the ordinary records that come with
// it, and all scenarios in which nothing is wrong, half of them recorded from a
// real cluster. What was reached once must not get worse.
func TestQuality(t *testing.T) {
	t.Parallel()
	file := "testdata/quality/thresholds.yaml"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	limits, err := evaluate.ParseThresholds(file, data)
	if err != nil {
		t.Fatal(err)
	}
	acts, labels := labelledActs(t)
	score := evaluate.NewScore(labels)
	var events, quiet int64
	for _, path := range acts {
		o := scanOptions(t, []string{path})
		o.Signal = score.Claim
		events += scan(t, o).Ledger.Outcomes[event.Evaluated]
	}
	scenarios(t, func(t *testing.T, _ string, a *txtar.Archive) {
		i := slices.IndexFunc(a.Files, func(f txtar.File) bool { return f.Name == "want" })
		if i < 0 || !silent(string(a.Files[i].Data)) {
			return
		}
		o := inputs(t, a)
		o.Signal = score.Claim
		quiet += scan(t, o).Ledger.Outcomes[event.Evaluated]
	})
	r := score.Report(events + quiet)
	t.Logf("%d attacks of %d types, %d found; %d findings, %d false; %d events, %d of them in benign scenarios; delay p50 %vs, p95 %vs",
		r.Attacks, len(labels), r.Found, r.Findings, r.False, r.Events, quiet, *r.DelayP50, *r.DelayP95)
	for _, worse := range limits.Worse(r) {
		t.Error(worse)
	}
	for _, missed := range r.Missed {
		t.Errorf("missed: %s", missed)
	}
	for _, w := range r.Wrong {
		t.Errorf("false: %s %s: %s", w.First.Format(time.RFC3339), w.Type, w.Title)
	}
}

// silent reports whether a scenario wants no finding.
func silent(want string) bool {
	for line := range strings.Lines(want) {
		typ, _, _ := strings.Cut(line, " ")
		if _, known := finding.Lookup(typ); known {
			return false
		}
	}
	return strings.Contains(want, "records=")
}

// companions are the types that an act fires: its own, and those of which it
// is an instance, too.
func companions(typ string) []string {
	also := map[string][]string{
		"CredentialAccess:IAMUser/AnomalousBehavior":              {"CredentialAccess:EC2/UnsecuredCredentials"},
		"DefenseEvasion:IAMUser/AnomalousBehavior":                {"DefenseImpairment:EC2/DisableOrModifyTools"},
		"DefenseEvasion:Runtime/SensitiveFileModified":            {"Execution:Runtime/SuspiciousTool"},
		"Execution:Kubernetes/AnomalousBehavior.WorkloadDeployed": {"Impact:Kubernetes/MinerDeployed.Rule"},
		"Execution:Runtime/NewLibraryLoaded":                      {"DefenseEvasion:Runtime/SuspiciousCommand"},
		"Execution:Runtime/ReverseShell":                          {"Execution:Runtime/SuspiciousCommand"},
		"Execution:Runtime/SuspiciousShellCreated":                {"Execution:Runtime/SuspiciousCommand"},
		"Persistence:IAMUser/AnomalousBehavior":                   {"Persistence:IAM/AccountManipulation"},
		"Persistence:Runtime/SensitiveFileModified":               {"Execution:Runtime/SuspiciousTool"},
		"PrivilegeEscalation:Runtime/DockerSocketAccessed":        {"PrivilegeEscalation:Runtime/SuspiciousCommand"},
		"PrivilegeEscalation:Runtime/ElevationToRoot":             {"Execution:Runtime/SuspiciousCommand"},
		"PrivilegeEscalation:Runtime/SensitiveFileModified":       {"Execution:Runtime/SuspiciousTool"},
	}
	if strings.HasPrefix(typ, "AttackSequence:") { // many steps, each with findings of its own
		return nil
	}
	return append([]string{typ}, also[typ]...)
}

// labelledActs writes the records of each type that can be simulated into a
// file, each type in a time of its own, and says what is in them.
func labelledActs(t *testing.T) (paths []string, labels []evaluate.Label) {
	t.Helper()
	at := begin
	for _, typ := range simulate.Types() {
		lines, err := simulate.Records(typ, at)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, logFile(t, lines))
		from := at
		if strings.Contains(typ, ":Runtime/") || strings.HasPrefix(typ, "AttackSequence:EKS/") { // the pod was there before
			from = at.Add(-10 * time.Second)
		}
		labels = append(labels, evaluate.Label{Name: typ, From: from, To: at.Add(30 * 24 * time.Hour), Types: companions(typ)})
		at = at.Add(90 * 24 * time.Hour)
	}
	return paths, labels
}
