package app

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v3"

	"github.com/vedette-project/vedette/internal/config"
	sending "github.com/vedette-project/vedette/internal/push"
	"github.com/vedette-project/vedette/internal/testbed"
)

const (
	alertRules = "../../deploy/alerts/vedette.rules.yaml"
	alertTests = "../../deploy/alerts/tests/vedette.test.yaml"
	dashboard  = "../../deploy/grafana/vedette.json"
)

// readYAML reads a file strictly.
func readYAML(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dec := yaml.NewDecoder(strings.NewReader(string(text)))
	dec.KnownFields(true)
	if err := dec.Decode(into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// alertRule is an alert as the file has it.
type alertRule struct {
	Alert, Expr, For    string
	Labels, Annotations map[string]string
}

func readAlerts(t *testing.T) []alertRule {
	t.Helper()
	var file struct {
		Groups []struct {
			Name  string
			Rules []alertRule
		}
	}
	readYAML(t, alertRules, &file)
	var out []alertRule
	for _, g := range file.Groups {
		out = append(out, g.Rules...)
	}
	return out
}

// tellable are the names of all samples that a server with everything on can
// tell, by Vedette or by the client of Prometheus.
func tellable(t *testing.T) map[string]bool {
	t.Helper()
	a := startApp(t, t.TempDir(), func(c *config.Config) {
		c.Server.TLS.Auto = true
		c.Publish.File = filepath.Join(t.TempDir(), "events.jsonl")
		c.Ingest.Folders = []config.Folder{{Path: t.TempDir(), Source: "cloudtrail"}}
		c.AWS.Lookup.Accounts = []config.LookupAccount{{}}
	})
	out := map[string]bool{}
	for _, f := range a.MetricFamilies() {
		out[f.Name] = true
		if f.Type == "histogram" {
			for _, end := range []string{"_bucket", "_sum", "_count"} {
				out[f.Name+end] = true
			}
		}
	}
	_, page := get(t, "http://"+a.MetricsAddr+"/metrics")
	for sample := range samples(t, page) {
		name, _, _ := strings.Cut(sample, "{")
		out[name] = true
	}
	for _, name := range tellableOfPush(t) {
		out[name] = true
	}
	return out
}

// tellableOfPush are those of `vedette push --follow`.
func tellableOfPush(t *testing.T) (out []string) {
	t.Helper()
	r := prometheus.NewRegistry()
	if _, err := new(sending.Watch).Handler(r); err != nil {
		t.Fatal(err)
	}
	descs := make(chan *prometheus.Desc)
	go func() { r.Describe(descs); close(descs) }()
	for d := range descs {
		out = append(out, regexp.MustCompile(`fqName: "(\w+)"`).FindStringSubmatch(d.String())[1])
	}
	return out
}

var sampleName = regexp.MustCompile(`\b(?:vedette|process|go)_[a-z0-9_]+\b`)

// TestAlertRules: the rules that operators are given speak of metrics that
// there are, and say what to do.
func TestAlertRules(t *testing.T) {
	testbed.Promtool(t, "check", "rules", alertRules)
	there := tellable(t)
	for _, r := range readAlerts(t) {
		used := sampleName.FindAllString(r.Expr, -1)
		if len(used) == 0 || r.Annotations["summary"] == "" || r.Annotations["description"] == "" || !slices.Contains([]string{"critical", "warning", "info"}, r.Labels["severity"]) {
			t.Errorf("%s: no metric, no severity, or it does not say what to do", r.Alert)
		}
		for _, n := range used {
			if !there[n] {
				t.Errorf("%s: there is no %s", r.Alert, n)
			}
		}
	}
}

// TestAlertsFire: each alert fires when it shall, says what it shall, and does
// not when all is well.
func TestAlertsFire(t *testing.T) {
	t.Parallel()
	testbed.Promtool(t, "test", "rules", alertTests)
	var file struct {
		RuleFiles []string `yaml:"rule_files"`
		Every     string   `yaml:"evaluation_interval"`
		Tests     []struct {
			Name, Interval string
			Series         []struct{ Series, Values string } `yaml:"input_series"`
			Alerts         []struct {
				At     string           `yaml:"eval_time"`
				Alert  string           `yaml:"alertname"`
				Expect []map[string]any `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}
	readYAML(t, alertTests, &file)
	fires, quiet := map[string]bool{}, map[string]bool{}
	there := tellable(t)
	for _, c := range file.Tests {
		for _, s := range c.Series {
			if name, _, _ := strings.Cut(s.Series, "{"); !there[name] {
				t.Errorf("%s: there is no %s", c.Name, name)
			}
		}
		for _, a := range c.Alerts {
			fires[a.Alert] = fires[a.Alert] || len(a.Expect) > 0
			quiet[a.Alert] = quiet[a.Alert] || len(a.Expect) == 0 && len(c.Series) > 0
		}
	}
	for _, r := range readAlerts(t) {
		if !fires[r.Alert] || !quiet[r.Alert] {
			t.Errorf("%s lacks a case in which it fires, or one in which it does not", r.Alert)
		}
	}
}

// TestDashboard: every query of the dashboard is one that Prometheus reads, of
// metrics that there are, and no panel hides another.
func TestDashboard(t *testing.T) {
	text, err := os.ReadFile(dashboard)
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		UID    string
		Panels []struct {
			ID          int
			Type, Title string
			GridPos     struct{ H, W, X, Y int }
			Targets     []struct{ RefID, Expr string }
		}
		Templating struct{ List []struct{ Name string } }
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	variables := map[string]string{"$__rate_interval": "5m"}
	for _, v := range d.Templating.List {
		variables["$"+v.Name] = ".*"
	}
	there, ids, cells := tellable(t), map[int]bool{}, map[[2]int]string{}
	var rules strings.Builder
	rules.WriteString("groups:\n- name: dashboard\n  rules:\n")
	queries := 0
	for _, p := range d.Panels {
		if ids[p.ID] || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("%s: its id is another's, or it is too wide", p.Title)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := cells[[2]int{x, y}]; other != "" {
					t.Fatalf("%s lies over %s", p.Title, other)
				}
				cells[[2]int{x, y}] = p.Title
			}
		}
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("%s shows nothing", p.Title)
		}
		for _, q := range p.Targets {
			for _, n := range sampleName.FindAllString(q.Expr, -1) {
				if !there[n] {
					t.Errorf("%s: there is no %s", p.Title, n)
				}
			}
			expr := q.Expr
			for name, value := range variables {
				expr = strings.ReplaceAll(expr, name, value)
			}
			if strings.Contains(expr, "$") {
				t.Errorf("%s: a variable that there is not: %s", p.Title, q.Expr)
			}
			fmt.Fprintf(&rules, "  - record: panel:%d_%s\n    expr: %q\n", p.ID, strings.ToLower(q.RefID), expr)
			queries++
		}
	}
	if d.UID == "" || queries < 40 {
		t.Errorf("uid %q, %d queries", d.UID, queries)
	}
	file := filepath.Join(t.TempDir(), "dashboard.yaml")
	if err := os.WriteFile(file, []byte(rules.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	testbed.Promtool(t, "check", "rules", file)
}
