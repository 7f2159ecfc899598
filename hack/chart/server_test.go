package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A real API server takes every object of every set of values, with strict
// checks of fields and all of its admission; and the restricted Pod Security
// Standard is kept by all pods but those that look at nodes.
func TestRealServer(t *testing.T) {
	c := startCluster(t)
	for _, ns := range []string{"vedette", "sensors", "amazon-guardduty"} {
		c.must(t, nil, "create", "namespace", ns)
	}
	c.must(t, nil, "create", "namespace", "restricted")
	c.must(t, nil, "label", "namespace", "restricted", "pod-security.kubernetes.io/enforce=restricted")
	define(t, c)
	for name, file := range valueSets(t) {
		t.Run(name, func(t *testing.T) {
			text, err := template(t.Context(), root(t), "--values", file)
			if err != nil {
				t.Fatal(err)
			}
			c.must(t, text, "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-")
			for _, m := range parse(t, text) {
				if m.pod() != nil {
					checkAdmission(t, c, m)
				}
			}
		})
	}
	t.Run("manifests", func(t *testing.T) {
		c.must(t, nil, "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", filepath.Join(root(t), manifestsPath))
	})
	t.Run("kustomize", func(t *testing.T) { kustomize(t, c) })
	t.Run("upgrades", func(t *testing.T) { upgrades(t, c) })
	t.Run("rights", func(t *testing.T) { rights(t, c) })
	t.Run("helm", func(t *testing.T) { lifeOfRelease(t, c) })
	t.Run("shared", func(t *testing.T) { shared(t, c) })
}

// checkAdmission has the server judge the pods themselves: of a Deployment it
// only looks at the form.
func checkAdmission(t *testing.T, c *cluster, m manifest) {
	t.Helper()
	spec := m.pod()
	text, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": "p", "namespace": "restricted"}, "spec": spec})
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.run(t.Context(), text, "create", "--dry-run=server", "--validate=strict", "-f", "-")
	component := word(m, "metadata", "labels", "app.kubernetes.io/component")
	if component == "sensor" || component == "audit-log" {
		if err == nil || !strings.Contains(out, "PodSecurity") {
			t.Errorf("%s is taken in a restricted namespace, so this test sees nothing: %v", m, err)
		}
		return
	}
	if err != nil {
		t.Errorf("%s: %v", m, err)
	}
}

// define makes the published definitions of the resources that the chart has for
// other people's operators.
func define(t *testing.T, c *cluster) {
	t.Helper()
	for _, d := range []struct{ module, version, path string }{
		{"github.com/prometheus-operator/prometheus-operator", "v0.85.0", "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml"},
		{"github.com/prometheus-operator/prometheus-operator", "v0.85.0", "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml"},
		{"github.com/prometheus-operator/prometheus-operator", "v0.85.0", "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml"},
		{"github.com/cert-manager/cert-manager", "v1.21.2", "deploy/crds/cert-manager.io_certificates.yaml"},
	} {
		text, err := moduleFile(t.Context(), t.TempDir(), d.module, d.version, d.path)
		if err != nil {
			lack(t, d.module, fmt.Sprintf("it could not be had from the Go module proxy: %v", err))
		}
		c.must(t, text, "apply", "--server-side", "-f", "-")
	}
	c.must(t, nil, "wait", "--for=condition=Established", "--timeout=60s", "crd",
		"servicemonitors.monitoring.coreos.com", "podmonitors.monitoring.coreos.com", "prometheusrules.monitoring.coreos.com", "certificates.cert-manager.io")
}

// moduleFile is a file of a Go module.
func moduleFile(ctx context.Context, dir, module, version, path string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", module+"@"+version)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	var m struct{ Dir string }
	if err := json.Unmarshal(out, &m); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(m.Dir, path))
}

