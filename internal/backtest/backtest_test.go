package backtest

import (
	"encoding/xml"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/finding"
)

func found(identity, typ, day, user string, severity float64, hiddenBy string) Found {
	return Found{Identity: identity, HiddenBy: hiddenBy, Finding: &finding.Finding{
		ID: identity, Type: typ, Severity: severity, Title: "T", AccountID: "1",
		Resource: &finding.Resource{KubernetesDetails: &finding.KubernetesDetails{KubernetesUserDetails: &finding.KubernetesUserDetails{Username: user}}},
		Service:  &finding.Service{EventFirstSeen: day + "T01:00:00.000Z", EventLastSeen: day + "T02:00:00.000Z"},
	}}
}

// byRule says that a rule made the finding.
func byRule(f Found, title string) Found {
	f.Finding.Service.AdditionalInfo = &finding.ServiceAdditionalInfo{Value: fmt.Sprintf(`{"evidence":{},"rule":{"id":"i","title":%q}}`, title)}
	return f
}

func TestCompare(t *testing.T) {
	const d1, d2 = "2026-10-01", "2026-10-02"
	today := []Found{
		found("same", "a", d1, "u", 5, ""), found("gone", "a", d1, "u", 5, ""), found("hide", "a", d2, "v", 8, ""),
		found("show", "b", d2, "v", 8, "old"), found("raise", "b", d2, "w", 4, ""), found("hidden", "b", d1, "w", 4, "old"),
		found("lost in the dark", "c", d1, "w", 4, "old"),
	}
	candidate := []Found{
		found("same", "a", d1, "u", 5, ""), found("hide", "a", d2, "v", 8, "new"), found("show", "b", d2, "v", 8, ""),
		found("raise", "b", d2, "w", 7, ""), found("hidden", "b", d1, "w", 4, "old"), found("more", "c", d2, "u", 9, ""),
		found("dark", "c", d2, "x", 2, "new"),
	}
	r := Compare(today, candidate)
	if d := cmp.Diff(Row{Name: "all", Today: 4, Candidate: 4, Added: 1, Gone: 1, Suppressed: 2, Revealed: 1, Changed: 1}, r.Total); d != "" {
		t.Errorf("total:\n%s", d)
	}
	want := []Row{
		{Name: "a", Today: 3, Candidate: 1, Gone: 1, Suppressed: 1},
		{Name: "b", Today: 1, Candidate: 2, Revealed: 1, Changed: 1},
		{Name: "c", Candidate: 1, Added: 1, Suppressed: 1},
	}
	if d := cmp.Diff(want, r.Types); d != "" {
		t.Errorf("types:\n%s", d)
	}
	if d := cmp.Diff([]Row{{Name: d1, Today: 2, Candidate: 1, Gone: 1}, {Name: d2, Today: 2, Candidate: 3, Added: 1, Suppressed: 2, Revealed: 1, Changed: 1}}, r.Days); d != "" {
		t.Errorf("days:\n%s", d)
	}
	var got []string
	for _, c := range r.Changes {
		got = append(got, fmt.Sprint(c.What, " ", c.ID, " ", c.Entity, " ", c.SeverityBefore, c.Severity, c.SuppressedBy))
	}
	all := []string{"gone gone principal u 0 5", "suppressed hide principal v 0 8new", "revealed show principal v 0 8",
		"changed raise principal w 4 7", "added more principal u 0 9", "suppressed dark principal x 0 2new"}
	if d := cmp.Diff(all, got); d != "" {
		t.Errorf("changes:\n%s", d)
	}
	if top := Top(r.Entities, 1); len(top) != 1 || top[0].Name != "principal u" && top[0].Name != "principal v" {
		t.Errorf("top entity: %+v", top)
	}
}

// TestSameSequence: an attack that begins with another step is not a new one.
func TestSameSequence(t *testing.T) {
	const typ = "AttackSequence:EKS/CompromisedCluster"
	r := Compare([]Found{found("one", typ, "2026-10-01", "u", 9, ""), found("far", typ, "2026-11-01", "u", 9, "")},
		[]Found{found("two", typ, "2026-10-01", "u", 9, ""), found("other", typ, "2026-10-01", "v", 9, "")})
	if r.Total.Added != 1 || r.Total.Gone != 1 || r.Changes[0].ID != "other" || r.Changes[1].ID != "far" {
		t.Errorf("changes: %+v", r.Changes)
	}
}

