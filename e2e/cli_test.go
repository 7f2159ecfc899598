//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"testing"
	"time"
)

// readWithCLI reads back as the workshop's reader does, with the AWS command
// line of the distribution.
func (v *vedette) readWithCLI(ctx context.Context, t *testing.T) {
	var detectors struct{ DetectorIds []string }
	v.aws(ctx, t, &detectors, "list-detectors")
	if len(detectors.DetectorIds) != 1 || detectors.DetectorIds[0] != v.detector {
		t.Fatalf("list-detectors says %v, want %s", detectors.DetectorIds, v.detector)
	}
	var list struct{ FindingIds []string }
	v.aws(ctx, t, &list, "list-findings", "--detector-id", v.detector)
	if want, err := v.ids(ctx); err != nil || len(list.FindingIds) != len(want) {
		t.Errorf("list-findings lists %d findings, the SDK %d (%v)", len(list.FindingIds), len(want), err)
	}
	if len(list.FindingIds) == 0 {
		return
	}
	var got struct {
		Findings []struct {
			ID, Type, CreatedAt string
			Severity            float64
		}
	}
	v.aws(ctx, t, &got, "get-findings", "--detector-id", v.detector, "--finding-ids", list.FindingIds[0])
	if len(got.Findings) != 1 {
		t.Fatalf("get-findings gives %d findings, want 1", len(got.Findings))
	}
	f := got.Findings[0]
	if f.ID != list.FindingIds[0] || f.Type == "" || f.CreatedAt == "" || f.Severity == 0 {
		t.Errorf("get-findings gives %+v", f)
	}
}

// aws runs one command of the AWS command line and decodes what it prints.
func (v *vedette) aws(ctx context.Context, t *testing.T, into any, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/usr/bin/aws", append(append([]string{"guardduty"}, args...), "--endpoint-url", endpoint, "--output", "json")...)
	cmd.Env = append(append(os.Environ(), v.env...), "AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_PAGER=")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("aws guardduty %v: %v\n%s", args, err, stderr.Bytes())
	}
	if err := json.Unmarshal(out, into); err != nil {
		t.Fatalf("aws guardduty %v: %v\n%s", args, err, out)
	}
}
