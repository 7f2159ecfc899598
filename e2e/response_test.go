//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/vedette-project/vedette/e2e/build"
	"github.com/vedette-project/vedette/e2e/cluster"
	"github.com/vedette-project/vedette/e2e/identity"
	"github.com/vedette-project/vedette/e2e/need"
	"github.com/vedette-project/vedette/e2e/sandbox"
)

// TestResponse acts with the script of examples/response on findings that a
// scan of a real API server's audit log made. There is no node: what matters is
// what the API server accepts.
func TestResponse(t *testing.T) {
	ctx := deadline(t)
	if sandbox.Inside() {
		respond(ctx, t)
		return
	}
	jq := need.Need{What: "jq", Remedy: "apt-get install jq", Have: func() error { _, err := exec.LookPath("jq"); return err }}
	need.OrSkip(t, append(need.Cluster(), jq)...)
	runInside(ctx, t)
}

func respond(ctx context.Context, t *testing.T) {
	if err := sandbox.Setup(); err != nil {
		t.Fatal(err)
	}
	b := newResponseBed(ctx, t)
	b.attack("first", "second", "third")
	found := b.scan()

	for _, action := range []string{"label", "isolate", "evict"} {
		t.Run("nothing is done without approval: "+action, func(t *testing.T) { b.refused(t, action, found["first"]) })
	}
	t.Run("label", func(t *testing.T) {
		b.act(t, "label", found["first"])
		if p := b.pod(t, "first"); p.Labels["vedette-finding"] != b.id(found["first"]) || p.Labels["app"] != "demo" {
			t.Errorf("the labels are %v", p.Labels)
		}
		if p := b.pod(t, "second"); p.Labels["vedette-finding"] != "" {
			t.Errorf("the labels of another pod are %v", p.Labels)
		}
	})
	t.Run("isolate", func(t *testing.T) {
		b.act(t, "isolate", found["second"])
		b.act(t, "isolate", found["second"]) // again, after a failure in the middle
		b.isolated(t, "second", b.id(found["second"]))
	})
	t.Run("evict", func(t *testing.T) {
		b.act(t, "evict", found["third"])
		if _, err := b.client.CoreV1().Pods("default").Get(ctx, "third", metav1.GetOptions{}); err == nil {
			t.Error("the pod is still there")
		}
	})
	t.Run("another pod of the same name", func(t *testing.T) { b.replaced(t, found["first"]) })
	t.Run("what is no finding of a pod here", func(t *testing.T) { b.unfit(t, found["second"]) })
}

// responseBed is a cluster with a responder that has the rights of the example.
type responseBed struct {
	t      *testing.T
	ctx    context.Context
	dir    string
	c      *cluster.Cluster
	client kubernetes.Interface
	env    []string // of the script
	script string
}

func newResponseBed(ctx context.Context, t *testing.T) *responseBed {
	dir := os.Getenv(dirVar)
	bin := build.Binaries{Dir: os.Getenv(binVar), Version: os.Getenv(versionVar)}
	c, err := cluster.Start(ctx, cluster.Options{Dir: filepath.Join(dir, "c"), WithoutNode: true, Log: t.Output(), Bin: bin})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	client, err := c.Client(identity.Admin(), "e2e-setup")
	if err != nil {
		t.Fatal(err)
	}
	examples, err := filepath.Abs("../examples/response")
	if err != nil {
		t.Fatal(err)
	}
	b := &responseBed{t: t, ctx: ctx, dir: dir, c: c, client: client, script: filepath.Join(examples, "respond.sh")}
	admin, err := c.Kubectl(identity.Admin())
	if err != nil {
		t.Fatal(err)
	}
	if err := admin.Run(ctx, "apply", "--validate=strict", "--filename", filepath.Join(examples, "kubernetes", "responder.yaml")); err != nil {
		t.Fatal(err)
	}
	r, err := admin.Do(ctx, "", "create", "token", "--namespace", "vedette-response", "vedette-responder")
	if err != nil || r.Code != 0 {
		t.Fatalf("%v: %s", err, r.Stderr)
	}
	config := filepath.Join(dir, "responder.kubeconfig")
	text := `{"apiVersion":"v1","kind":"Config","current-context":"x","contexts":[{"name":"x","context":{"cluster":"x","user":"x"}}],` +
		`"clusters":[{"name":"x","cluster":{"server":"` + c.Server() + `","certificate-authority":"` + c.CAFile() + `"}}],` +
		`"users":[{"name":"x","user":{"token":"` + strings.TrimSpace(r.Stdout) + `"}}]}`
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	b.env = append(os.Environ(), "PATH="+bin.Dir+":"+os.Getenv("PATH"), "KUBECONFIG="+config, "RESPOND_CLUSTER="+clusterName, "HOME="+dir)
	return b
}

