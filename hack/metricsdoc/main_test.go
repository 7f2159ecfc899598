package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const root = "../.."

// TestFresh: the page is what a server tells today.
func TestFresh(t *testing.T) {
	want, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(got), string(want)); d != "" {
		t.Errorf("%s is not what a server tells; run go run ./hack/metricsdoc\n%s", page, d)
	}
}

// TestNames: metrics are named as all are, and their texts are sentences.
func TestNames(t *testing.T) {
	list, err := families()
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 40 {
		t.Fatalf("there are %d metrics only", len(list))
	}
	form := regexp.MustCompile(`^vedette_[a-z0-9]+(_[a-z0-9]+)+$`)
	for _, f := range list {
		if !form.MatchString(f.Name) || strings.HasSuffix(f.Name, "_total") != (f.Type == "counter") {
			t.Errorf("%s, a %s: counters, and only they, end with _total", f.Name, f.Type)
		}
		if f.Type == "histogram" && !strings.HasSuffix(f.Name, "_seconds") && !strings.HasSuffix(f.Name, "_bytes") {
			t.Errorf("%s: the name of a histogram ends with its unit", f.Name)
		}
		if f.Help == "" || !strings.HasSuffix(f.Help, ".") || f.Help[:1] != strings.ToUpper(f.Help[:1]) {
			t.Errorf("%s: %q is no sentence", f.Name, f.Help)
		}
	}
}

// TestAlertsExist: alerts speak of metrics that are told of.
func TestAlertsExist(t *testing.T) {
	list, err := families()
	if err != nil {
		t.Fatal(err)
	}
	used, err := alerts(filepath.Join(root, "deploy/alerts/vedette.rules.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(used) < 10 {
		t.Fatalf("alerts use %d metrics only", len(used))
	}
	names := map[string]bool{}
	for _, f := range list {
		names[f.Name] = true
	}
	push, err := os.ReadFile(filepath.Join(root, "docs/push.md")) // tells of what `vedette push` serves
	if err != nil {
		t.Fatal(err)
	}
	for name, by := range used {
		if !names[name] && !strings.Contains(string(push), "| `"+name+"` |") {
			t.Errorf("%v: there is no %s", by, name)
		}
	}
}

// TestLabels: the sets of values are those of the code.
func TestLabels(t *testing.T) {
	for _, c := range []struct{ metric, label, file, kind string }{
		{"vedette_detect_records_total", "reason", "internal/event/outcome.go", "Reason"},
		{"vedette_detect_records_total", "source", "internal/event/event.go", "Source"},
		{"vedette_trace_spans_total", "outcome", "internal/trace/tracer.go", "Outcome"},
	} {
		l, err := labelOf(c.metric, c.label)
		if err != nil {
			t.Fatal(err)
		}
		got := slices.DeleteFunc(slices.Clone(l.values), func(v string) bool { return v == "" })
		if d := cmp.Diff(constants(t, c.file, c.kind), slices.Sorted(slices.Values(got))); d != "" {
			t.Errorf("%s of %s: labels.go differs from %s:\n%s", c.label, c.metric, c.file, d)
		}
	}
	if _, err := labelOf("vedette_x_y_total", "unheard_of"); err == nil {
		t.Error("a label that nobody knows is no error")
	}
}

// constants are the values of the constants of a type in a file, in order.
func constants(t *testing.T, path, kind string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, path), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	ast.Inspect(f, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok || len(v.Values) != 1 {
			return true
		}
		id, typed := v.Type.(*ast.Ident)
		lit, isText := v.Values[0].(*ast.BasicLit)
		if typed && isText && id.Name == kind {
			text, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, text)
		}
		return true
	})
	slices.Sort(out)
	if len(out) == 0 {
		t.Fatalf("%s has no constants of type %s", path, kind)
	}
	return out
}
