//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/guardduty/types"

	"github.com/vedette-project/vedette/e2e/scenario"
)

// chapter is a step of the workshop: what its reader types, and what must come
// of it.
type chapter struct {
	name  string
	lines []string
	want  []expected
}

// expected is one finding.
type expected struct {
	findingType string
	severity    float64
	check       func(types.Finding) []string // what is not as the workshop shows it
}

// createDetector is how the workshop switches everything on.
const createDetector = `aws guardduty create-detector --enable --features '[{"Name":"EKS_AUDIT_LOGS","Status":"ENABLED"},{"Name":"EKS_RUNTIME_MONITORING","Status":"ENABLED","AdditionalConfiguration":[{"Name":"EKS_ADDON_MANAGEMENT","Status":"ENABLED"}]}]'`

// chapters are L1 to L6. The first five of their findings are those of the
// scenario, with everything that is compared there.
func chapters() []chapter {
	wants := map[string][]scenario.Want{}
	for _, s := range scenario.Lab() {
		wants[s.Name[:2]] = s.Want
	}
	audit := func(chapter string, n int) expected {
		w := wants[chapter][n]
		w.Workload = "" // compared where the scenario's manifest is the same
		return expected{w.Type, scenario.Severity(w.Type), func(f types.Finding) []string { return differences(f, w) }}
	}
	return []chapter{
		{"L1", []string{
			"kubectl -n kube-system run nginx --image=nginx",
			"kubectl wait --for=condition=ready pod nginx -n kube-system",
			"kubectl -n kube-system exec nginx -- pwd",
			"kubectl -n kube-system delete pod nginx",
		}, []expected{audit("L1", 0)}},
		{"L2", []string{
			"kubectl -n default create rolebinding sa-default-admin --clusterrole cluster-admin --serviceaccount default:default",
			"kubectl -n default delete rolebinding sa-default-admin",
		}, []expected{audit("L2", 0)}},
		{"L3", []string{
			"kubectl apply -f recommended.yaml",
			`kubectl -n kubernetes-dashboard patch svc kubernetes-dashboard -p='{"spec": {"type": "LoadBalancer"}}'`,
			"kubectl delete -f recommended.yaml",
		}, []expected{audit("L3", 0)}},
		{"L4", []string{
			"kubectl apply -f privileged-pod-example.yaml",
			"kubectl delete -f privileged-pod-example.yaml",
		}, []expected{audit("L4", 0), audit("L4", 1)}},
		{"L5", []string{
			"kubectl create namespace other",
			"kubectl run crypto -n other --image ubuntu --restart=Never --command -- sleep infinity",
			"kubectl wait --for=condition=ready pod crypto -n other",
			"kubectl exec crypto -n other -- bash -c 'apt update && apt install -y curl'",
		}, []expected{{"Execution:Runtime/NewBinaryExecuted", 5, newBinary}}},
		{"L6", []string{
			"kubectl exec crypto -n other -- bash -c 'curl -s -o /dev/null http://us-east.equihash-hub.miningpoolhub.com:12026' || true",
		}, []expected{{"CryptoCurrency:Runtime/BitcoinTool.B!DNS", 8, miningPool}}},
	}
}

// newBinary compares L5's finding with what the workshop shows.
func newBinary(f types.Finding) []string {
	d := f.Service.RuntimeDetails
	if d == nil || d.Process == nil || d.Context == nil || d.Context.ModifyingProcess == nil {
		return []string{"no process, or none that wrote its program"}
	}
	parent := ""
	if len(d.Process.Lineage) > 0 {
		parent = aws.ToString(d.Process.Lineage[0].ExecutablePath)
	}
	return unequal([][3]string{
		{"process", aws.ToString(d.Process.Name), "openssl"},
		{"parent", parent, "/usr/bin/dash"},
		{"modifying process", aws.ToString(d.Context.ModifyingProcess.Name), "dpkg"},
		{"pod", podOf(f), "other/crypto"},
	})
}