// kustomize builds the base and the example with kubectl's Kustomize.
func kustomize(t *testing.T, c *cluster) {
	for _, dir := range []string{"deploy/kustomize/base", "deploy/kustomize/overlays/example"} {
		out, err := exec.CommandContext(t.Context(), c.kubectl, "kustomize", filepath.Join(root(t), dir)).Output()
		if err != nil {
			t.Fatalf("%s: %v", dir, err)
		}
		c.must(t, out, "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-")
		if strings.HasSuffix(dir, "base") {
			continue
		}
		all := parse(t, out)
		checkConfig(t, program(), all)
		cluster := word(configOf(t, all), "cluster")
		sensor := find(t, all, "DaemonSet", "vedette-sensor").pod()
		if args := list(sensor, "containers", 0, "args"); !slices.Contains(args, any("--cluster="+cluster)) {
			t.Errorf("the example's sensor has the arguments %v, its configuration the cluster %s", args, cluster)
		}
		if volume := named(sensor, "token", []any{"volumes"}); word(volume, "projected", "sources", 0, "serviceAccountToken", "audience") != "vedette/"+cluster {
			t.Errorf("the example's sensor has a token for another cluster than %s: %v", cluster, volume)
		}
		server := find(t, all, "StatefulSet", "vedette").pod()
		if name := word(named(server, "config", []any{"volumes"}), "configMap", "name"); !strings.HasPrefix(name, "vedette-settings-") {
			t.Errorf("a changed configuration does not restart the server: it mounts %s", name)
		}
		if image := word(server, "containers", 0, "image"); image != "registry.example.com/vedette:0.2.0" {
			t.Errorf("the example's image is %s", image)
		}
	}
}

// upgrades: whatever is changed within a mode, the server takes over what it
// has; and what Vedette writes is not taken away.
func upgrades(t *testing.T, c *cluster) {
	apply := []string{"apply", "--server-side", "--field-manager=helm", "--validate=strict", "-f", "-"}
	for name, next := range map[string][]string{
		"default":     {"--set", "clusterName=other,image.tag=x,service.type=LoadBalancer,server.resources=null,persistence.size=10Gi,sensor.resources=null,commonLabels.a=b,server.podLabels.c=d,config.log.level=debug,auditLog.enabled=true,tls.mode=existingSecret,tls.existingSecret.name=cert"},
		"distributed": {"--set", "distributed.detect.replicas=9,distributed.ingest.autoscaling.enabled=true,distributed.api.replicas=3,commonLabels.a=b,image.tag=x"},
	} {
		values := []string{"--no-hooks", "--values", valueSets(t)[name]}
		first, err := template(t.Context(), root(t), values...)
		if err != nil {
			t.Fatal(err)
		}
		c.must(t, first, apply...)
		authority := []byte(`{apiVersion: v1, kind: ConfigMap, metadata: {name: vedette-authority, namespace: vedette}, data: {ca.crt: pem}}`)
		c.must(t, authority, "apply", "--server-side", "--field-manager=vedette", "-f", "-")
		second, err := template(t.Context(), root(t), append(values, next...)...)
		if err != nil {
			t.Fatal(err)
		}
		c.must(t, second, apply...)
		if got := c.must(t, nil, "get", "configmap", "vedette-authority", "-n", "vedette", "-o", `jsonpath={.data.ca\.crt}`); got != "pem" {
			t.Errorf("%s: an upgrade made the authority %q", name, got)
		}
		c.must(t, second, "delete", "--wait=false", "-f", "-")
	}
}