// attack makes privileged pods, which is a finding each.
func (b *responseBed) attack(names ...string) {
	alice, err := b.c.Kubectl(identity.Actor{Role: "dev", Session: "alice", Groups: []string{"system:masters"}, IP: "198.51.100.30"})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, name := range names {
		pod := `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"` + name + `","namespace":"default","labels":{"app":"demo"}},"spec":{"terminationGracePeriodSeconds":0,` +
			`"containers":[{"name":"c","image":"ubuntu","securityContext":{"privileged":true}}]}}`
		if err := alice.Apply(b.ctx, pod, "create", "--filename", "-"); err != nil {
			b.t.Fatal(err)
		}
	}
}

// scan writes each finding about a pod into a file, by the pod's name.
func (b *responseBed) scan() map[string]string {
	out := map[string]string{}
	for end := time.Now().Add(time.Minute); len(out) < 3 && time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		cmd := exec.CommandContext(b.ctx, filepath.Join(b.dir, "vedette"), "scan", "--cluster", clusterName, "--account", identity.Account, "--region", region, "-o", "jsonl", b.c.AuditLog())
		text, err := cmd.Output()
		if err != nil {
			b.t.Fatal(err)
		}
		for line := range bytes.Lines(text) {
			f := decode(b.t, line)
			if f["type"] != "PrivilegeEscalation:Kubernetes/PrivilegedContainer" {
				continue
			}
			workload := f["resource"].(map[string]any)["kubernetesDetails"].(map[string]any)["kubernetesWorkloadDetails"].(map[string]any)
			name := workload["name"].(string)
			out[name] = b.write(name+".json", line)
		}
	}
	if len(out) != 3 {
		b.t.Fatalf("the scan finds %v", out)
	}
	return out
}

func (b *responseBed) write(name string, text []byte) string {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		b.t.Fatal(err)
	}
	return path
}

// run runs the script as the responder.
func (b *responseBed) run(args ...string) (stdout, stderr string, ok bool) {
	cmd := exec.CommandContext(b.ctx, b.script, args...)
	cmd.Env = b.env
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	return out.String(), errs.String(), err == nil
}

// plan writes a plan and returns its file and its code.
func (b *responseBed) plan(t *testing.T, action, finding string) (file, code string) {
	t.Helper()
	text, stderr, ok := b.run("plan", action, finding)
	if !ok {
		t.Fatalf("plan: %s", stderr)
	}
	file = b.write("plan.json", []byte(text))
	code, stderr, ok = b.run("code", file)
	if !ok {
		t.Fatalf("code: %s", stderr)
	}
	return file, strings.TrimSpace(code)
}

func (b *responseBed) act(t *testing.T, action, finding string) {
	t.Helper()
	file, code := b.plan(t, action, finding)
	if out, stderr, ok := b.run("apply", file, code); !ok {
		t.Fatalf("apply: %s%s", out, stderr)
	}
}

func (b *responseBed) id(finding string) string {
	b.t.Helper()
	text, err := os.ReadFile(finding)
	var f struct{ ID string }
	if err != nil || json.Unmarshal(text, &f) != nil {
		b.t.Fatal(err)
	}
	return f.ID
}

