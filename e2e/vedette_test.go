//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/guardduty/types"

	"github.com/vedette-project/vedette/e2e/identity"
	"github.com/vedette-project/vedette/e2e/proc"
)

const (
	endpoint    = "http://127.0.0.1:8700"
	clusterName = "e2e"
	region      = "us-east-1"
)

// vedette is a running server and a client for its API.
type vedette struct {
	bin      string
	endpoint string
	http     *http.Client
	process  *proc.Process
	data     string
	webhook  string // kubeconfig for the API server's audit webhook
	env      []string
	keys     aws.CredentialsProvider
	client   *guardduty.Client
	detector string
}

// startVedette starts the server as an operator would: serve, an access key,
// the webhook's configuration, and a detector made through the SDK.
func startVedette(ctx context.Context, t *testing.T, dir string) *vedette {
	v := &vedette{endpoint: endpoint, http: http.DefaultClient, bin: filepath.Join(dir, "vedette"), data: filepath.Join(dir, "data"), webhook: filepath.Join(dir, "webhook.kubeconfig")}
	p, err := proc.Start(proc.Spec{
		Name: "vedette", Path: v.bin, LogDir: dir,
		Args: []string{"serve", "--data-dir", v.data, "--listen", "127.0.0.1:8700", "--account", identity.Account, "--region", region},
	})
	if err != nil {
		t.Fatal(err)
	}
	v.process = p
	t.Cleanup(func() {
		p.Stop(10 * time.Second)
		if t.Failed() {
			t.Logf("the log of vedette ends with:\n%s", p.Tail())
		}
	})
	up, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := p.WaitFor(up, "readiness", ready); err != nil {
		t.Fatal(err)
	}
	v.login(ctx, t)
	config := v.run(ctx, t, "kube", "webhook-config", "--server", endpoint, "--cluster", clusterName, "--data-dir", v.data)
	if err := os.WriteFile(v.webhook, config, 0o600); err != nil {
		t.Fatal(err)
	}
	v.enable(ctx, t)
	return v
}

// ready asks the listener for probes.
func ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:8701/readyz", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("readyz: %s", resp.Status)
	}
	return nil
}

// run runs a subcommand and wants it to succeed.
func (v *vedette) run(ctx context.Context, t *testing.T, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, v.bin, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("vedette %v: %v\n%s", args, err, stderr.Bytes())
	}
	return out
}

// login makes an access key and a client that uses it.
func (v *vedette) login(ctx context.Context, t *testing.T) {
	v.use(t, v.run(ctx, t, "keys", "create", "--role", "admin", "--data-dir", v.data, "-o", "env"))
}

// use takes the key from the lines that a shell would read.
func (v *vedette) use(t *testing.T, out []byte) {
	t.Helper()
	v.env = nil
	found := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^export (AWS_[A-Z_]+)=["']?([^"'\n]+)`).FindAllSubmatch(out, -1) {
		found[string(m[1])] = string(m[2])
		v.env = append(v.env, string(m[1])+"="+string(m[2]))
	}
	if found["AWS_ACCESS_KEY_ID"] == "" || found["AWS_SECRET_ACCESS_KEY"] == "" || found["AWS_DEFAULT_REGION"] != region {
		t.Fatalf("vedette keys create -o env printed no usable key: %d variables", len(found))
	}
	v.keys = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: found["AWS_ACCESS_KEY_ID"], SecretAccessKey: found["AWS_SECRET_ACCESS_KEY"]}, nil
	})
	v.client = guardduty.New(guardduty.Options{Region: region, BaseEndpoint: &v.endpoint, Credentials: v.keys, HTTPClient: v.http})
}

// enable makes the detector with the features that the workshop asks for,
// unless the server has one from its first start.
func (v *vedette) enable(ctx context.Context, t *testing.T) {
	list, err := v.client.ListDetectors(ctx, &guardduty.ListDetectorsInput{})
	if err != nil {
		t.Fatal("list detectors:", err)
	}
	if len(list.DetectorIds) > 0 {
		v.detector = list.DetectorIds[0]
		return
	}
	out, err := v.client.CreateDetector(ctx, &guardduty.CreateDetectorInput{
		Enable: aws.Bool(true),
		Features: []types.DetectorFeatureConfiguration{
			{Name: types.DetectorFeatureEksAuditLogs, Status: types.FeatureStatusEnabled},
			{Name: types.DetectorFeatureEksRuntimeMonitoring, Status: types.FeatureStatusEnabled, AdditionalConfiguration: []types.DetectorAdditionalConfiguration{
				{Name: types.FeatureAdditionalConfigurationEksAddonManagement, Status: types.FeatureStatusEnabled},
			}},
		},
	})
	if err != nil {
		t.Fatal("create the detector:", err)
	}
	v.detector = *out.DetectorId
}
