package app

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/sequence"
	"github.com/vedette-project/vedette/internal/simulate"
)

// sequenceTypes are the types that there are.
func sequenceTypes() []string {
	return []string{sequence.TypeEKS, sequence.TypeIAM, sequence.TypeS3, sequence.TypeEC2, sequence.TypeECS}
}

// onlySequences are the findings that are attack sequences.
func onlySequences(all []*finding.Finding) (out []*finding.Finding) {
	for _, f := range all {
		if strings.HasPrefix(f.Type, "AttackSequence:") {
			out = append(out, f)
		}
	}
	return out
}

// bySource are simulated records by where they are pushed to.
func bySource(t *testing.T, typ string, at time.Time) map[string][]string {
	t.Helper()
	lines, err := simulate.Records(typ, at)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for _, l := range lines {
		out[pathOf(l)] = append(out[pathOf(l)], l)
	}
	return out
}

// TestSequencesInAnyFiles: the logs of an attack make the same sequence whatever
// the files are called and in whatever order they are named.
func TestSequencesInAnyFiles(t *testing.T) {
	t.Parallel()
	several := 0
	for _, typ := range sequenceTypes() {
		pieces := bySource(t, typ, time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC))
		sources := slices.Sorted(maps.Keys(pieces))
		if len(sources) > 1 {
			several++
		}
		want := ""
		for _, names := range permutations(len(sources)) {
			dir := t.TempDir()
			paths := make([]string, len(sources))
			for i, src := range sources {
				paths[i] = filepath.Join(dir, fmt.Sprintf("%d.log", names[i]))
				if err := os.WriteFile(paths[i], []byte(strings.Join(pieces[src], "\n")+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for _, order := range append(permutations(len(paths)), nil) {
				named := []string{dir}
				if order != nil {
					named = nil
					for _, i := range order {
						named = append(named, paths[i])
					}
				}
				found := onlySequences(scanPaths(t, named...).Findings)
				if len(found) != 1 || found[0].Type != typ {
					t.Fatalf("%s, files called %v and named in the order %v: %d sequences", typ, names, order, len(found))
				}
				got := jsonl(t, found)
				if want == "" {
					want = got
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Fatalf("%s, files called %v and named in the order %v:\n%s", typ, names, order, d)
				}
			}
		}
	}
	if several < 2 {
		t.Errorf("only %d attacks are in more than one log; the test says little", several)
	}
}

// permutations are the orders of n things.
func permutations(n int) (out [][]int) {
	if n == 0 {
		return [][]int{{}}
	}
	for _, p := range permutations(n - 1) {
		for at := range n {
			out = append(out, slices.Insert(slices.Clone(p), at, n-1))
		}
	}
	return out
}
