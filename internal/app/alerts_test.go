package app

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/vedette-project/vedette/internal/config"
)

// TestAlertRules: the rules that operators are given speak of metrics that
// there are, and say what to do.
func TestAlertRules(t *testing.T) {
	text, err := os.ReadFile("../../deploy/alerts/vedette.rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	dec := yaml.NewDecoder(strings.NewReader(string(text)))
	dec.KnownFields(true)
	if err := dec.Decode(&file); err != nil {
		t.Fatal(err)
	}
	a := startApp(t, t.TempDir(), func(c *config.Config) { c.Publish.File = filepath.Join(t.TempDir(), "events.jsonl") })
	mustPush(t, a, "prod", attack("mallory", 1))
	if err := a.lookAtSources(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := a.sendCanary(t.Context()); err != nil {
		t.Fatal(err)
	}
	settle(t, a)
	var page string
	until(t, "the metrics have the commits", func() bool {
		_, page = get(t, "http://"+a.MetricsAddr+"/metrics")
		return strings.Contains(page, "\nvedette_line_canary_seconds_count 1\n")
	})
	names := regexp.MustCompile(`vedette_[a-z_]+`)
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			used := names.FindAllString(r.Expr, -1)
			if len(used) == 0 || r.Annotations["summary"] == "" || r.Annotations["description"] == "" || r.Labels["severity"] == "" {
				t.Errorf("%s: no metric, or it does not say what to do", r.Alert)
			}
			for _, n := range used {
				if !strings.Contains(page, "\n"+n+"{") && !strings.Contains(page, "\n"+n+" ") {
					t.Errorf("%s: there is no %s", r.Alert, n)
				}
			}
		}
	}
}
