package app

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
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

// sequenceFinding writes an attack sequence.
func sequenceFinding(b *bytes.Buffer, f *finding.Finding) {
	seq := f.Service.Detection.Sequence
	fmt.Fprintf(b, "%s severity=%v confidence=%v signals=%d %s/%s\n", f.Type, f.Severity, f.Confidence, len(seq.Signals), f.AccountID, f.Region)
	for _, s := range seq.Signals {
		fmt.Fprintf(b, "  %s %s count=%d\n", s.Type, s.Name, s.Count)
	}
	var actors, resources []string
	for _, a := range seq.Actors {
		actors = append(actors, a.ID)
	}
	for _, r := range seq.Resources {
		resources = append(resources, r.ResourceType+" "+r.Name)
	}
	fmt.Fprintf(b, "  actors=%s\n  resources=%s\n", strings.Join(actors, ", "), strings.Join(resources, ", "))
	for _, i := range seq.SequenceIndicators {
		fmt.Fprintf(b, "  %s=%s\n", i.Key, strings.Join(i.Values, ", "))
	}
	fmt.Fprintf(b, "  %s\n", f.Description)
}

// TestSequencesLive pushes the records of attacks of several steps, sources
// apart and some of them late, to a server that ends and starts again between,
// and compares with a scan of them.
func TestSequencesLive(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var paths []string
	type piece struct{ path, body string }
	var pieces []piece
	at := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	for _, typ := range []string{sequence.TypeEKS, sequence.TypeIAM, sequence.TypeS3, sequence.TypeEC2} {
		lines, err := simulate.Records(typ, at)
		if err != nil {
			t.Fatal(err)
		}
		at = at.Add(72 * time.Hour)
		byPath := map[string][]string{}
		for _, l := range lines {
			byPath[pathOf(l)] = append(byPath[pathOf(l)], l)
		}
		for _, path := range slices.Sorted(maps.Keys(byPath)) {
			p := filepath.Join(dir, strings.NewReplacer(":", "-", "/", "-").Replace(typ+path)+".log")
			if err := os.WriteFile(p, []byte(strings.Join(byPath[path], "\n")+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			paths = append(paths, p)
			for _, l := range byPath[path] {
				pieces = append(pieces, piece{path, l})
			}
		}
	}
	scanned := scanPaths(t, paths...)
	found := map[string]int{}
	for _, f := range scanned.Findings {
		found[f.Type]++
	}
	for _, typ := range []string{sequence.TypeEKS, sequence.TypeIAM, sequence.TypeS3, sequence.TypeEC2} {
		if found[typ] != 1 {
			t.Fatalf("%d sequences of type %s", found[typ], typ)
		}
	}
	data := t.TempDir()
	a := startApp(t, data, nil)
	for i, p := range pieces {
		res, err := http.Post("http://"+a.Addr+p.path, "application/json", strings.NewReader(p.body+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Fatalf("push to %s: %s", p.path, res.Status)
		}
		if i%9 == 8 {
			if err := a.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			a = startApp(t, data, nil)
		}
	}
	got := stored(t, a)
	if d := cmp.Diff(jsonl(t, scanned.Findings), jsonl(t, got)); d != "" {
		t.Errorf("scanned and stored:\n%.4000s", d)
	}
	list, err := StoredSequences(t.Context(), a.keys.store, a.Config)
	if err != nil || len(list) < 4 {
		t.Errorf("%d sequences in the store, %v", len(list), err)
	}
}

// pathOf is where a record is pushed to.
func pathOf(line string) string {
	switch {
	case strings.Contains(line, `"apiVersion":"audit.k8s.io/v1"`):
		return "/ingest/k8s-audit/test"
	case strings.Contains(line, `"eventVersion"`):
		return "/ingest/cloudtrail"
	case strings.Contains(line, `"query_timestamp"`):
		return "/ingest/dns"
	}
	return "/ingest/runtime/test"
}
