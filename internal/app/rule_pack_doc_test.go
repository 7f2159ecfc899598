package app

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/rule"
)

const (
	packPage   = "../../docs/rule-pack.md"
	packMatrix = "../../rules/threat-matrix.tsv"
	matrixTag  = "kubernetes-threat-matrix.ms-ta"
)

// TestRulePackPage: the page about the pack says what the rules say. With
// -update it is written anew.
func TestRulePackPage(t *testing.T) {
	t.Parallel()
	var found []*rule.Rule // rules that make findings
	for _, r := range packSet(t).Rules() {
		if !r.Quiet {
			found = append(found, r)
		}
	}
	var b strings.Builder
	b.WriteString(packHead)
	for _, of := range []struct{ title, product string }{{"Kubernetes", "pack:kubernetes/"}, {"AWS", "pack:aws/"}} {
		fmt.Fprintf(&b, "\n# Rules for %s\n", of.title)
		for _, r := range found {
			if strings.HasPrefix(r.File, of.product) {
				packRule(&b, r)
			}
		}
	}
	packTechniques(t, &b, found)
	if *update {
		if err := os.WriteFile(packPage, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	text, err := os.ReadFile(packPage)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(text), b.String()); d != "" {
		t.Errorf("docs/rule-pack.md is not fresh; run `go test ./internal/app -run TestRulePackPage -update`\n%s", d)
	}
}

const packHead = `# The rule pack

Vedette brings rules along for what clusters and accounts suffer and GuardDuty's finding types do not name. They are Sigma, in
[rules/](../rules), and in force in ` + "`scan` and `serve`" + ` unless they are switched off:

` + "```" + `
detection:
  rulePack:
    enabled: true        # false switches all of them off
    disable:             # single ones, by the type of their findings or their id
      - Execution:Kubernetes/DebugContainer.Rule
` + "```" + `

` + "`vedette rules list`" + ` shows them, ` + "`vedette rules list --config FILE`" + ` what is in force with a configuration, ` + "`vedette rules test`" + ` runs their
tests. A rule of your own with the id of one of these takes its place; where the file of the pack holds a correlation and what it
counts, that of all of them. [Filters](rules.md#filters) of your own work on them as on yours.

**Types** end in ` + "`.Rule`" + `, as none of GuardDuty's do, and stay as they are. **One call, one finding:** where Vedette finds something in
the same call by a type of GuardDuty's, the rule says nothing of it (` + "`yields: true`" + `); but a miner is worse than an unusual workload.

**Who is expected** to do such things (control planes, controllers, managed platforms, GitOps tools, policy engines), and which
namespaces are sensitive, is in [placeholders.yml](../rules/placeholders.yml). A document among rules of your own takes the
place of a list there:

` + "```yaml" + `
placeholders:
  VedetteDeployers: ['system:serviceaccount:argocd:*', 'system:serviceaccount:platform:deployer']
` + "```" + `

Lists name accounts by their namespaces; whoever may make service accounts in ` + "`argocd`" + ` or ` + "`kube-system`" + ` has the cluster already. A few rules leave
out kubeadm, Helm and eksctl by their user agent, which anybody can write: those about configurations that an administrator's
credentials are needed for, and about roles of the cloud.

This page is written from the rules by ` + "`go test ./internal/app -run TestRulePackPage -update`" + `, and proved fresh by the same test.
`

// packRule writes one rule.
func packRule(b *strings.Builder, r *rule.Rule) {
	fmt.Fprintf(b, "\n## %s\n\n**%s.** %s\n\n", r.Vedette.Type, r.Title, r.Description)
	var techniques []string
	for _, tag := range r.Tags {
		if id, ok := strings.CutPrefix(tag, "attack.t"); ok && id[0] >= '0' && id[0] <= '9' {
			techniques = append(techniques, "T"+id)
		} else if id, ok := strings.CutPrefix(tag, matrixTag); ok {
			techniques = append(techniques, "MS-TA"+id)
		}
	}
	fmt.Fprintf(b, "- Level: %s\n- Techniques: %s\n", r.Level, strings.Join(techniques, ", "))
	if c := r.Correlation; c != nil {
		fmt.Fprintf(b, "- Counts within %s, for each %s\n", c.Timespan, strings.Join(c.GroupBy, ", "))
	}
	fmt.Fprintf(b, "- Expected: %s\n- Id: `%s`\n\nWhat to do:\n\n", strings.Join(r.FalsePositives, "; "), r.ID)
	for i, step := range r.Vedette.Remediation {
		fmt.Fprintf(b, "%d. %s\n", i+1, step)
	}
}

// packTechniques writes which techniques of the threat matrix are covered, and
// checks that what is said to cover them is there.
func packTechniques(t *testing.T, b *strings.Builder, found []*rule.Rule) {
	t.Helper()
	text, err := os.ReadFile(packMatrix)
	if err != nil {
		t.Fatal(err)
	}
	b.WriteString("\n# The threat matrix for Kubernetes\n\nEach technique of Microsoft's [Threat Matrix for Kubernetes](https://microsoft.github.io/Threat-Matrix-for-Kubernetes/)\n" +
		"(names and numbers: CC BY 4.0), and what covers it here.\n\n| technique | tactics | covered by | not covered |\n| --- | --- | --- | --- |\n")
	known := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if strings.HasPrefix(line, "#") {
			continue
		}
		if len(f) != 5 {
			t.Fatalf("threat-matrix.tsv: %q has %d columns, want 5", line, len(f))
		}
		known[f[0]] = true
		var by []string
		for name := range strings.SplitSeq(f[3], ", ") {
			if name == "" {
				continue
			}
			if typ, ok := finding.Lookup(name); !ok || typ.Status != finding.StatusImplemented {
				t.Errorf("threat-matrix.tsv: %s: %s is no type that is raised", f[0], name)
			}
			by = append(by, "`"+name+"`")
		}
		for _, r := range found {
			if slices.Contains(r.Tags, matrixTag+f[0]) {
				by = append(by, "`"+r.Vedette.Type+"`")
			}
		}
		if len(by) == 0 && f[4] == "" {
			t.Errorf("threat-matrix.tsv: nothing covers %s, and it does not say why", f[0])
		}
		fmt.Fprintf(b, "| MS-TA%s %s | %s | %s | %s |\n", f[0], f[1], f[2], strings.Join(by, "<br>"), f[4])
	}
	for _, r := range found {
		for _, tag := range r.Tags {
			if id, ok := strings.CutPrefix(tag, matrixTag); ok && !known[id] {
				t.Errorf("%s: the matrix has no technique %s", r.File, tag)
			}
		}
	}
}
