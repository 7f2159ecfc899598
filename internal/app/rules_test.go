package app

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/simulate"
)

const ownRules = `title: Trail stopped
id: 8c0a2f0e-6a38-4d1c-9a53-0d9d6b6f7a10
level: high
tags: [attack.defense_evasion]
logsource: {product: aws, service: cloudtrail}
detection:
  selection: {eventName: StopLogging}
  condition: selection
---
title: Trails stopped again and again
id: 8c0a2f0e-6a38-4d1c-9a53-0d9d6b6f7a11
level: critical
correlation:
  type: event_count
  rules: [8c0a2f0e-6a38-4d1c-9a53-0d9d6b6f7a10]
  group-by: [recipientAccountId]
  timespan: 1h
  condition: {gte: 3}
  generate: true
`

// TestRulesInServer: rules that the configuration names find in a server, one
// that ends and starts again between the records of a correlation, what they
// find in a scan.
func TestRulesInServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "own.yml")
	if err := os.WriteFile(file, []byte(ownRules), 0o600); err != nil {
		t.Fatal(err)
	}
	named := func(c *config.Config) { c.Detection.Rules = []string{file} }
	var lines []string
	for i := range 3 {
		more, err := simulate.Records("Stealth:IAMUser/CloudTrailLoggingDisabled", time.Date(2026, 5, 1, 0, 5*i, 0, 0, time.UTC))
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, more...)
	}
	log := filepath.Join(dir, "trail.log")
	if err := os.WriteFile(log, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := scanOptions(t, []string{log})
	var err error
	if o.Detect.Rules, err = LoadRules([]string{file}); err != nil {
		t.Fatal(err)
	}
	want := scan(t, o).Findings
	custom := map[string]bool{}
	for _, f := range want {
		if strings.HasSuffix(f.Type, ".Custom") {
			custom[f.Type] = true
		}
	}
	if len(custom) != 2 {
		t.Fatalf("the two rules found %v", custom)
	}
	data := t.TempDir()
	a := startApp(t, data, named)
	for _, line := range lines {
		res, err := http.Post("http://"+a.Addr+"/ingest/cloudtrail", "application/json", strings.NewReader(line+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Fatal(res.Status)
		}
		if err := a.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		a = startApp(t, data, named)
	}
	if d := cmp.Diff(jsonl(t, want), jsonl(t, stored(t, a))); d != "" {
		t.Error(d)
	}
}

// TestRuleFaultNamesTheKey: a configuration that names a faulty rule is refused.
func TestRuleFaultNamesTheKey(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "own.yml")
	if err := os.WriteFile(file, []byte(strings.Replace(ownRules, "condition: selection", "condition: selektion", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	c := config.Default()
	c.Detection.Rules = []string{file}
	_, err := DetectOptions(c)
	if err == nil || !strings.HasPrefix(err.Error(), "detection.rules: ") || !strings.Contains(err.Error(), "own.yml:") {
		t.Errorf("got %v", err)
	}
}