func TestExpect(t *testing.T) {
	var candidate []Found
	for i := range 30 {
		candidate = append(candidate, byRule(found(fmt.Sprint(i), "x", fmt.Sprintf("2026-10-%02d", 1+i/20), "u\x01<", 4, ""), "Loud"))
	}
	report := func(e Expectations, tests ...RuleTest) (*Report, bool) {
		r := Compare(nil, candidate)
		r.CountRules([]Rule{{RuleRef: RuleRef{ID: "i", Title: "Loud"}, File: "f.yml", Line: 3, Tests: tests}, {RuleRef: RuleRef{Title: "Quiet"}}}, candidate)
		return r, r.Expect(e)
	}
	r, ok := report(Expectations{Below: math.Inf(1)})
	if !ok || len(r.Checks) > 0 || r.Rules[0].Findings != 30 || r.Rules[0].Most != 20 || r.Rules[0].MostDay != "2026-10-01" || r.Rules[0].Days != 2 || r.Rules[1].Findings != 0 {
		t.Errorf("without expectations: %t, %+v, %+v", ok, r.Rules, r.Checks)
	}
	for _, tt := range []struct {
		e    Expectations
		ok   bool
		fail string
	}{
		{Expectations{None: []Verdict{Gone, Suppressed}}, true, ""},
		{Expectations{None: []Verdict{Added}}, false, "no finding is added"},
		{Expectations{Below: 4}, false, "no finding of severity 4"},
		{Expectations{Below: 4.1}, true, ""},
		{Expectations{MaxPerDay: 20}, true, ""},
		{Expectations{MaxPerDay: 19}, false, `rule "Loud" makes at most 19`},
	} {
		r, ok := report(tt.e)
		failed := ""
		for _, c := range r.Checks {
			if c.Failed {
				failed += c.Name
			}
		}
		if ok != tt.ok || !strings.HasPrefix(failed, tt.fail) || tt.ok && failed != "" {
			t.Errorf("%+v: %t, failed %q", tt.e, ok, failed)
		}
	}

	r, ok = report(Expectations{None: []Verdict{Added}, MaxPerDay: 5}, RuleTest{Line: 9}, RuleTest{Name: "n", Line: 12, Fault: "it does not fire, and must"})
	if ok {
		t.Error("a failed test of a rule was let through")
	}
	var b strings.Builder
	if err := r.WriteJUnit(&b); err != nil {
		t.Fatal(err)
	}
	var doc junitSuites
	if err := xml.Unmarshal([]byte(b.String()), &doc); err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	if doc.Tests != 7 || doc.Failures != 3 || len(doc.Suites) != 2 {
		t.Errorf("%d tests, %d failures\n%s", doc.Tests, doc.Failures, b.String())
	}
	for _, part := range []string{`file="f.yml" line="12"`, `message="it does not fire, and must"`, "and 10 more", "Loud: test 1", "&lt;"} {
		if !strings.Contains(b.String(), part) {
			t.Errorf("%q is not in\n%s", part, b.String())
		}
	}
}

func TestEntities(t *testing.T) {
	r := &finding.Resource{
		AccessKeyDetails: &finding.AccessKeyDetails{PrincipalID: "p"},
		KubernetesDetails: &finding.KubernetesDetails{KubernetesWorkloadDetails: &finding.KubernetesWorkloadDetails{Namespace: "ns", Name: "w"},
			KubernetesUserDetails: &finding.KubernetesUserDetails{Username: "u"}},
		InstanceDetails: &finding.InstanceDetails{InstanceID: "i-1"},
		S3BucketDetails: []finding.S3BucketDetail{{Name: "b"}, {ARN: "arn"}},
	}
	for _, tt := range []struct {
		f    finding.Finding
		want string
	}{
		{finding.Finding{Resource: r}, "principal u,workload ns/w,instance i-1,bucket b,bucket arn"},
		{finding.Finding{Resource: &finding.Resource{AccessKeyDetails: r.AccessKeyDetails, S3BucketDetails: r.S3BucketDetails[:1]}}, "principal p,bucket b"},
		{finding.Finding{Resource: &finding.Resource{ResourceType: "EKSCluster", EKSClusterDetails: &finding.EKSClusterDetails{Name: "c"}}}, "cluster c"},
		{finding.Finding{Resource: &finding.Resource{LambdaDetails: &finding.LambdaDetails{FunctionName: "f"}}}, "resource f"},
		{finding.Finding{AccountID: "1"}, "account 1"},
	} {
		if got := strings.Join(Entities(&tt.f), ","); got != tt.want {
			t.Errorf("%s, want %s", got, tt.want)
		}
	}
}