// miningPool compares L6's.
func miningPool(f types.Finding) []string {
	a := f.Service.Action.DnsRequestAction
	if a == nil || f.Service.Evidence == nil || len(f.Service.Evidence.ThreatIntelligenceDetails) == 0 {
		return []string{"no DNS request, or no evidence"}
	}
	intel := f.Service.Evidence.ThreatIntelligenceDetails[0]
	return unequal([][3]string{
		{"action", aws.ToString(f.Service.Action.ActionType), "DNS_REQUEST"},
		{"domain", aws.ToString(a.Domain), "us-east.equihash-hub.miningpoolhub.com"},
		{"protocol", aws.ToString(a.Protocol), "UDP"},
		{"list", aws.ToString(intel.ThreatListName), "Mining pools"}, // Amazon's is called Amazon
		{"pod", podOf(f), "other/crypto"},
	})
}

func unequal(of [][3]string) (out []string) {
	for _, x := range of {
		if x[1] != x[2] {
			out = append(out, fmt.Sprintf("%s is %q, want %q", x[0], x[1], x[2]))
		}
	}
	return out
}

func podOf(f types.Finding) string {
	if k := f.Resource.KubernetesDetails; k != nil && k.KubernetesWorkloadDetails != nil {
		return aws.ToString(k.KubernetesWorkloadDetails.Namespace) + "/" + aws.ToString(k.KubernetesWorkloadDetails.Name)
	}
	return ""
}

// row is a finding of the workshop in the table.
type row struct {
	Step     string  `json:"step"`
	Type     string  `json:"type"`
	Severity float64 `json:"severity"`
	Seconds  float64 `json:"seconds"` // from what happened to the API
}

// workshop follows the workshop from L0 to L7.
func (b *bed) workshop(ctx context.Context, t *testing.T) {
	if !t.Run("L0", func(t *testing.T) {
		defer b.explain(ctx, t)
		b.switchOn(ctx, t)
	}) {
		return
	}
	seen := b.watch(ctx, t)
	var taken []string
	var table []row
	for _, c := range chapters() {
		t.Run(c.name, func(t *testing.T) {
			for _, line := range c.lines {
				b.sh.run(ctx, t, line)
			}
			for _, want := range c.want {
				r, id := b.expect(ctx, t, want, seen, taken)
				r.Step = c.name
				table, taken = append(table, r), append(taken, id)
			}
		})
	}
	t.Run("nothing else", func(t *testing.T) { b.nothingElse(ctx, t, taken) })
	b.artifact(t, "workshop.json", table)
	t.Run("L7", func(t *testing.T) { b.switchOff(ctx, t) })
}

// switchOn is L0: the detector, the agents, the coverage, and no finding.
func (b *bed) switchOn(ctx context.Context, t *testing.T) {
	t.Helper()
	start := time.Now()
	var made struct{ DetectorId string }
	if out := b.sh.run(ctx, t, createDetector); json.Unmarshal([]byte(out), &made) != nil || made.DetectorId == "" {
		t.Fatalf("create-detector says %s", out)
	}
	b.detector = made.DetectorId
	b.waitFor(ctx, t, "the agents run", func() (bool, string) {
		out, _ := b.sh.try(ctx, t, "kubectl -n amazon-guardduty get pods")
		return strings.Contains(out, "aws-guardduty-agent-") && strings.Contains(out, "Running") && strings.Contains(out, "1/1"), out
	})
	t.Logf("the agents run after %s", time.Since(start).Round(100*time.Millisecond))
	b.waitFor(ctx, t, "the node is covered", func() (bool, string) { return b.covered(ctx) })
	t.Logf("the node is covered after %s", time.Since(start).Round(100*time.Millisecond))
	out := b.sh.run(ctx, t, "aws guardduty list-coverage --detector-id "+b.detector)
	if !strings.Contains(out, `"ManagementType": "AUTO_MANAGED"`) {
		t.Errorf("list-coverage says %s", out)
	}
	out = b.sh.run(ctx, t, "aws guardduty list-findings --detector-id "+b.detector)
	var list struct{ FindingIds []string }
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list.FindingIds) > 0 {
		for _, f := range b.findings(ctx, t) {
			t.Error("before anything happened:", describe(f))
		}
	}
}

