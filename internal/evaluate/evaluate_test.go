package evaluate

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/finding"
)

const (
	execType  = "Execution:Kubernetes/ExecInKubeSystemPod"
	adminType = "Policy:Kubernetes/AdminAccessToDefaultServiceAccount"
)

func at(minute int) time.Time { return time.Date(2026, 11, 23, 10, minute, 0, 0, time.UTC) }

func claim(typ, user string, minute int) *finding.Signal {
	return &finding.Signal{Type: typ, Key: user, Account: "1", Region: "r", Cluster: "prod", Time: at(minute), Actor: finding.Actor{Username: user},
		Evidence: finding.EvidenceRecord{AuditID: user + "-record"}}
}

func labels(t *testing.T, text string) []Label {
	t.Helper()
	out, err := ParseLabels("labels", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestLabelForms: the same labels as YAML and as JSON lines.
func TestLabelForms(t *testing.T) {
	list := labels(t, `
- name: stolen
  from: 2026-11-23T10:00:00Z
  to: 2026-11-23T12:00:00+01:00
  cluster: prod
  entity: mallory
  types: [Execution:Kubernetes/*]
- records: [a, b]
  verdict: benign
`)
	lines := labels(t, `{"name":"stolen","from":"2026-11-23T10:00:00Z","to":"2026-11-23T11:00:00Z","cluster":"prod","entity":"mallory","types":["Execution:Kubernetes/*"]}

{"records":["a","b"],"verdict":"benign"}`)
	for _, l := range [][]Label{list, lines} {
		for i := range l {
			l[i].Line = 0
		}
	}
	if d := cmp.Diff(list, lines); d != "" || len(list) != 2 || !list[1].Benign || !list[0].To.Equal(at(60)) {
		t.Errorf("%s\n%+v", d, list)
	}
}

// TestTypesOfRules: a label may name a type that a rule or somebody else's alert
// makes, which is not known here.
func TestTypesOfRules(t *testing.T) {
	for _, typ := range []string{"Execution:Kubernetes/Payments.Custom", "Execution:Runtime/TerminalShell.Rule"} {
		if l, err := ParseLabels("labels", []byte("- records: [a]\n  types: ['"+typ+"']")); err != nil || len(l) != 1 || l[0].Types[0] != typ {
			t.Errorf("%s: %+v, %v", typ, l, err)
		}
	}
}

// TestLabelFaults: a fault is told with its line and field, and all at once.
func TestLabelFaults(t *testing.T) {
	for text, want := range map[string]string{
		"- from: yesterday\n  to: 2026-11-23T10:00:00Z":     `labels:1: from: "yesterday" is no time`,
		"- records: [a]\n  verdict: evil":                   `labels:2: verdict: "evil" is neither`,
		"- records: [a]\n  types: [No/Such]":                `labels:2: types: there is no finding type "No/Such"`,
		"- records: [a]\n\n- records: [b]\n  frobnicate: 1": "labels:4: frobnicate: there is no such field",
		"- name: x":                    "labels:1: say which records are meant",
		"- from: 2026-11-23T10:00:00Z": "labels:1: from and to belong together",
		"- from: 2026-11-23T10:00:00Z\n  to: 2025-11-23T10:00:00Z": "labels:1: to is before from",
		"- records: []": "labels:1: records: it must be a list of texts",
		"- records: [a]\n  verdict: benign\n  types: [" + execType + "]": "labels:1: types: of benign",
		"{\"records\":[\"a\"]}\n{\"records\":5}":                         "labels:2: records: it must be a list",
		"{\"records\":[\"a\"]}\n{\"records\":":                           "labels:2: ",
		"a: b":                                                           "labels: a file of labels is a YAML list",
		"":                                                               "labels: there is no label",
		"[]":                                                             "labels: there is no label",
		"- 5":                                                            "labels:1: a label has fields",
	} {
		if _, err := ParseLabels("labels", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	if _, err := ParseLabels("labels", []byte("- x: 1\n- y: 2")); err == nil || !strings.Contains(err.Error(), ":1: x") || !strings.Contains(err.Error(), ":2: y") {
		t.Errorf("not all faults were told: %v", err)
	}
}

// TestReport: what is found, missed and wrong, over all and by type.
func TestReport(t *testing.T) {
	s := NewScore(labels(t, `
- {name: exec, from: 2026-11-23T10:00:00Z, to: 2026-11-23T10:10:00Z, entity: mallory, types: [`+execType+`]}
- {name: two, from: 2026-11-23T10:20:00Z, to: 2026-11-23T10:30:00Z, types: [`+execType+`, `+adminType+`]}
- {name: never, from: 2026-11-23T10:40:00Z, to: 2026-11-23T10:50:00Z}
- {name: admin at work, from: 2026-11-23T10:00:00Z, to: 2026-11-23T11:00:00Z, entity: jane, verdict: benign}
- {name: by record, records: [eve-record]}
`))
	for _, c := range []*finding.Signal{
		claim(execType, "mallory", 2), claim(execType, "mallory", 1), // found after one minute
		claim(adminType, "mallory", 3), // not expected: wrong
		claim(execType, "trudy", 24),
		claim(execType, "jane", 25), // benign, though in the time of an attack
		claim(execType, "eve", 55),
		claim(execType, "bob", 58),
	} {
		s.Claim(c)
	}
	r := s.Report(200_000)
	if d := cmp.Diff([]string{"never"}, r.Missed); d != "" {
		t.Error(d)
	}
	got := []any{r.Attacks, r.Found, r.Findings, r.False, *r.Precision, *r.Recall, *r.FalsePer100k, *r.DelayP50, *r.DelayP95}
	if d := cmp.Diff([]any{4, 3, 6, 3, 0.5, 0.75, 1.5, 60.0, 240.0}, got); d != "" {
		t.Error(d)
	}
	byType := map[string][]any{}
	for _, m := range r.Types {
		byType[m.Type] = []any{m.Attacks, m.Found, m.Findings, m.False}
	}
	if d := cmp.Diff(map[string][]any{execType: {3, 3, 5, 2}, adminType: {1, 0, 1, 1}}, byType); d != "" {
		t.Error(d)
	}
	if len(r.Wrong) != 3 || r.Wrong[0].Type != adminType {
		t.Errorf("%+v", r.Wrong)
	}
}

// TestThresholds: each bound holds or is told, and a measure that there is not
// is worse than any.
func TestThresholds(t *testing.T) {
	s := NewScore(labels(t, `- {from: 2026-11-23T10:00:00Z, to: 2026-11-23T10:10:00Z, types: [`+execType+`]}`))
	s.Claim(claim(execType, "mallory", 5))
	r := s.Report(1000)
	for text, want := range map[string]string{
		"precision: 1\nrecall: 1\nfalsePer100k: 0\ndelayP50: 5m\ndelayP95: 5m": "",
		"delayP95: 299s": "the 95th percentile of delays in seconds is 300, at most 299 is wanted",
		"types:\n  " + adminType + ": {recall: 0.5}":            adminType + ": recall is unknown, at least 0.5 is wanted",
		"types:\n  " + execType + ": {recall: 1, delayP50: 1s}": execType + ": the median delay in seconds is 300, at most 1 is wanted",
	} {
		th, err := ParseThresholds("limits", []byte(text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := strings.Join(th.Worse(r), "; "); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{"", "recal: 1", "recall: much", "types: {No/Such: {recall: 1}}", "delayP50: 5"} {
		if _, err := ParseThresholds("limits", []byte(text)); err == nil || !strings.HasPrefix(err.Error(), "limits") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// FuzzLabels: any bytes are labels or an error that names the file.
func FuzzLabels(f *testing.F) {
	f.Add([]byte("- records: [a]\n"))
	f.Add([]byte(`{"from":"2026-11-23T10:00:00Z","to":"2026-11-23T10:00:00Z"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := ParseLabels("file", data)
		if err == nil && len(list) == 0 || err != nil && !strings.Contains(err.Error(), "file") {
			t.Errorf("%d labels, %v", len(list), err)
		}
	})
}
