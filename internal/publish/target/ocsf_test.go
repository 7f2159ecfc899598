package target_test

import (
	"fmt"
	"math"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/publish"
	"github.com/vedette-project/vedette/internal/publish/target"
)

// attribute is one of OCSF's.
type attribute struct {
	requirement, kind string
	values            []string // that a number may have; none: any
}

// ocsfSchema is the published schema of a version: attributes by object and name.
// The names that begin with @ are constraints.
func ocsfSchema(t *testing.T, version string) map[string]map[string]attribute {
	t.Helper()
	text, err := os.ReadFile("testdata/ocsf-" + version + ".tsv")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]map[string]attribute{}
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if strings.HasPrefix(line, "#") || len(f) < 4 {
			continue
		}
		if out[f[0]] == nil {
			out[f[0]] = map[string]attribute{}
		}
		a := attribute{requirement: f[2], kind: f[3]}
		if len(f) > 4 && f[4] != "" {
			a.values = strings.Split(f[4], ",")
		}
		out[f[0]][f[1]] = a
	}
	if len(out) < 20 {
		t.Fatalf("%d objects", len(out))
	}
	return out
}

// checkOCSF checks an object and those in it: what is required is there, all
// that is there is known, and of its type and values.
func checkOCSF(t *testing.T, schema map[string]map[string]attribute, object, path string, v any) {
	t.Helper()
	m, ok := v.(map[string]any)
	if !ok {
		t.Errorf("%s is no object", path)
		return
	}
	for name, a := range schema[object] {
		_, ok := m[name]
		if a.requirement == "required" && !ok {
			t.Errorf("%s lacks %s", path, name)
		}
		if strings.HasPrefix(name, "@") {
			n := 0
			for _, one := range a.values {
				if _, ok := m[one]; ok {
					n++
				}
			}
			if n == 0 || name == "@just_one" && n != 1 {
				t.Errorf("%s has %d of %v", path, n, a.values)
			}
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
			if len(a.values) > 0 && !slices.Contains(a.values, fmt.Sprint(x)) {
				t.Errorf("%s is %v, not one of %v", at, x, a.values)
			}
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
	case kind == "integer_t" || kind == "timestamp_t" || kind == "long_t" || kind == "port_t":
		var f float64
		f, ok = x.(float64)
		ok = ok && f == float64(int64(f)) && (kind != "port_t" || f >= 0 && f < 65536) && (kind != "integer_t" || f <= math.MaxInt32)
	case kind == "ip_t":
		text, _ := x.(string)
		_, err := netip.ParseAddr(text)
		ok = err == nil
	case kind == "json_t" || kind == "object":
	default:
		var text string
		text, ok = x.(string) // kinds of texts
		ok = ok && strings.HasSuffix(kind, "_t") && text != ""
	}
	if !ok {
		t.Errorf("%s is %T (%v) and no %s", at, x, x, kind)
	}
}

// TestOCSF: samples of all types are Detection Findings by the published schema
// of the version that they state, and by the newest one.
func TestOCSF(t *testing.T) {
	schema, newest := ocsfSchema(t, "1.3.0"), ocsfSchema(t, "1.8.0")
	s := newSite(t)
	to := &target.Webhook{Web: web(), Form: target.Form{Format: target.FormatOCSF, Version: "1.2"}, URL: s.URL}
	n, seen := 0, map[string]bool{}
	for _, kind := range finding.Catalog() {
		e := publish.FindingEvent(finding.Sample(kind, account, region, now), now)
		e.Update = n%2 == 1
		if err := to.Send(t.Context(), []publish.Event{e}); err != nil {
			t.Fatal(err)
		}
		v := decode(t, s.last(t).body)
		checkOCSF(t, schema, "detection_finding", kind.Name, v)
		checkOCSF(t, newest, "detection_finding", kind.Name+" (1.8.0)", v)
		if at(t, v, "metadata", "version") != "1.3.0" {
			t.Errorf("%s states version %v", kind.Name, at(t, v, "metadata", "version"))
		}
		for _, e := range anys(v["evidences"]) {
			for name := range e.(map[string]any) {
				seen["evidences."+name] = true
			}
		}
		for name := range v {
			seen[name] = true
		}
		if at(t, v, "class_uid") != 2004.0 || at(t, v, "type_uid") != 200400+at(t, v, "activity_id").(float64) {
			t.Errorf("%s: %v", kind.Name, v)
		}
		if id := at(t, v, "severity_id").(float64); id < 2 || id > 5 {
			t.Errorf("%s: severity %v", kind.Name, id)
		}
		n++
	}
	for _, name := range strings.Fields("resources remediation observables unmapped evidences.actor evidences.api evidences.src_endpoint evidences.dst_endpoint evidences.connection_info evidences.query evidences.process evidences.container") {
		if !seen[name] {
			t.Errorf("no type has %s", name)
		}
	}
	if err := to.Send(t.Context(), []publish.Event{wild(t)}); err != nil {
		t.Fatal(err)
	}
	n++
	checkOCSF(t, schema, "detection_finding", "wild", decode(t, s.last(t).body))
	put := event(t)
	put.Finding().Service.Archived = true
	if err := to.Send(t.Context(), []publish.Event{put}); err != nil {
		t.Fatal(err)
	}
	n++
	if v := decode(t, s.last(t).body); at(t, v, "status_id") != 3.0 || at(t, v, "status") != "Suppressed" {
		t.Errorf("an archived finding: status %v", at(t, v, "status"))
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
	if err := to.Send(t.Context(), []publish.Event{about(t, "f", "pods", "shop", "web")}); err != nil {
		t.Fatal(err)
	}
	// By these Falcosidekick, and what acts behind it, knows a pod.
	if f := at(t, decode(t, s.last(t).body), "output_fields"); at(t, f, "k8s.ns.name") != "shop" || at(t, f, "k8s.pod.name") != "web" {
		t.Errorf("fields %v", f)
	}
}