// arrivals are when findings were first in the API.
type arrivals struct {
	sync.Mutex
	at map[string]time.Time
}

// watch asks for findings all the time.
func (b *bed) watch(ctx context.Context, t *testing.T) *arrivals {
	ctx, cancel := context.WithCancel(ctx)
	a := &arrivals{at: map[string]time.Time{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			ids, _ := b.ids(ctx)
			now := time.Now()
			a.Lock()
			for _, id := range ids {
				if a.at[id].IsZero() {
					a.at[id] = now
				}
			}
			a.Unlock()
			select {
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	return a
}

// expect waits for a finding that was not taken before.
func (b *bed) expect(ctx context.Context, t *testing.T, want expected, seen *arrivals, taken []string) (row, string) {
	t.Helper()
	var found types.Finding
	why := "none of its type"
	b.soon(ctx, t, want.findingType, func() (bool, string) {
		for _, f := range b.findings(ctx, t) {
			id := aws.ToString(f.Id)
			if aws.ToString(f.Type) != want.findingType || slices.Contains(taken, id) {
				continue
			}
			if diffs := want.check(f); len(diffs) > 0 {
				why = describe(f) + ": " + strings.Join(diffs, "; ")
				continue
			}
			found = f
			seen.Lock()
			defer seen.Unlock()
			return !seen.at[id].IsZero(), "it was not listed"
		}
		return false, why
	})
	if got := aws.ToFloat64(found.Severity); got != want.severity {
		t.Errorf("%s has severity %v, want %v", want.findingType, got, want.severity)
	}
	happened, err := time.Parse(time.RFC3339, aws.ToString(found.Service.EventFirstSeen))
	if err != nil {
		t.Errorf("%s: when it happened: %v", want.findingType, err)
	}
	id := aws.ToString(found.Id)
	seen.Lock()
	defer seen.Unlock()
	seconds := float64(seen.at[id].Sub(happened).Milliseconds()) / 1000
	return row{Type: want.findingType, Severity: aws.ToFloat64(found.Severity), Seconds: seconds}, id
}

// soon is waitFor with less patience.
func (b *bed) soon(ctx context.Context, t *testing.T, what string, ok func() (bool, string)) {
	t.Helper()
	said := ""
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end) && ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
		var done bool
		if done, said = ok(); done {
			return
		}
	}
	t.Fatalf("not in time: %s: %s", what, said)
}

// nothingElse wants no finding but those that were taken, after time for
// others to come. Sequences are made of the others, and a resolver in the
// cluster asks again what a pod asked it.
func (b *bed) nothingElse(ctx context.Context, t *testing.T, taken []string) {
	t.Helper()
	time.Sleep(3 * time.Second)
	for _, f := range b.findings(ctx, t) {
		switch {
		case slices.Contains(taken, aws.ToString(f.Id)), isSequence(f):
		case aws.ToString(f.Type) == "CryptoCurrency:Runtime/BitcoinTool.B!DNS" && strings.HasPrefix(podOf(f), "kube-system/coredns"):
			t.Logf("also: %s", describe(f))
		default:
			t.Errorf("unexpected: %s: %s", podOf(f), describe(f))
		}
	}
}

// switchOff is L7: the detector goes, and the agents with it.
func (b *bed) switchOff(ctx context.Context, t *testing.T) {
	out := b.sh.run(ctx, t, "aws guardduty list-detectors")
	if !strings.Contains(out, b.detector) {
		t.Fatalf("list-detectors says %s", out)
	}
	b.sh.run(ctx, t, "aws guardduty delete-detector --detector-id "+b.detector)
	start := time.Now()
	b.waitFor(ctx, t, "the agents are gone", func() (bool, string) {
		out, _ := b.sh.try(ctx, t, "kubectl -n amazon-guardduty get daemonsets,pods")
		return strings.Contains(out, "No resources found"), out
	})
	t.Logf("the agents are gone after %s", time.Since(start).Round(100*time.Millisecond))
	list, err := b.client.ListDetectors(ctx, &guardduty.ListDetectorsInput{})
	if err != nil || len(list.DetectorIds) > 0 {
		t.Errorf("detectors: %v, %v", list, err)
	}
}