func (b *responseBed) pod(t *testing.T, name string) *corev1.Pod {
	t.Helper()
	p, err := b.client.CoreV1().Pods("default").Get(b.ctx, name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// refused plans and does not approve, or approves something else.
func (b *responseBed) refused(t *testing.T, action, finding string) {
	before := b.pod(t, "first").ResourceVersion
	file, code := b.plan(t, action, finding)
	changed := b.write("changed.json", bytes.Replace(readFile(t, file), []byte("default"), []byte("kube-system"), 1))
	for _, args := range [][]string{{"apply", file}, {"apply", file, ""}, {"apply", file, "yes"}, {"apply", changed, code}, {"apply", finding, code}} {
		if out, _, ok := b.run(args...); ok || out != "" {
			t.Errorf("%v: done: %s", args, out)
		}
	}
	if after := b.pod(t, "first").ResourceVersion; after != before {
		t.Errorf("the pod changed from %s to %s", before, after)
	}
	if list, err := b.client.NetworkingV1().NetworkPolicies("").List(b.ctx, metav1.ListOptions{}); err != nil || len(list.Items) > 0 {
		t.Errorf("%d policies, %v", len(list.Items), err)
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// isolated wants a policy that selects this pod alone and allows nothing.
func (b *responseBed) isolated(t *testing.T, name, id string) {
	list, err := b.client.NetworkingV1().NetworkPolicies("default").List(b.ctx, metav1.ListOptions{})
	if err != nil || len(list.Items) != 1 {
		t.Fatalf("%d policies, %v", len(list.Items), err)
	}
	spec := list.Items[0].Spec
	if len(spec.PolicyTypes) != 2 || len(spec.Ingress)+len(spec.Egress) > 0 || spec.PodSelector.MatchLabels["vedette-isolate"] != id {
		t.Errorf("the policy is %+v", spec)
	}
	selector := metav1.FormatLabelSelector(&spec.PodSelector)
	pods, err := b.client.CoreV1().Pods("").List(b.ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil || len(pods.Items) != 1 || pods.Items[0].Name != name {
		t.Errorf("it selects %v, %v", pods.Items, err)
	}
}

// replaced puts another pod in the place of the finding's, once before the plan
// and once between the plan and its approval.
func (b *responseBed) replaced(t *testing.T, finding string) {
	file, code := b.plan(t, "evict", finding)
	if err := b.client.CoreV1().Pods("default").Delete(b.ctx, "first", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	b.attack("first")
	if out, stderr, ok := b.run("apply", file, code); ok || !strings.Contains(stderr, "Conflict") && !strings.Contains(stderr, "precondition") {
		t.Errorf("the pod that took its place was evicted: %s%s", out, stderr)
	}
	if _, stderr, ok := b.run("plan", "evict", finding); ok || !strings.Contains(stderr, "the pod of the finding is gone") {
		t.Errorf("a plan for the pod that took its place: %s", stderr)
	}
	b.pod(t, "first")
}

// unfit asks for plans for what nobody should act on.
func (b *responseBed) unfit(t *testing.T, finding string) {
	whole := readFile(t, finding)
	change := func(old, now string) []byte {
		if !bytes.Contains(whole, []byte(old)) {
			t.Fatalf("%q is not in %s", old, whole)
		}
		return bytes.ReplaceAll(whole, []byte(old), []byte(now))
	}
	for name, c := range map[string]struct {
		text []byte
		want string
	}{
		"another cluster":      {change(`"name":"e2e"`, `"name":"prod"`), "this responder acts in e2e"},
		"a deployment":         {change(`"type":"pods"`, `"type":"deployments"`), "not about a pod"},
		"a command":            {change(`"name":"second"`, `"name":"second; touch /tmp/x"`), "not a name"},
		"an option":            {change(`"name":"second"`, `"name":"--all"`), "not a name"},
		"two lines":            {change(`"namespace":"default"`, `"namespace":"default\nkube-system"`), "not a name"},
		"a path":               {change(`"namespace":"default"`, `"namespace":"../../nodes"`), "not a name"},
		"no finding":           {[]byte(`{"a":1}`), "no finding"},
		"two findings":         {[]byte("[" + strings.TrimSpace(string(whole)) + "," + string(whole) + "]"), "not one finding"},
		"no JSON":              {[]byte(`x`), "not acted on"},
		"an event of a source": {[]byte(`{"detail":{"source":"k8s-audit"}}`), "no finding"},
	} {
		if out, stderr, ok := b.run("plan", "label", b.write("unfit.json", c.text)); ok || out != "" || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: %s%s", name, out, stderr)
		}
	}
	// An event of a webhook or of EventBridge has the finding inside; the command
	// line may print a list.
	for _, around := range []string{`{"detail-type":"GuardDuty Finding","detail":%}`, `[%]`} {
		text := strings.Replace(around, "%", string(bytes.TrimSpace(whole)), 1)
		if _, stderr, ok := b.run("plan", "label", b.write("event.json", []byte(text))); !ok {
			t.Errorf("%s: %s", around, stderr)
		}
	}
}
