//go:build e2e

package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/e2e/build"
	"github.com/vedette-project/vedette/e2e/cluster"
	"github.com/vedette-project/vedette/e2e/identity"
	"github.com/vedette-project/vedette/e2e/images"
	"github.com/vedette-project/vedette/e2e/need"
	"github.com/vedette-project/vedette/e2e/sandbox"
)

// More of what the test's two halves tell each other.
const (
	helmVar  = "VEDETTE_E2E_HELM"
	dnsVar   = "VEDETTE_E2E_COREDNS"
	imageVar = "VEDETTE_E2E_IMAGE"
	awsVar   = "AWS_DATA_PATH"
)

// imageVersion is that of the image that is on the node.
const imageVersion = "0.0.0-e2e"

// TestChart installs Vedette with Helm as a reader of the chart's notes does,
// and then follows the EKS workshop word for word.
func TestChart(t *testing.T) { chartTest(t, playChart) }

// chartTest runs a test in a sandbox that can have the chart.
func chartTest(t *testing.T, play func(context.Context, *testing.T, *bed)) {
	ctx := deadline(t)
	if sandbox.Inside() {
		if err := sandbox.Setup(); err != nil {
			t.Fatal(err)
		}
		play(ctx, t, newBed(ctx, t))
		return
	}
	need.OrSkip(t, append(append(need.Cluster(), need.AWSCLI()), need.Ubuntu()...)...)
	runInside(ctx, t, prepareChart(ctx, t)...)
}

