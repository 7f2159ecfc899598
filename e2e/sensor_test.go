//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/guardduty/types"

	"github.com/vedette-project/vedette/e2e/scenario"
)

// miner is a pod that is over within a fifth of a second and looks like a miner.
const miner = `apiVersion: v1
kind: Pod
metadata: {name: short-lived, namespace: default, labels: {app: batch}}
spec:
  restartPolicy: Never
  containers:
  - name: work
    image: registry.test/batch:1
    command: [sh, -c, "cp /bin/busybox /tmp/xmrig; /tmp/xmrig -o stratum+tcp://pool.minexmr.com:4444 -u 4ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghij; true"]
`

// ordinary is a pod that does what many do.
const ordinary = `apiVersion: v1
kind: Pod
metadata: {name: ordinary, namespace: default}
spec:
  containers:
  - name: web
    image: registry.test/web:1
    command: [sh, -c, "mkdir -p /tmp/www && echo hello > /tmp/www/index.html && exec httpd -f -p 8080 -h /tmp/www"]
    readinessProbe: {periodSeconds: 1, exec: {command: [sh, -c, "wget -q -O /dev/null http://127.0.0.1:8080/"]}}
`

// playRuntime runs the sensor as a DaemonSet, from the manifests that the
// product prints, and pods under it.
func (v *vedette) playRuntime(ctx context.Context, t *testing.T, env *scenario.Env, dir string, outerPID int) {
	manifest := string(v.run(ctx, t, "kube", "sensor", "--server", endpoint, "--cluster", clusterName, "--image", "registry.test/vedette:1", "--data-dir", v.data))
	host, port, err := net.SplitHostPort(strings.TrimPrefix(env.Cluster.Server(), "https://"))
	if err != nil {
		t.Fatal(err)
	}
	// The image has no vedette in it: the node has. The server listens on the
	// node's loopback, and only processes of the test are looked at.
	for _, change := range [][2]string{
		{"      hostPID: true", "      hostNetwork: true\n      hostPID: true"},
		{"        args:\n        - sensor\n", fmt.Sprintf("        command: [/vedette/vedette]\n        args:\n        - sensor\n        - --pid=%d\n", outerPID)},
		// No kube-proxy leads to the API server's service here.
		{"        env:\n", "        env:\n        - {name: KUBERNETES_SERVICE_HOST, value: \"" + host + "\"}\n        - {name: KUBERNETES_SERVICE_PORT, value: \"" + port + "\"}\n"},
		{"        volumeMounts:\n", "        volumeMounts:\n        - {name: program, mountPath: /vedette, readOnly: true}\n"},
		{"      volumes:\n", "      volumes:\n      - name: program\n        hostPath: {path: " + dir + "}\n"},
	} {
		if !strings.Contains(manifest, change[0]) {
			t.Fatalf("the manifest has no %q", change[0])
		}
		manifest = strings.Replace(manifest, change[0], change[1], 1)
	}
	if err := env.Admin.Apply(ctx, manifest, "apply", "-f", "-"); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if !t.Failed() {
			return
		}
		for _, args := range [][]string{{"logs", "ds/vedette-sensor", "--tail=30"}, {"describe", "pods"}} {
			r, err := env.Admin.Do(ctx, "", append([]string{"-n", "vedette"}, args...)...)
			t.Log(args, r, err)
		}
	}()
	v.waitFor(ctx, t, "the node is covered", func() (bool, string) { return v.covered(ctx) })
	for _, pod := range []string{ordinary, miner} {
		if err := env.Admin.Apply(ctx, pod, "apply", "-f", "-"); err != nil {
			t.Fatal(err)
		}
	}
	if err := env.Admin.Run(ctx, "wait", "--for=condition=Ready", "--timeout=60s", "pod/ordinary"); err != nil {
		t.Fatal(err)
	}
	if err := env.Admin.Run(ctx, "exec", "ordinary", "--", "cat", "/etc/hostname"); err != nil {
		t.Fatal(err)
	}
	want := []string{"Impact:Runtime/CryptoMinerExecuted", "Execution:Runtime/SuspiciousCommand"} // it also runs from /tmp
	v.waitFor(ctx, t, "the miner's findings", func() (bool, string) {
		n := len(v.runtimeFindings(ctx, t))
		return n >= len(want), fmt.Sprintf("%d findings", n)
	})
	time.Sleep(2 * time.Second) // for those that must not come
	for _, f := range v.runtimeFindings(ctx, t) {
		i := slices.Index(want, *f.Type)
		if i < 0 {
			t.Errorf("unexpected: %s: %s", *f.Type, aws.ToString(f.Description))
			continue
		}
		want = slices.Delete(want, i, i+1)
		wantMiner(t, f)
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
}

