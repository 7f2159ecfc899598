package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every example of values in the documentation is one: those of docs/helm.md, and
// those of other pages that begin like a values file.
func TestExamples(t *testing.T) {
	vedette := program()
	pages, err := filepath.Glob(filepath.Join(root(t), "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range strings.Split(string(text), "```yaml\n")[1:] {
			e, _, _ = strings.Cut(e, "```")
			if filepath.Base(page) != "helm.md" && !strings.HasPrefix(e, "clusterName:") && !strings.HasPrefix(e, "mode:") {
				continue
			}
			seen++
			out, err := template(t.Context(), root(t), "--values", write(t, t.TempDir(), "values.yaml", []byte(e)))
			if err != nil {
				t.Errorf("%s: %v in\n%s", filepath.Base(page), err, e)
				continue
			}
			checkConfig(t, vedette, parse(t, out))
		}
	}
	if seen < 5 {
		t.Errorf("only %d examples were found", seen)
	}
}
