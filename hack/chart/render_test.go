package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// manifest is one object of Kubernetes.
type manifest map[string]any

// at follows keys and indexes; nil where there is nothing.
func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			if o, ok := v.(manifest); ok {
				v = map[string]any(o)
			}
			m, ok := v.(map[string]any)
			if !ok {
				return nil
			}
			v = m[p]
		case int:
			l, ok := v.([]any)
			if !ok || p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

// list is what stands at a path, as a list.
func list(v any, path ...any) []any {
	l, _ := at(v, path...).([]any)
	return l
}

// word is what stands at a path, as text.
func word(v any, path ...any) string {
	s, _ := at(v, path...).(string)
	return s
}

func (m manifest) kind() string      { return word(m, "kind") }
func (m manifest) name() string      { return word(m, "metadata", "name") }
func (m manifest) namespace() string { return word(m, "metadata", "namespace") }
func (m manifest) String() string    { return m.kind() + " " + m.namespace() + "/" + m.name() }

// pod is the spec of the pods that an object makes, or is; nil of others.
func (m manifest) pod() map[string]any {
	spec, _ := at(m, "spec", "template", "spec").(map[string]any)
	if m.kind() == "Pod" {
		spec, _ = m["spec"].(map[string]any)
	}
	return spec
}

func (m manifest) podLabels() map[string]any {
	l, _ := at(m, "spec", "template", "metadata", "labels").(map[string]any)
	return l
}

// parse reads the documents of a file.
func parse(t *testing.T, text []byte) (out []manifest) {
	t.Helper()
	for dec := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var m map[string]any // not a manifest: what is inside would become one, too
		err := dec.Decode(&m)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		if len(m) > 0 {
			out = append(out, m)
		}
	}
}

// root is the repository.
func root(t *testing.T) string {
	t.Helper()
	dir, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// render renders the chart and parses what comes out.
func render(t *testing.T, args ...string) []manifest {
	t.Helper()
	text, err := template(t.Context(), root(t), args...)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, text)
}

// valueSets are the values that are rendered, by name.
func valueSets(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("testdata/values/*.yaml")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d sets of values: %v", len(files), err)
	}
	out := map[string]string{}
	for _, f := range files {
		abs, err := filepath.Abs(f)
		if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSuffix(filepath.Base(f), ".yaml")] = abs
	}
	return out
}

// find is the one object of a kind and name.
func find(t *testing.T, all []manifest, kind, name string) manifest {
	t.Helper()
	for _, m := range all {
		if m.kind() == kind && m.name() == name {
			return m
		}
	}
	t.Fatalf("there is no %s %s among %v", kind, name, all)
	return nil
}

// lack skips a test for want of a program; on a CI machine that is a failure.
func lack(t *testing.T, what, remedy string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing: %s", what, remedy)
	}
	t.Skipf("%s is missing: %s", what, remedy)
}
