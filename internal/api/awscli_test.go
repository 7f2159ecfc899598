package api_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/access"
)

// awsCLI is Debian's, or the one that VEDETTE_TEST_AWS names. The PATH is not
// searched: what it holds differs from machine to machine.
func awsCLI() string {
	if path := os.Getenv("VEDETTE_TEST_AWS"); path != "" {
		return path
	}
	return "/usr/bin/aws"
}

// missingTool is why a test cannot run here. It is a skip on a developer's
// machine and a failure where CI=true, so that a gate cannot go quiet.
type missingTool struct{ tool, install string }

func (m missingTool) skip(t *testing.T) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing, and CI=true: install it with: %s", m.tool, m.install)
	}
	t.Skipf("%s is missing: install it with: %s", m.tool, m.install)
}

// cli runs `aws guardduty …` with nothing of this machine's own settings.
func (s *service) cli(t *testing.T, args ...string) (map[string]any, string) {
	t.Helper()
	k := s.keys[access.RoleAdmin]
	cmd := exec.CommandContext(t.Context(), awsCLI(), append([]string{"guardduty"}, args...)...)
	cmd.Env = []string{
		"PATH=/usr/bin:/bin", "HOME=" + t.TempDir(), "LC_ALL=C.UTF-8",
		"AWS_ACCESS_KEY_ID=" + k.ID, "AWS_SECRET_ACCESS_KEY=" + k.Secret, "AWS_DEFAULT_REGION=" + region,
		"AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null",
		"AWS_MAX_ATTEMPTS=1", "AWS_PAGER=",
	}
	cmd.Args = append(cmd.Args, "--endpoint-url", s.url, "--output", "json")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, strings.TrimSpace(stderr.String())
	}
	var v map[string]any
	if len(out) > 0 {
		if err := json.Unmarshal(out, &v); err != nil {
			t.Fatalf("aws guardduty %v: %v in %s", args, err, out)
		}
	}
	return v, ""
}

// ids is a list of strings of an answer.
func ids(t *testing.T, v map[string]any, member string) []string {
	t.Helper()
	list, ok := v[member].([]any)
	if !ok {
		t.Fatalf("%s is not in %v", member, v)
	}
	out := make([]string, len(list))
	for i, x := range list {
		out[i], _ = x.(string)
	}
	return out
}

