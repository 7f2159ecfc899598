//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/guardduty/types"

	"github.com/vedette-project/vedette/e2e/scenario"
)

// settle is how long a finding may take before the test calls it missing, and
// how long the test waits for findings that must not come.
const settle = 10 * time.Second

// ids lists the ids of all findings, page by page.
func (v *vedette) ids(ctx context.Context) ([]string, error) {
	in := &guardduty.ListFindingsInput{DetectorId: &v.detector, MaxResults: aws.Int32(50)}
	var ids []string
	for p := guardduty.NewListFindingsPaginator(v.client, in); p.HasMorePages(); {
		page, err := p.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list findings: %w", err)
		}
		ids = append(ids, page.FindingIds...)
	}
	return ids, nil
}

// findings reads every finding, 50 at a time as the API allows.
func (v *vedette) findings(ctx context.Context, t *testing.T) []types.Finding {
	t.Helper()
	ids, err := v.ids(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var all []types.Finding
	for chunk := range slices.Chunk(ids, 50) {
		out, err := v.client.GetFindings(ctx, &guardduty.GetFindingsInput{DetectorId: &v.detector, FindingIds: chunk})
		if err != nil {
			t.Fatal("get findings:", err)
		}
		all = append(all, out.Findings...)
	}
	return all
}

// isSequence tells the findings of several steps, which come after those of the
// steps.
func isSequence(f types.Finding) bool {
	return strings.HasPrefix(aws.ToString(f.Type), "AttackSequence:")
}

// isPack tells the findings of the rule pack, which goes beyond GuardDuty.
func isPack(f types.Finding) bool { return strings.HasSuffix(aws.ToString(f.Type), ".Rule") }

// single are the findings of single steps that GuardDuty would make.
func (v *vedette) single(ctx context.Context, t *testing.T) []types.Finding {
	t.Helper()
	return slices.DeleteFunc(v.findings(ctx, t), func(f types.Finding) bool { return isSequence(f) || isPack(f) })
}

// wantPack compares what the rule pack found in all of it: the one debug
// container that no other type is about.
func (v *vedette) wantPack(ctx context.Context, t *testing.T) {
	t.Helper()
	var seen []string
	for _, f := range v.findings(ctx, t) {
		if isPack(f) {
			seen = append(seen, aws.ToString(f.Type))
		}
	}
	if want := []string{"Execution:Kubernetes/DebugContainer.Rule"}; !slices.Equal(seen, want) {
		t.Errorf("the rule pack found %q, not %q", seen, want)
	}
}

// wantSequence waits for the attack that the workshop's steps are together: one
// administrator enters kube-system, gives rights away, and gets at a node.
func (v *vedette) wantSequence(ctx context.Context, t *testing.T) {
	t.Helper()
	var seen []string
	for end := time.Now().Add(3 * settle); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		seen = nil
		for _, f := range v.findings(ctx, t) {
			if isSequence(f) {
				seen = append(seen, describe(f))
			}
			if aws.ToString(f.Type) == "AttackSequence:EKS/CompromisedCluster" && aws.ToFloat64(f.Severity) == 9 && f.Service.Detection != nil && len(f.Service.Detection.Sequence.Signals) >= 3 {
				return
			}
		}
	}
	t.Errorf("no attack sequence of three signals or more, only %q", seen)
}

// wantFindings waits until there are as many findings as wanted, gives
// unwanted ones time to show up, and then compares: each wanted finding once,
// and nothing else.
func (v *vedette) wantFindings(ctx context.Context, t *testing.T, want []scenario.Want) {
	t.Helper()
	var got []types.Finding
	for end := time.Now().Add(settle); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if got = v.single(ctx, t); len(got) >= len(want) {
			break
		}
	}
	if len(want) > 0 {
		time.Sleep(2 * time.Second)
		got = v.single(ctx, t)
	}
	taken := make([]bool, len(got))
	for _, w := range want {
		i, near := match(got, taken, w)
		if i < 0 {
			t.Errorf("missing: %s about %q by %s (%s)\nnearest: %s", w.Type, w.Name, w.User, w.Verb, near)
			continue
		}
		taken[i] = true
	}
	for i, f := range got {
		if !taken[i] {
			t.Errorf("unexpected: %s", describe(f))
		}
	}
}

// match finds the finding that a Want describes. When there is none, near says
// in which fields the most similar one differs.
func match(got []types.Finding, taken []bool, w scenario.Want) (index int, near string) {
	best := 1 << 20
	for i, f := range got {
		if taken[i] || aws.ToString(f.Type) != w.Type {
			continue
		}
		diffs := differences(f, w)
		if len(diffs) == 0 {
			return i, ""
		}
		if len(diffs) < best {
			best, near = len(diffs), describe(f)+"; "+strings.Join(diffs, "; ")
		}
	}
	return -1, near
}