// lifeOfRelease installs, upgrades and uninstalls with real Helm. Nothing runs
// the pods here; what is looked at is what becomes of the objects.
func lifeOfRelease(t *testing.T, c *cluster) {
	helm := func(args ...string) {
		t.Helper()
		if _, err := runHelm(t.Context(), root(t), append(args, "--namespace", "life", "--kube-apiserver="+c.url, "--kube-ca-file="+c.ca, "--kube-token="+adminToken)...); err != nil {
			t.Fatal(err)
		}
	}
	authority := func() string {
		return c.must(t, nil, "get", "configmap", "vedette-authority", "-n", "life", "-o", `jsonpath={.data.ca\.crt}`)
	}
	helm("install", "vedette", chartPath, "--create-namespace", "--set", "auditLog.enabled=true")
	c.must(t, []byte(`{apiVersion: v1, kind: ConfigMap, metadata: {name: vedette-authority, namespace: life}, data: {ca.crt: pem}}`),
		"apply", "--server-side", "--field-manager=vedette", "-f", "-")
	helm("upgrade", "vedette", chartPath, "--set", "clusterName=other,commonLabels.team=a,server.resources.limits.memory=2Gi")
	if got := authority(); got != "pem" {
		t.Errorf("an upgrade made the authority %q", got)
	}
	if left := c.must(t, nil, "get", "daemonsets", "-n", "life", "-o", "name"); left != "daemonset.apps/vedette-sensor\n" {
		t.Errorf("after the audit log's DaemonSet was switched off there are %s", left)
	}
	helm("rollback", "vedette", "1")
	helm("uninstall", "vedette")
	left := c.must(t, nil, "get", "all,configmaps,roles,rolebindings,serviceaccounts,persistentvolumeclaims,networkpolicies,poddisruptionbudgets", "-n", "life",
		"-l", "app.kubernetes.io/instance=vedette", "-o", "name", "--ignore-not-found")
	if left != "persistentvolumeclaim/vedette-data\n" {
		t.Errorf("an uninstall leaves %q, want the volume's claim alone", left)
	}
	if left := c.must(t, nil, "get", "clusterroles,clusterrolebindings", "-l", "app.kubernetes.io/instance=vedette", "-o", "name"); strings.Contains(left, "life") {
		t.Errorf("an uninstall leaves %s", left)
	}
	helm("install", "vedette", chartPath) // the claim is taken up again
}

// rights: the roles allow what the server needs, and not more.
func rights(t *testing.T, c *cluster) {
	text, err := template(t.Context(), root(t), "--values", valueSets(t)["managed"], "--show-only", "templates/rbac.yaml", "--show-only", "templates/sensor.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c.must(t, text, "apply", "--server-side", "--force-conflicts", "-f", "-")
	const server, sensor = "system:serviceaccount:vedette:vedette", "system:serviceaccount:amazon-guardduty:aws-guardduty-agent"
	for _, test := range []struct {
		who, can, namespace string
		want                bool
	}{
		{server, "create tokenreviews.authentication.k8s.io", "", true},
		{server, "list nodes", "", true},
		{server, "patch daemonsets.apps/aws-guardduty-agent", "amazon-guardduty", true},
		{server, "create daemonsets.apps/aws-guardduty-agent", "amazon-guardduty", true},
		{server, "delete daemonsets.apps/aws-guardduty-agent", "amazon-guardduty", true},
		{server, "patch configmaps/aws-guardduty-agent", "amazon-guardduty", true},
		{server, "list pods", "amazon-guardduty", true},
		{server, "patch configmaps/vedette-authority", "vedette", true},
		{sensor, "watch pods", "", true},
		{sensor, "get nodes", "", true},

		{server, "get secrets", "vedette", false},
		{server, "get secrets", "amazon-guardduty", false},
		{server, "create pods", "vedette", false},
		{server, "create pods", "amazon-guardduty", false},
		{server, "list pods", "kube-system", false},
		{server, "patch daemonsets.apps/other", "amazon-guardduty", false},
		{server, "create daemonsets.apps", "amazon-guardduty", false},
		{server, "patch configmaps/vedette-config", "vedette", false},
		{server, "create clusterrolebindings.rbac.authorization.k8s.io", "", false},
		{server, "delete nodes", "", false},
		{sensor, "get secrets", "amazon-guardduty", false},
		{sensor, "list nodes", "", false},
		{sensor, "create pods", "amazon-guardduty", false},
	} {
		args := append([]string{"auth", "can-i", "--as=" + test.who}, strings.Fields(test.can)...)
		if test.namespace != "" {
			args = append(args, "-n", test.namespace)
		} else {
			args = append(args, "--all-namespaces")
		}
		out, _ := c.run(t.Context(), nil, args...)
		if got := strings.HasPrefix(strings.TrimSpace(lastLine(out)), "yes"); got != test.want {
			t.Errorf("%s may %s in %q: %s, want %v", test.who, test.can, test.namespace, out, test.want)
		}
	}
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}