// The EKS workshop's commands, word for word, and what its reader does next.
func TestAWSCLI(t *testing.T) {
	if testing.Short() {
		t.Skip("the AWS CLI takes two seconds a call")
	}
	if _, err := os.Stat(awsCLI()); err != nil {
		missingTool{awsCLI(), "apt-get install -y awscli"}.skip(t)
	}
	s := newService(t)
	run := func(args ...string) map[string]any {
		t.Helper()
		v, fault := s.cli(t, args...)
		if fault != "" {
			t.Fatalf("aws guardduty %s: %s", strings.Join(args, " "), fault)
		}
		return v
	}

	create := []string{"create-detector", "--enable", "--features", `[{"Name":"EKS_AUDIT_LOGS","Status":"ENABLED"},` +
		`{"Name":"EKS_RUNTIME_MONITORING","Status":"ENABLED","AdditionalConfiguration":[{"Name":"EKS_ADDON_MANAGEMENT","Status":"ENABLED"}]}]`}
	v, fault := s.cli(t, create...)
	if strings.Contains(fault, "Unknown options: --features") {
		// Debian 12 has version 2.9.19, two months older than the option. What a
		// newer one sends for it is sent by hand, then the rest goes on as written.
		t.Logf("%s does not know --features yet", awsCLI())
		r := s.raw(access.RoleAdmin, "POST", "/detector", `{"clientToken":"0e3c9ac0-6d53-4d6c-8f6e-5f8d7f0f5b9a","enable":true,"features":[`+
			`{"name":"EKS_AUDIT_LOGS","status":"ENABLED"},{"name":"EKS_RUNTIME_MONITORING","status":"ENABLED",`+
			`"additionalConfiguration":[{"name":"EKS_ADDON_MANAGEMENT","status":"ENABLED"}]}]}`)
		v, fault, create = map[string]any{"DetectorId": detectorID()}, "", create[:2]
		if r.status != 200 || r.text != `{"detectorId":"`+detectorID()+`"}` {
			fault = r.text
		}
	}
	if fault != "" || v["DetectorId"] != detectorID() {
		t.Fatalf("create-detector printed %v %s", v, fault)
	}
	expect(t, features(t, s.client(access.RoleReadOnly)), map[string]string{
		"EKS_AUDIT_LOGS": "ENABLED", "EKS_RUNTIME_MONITORING": "ENABLED", "EKS_RUNTIME_MONITORING/EKS_ADDON_MANAGEMENT": "ENABLED",
	})
	_, fault = s.cli(t, create...)
	if !strings.Contains(fault, "(BadRequestException) when calling the CreateDetector operation") ||
		!strings.Contains(fault, ": The request is rejected because a detector already exists for the current account.") {
		t.Errorf("a second create-detector said %q", fault)
	}
	if got := ids(t, run("list-detectors"), "DetectorIds"); len(got) != 1 || got[0] != detectorID() {
		t.Errorf("list-detectors printed %v", got)
	}
	det := []string{"--detector-id", detectorID()}
	with := func(name string, more ...string) []string { return append(append([]string{name}, det...), more...) }
	if got := ids(t, run(with("list-findings")...), "FindingIds"); len(got) != 0 {
		t.Errorf("a fresh detector has the findings %v", got)
	}

	run(with("create-sample-findings", "--finding-types", "Execution:Kubernetes/ExecInKubeSystemPod", "Policy:Kubernetes/AdminAccessToDefaultServiceAccount")...)
	list := with("list-findings", "--finding-criteria", `{"Criterion":{"severity":{"Gte":8},"service.archived":{"Eq":["false"]}}}`,
		"--sort-criteria", `{"AttributeName":"updatedAt","OrderBy":"DESC"}`)
	found := ids(t, run(list...), "FindingIds")
	if len(found) != 1 {
		t.Fatalf("list-findings with criteria printed %v", found)
	}
	findings, _ := run(with("get-findings", "--finding-ids", found[0])...)["Findings"].([]any)
	if len(findings) != 1 {
		t.Fatalf("get-findings printed %v", findings)
	}
	f, _ := findings[0].(map[string]any)
	if f["Type"] != "Policy:Kubernetes/AdminAccessToDefaultServiceAccount" || f["Severity"] != 8.0 {
		t.Errorf("get-findings printed %v of severity %v", f["Type"], f["Severity"])
	}
	stats, _ := run(with("get-findings-statistics", "--finding-statistic-types", "COUNT_BY_SEVERITY")...)["FindingStatistics"].(map[string]any)
	if counts, _ := stats["CountBySeverity"].(map[string]any); counts["8.0"] != 1.0 || counts["5.0"] != 1.0 {
		t.Errorf("get-findings-statistics printed %v", stats)
	}
	run(with("archive-findings", "--finding-ids", found[0])...)
	if got := ids(t, run(list...), "FindingIds"); len(got) != 0 {
		t.Errorf("archived, yet listed: %v", got)
	}
	s.cliCoverage(t, det)
	arn := "arn:aws:guardduty:" + region + ":" + account + ":detector/" + detectorID()
	run("tag-resource", "--resource-arn", arn, "--tags", "team=red")
	if tags, _ := run("list-tags-for-resource", "--resource-arn", arn)["Tags"].(map[string]any); tags["team"] != "red" {
		t.Errorf("list-tags-for-resource printed %v", tags)
	}
	run(with("delete-detector")...)
	if got := ids(t, run("list-detectors"), "DetectorIds"); len(got) != 0 {
		t.Errorf("deleted, yet listed: %v", got)
	}
}

// cliCoverage asks how the sources are, if the CLI knows of that.
func (s *service) cliCoverage(t *testing.T, det []string) {
	t.Helper()
	s.hear([]string{"prod", "dev"}, "dev")
	v, fault := s.cli(t, append([]string{"list-coverage", "--filter-criteria",
		`{"FilterCriterion":[{"CriterionKey":"COVERAGE_STATUS","FilterCondition":{"Equals":["UNHEALTHY"]}}]}`}, det...)...)
	if strings.Contains(fault, "Invalid choice") {
		t.Logf("%s does not know list-coverage yet", awsCLI())
		return
	}
	list, _ := v["Resources"].([]any)
	if fault != "" || len(list) != 1 {
		t.Fatalf("list-coverage printed %v %s", v, fault)
	}
	if r, _ := list[0].(map[string]any); r["ResourceId"] != "k8s-audit/dev" || r["Issue"] != quiet {
		t.Errorf("list-coverage printed %v", r)
	}
	v, fault = s.cli(t, append([]string{"get-coverage-statistics", "--statistics-type", "COUNT_BY_COVERAGE_STATUS"}, det...)...)
	stats, _ := v["CoverageStatistics"].(map[string]any)
	if counts, _ := stats["CountByCoverageStatus"].(map[string]any); counts["HEALTHY"] != 1.0 || counts["UNHEALTHY"] != 1.0 {
		t.Errorf("get-coverage-statistics printed %v %s", v, fault)
	}
}
