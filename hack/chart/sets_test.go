package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Every set of values passes Helm's strict linter and renders objects that fit
// together.
func TestValueSets(t *testing.T) {
	vedette := program()
	for name, file := range valueSets(t) {
		t.Run(name, func(t *testing.T) {
			if _, err := runHelm(t.Context(), root(t), "lint", "--strict", chartPath, "--namespace", "vedette", "--values", file); err != nil {
				t.Fatal(err)
			}
			all := render(t, "--values", file)
			checkNames(t, all)
			checkSelectors(t, all)
			checkReferences(t, all)
			checkPods(t, all)
			checkConfig(t, vedette, all)
			checkCommands(t, vedette, all)
		})
	}
}

// TestMain builds the program once, unless VEDETTE names one that was built
// already: the configuration and the commands of the chart are judged by it.
func TestMain(m *testing.M) {
	code, err := withVedette(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func withVedette(run func() int) (int, error) {
	if os.Getenv("VEDETTE") != "" {
		return run(), nil
	}
	root, err := findRoot()
	if err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "chart")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	bin := filepath.Join(dir, "vedette")
	cmd := exec.Command("go", "build", "-o", bin, "./cmd/vedette")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build vedette: %w\n%s", err, out)
	}
	if err := os.Setenv("VEDETTE", bin); err != nil {
		return 0, err
	}
	return run(), nil
}

// program is the built Vedette.
func program() string { return os.Getenv("VEDETTE") }

func clusterWide(kind string) bool {
	return slices.Contains([]string{"Namespace", "ClusterRole", "ClusterRoleBinding"}, kind)
}

func checkNames(t *testing.T, all []manifest) {
	t.Helper()
	seen := map[string]bool{}
	for _, m := range all {
		if seen[m.String()] {
			t.Errorf("%s is there twice", m)
		}
		seen[m.String()] = true
		if (m.namespace() == "") != clusterWide(m.kind()) {
			t.Errorf("%s: its namespace is %q", m, m.namespace())
		}
		if len(m.name()) > 63 || m.name() == "" {
			t.Errorf("%s: its name has %d characters", m, len(m.name()))
		}
		if strings.HasSuffix(m.name(), "extra") || m.name() == "more" { // the user's own
			continue
		}
		for _, label := range []string{"helm.sh/chart", "app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/version", "app.kubernetes.io/managed-by", "app.kubernetes.io/component"} {
			if word(m, "metadata", "labels", label) == "" {
				t.Errorf("%s has no label %s", m, label)
			}
		}
	}
}

// contains reports whether labels has all that selector asks for.
func contains(labels map[string]any, selector any) bool {
	want, ok := selector.(map[string]any)
	if !ok || len(want) == 0 {
		return false
	}
	for k, v := range want {
		if labels[k] != v {
			return false
		}
	}
	return true
}

// Selectors find the pods that they are for, and hold nothing that a new
// version changes: those of workloads cannot be changed.
func checkSelectors(t *testing.T, all []manifest) {
	t.Helper()
	matching := func(selector any) (out []string) {
		for _, m := range all {
			if m.kind() != "Pod" && m.pod() != nil && contains(m.podLabels(), selector) {
				out = append(out, m.String())
			}
		}
		return out
	}
	for _, m := range all {
		var selector any
		switch m.kind() {
		case "StatefulSet", "Deployment", "DaemonSet":
			selector = at(m, "spec", "selector", "matchLabels")
			if got := matching(selector); len(got) != 1 || got[0] != m.String() {
				t.Errorf("%s selects %v", m, got)
			}
			if l, _ := selector.(map[string]any); len(l) != 3 {
				t.Errorf("%s: its selector is %v, which can never be changed", m, l)
			}
			if at(m, "spec", "template", "metadata", "labels", "helm.sh/chart") != nil {
				t.Errorf("%s: its pods carry the chart's version, and restart with it", m)
			}
		case "Service":
			selector = at(m, "spec", "selector")
		case "PodDisruptionBudget":
			selector = at(m, "spec", "selector", "matchLabels")
		case "NetworkPolicy":
			selector = at(m, "spec", "podSelector", "matchLabels")
		default:
			continue
		}
		if len(matching(selector)) == 0 {
			t.Errorf("%s selects nothing with %v", m, selector)
		}
	}
}

