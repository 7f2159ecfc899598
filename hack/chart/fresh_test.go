package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is generated is what would be generated now.
func TestFresh(t *testing.T) {
	dir := root(t)
	files, err := generate(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	text, err := manifests(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range append(files, made{manifestsPath, text}) {
		got, err := os.ReadFile(filepath.Join(dir, f.path))
		if err != nil || !bytes.Equal(got, f.text) {
			t.Errorf("%s is stale (%v); run: cd hack/chart && go run .", f.path, err)
		}
	}
}

// A value that no template reads does nothing.
func TestEveryValueIsUsed(t *testing.T) {
	dir := root(t)
	var templates strings.Builder
	for _, pattern := range []string{"*", "tests/*"} {
		paths, _ := filepath.Glob(filepath.Join(dir, chartPath, "templates", pattern))
		for _, p := range paths {
			if text, err := os.ReadFile(p); err == nil {
				templates.Write(text)
			}
		}
	}
	// What templates call a group of values.
	aliases := map[string][]string{
		"server": {"$server"}, "service": {"$service"}, "sensor": {"$sensor"}, "auditLog": {"$log"}, "networkPolicy": {"$policy"},
		"tls.certManager": {"$cert"}, "distributed.ingest": {"$values"}, "distributed.api": {"$values"},
		// "with" makes the group the dot.
		"distributed.ingest.autoscaling": {""}, "metrics.serviceMonitor": {""}, "metrics.prometheusRule": {""}, "metrics.dashboard": {""},
		"auditLog.podMonitor": {""},
	}
	list, _, err := readValues(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 100 {
		t.Fatalf("only %d values were found", len(list))
	}
	for _, v := range list {
		used := strings.Contains(templates.String(), ".Values."+v.path)
		for group, names := range aliases {
			rest, in := strings.CutPrefix(v.path, group+".")
			for _, name := range names {
				used = used || in && strings.Contains(templates.String(), name+"."+rest)
			}
		}
		if !used {
			t.Errorf("no template reads %s", v.path)
		}
	}
}

// The chart has the version of the changelog's newest release or of the one to come.
func TestVersions(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), chartPath, "Chart.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	m := parse(t, text)[0]
	if word(m, "version") == "" || word(m, "version") != word(m, "appVersion") {
		t.Errorf("version %q and appVersion %q are not the same: the chart is released with the program", word(m, "version"), word(m, "appVersion"))
	}
}