func (v *vedette) runtimeFindings(ctx context.Context, t *testing.T) []types.Finding {
	t.Helper()
	return slices.DeleteFunc(v.findings(ctx, t), func(f types.Finding) bool { return !strings.Contains(*f.Type, ":Runtime/") })
}

// wantMiner compares what the finding says of where it happened.
func wantMiner(t *testing.T, f types.Finding) {
	k := f.Resource.KubernetesDetails
	if k == nil || k.KubernetesWorkloadDetails == nil || len(k.KubernetesWorkloadDetails.Containers) != 1 {
		t.Fatalf("the finding names no workload: %+v", k)
	}
	w := k.KubernetesWorkloadDetails
	c := w.Containers[0]
	p := f.Service.RuntimeDetails.Process
	for _, x := range [][3]string{
		{"cluster", aws.ToString(f.Resource.EksClusterDetails.Name), clusterName},
		{"workload", aws.ToString(w.Type) + "/" + aws.ToString(w.Namespace) + "/" + aws.ToString(w.Name), "pods/default/short-lived"},
		{"service account", aws.ToString(w.ServiceAccountName), "default"},
		// All images here are one, so its name is whatever came first.
		{"container", aws.ToString(c.Name) + " " + aws.ToString(c.ContainerRuntime), "work containerd"},
		{"process", aws.ToString(p.Name) + " " + aws.ToString(p.ExecutablePath), "xmrig /tmp/xmrig"},
	} {
		if x[1] != x[2] {
			t.Errorf("%s is %q, want %q", x[0], x[1], x[2])
		}
	}
	if len(p.Lineage) == 0 {
		t.Error("the process has no lineage")
	}
}

// covered asks the API whether the sensor of the node is well.
func (v *vedette) covered(ctx context.Context) (bool, string) {
	out, err := v.client.ListCoverage(ctx, &guardduty.ListCoverageInput{DetectorId: &v.detector})
	if err != nil {
		return false, err.Error()
	}
	said := "no coverage of nodes"
	for _, r := range out.Resources {
		d := r.ResourceDetails
		if d == nil || d.EksClusterDetails == nil || d.EksClusterDetails.CompatibleNodes == nil {
			continue
		}
		if r.CoverageStatus == types.CoverageStatusHealthy && aws.ToInt64(d.EksClusterDetails.CoveredNodes) == 1 {
			return true, ""
		}
		said = fmt.Sprintf("%s, %d of %d nodes: %s", r.CoverageStatus, aws.ToInt64(d.EksClusterDetails.CoveredNodes), aws.ToInt64(d.EksClusterDetails.CompatibleNodes), aws.ToString(r.Issue))
	}
	return false, said
}

func (v *vedette) waitFor(ctx context.Context, t *testing.T, what string, ok func() (bool, string)) {
	t.Helper()
	said := ""
	for end := time.Now().Add(90 * time.Second); time.Now().Before(end) && ctx.Err() == nil; time.Sleep(200 * time.Millisecond) {
		var done bool
		if done, said = ok(); done {
			return
		}
	}
	t.Fatalf("not in time: %s: %s", what, said)
}
