package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// The clouds hand out audit events in shapes of their own. The scenarios of
// Kubernetes are played in each: what AKS delivers is the same events, so all
// must be found; what GKE delivers knows less, and what is lost is named here.

// inShape turns the audit logs of a scenario into another shape, line by line.
func inShape(t *testing.T, paths []string, shape func(*testing.T, []byte) []byte) {
	t.Helper()
	for _, p := range paths {
		data, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		for line := range bytes.Lines(data) {
			out.Write(shape(t, bytes.TrimSpace(line)))
			out.WriteByte('\n')
		}
		if err := os.WriteFile(p, out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// kubernetesScenarios calls do for each scenario of audit logs.
func kubernetesScenarios(t *testing.T, do func(t *testing.T, name string, a *txtar.Archive)) {
	t.Helper()
	scenarios(t, func(t *testing.T, path string, a *txtar.Archive) {
		folder, name := filepath.Base(filepath.Dir(path)), strings.TrimSuffix(filepath.Base(path), ".txtar")
		if folder != "kubernetes" && folder != "recorded" {
			t.SkipNow()
		}
		do(t, name, a)
	})
}

func wantOf(t *testing.T, a *txtar.Archive) string {
	t.Helper()
	for _, f := range a.Files {
		if f.Name == "want" {
			return string(f.Data)
		}
	}
	t.Fatal("the scenario says nothing of what it wants")
	return ""
}

const aksScenarioID = "/SUBSCRIPTIONS/0A000000-0000-4000-8000-000000000001/RESOURCEGROUPS/SHOP/PROVIDERS/MICROSOFT.CONTAINERSERVICE/MANAGEDCLUSTERS/TEST"

// asAKS is a line of a log as Azure keeps it: whatever the API server wrote.
func asAKS(t *testing.T, line []byte) []byte {
	t.Helper()
	if len(line) == 0 || line[0] != '{' || !json.Valid(line) {
		return line
	}
	record, err := json.Marshal(map[string]any{
		"category": "kube-audit", "operationName": "Microsoft.ContainerService/managedClusters/diagnosticLogs/Read", "resourceId": aksScenarioID,
		"properties": map[string]string{"log": string(line) + "\n", "stream": "stdout", "pod": "kube-apiserver-0"}, "time": "2026-03-01T10:00:00.0000000Z",
	})
	if err != nil {
		t.Fatal(err)
	}
	return record
}

func TestScenariosOfAKS(t *testing.T) {
	t.Parallel()
	kubernetesScenarios(t, func(t *testing.T, name string, a *txtar.Archive) {
		if name == "rotated-logs" || name == "bad-input" || name == "truncated" {
			t.Skip("about lines that are no records, which stay as they are")
		}
		o := inputs(t, a)
		inShape(t, o.Paths, asAKS)
		if d := cmp.Diff(wantOf(t, a), summary(scan(t, o))); d != "" {
			t.Error(d)
		}
	})
}

// otherInGKE is what is found of a scenario in the shape of GKE where that is
// not the same, and why.
var otherInGKE = map[string]struct {
	why   string
	found []string
}{
	"callers-on-lists-in-other-ways": {"the log names one address, that of the peer: a proxy's in front of two callers", []string{
		"1 Discovery:Kubernetes/MaliciousIPCaller ×1", "1 Discovery:Kubernetes/MaliciousIPCaller.Custom ×1", "3 Discovery:Kubernetes/TorIPCaller ×1", "1 Impact:Kubernetes/MaliciousIPCaller.Custom ×1"}},
	"dry-runs-that-are-none": {kubeletPath, []string{
		"1 CredentialAccess:Kubernetes/SuccessfulAnonymousAccess ×2", "1 Execution:Kubernetes/ExecInKubeSystemPod ×1", "1 Impact:Kubernetes/SuccessfulAnonymousAccess ×1"}},
	"exec-through-the-kubelet":           {kubeletPath, nil},
	"exec-through-the-kubelet-disguised": {kubeletPath, nil},
	"json-patches-elsewhere": {"a JSON patch is not shown, and the object behind it was risky before", []string{
		"1 Persistence:Kubernetes/ContainerWithSensitiveMount ×1", "1 Policy:Kubernetes/AnonymousAccessGranted ×1", "1 Policy:Kubernetes/ExposedDashboard ×1", "1 PrivilegeEscalation:Kubernetes/PrivilegedContainer ×2"}},
	"json-patches-that-hide": {"a JSON patch is not shown, and of some neither is the object", []string{
		"1 Persistence:Kubernetes/ContainerWithSensitiveMount ×1", "2 Policy:Kubernetes/AnonymousAccessGranted ×1", "1 Policy:Kubernetes/ExposedDashboard ×1", "3 PrivilegeEscalation:Kubernetes/PrivilegedContainer ×1"}},
	"dashboard-exposed-by-json-patch-merge-patch-server-side-apply-and-put": {bookkeeping, []string{"1 Policy:Kubernetes/ExposedDashboard ×7"}},
	"default-service-account-added-by-ssa":                                  {bookkeeping, []string{"1 Policy:Kubernetes/AdminAccessToDefaultServiceAccount ×3"}},
	"deployment-made-privileged-by-ssa":                                     {bookkeeping, []string{"1 PrivilegeEscalation:Kubernetes/PrivilegedContainer ×3"}},
}

const (
	kubeletPath = "the path behind the proxy to a kubelet is not in the log"
	bookkeeping = "the JSON patch by which kubectl moves its bookkeeping is not shown, and counts as one more write"
)

// typesIn are the findings that a summary tells: each type, and how often.
func typesIn(summary string) []string {
	n := map[string]int{}
	for line := range strings.Lines(summary) {
		if typ, rest, ok := strings.Cut(line, " severity="); ok && !strings.HasPrefix(line, " ") {
			_, rest, _ = strings.Cut(rest, " count=")
			count, _, _ := strings.Cut(rest, " ")
			n[typ+" ×"+count]++
		}
	}
	var out []string
	for _, k := range slices.Sorted(maps.Keys(n)) {
		out = append(out, fmt.Sprint(n[k], " ", k))
	}
	return out
}

func TestScenariosOfGKE(t *testing.T) {
	t.Parallel()
	seen := 0
	kubernetesScenarios(t, func(t *testing.T, name string, a *txtar.Archive) {
		o := inputs(t, a)
		inShape(t, o.Paths, asGKE)
		want := typesIn(wantOf(t, a))
		if other, ok := otherInGKE[name]; ok {
			seen++
			if slices.Equal(want, other.found) {
				t.Errorf("nothing is different any more, though it is said that %s", other.why)
			}
			want = other.found
		}
		if d := cmp.Diff(want, typesIn(summary(scan(t, o)))); d != "" {
			t.Error(d)
		}
	})
	if seen < len(otherInGKE) && !t.Failed() {
		t.Errorf("%d of %d scenarios that are different are there", seen, len(otherInGKE))
	}
}