// prepareChart makes what needs a network or much time, outside the sandbox.
func prepareChart(ctx context.Context, t *testing.T) []string {
	t.Helper()
	module, err := build.ModuleDir(ctx)
	if err != nil {
		t.Fatal(err)
	}
	helm, err := build.Helm(ctx, module, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	dns, err := build.CoreDNS(module).Build(ctx, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	models, err := build.AWSModels(ctx, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	cache, err := build.Cache()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := images.MakeUbuntu(ctx, cache, t.Output()); err != nil {
		t.Fatal(err)
	}
	out := os.Getenv(imageVar) // one that was built before
	if out != "" {
		return []string{helmVar + "=" + helm, dnsVar + "=" + dns, awsVar + "=" + models}
	}
	out = t.TempDir()
	cmd := exec.CommandContext(ctx, "go", "run", ".", "image", "-out", out, "-version", imageVersion, "-arch", "amd64")
	cmd.Dir = filepath.Join(filepath.Dir(module), "hack", "release")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the image: %v\n%s", err, text)
	}
	return []string{helmVar + "=" + helm, dnsVar + "=" + dns, awsVar + "=" + models, imageVar + "=" + out}
}

// bed is a cluster with services, and a person with a shell beside it.
type bed struct {
	*vedette
	dir   string
	c     *cluster.Cluster
	admin *cluster.Kubectl
	sh    *shell
	outer int // the first process of the sandbox, as the kernel counts
}

func newBed(ctx context.Context, t *testing.T) *bed {
	t.Helper()
	outer, err := sandbox.OuterPID()
	if err != nil {
		t.Fatal(err)
	}
	dir := os.Getenv(dirVar)
	b := &bed{vedette: &vedette{bin: filepath.Join(dir, "vedette")}, dir: dir, outer: outer}
	services := &cluster.Services{CoreDNS: os.Getenv(dnsVar), Volume: filepath.Join(dir, "volume")}
	cache, err := build.Cache()
	if err != nil {
		t.Fatal(err)
	}
	ubuntu, err := images.MakeUbuntu(ctx, cache, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	services.Mirror = ubuntu.Mirror
	services.Images = map[string]*images.Image{}
	for name, make := range map[string]func() (*images.Image, error){
		"library/ubuntu":  ubuntu.Image,
		"coredns/coredns": func() (*images.Image, error) { return images.Program(services.CoreDNS) },
	} {
		if services.Images[name], err = make(); err != nil {
			t.Fatal(err)
		}
	}
	b.c, err = cluster.Start(ctx, cluster.Options{
		Dir: filepath.Join(dir, "c"), Log: t.Output(), Services: services, WebhookBackoff: webhookBackoff,
		Bin: build.Binaries{Dir: os.Getenv(binVar), Version: os.Getenv(versionVar)},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.c.Stop)
	if b.admin, err = b.c.Kubectl(identity.Admin()); err != nil {
		t.Fatal(err)
	}
	b.importImage(ctx, t)
	b.sh = startShell(t, b.desk(t), append(b.admin.Environ(), "PATH="+filepath.Join(dir, "bin")+":"+dir+":"+os.Getenv(binVar)+":"+filepath.Dir(os.Getenv(helmVar))+":"+os.Getenv("PATH"),
		"AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_PAGER=", "HELM_CACHE_HOME="+dir, "HELM_CONFIG_HOME="+dir, "HELM_DATA_HOME="+dir)...)
	return b
}

// desk is the folder in which the person works. The aws there knows where the
// server is, as newer versions do by AWS_ENDPOINT_URL.
func (b *bed) desk(t *testing.T) string {
	t.Helper()
	chart, err := filepath.Abs("../deploy/helm/vedette")
	if err != nil {
		t.Fatal(err)
	}
	desk := filepath.Join(b.dir, "desk")
	for name, text := range map[string]string{
		"bin/aws":                          "#!/bin/sh\ncase \" $* \" in *\" --endpoint-url \"*) exec /usr/bin/aws \"$@\" ;; esac\nexec /usr/bin/aws \"$@\" --endpoint-url https://localhost:8700\n",
		"desk/values.yaml":                 b.values(),
		"desk/recommended.yaml":            readText(t, "testdata/dashboard.yaml"),
		"desk/privileged-pod-example.yaml": readText(t, "testdata/privileged-pod-example.yaml"),
	} {
		path := filepath.Join(b.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(chart, filepath.Join(desk, "vedette")); err != nil {
		t.Fatal(err)
	}
	return desk
}

func readText(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// values are the chart's: the sensor is called as Amazon's agent is, so that
// the workshop's lines find it, and it looks only at what the test started.
func (b *bed) values() string {
	return fmt.Sprintf(`clusterName: %s
account: "%s"
region: %s
image: {tag: %s}
sensor:
  mode: managed
  namespace: amazon-guardduty
  name: aws-guardduty-agent
  extraArgs: ["--pid=%d"]
`, clusterName, identity.Account, region, imageVersion, b.outer)
}

// importImage puts the image on the node, as a node has it that pulled it.
func (b *bed) importImage(ctx context.Context, t *testing.T) {
	t.Helper()
	archive := filepath.Join(os.Getenv(imageVar), "vedette_"+imageVersion+"_image_linux_amd64.tar")
	for _, args := range [][]string{{"images", "import", archive}, {"images", "ls", "-q"}} {
		out, err := exec.CommandContext(ctx, "ctr", append([]string{"-a", b.c.ContainerdSocket(), "-n", "k8s.io"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("ctr %v: %v\n%s", args, err, out)
		}
		t.Logf("ctr %v\n%s", args, out)
	}
}

// install installs the chart as its page says and returns its notes.
func (b *bed) install(ctx context.Context, t *testing.T) (notes string, took time.Duration) {
	t.Helper()
	b.sh.run(ctx, t, "helm lint --strict vedette -f values.yaml")
	b.sh.run(ctx, t, "helm template vedette vedette -n vedette -f values.yaml --skip-tests > rendered.yaml")
	for _, line := range []string{ // the dry run needs the namespaces, and Helm wants to make them itself
		"kubectl create namespace vedette && kubectl create namespace amazon-guardduty",
		"kubectl apply --dry-run=server --validate=strict -f rendered.yaml",
		"kubectl delete namespace vedette amazon-guardduty",
	} {
		b.sh.run(ctx, t, line)
	}
	start := time.Now()
	out := b.sh.run(ctx, t, "helm install vedette vedette -n vedette --create-namespace -f values.yaml --wait --timeout 3m")
	took = time.Since(start)
	_, notes, ok := strings.Cut(out, "NOTES:\n")
	if !ok {
		t.Fatalf("no notes in\n%s", out)
	}
	return notes, took
}

// connect makes a client for the server's API that goes to the Service.
func (b *bed) connect(ctx context.Context, t *testing.T, ca, keys string) {
	t.Helper()
	addr := b.sh.run(ctx, t, "kubectl -n vedette get svc vedette -o jsonpath='{.spec.clusterIP}'") + ":8700"
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(ca)) {
		t.Fatalf("no certificate in %q", ca)
	}
	dialer := &net.Dialer{Timeout: 2 * time.Second}
	b.endpoint = "https://localhost:8700"
	b.http = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, addr)
		},
		DisableKeepAlives: true, // each call finds the pod that is there now
	}}
	b.use(t, []byte(keys))
}

// artifact keeps figures beside the test's other files.
func (b *bed) artifact(t *testing.T, name string, v any) {
	t.Helper()
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(strings.TrimSpace(string(text)))
	if err := os.WriteFile(filepath.Join(b.dir, name), text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// playChart is the test proper: from nothing to the end of the workshop.
func playChart(ctx context.Context, t *testing.T, b *bed) {
	start := time.Now()
	b.setUp(ctx, t)
	t.Run("helm test", func(t *testing.T) {
		if out := b.sh.run(ctx, t, "helm test vedette -n vedette --timeout 2m --logs"); !strings.Contains(out, "Phase:          Succeeded") {
			t.Errorf("helm test says\n%s", out)
		}
	})
	t.Run("doctor", func(t *testing.T) { b.healthy(ctx, t) })
	b.workshop(ctx, t)
	t.Logf("the test's own part took %s", time.Since(start).Round(time.Second))
}

// setUp installs the chart, follows its notes, and sends the audit log.
func (b *bed) setUp(ctx context.Context, t *testing.T) {
	t.Helper()
	defer b.explain(ctx, t)
	notes, took := b.install(ctx, t)
	t.Logf("helm install --wait took %s", took.Round(100*time.Millisecond))
	if took > time.Minute {
		t.Errorf("helm install took %s, more than a minute", took)
	}
	b.followNotes(ctx, t, notes)
	if err := b.c.RestartAPIServer(ctx, b.path("vedette-webhook.yaml"), b.path("audit-policy.yaml")); err != nil {
		t.Fatal(err)
	}
	b.sh.run(ctx, t, "kubectl -n vedette port-forward svc/vedette 8700 &> /dev/null &") // the first one went with the API server
}

// path is that of a file on the desk.
func (b *bed) path(name string) string { return filepath.Join(b.dir, "desk", name) }

// explain shows what a cluster tells when something in it went wrong.
func (b *bed) explain(ctx context.Context, t *testing.T) {
	if !t.Failed() {
		return
	}
	for _, line := range []string{
		"kubectl get pods,ds,sts,pvc -A -o wide", "kubectl get events -A --sort-by=.lastTimestamp | tail -30",
		"kubectl -n vedette logs vedette-0 --tail=40", "kubectl -n amazon-guardduty logs ds/aws-guardduty-agent --tail=20",
	} {
		out, _ := b.sh.try(ctx, t, line)
		t.Logf("$ %s\n%s", line, out)
	}
}

// followNotes types what the chart's notes say, in their order: a way in, a
// key, the webhook's files. The detector is left to the workshop.
func (b *bed) followNotes(ctx context.Context, t *testing.T, notes string) {
	t.Helper()
	ready := false
	for _, line := range noteCommands(notes) {
		switch {
		case strings.HasPrefix(line, "aws guardduty create-detector"), strings.HasPrefix(line, "kubectl -n amazon-guardduty get pods"), strings.HasPrefix(line, "helm test"), strings.HasSuffix(line, " doctor"):
			continue // later
		}
		if strings.HasPrefix(line, "eval ") {
			ready = true
		}
		if out := b.sh.run(ctx, t, line); strings.Contains(line, "keys link") && !strings.Contains(out, "https://localhost:8700/console/") {
			t.Errorf("$ %s\n%s\nis no link to the console", line, out)
		}
	}
	if !ready {
		t.Fatalf("the notes make no access key:\n%s", notes)
	}
	keys := b.sh.run(ctx, t, `for v in AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_DEFAULT_REGION; do echo "export $v=${!v}"; done`)
	b.connect(ctx, t, readText(t, b.path("vedette-ca.pem")), keys)
}

// noteCommands are the lines of the notes that are set in by two spaces, those
// that go on put together. Flags are for another program.
func noteCommands(notes string) []string {
	var all []string
	open := false
	for line := range strings.SplitSeq(notes, "\n") {
		text := strings.TrimSpace(line)
		if !open && (!strings.HasPrefix(line, "  ") || strings.HasPrefix(line, "   ") || strings.HasPrefix(text, "--")) {
			continue
		}
		if open {
			all[len(all)-1] += " " + strings.TrimSuffix(text, "\\")
		} else {
			all = append(all, strings.TrimSuffix(text, "\\"))
		}
		open = strings.HasSuffix(text, "\\")
	}
	return all
}

// healthy wants a doctor who finds no fault.
func (b *bed) healthy(ctx context.Context, t *testing.T) {
	t.Helper()
	out, code := b.sh.try(ctx, t, "kubectl -n vedette exec vedette-0 -- vedette doctor")
	t.Logf("doctor:\n%s", out)
	if code != "0" || !strings.Contains(out, "no faults") {
		t.Errorf("doctor finds faults, and ends with %s", code)
	}
}

// webhookBackoff makes the API server give a batch up after some ten seconds
// (1 + 1.5 + 2.25 + 3.4), not after eighty.
const webhookBackoff = time.Second