// What pods mount and run as is there, or is a secret that the values name.
func checkReferences(t *testing.T, all []manifest) {
	t.Helper()
	brought := []string{"seal", "nats", "db", "db-ca", "cert", "slack", "clusters", "aws", "ingest-token", "lists", "mine", "vedette-tls", "watch-tls"}
	there := func(kind, namespace, name string) bool {
		return slices.Contains(brought, name) || slices.ContainsFunc(all, func(m manifest) bool {
			return m.kind() == kind && m.namespace() == namespace && m.name() == name
		})
	}
	for _, m := range all {
		pod := m.pod()
		if pod == nil {
			continue
		}
		if sa := word(pod, "serviceAccountName"); !there("ServiceAccount", m.namespace(), sa) {
			t.Errorf("%s runs as %q, which is not there", m, sa)
		}
		volumes := map[string]bool{}
		for _, v := range list(pod, "volumes") {
			volumes[word(v, "name")] = true
			for _, ref := range []struct{ kind, name string }{
				{"ConfigMap", word(v, "configMap", "name")}, {"Secret", word(v, "secret", "secretName")},
				{"PersistentVolumeClaim", word(v, "persistentVolumeClaim", "claimName")},
			} {
				if ref.name != "" && !there(ref.kind, m.namespace(), ref.name) {
					t.Errorf("%s mounts the %s %s, which is not there", m, ref.kind, ref.name)
				}
			}
		}
		for _, c := range list(pod, "containers") {
			for _, mount := range list(c, "volumeMounts") {
				if !volumes[word(mount, "name")] {
					t.Errorf("%s mounts the volume %s, which is not there", m, word(mount, "name"))
				}
			}
		}
	}
	for _, m := range all {
		if m.kind() != "RoleBinding" && m.kind() != "ClusterRoleBinding" {
			continue
		}
		if !there(word(m, "roleRef", "kind"), m.namespace(), word(m, "roleRef", "name")) {
			t.Errorf("%s binds a role that is not there", m)
		}
		for _, s := range list(m, "subjects") {
			if !there("ServiceAccount", word(s, "namespace"), word(s, "name")) {
				t.Errorf("%s binds %v, which is not there", m, s)
			}
		}
	}
}

// checkCommands has the program look at the arguments that pods give it: with
// --help it does nothing, but a word or a flag that it does not know is an error.
func checkCommands(t *testing.T, vedette string, all []manifest) {
	t.Helper()
	for _, m := range all {
		for _, c := range list(m.pod(), "containers") {
			var args []string
			for _, a := range list(c, "args") {
				args = append(args, a.(string))
			}
			if args == nil { // the user's own
				continue
			}
			if out, err := exec.CommandContext(t.Context(), vedette, append(args, "--help")...).CombinedOutput(); err != nil {
				t.Errorf("%s runs vedette %v: %s", m, args, out)
			}
		}
	}
}

// checkConfig has the program read its own configuration.
func checkConfig(t *testing.T, vedette string, all []manifest) {
	t.Helper()
	for _, m := range all {
		text := word(m, "data", "vedette.yaml")
		if text == "" {
			continue
		}
		if err := checkText(t.Context(), t.TempDir(), vedette, text); err != nil {
			t.Errorf("%s: %v\n%s", m, err, text)
		}
	}
}

func checkText(ctx context.Context, dir, vedette, text string) error {
	path := filepath.Join(dir, "vedette.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, vedette, "config", "check", "--text-only", path).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}
