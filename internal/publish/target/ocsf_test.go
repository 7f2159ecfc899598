package target_test

import (
	"os"
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/publish"
	"github.com/vedette-project/vedette/internal/publish/target"
)

// attribute is one of OCSF's.
type attribute struct{ requirement, kind string }

func ocsfSchema(t *testing.T) map[string]map[string]attribute {
	t.Helper()
	text, err := os.ReadFile("testdata/ocsf-2004.tsv")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]map[string]attribute{}
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 4 {
			continue
		}
		if out[f[0]] == nil {
			out[f[0]] = map[string]attribute{}
		}
		out[f[0]][f[1]] = attribute{f[2], f[3]}
	}
	if len(out) < 10 {
		t.Fatalf("%d objects", len(out))
	}
	return out
}

// checkOCSF checks an object and those in it: what is required is there, all
// that is there is known, and of its type.
func checkOCSF(t *testing.T, schema map[string]map[string]attribute, object, path string, v any) {
	t.Helper()
	m, ok := v.(map[string]any)
	if !ok {
		t.Errorf("%s is no object", path)
		return
	}
	for name, a := range schema[object] {
		if _, ok := m[name]; a.requirement == "required" && !ok {
			t.Errorf("%s lacks %s", path, name)
		}
	}
	for name, value := range m {
		a, ok := schema[object][name]
		at := path + "." + name
		if !ok {
			t.Errorf("%s is not in the schema", at)
			continue
		}
		kind, list := strings.CutSuffix(a.kind, "[]")
		values := []any{value}
		if list {
			if values, ok = value.([]any); !ok {
				t.Errorf("%s is no list", at)
			}
		}
		for _, x := range values {
			checkType(t, schema, kind, at, x)
		}
	}
}

func checkType(t *testing.T, schema map[string]map[string]attribute, kind, at string, x any) {
	t.Helper()
	ok := true
	switch {
	case schema[kind] != nil:
		checkOCSF(t, schema, kind, at, x)
	case kind == "string_t":
		_, ok = x.(string)
	case kind == "boolean_t":
		_, ok = x.(bool)
	case kind == "integer_t" || kind == "timestamp_t" || kind == "long_t":
		var f float64
		f, ok = x.(float64)
		ok = ok && f == float64(int64(f))
	case kind == "json_t" || kind == "object":
	default:
		_, ok = x.(string) // kinds of texts
	}
	if !ok {
		t.Errorf("%s is %T and no %s", at, x, kind)
	}
}

// TestOCSF: samples of all types are Detection Findings by the schema.
func TestOCSF(t *testing.T) {
	schema := ocsfSchema(t)
	s := newSite(t)
	to := &target.Webhook{Web: web(), Form: target.Form{Format: target.FormatOCSF, Version: "1.2"}, URL: s.URL}
	n := 0
	for _, kind := range finding.Catalog() {
		e := publish.FindingEvent(finding.Sample(kind, account, region, now), now)
		e.Update = n%2 == 1
		if err := to.Send(t.Context(), []publish.Event{e}); err != nil {
			t.Fatal(err)
		}
		v := decode(t, s.last(t).body)
		checkOCSF(t, schema, "detection_finding", kind.Name, v)
		if at(t, v, "class_uid") != 2004.0 || at(t, v, "type_uid") != 200400+at(t, v, "activity_id").(float64) {
			t.Errorf("%s: %v", kind.Name, v)
		}
		if id := at(t, v, "severity_id").(float64); id < 2 || id > 5 {
			t.Errorf("%s: severity %v", kind.Name, id)
		}
		n++
	}
	if err := to.Send(t.Context(), []publish.Event{health(t, false, "x")}); err != nil || len(s.requests) != n {
		t.Errorf("a source is no finding: %d requests, %v", len(s.requests)-n, err)
	}
}

// TestFalco: what Falcosidekick requires of an event is there: rule, priority,
// output, time and fields that are flat.
func TestFalco(t *testing.T) {
	s := newSite(t)
	to := &target.Webhook{Web: web(), Form: target.Form{Format: target.FormatFalco}, URL: s.URL}
	for _, e := range []publish.Event{event(t), wild(t), health(t, false, hostile)} {
		if err := to.Send(t.Context(), []publish.Event{e}); err != nil {
			t.Fatal(err)
		}
		v := decode(t, s.last(t).body)
		for _, name := range []string{"uuid", "output", "priority", "rule", "time", "source", "hostname"} {
			if text, _ := v[name].(string); text == "" {
				t.Errorf("%s is missing: %v", name, v)
			}
		}
		fields := v["output_fields"].(map[string]any)
		if len(fields) < 3 {
			t.Errorf("fields %v", fields)
		}
		for name, x := range fields {
			switch x := x.(type) {
			case string:
				mustLack(t, name, x, unseen()...)
			case float64:
			default:
				t.Errorf("%s is not flat: %v", name, x)
			}
		}
		mustLack(t, "output", v["output"].(string), unseen()...)
	}
}