// differences compares everything that A1 of the scenarios fixes.
func differences(f types.Finding, w scenario.Want) []string {
	var diffs []string
	check := func(what, got, want string) {
		if ok, err := path.Match(want, got); want != "" && got != want && (err != nil || !ok) {
			diffs = append(diffs, fmt.Sprintf("%s is %q, want %q", what, got, want))
		}
	}
	a := &types.KubernetesApiCallAction{}
	if f.Service != nil && f.Service.Action != nil && f.Service.Action.KubernetesApiCallAction != nil {
		a = f.Service.Action.KubernetesApiCallAction
		check("action type", aws.ToString(f.Service.Action.ActionType), "KUBERNETES_API_CALL")
	} else {
		diffs = append(diffs, "no Kubernetes API call in it")
	}
	check("verb", aws.ToString(a.Verb), w.Verb)
	check("URI", aws.ToString(a.RequestUri), w.Path)
	check("namespace", aws.ToString(a.Namespace), w.Namespace)
	check("resource", aws.ToString(a.Resource), w.Resource)
	check("subresource", aws.ToString(a.Subresource), w.Subresource)
	check("resource name", aws.ToString(a.ResourceName), w.Name)
	if a.StatusCode == nil || int(*a.StatusCode) != w.Code {
		diffs = append(diffs, fmt.Sprintf("status is %v, want %d", aws.ToInt32(a.StatusCode), w.Code))
	}
	if w.IP != "" && !slices.Contains(a.SourceIps, w.IP) {
		diffs = append(diffs, fmt.Sprintf("source addresses are %v, want %s", a.SourceIps, w.IP))
	}
	if !strings.Contains(aws.ToString(a.Parameters), w.ParamHas) {
		diffs = append(diffs, fmt.Sprintf("the parameters lack %s", w.ParamHas))
	}
	if got := aws.ToFloat64(f.Severity); got != scenario.Severity(w.Type) {
		diffs = append(diffs, fmt.Sprintf("severity is %v, want %v", got, scenario.Severity(w.Type)))
	}
	return append(diffs, resourceDifferences(f.Resource, w)...)
}

func resourceDifferences(r *types.Resource, w scenario.Want) []string {
	var diffs []string
	check := func(what, got, want string) {
		if ok, err := path.Match(want, got); got != want && (err != nil || !ok) {
			diffs = append(diffs, fmt.Sprintf("%s is %q, want %q", what, got, want))
		}
	}
	if r == nil || r.EksClusterDetails == nil || r.KubernetesDetails == nil || r.KubernetesDetails.KubernetesUserDetails == nil {
		return []string{"cluster or user details are missing"}
	}
	check("resource type", aws.ToString(r.ResourceType), "EKSCluster")
	check("cluster", aws.ToString(r.EksClusterDetails.Name), clusterName)
	u := r.KubernetesDetails.KubernetesUserDetails
	check("user", aws.ToString(u.Username), w.User)
	impersonated := ""
	if u.ImpersonatedUser != nil {
		impersonated = aws.ToString(u.ImpersonatedUser.Username)
	}
	check("impersonated user", impersonated, w.Impersonated)
	if w.Workload != "" {
		if k := r.KubernetesDetails.KubernetesWorkloadDetails; k != nil {
			check("workload", aws.ToString(k.Type)+"/"+aws.ToString(k.Namespace)+"/"+aws.ToString(k.Name), w.Workload)
		} else {
			diffs = append(diffs, "no workload details")
		}
	}
	return diffs
}

func describe(f types.Finding) string {
	s := aws.ToString(f.Type)
	if f.Service != nil && f.Service.Action != nil && f.Service.Action.KubernetesApiCallAction != nil {
		a := f.Service.Action.KubernetesApiCallAction
		s += fmt.Sprintf(" %s %s %s %d", aws.ToString(a.Verb), aws.ToString(a.RequestUri), aws.ToString(a.ResourceName), aws.ToInt32(a.StatusCode))
	}
	if f.Resource != nil && f.Resource.KubernetesDetails != nil && f.Resource.KubernetesDetails.KubernetesUserDetails != nil {
		s += " by " + aws.ToString(f.Resource.KubernetesDetails.KubernetesUserDetails.Username)
	}
	return s + ": " + aws.ToString(f.Description)
}

// wantCounts checks that one act counts once, however many audit events and
// pods it makes, and that a repeated one counts as often as it was done.
func (v *vedette) wantCounts(ctx context.Context, t *testing.T) {
	for _, f := range v.single(ctx, t) {
		want := int32(1)
		name := aws.ToString(f.Service.Action.KubernetesApiCallAction.ResourceName)
		switch name {
		case "v-thrice":
			want = 3
		case "p-ssa", "b-ssa": // kubectl needs several patches for one apply
			continue
		}
		if got := aws.ToInt32(f.Service.Count); got != want {
			t.Errorf("%s counts %d, want %d", describe(f), got, want)
		}
	}
}
