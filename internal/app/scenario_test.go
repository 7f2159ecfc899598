package app

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/vedette-project/vedette/internal/detect"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
)

var update = flag.Bool("update", false, "rewrite what the scenarios expect")

const scenarioDir = "testdata/scenarios"

// scenarios calls do for each txtar file under the scenario folder.
func scenarios(t *testing.T, do func(t *testing.T, path string, a *txtar.Archive)) {
	t.Helper()
	n := 0
	err := filepath.WalkDir(scenarioDir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".txtar" {
			return err
		}
		a, err := txtar.ParseFile(path)
		if err != nil {
			return err
		}
		n++
		name, _ := filepath.Rel(scenarioDir, strings.TrimSuffix(path, ".txtar"))
		t.Run(filepath.ToSlash(name), func(t *testing.T) { do(t, path, a) })
		return nil
	})
	if err != nil || n == 0 {
		t.Fatalf("%d scenarios: %v", n, err)
	}
}

// inputs writes a scenario's log files to a folder and returns their paths.
func inputs(t *testing.T, a *txtar.Archive) []string {
	t.Helper()
	dir := t.TempDir()
	var out []string
	for _, f := range a.Files {
		if f.Name == "want" {
			continue
		}
		p := filepath.Join(dir, f.Name)
		if err := os.WriteFile(p, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

func scanOptions(paths []string) ScanOptions {
	return ScanOptions{
		Paths: paths, Workers: 2, Log: slog.New(slog.DiscardHandler),
		Scope:  event.Scope{Account: "111122223333", Region: "eu-central-1", Cluster: "test"},
		Detect: detect.Options{LegacyKubernetes: true},
	}
}

func scanPaths(t testing.TB, paths ...string) *ScanResult {
	t.Helper()
	r, err := Scan(context.Background(), scanOptions(paths))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestScenarios reads raw records and compares what was found, and how every
// record ended, with what the scenario wants.
func TestScenarios(t *testing.T) {
	scenarios(t, func(t *testing.T, path string, a *txtar.Archive) {
		got := summary(scanPaths(t, inputs(t, a)...))
		for i, f := range a.Files {
			if f.Name != "want" {
				continue
			}
			if *update {
				a.Files[i].Data = []byte(got)
				if err := os.WriteFile(path, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if d := cmp.Diff(string(f.Data), got); d != "" {
				t.Errorf("%s\n%s", strings.TrimSpace(string(a.Comment)), d)
			}
			return
		}
		t.Error("the scenario says nothing of what it wants")
	})
}

// summary writes findings and accounting the way scenarios have them.
func summary(r *ScanResult) string {
	var b bytes.Buffer
	for _, f := range r.Findings {
		k := f.Service.Action.KubernetesAPICallAction
		u := f.Resource.KubernetesDetails.KubernetesUserDetails
		fmt.Fprintf(&b, "%s severity=%v count=%d cluster=%s\n", f.Type, f.Severity, f.Service.Count, f.Resource.EKSClusterDetails.Name)
		fmt.Fprintf(&b, "  user=%s verb=%s code=%d uri=%s ip=%s\n", u.Username, k.Verb, k.StatusCode, k.RequestURI, strings.Join(k.SourceIPs, ","))
		if w := f.Resource.KubernetesDetails.KubernetesWorkloadDetails; w != nil {
			fmt.Fprintf(&b, "  workload=%s/%s/%s\n", w.Type, w.Namespace, w.Name)
		}
		fmt.Fprintf(&b, "  %s\n", f.Description)
	}
	fmt.Fprintf(&b, "records=%d", r.Ledger.Records())
	for _, o := range []event.Outcome{event.Evaluated, event.Duplicate, event.Malformed, event.Dropped, event.MarkTruncated, event.MarkLate} {
		if n := r.Ledger.Outcomes[o]; n > 0 {
			fmt.Fprintf(&b, " %s=%d", o, n)
		}
	}
	b.WriteByte('\n')
	return b.String()
}

// TestEveryTypeHasItsScenarios: each implemented type has a scenario that
// fires it, and a benign twin, named after it, that raises nothing.
func TestEveryTypeHasItsScenarios(t *testing.T) {
	fires, silent := map[string]bool{}, map[string]bool{}
	scenarios(t, func(t *testing.T, path string, a *txtar.Archive) {
		comment := string(a.Comment)
		for _, f := range a.Files {
			if f.Name != "want" {
				continue
			}
			found := false
			for line := range strings.Lines(string(f.Data)) {
				if typ, _, _ := strings.Cut(line, " "); strings.Contains(typ, ":Kubernetes/") {
					fires[typ], found = true, true
				}
			}
			for line := range strings.Lines(comment) {
				if typ, ok := strings.CutPrefix(line, "Benign twin of "); ok {
					if found {
						t.Errorf("%s calls itself a benign twin and raises a finding", path)
					}
					silent[strings.TrimSuffix(strings.TrimSpace(typ), ".")] = true
				}
			}
		}
	})
	for _, typ := range finding.Catalog() {
		if typ.Status != finding.StatusImplemented {
			continue
		}
		if !fires[typ.Name] {
			t.Errorf("no scenario fires %s", typ.Name)
		}
		if !silent[typ.Name] {
			t.Errorf("no scenario is a benign twin of %s", typ.Name)
		}
	}
}
