package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// configOf is the server's configuration.
func configOf(t *testing.T, all []manifest) map[string]any {
	t.Helper()
	for _, m := range all {
		if text := word(m, "data", "vedette.yaml"); strings.Contains(text, "dataDir") { // the test's pod has a short one
			var out map[string]any
			if err := yaml.Unmarshal([]byte(text), &out); err != nil {
				t.Fatal(err)
			}
			return out
		}
	}
	t.Fatal("there is no configuration")
	return nil
}

// A key of the user counts, also a false, a zero and a number that Helm keeps as
// a float; what he does not say stays.
func TestConfigIsMerged(t *testing.T) {
	values := filepath.Join(t.TempDir(), "values.yaml")
	if err := os.WriteFile(values, []byte(`
config:
  journal: {maxBytes: 34359738368}
  log: {format: text}
  server: {metricsListen: "", drainTimeout: 30s, tls: {auto: false, names: []}}
  ingest: {canaryEvery: 0s}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	c := configOf(t, render(t, "--values", values))
	for _, want := range []struct {
		path []any
		is   any
	}{
		{[]any{"journal", "maxBytes"}, 34359738368},
		{[]any{"log", "format"}, "text"},
		{[]any{"server", "metricsListen"}, ""},
		{[]any{"server", "drainTimeout"}, "30s"},
		{[]any{"server", "tls", "auto"}, false},
		{[]any{"server", "listen"}, ":8700"},
		{[]any{"account"}, "000000000000"},
		{[]any{"store", "dataDir"}, "/var/lib/vedette"},
	} {
		if got := at(c, want.path...); got != want.is {
			t.Errorf("%v is %v (%T), want %v", want.path, got, got, want.is)
		}
	}
	if got := list(c, "server", "tls", "names"); len(got) != 0 {
		t.Errorf("the user's empty list of names became %v", got)
	}
}

// A configuration that changes restarts the pods, and nothing else does.
func TestChangesRestart(t *testing.T) {
	pods := func(args ...string) (server, sensor any) {
		all := render(t, args...)
		return at(find(t, all, "StatefulSet", "vedette"), "spec", "template"), at(find(t, all, "DaemonSet", "vedette-sensor"), "spec", "template")
	}
	server, sensor := pods()
	if s, _ := pods("--set", "config.store.retentionDays=30"); reflect.DeepEqual(s, server) {
		t.Error("a changed configuration does not restart the server")
	}
	s1, s2 := pods("--set", "service.type=NodePort,metrics.dashboard.enabled=true,persistence.size=20Gi")
	if !reflect.DeepEqual(s1, server) || !reflect.DeepEqual(s2, sensor) {
		t.Error("what is not about pods restarts them")
	}
}

// Rendering twice gives the same bytes: nothing is drawn by lot.
func TestSameEachTime(t *testing.T) {
	for name, file := range valueSets(t) {
		a, err := template(t.Context(), root(t), "--values", file)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := template(t.Context(), root(t), "--values", file)
		if !bytes.Equal(a, b) {
			t.Errorf("%s is rendered differently each time", name)
		}
	}
}

// Who pushes, and where to: what the sensors are told is what the server is told.
func TestTokensAndNames(t *testing.T) {
	for name, file := range valueSets(t) {
		all := render(t, "--values", file)
		for _, m := range all {
			pod := m.pod()
			for _, v := range list(pod, "volumes") {
				audience := word(v, "projected", "sources", 0, "serviceAccountToken", "audience")
				if audience == "" {
					continue
				}
				account := m.namespace() + "/" + word(pod, "serviceAccountName")
				if strings.HasPrefix(name, "agents") { // the server is elsewhere
					if audience != "vedette/staging" {
						t.Errorf("%s: %s has a token for %s", name, m, audience)
					}
					continue
				}
				cluster := at(configOf(t, all), "kubernetes", "clusters", 0)
				if audience != "vedette/"+word(cluster, "name") || !slices.Contains(list(cluster, "pushers"), any(account)) {
					t.Errorf("%s: %s has a token of %s for %s, the server takes those of %v for vedette/%s", name, m, account, audience, list(cluster, "pushers"), word(cluster, "name"))
				}
			}
			for _, arg := range list(pod, "containers", 0, "args") {
				host, ok := strings.CutPrefix(arg.(string), "--server=https://")
				if !ok || strings.HasPrefix(name, "agents") {
					continue
				}
				host, _, _ = strings.Cut(host, ":")
				if names := list(configOf(t, all), "server", "tls", "names"); strings.Contains(name, "certificate") || name == "cert-manager" {
					continue // of somebody else
				} else if !slices.Contains(names, any(host)) {
					t.Errorf("%s: %s calls %s, the certificate is for %v", name, m, host, names)
				}
				service := strings.TrimSuffix(host, ".vedette.svc")
				find(t, all, "Service", service)
			}
		}
	}
}

// The DaemonSet of the chart does what `vedette kube sensor` prints: the same
// pod, but for how it logs in.
func TestSensorIsThatOfTheProgram(t *testing.T) {
	vedette := program()
	cmd := exec.CommandContext(t.Context(), vedette, "kube", "sensor", "--server", "https://vedette.vedette.svc:8700", "--cluster", "kubernetes",
		"--image", "ghcr.io/vedette-project/vedette:0.2.0", "--token", "t", "--namespace", "vedette")
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	printed := find(t, parse(t, out), "DaemonSet", "vedette-sensor").pod()
	all := render(t)
	ours := find(t, all, "DaemonSet", "vedette-sensor").pod()
	for _, path := range [][]any{
		{"hostPID"}, {"tolerations"}, {"affinity"}, {"priorityClassName"}, {"terminationGracePeriodSeconds"}, {"serviceAccountName"},
		{"containers", 0, "securityContext"}, {"containers", 0, "env"}, {"containers", 0, "resources"}, {"containers", 0, "image"},
		{"containers", 0, "terminationMessagePolicy"},
	} {
		if a, b := at(printed, path...), at(ours, path...); !reflect.DeepEqual(a, b) || a == nil {
			t.Errorf("%v: the program prints %v, the chart %v", path, a, b)
		}
	}
	login := func(v any) bool {
		s, _ := v.(string)
		return strings.HasPrefix(s, "--token-file=") || strings.HasPrefix(s, "--ca-file=")
	}
	a := slices.DeleteFunc(slices.Clone(list(printed, "containers", 0, "args")), login)
	b := slices.DeleteFunc(slices.Clone(list(ours, "containers", 0, "args")), login)
	if !reflect.DeepEqual(a, b) {
		t.Errorf("the program prints %v, the chart %v", a, b)
	}
	for _, name := range []string{"host", "spool"} {
		for _, path := range [][]any{{"volumes"}, {"containers", 0, "volumeMounts"}} {
			if a, b := named(printed, name, path), named(ours, name, path); !reflect.DeepEqual(a, b) || a == nil {
				t.Errorf("%v %s: the program prints %v, the chart %v", path, name, a, b)
			}
		}
	}
	if a, b := at(find(t, parse(t, out), "ClusterRole", "vedette-sensor"), "rules"), at(find(t, all, "ClusterRole", "vedette-sensor"), "rules"); !reflect.DeepEqual(a, b) {
		t.Errorf("the program gives the sensor %v, the chart %v", a, b)
	}
}

// named is the entry with a name in the list at a path.
func named(pod map[string]any, name string, path []any) any {
	for _, v := range list(pod, path...) {
		if word(v, "name") == name {
			return v
		}
	}
	return nil
}

// A long name leaves room for what is put behind it: pods of a StatefulSet have
// its name and a hash in a label.
func TestLongNames(t *testing.T) {
	long := strings.Repeat("abcdefghi-", 7)
	for _, mode := range []string{"default", "distributed", "everything"} {
		for _, m := range render(t, "--values", valueSets(t)[mode], "--set", "fullnameOverride="+long) {
			if most := map[string]int{"StatefulSet": 52, "Service": 63}[m.kind()]; most > 0 && len(m.name()) > most || strings.Contains(m.name(), "--") {
				t.Errorf("%s: its name has %d characters", m, len(m.name()))
			}
		}
	}
}
