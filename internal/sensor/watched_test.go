package sensor

import (
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/sensor/kernel"
)

// TestWhatDetectionsAskForIsWatched: files whose change is a finding are told.
func TestWhatDetectionsAskForIsWatched(t *testing.T) {
	text, err := os.ReadFile("../detect/runtime_files.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var patterns []string
	for line := range strings.Lines(string(text)) {
		if f := strings.Split(strings.TrimSpace(line), "\t"); len(f) == 5 && !strings.HasPrefix(line, "#") {
			patterns = append(patterns, strings.Fields(f[4])...)
		}
	}
	if len(patterns) < 100 {
		t.Fatalf("found %q", patterns)
	}
	for _, p := range patterns {
		if !strings.HasPrefix(p, "!") && !tells(WatchedNames(), p) {
			t.Errorf("a change of %s is not told", p)
		}
	}
}

// tells reports whether the files of a pattern, or one kind of them, are watched.
func tells(names []kernel.Name, pattern string) bool {
	parts := strings.Split(strings.Trim(pattern, "/"), "/")
	last := parts[len(parts)-1]
	folders := parts[max(0, len(parts)-4) : len(parts)-1]
	return slices.ContainsFunc(names, func(n kernel.Name) bool {
		match := func(name string) bool { ok, _ := path.Match(name, n.Name); return ok && name != "*" }
		switch n.Role {
		case kernel.Leaf:
			return match(last)
		case kernel.Folder:
			return slices.ContainsFunc(folders, match)
		case kernel.Place:
			return slices.ContainsFunc(folders, match) && slices.ContainsFunc(names, func(e kernel.Name) bool {
				ok, _ := path.Match(strings.TrimPrefix(last, "*"), e.Name)
				return e.Role == kernel.Ending && ok
			})
		}
		return false
	})
}
