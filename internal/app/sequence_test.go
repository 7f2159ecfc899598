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

	"github.com/vedette-project/vedette/internal/config"
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

// piece is a record, and where it is pushed to.
type piece struct{ path, body string }

// attacksInPieces are the records of attacks of all types, days apart and one
// source after the other, and what a scan finds in them.
func attacksInPieces(t *testing.T) (pieces []piece, scanned *ScanResult) {
	t.Helper()
	dir := t.TempDir()
	var paths []string
	at := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	for _, typ := range sequenceTypes() {
		bySource := bySource(t, typ, at)
		at = at.Add(72 * time.Hour)
		for _, path := range slices.Sorted(maps.Keys(bySource)) {
			lines := bySource[path]
			p := filepath.Join(dir, strings.NewReplacer(":", "-", "/", "-").Replace(typ+path)+".log")
			if err := os.WriteFile(p, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			paths = append(paths, p)
			head := ""
			for _, l := range lines {
				if strings.HasPrefix(l, "version ") { // of a flow log: it goes before every part
					head = l + "\n"
					continue
				}
				pieces = append(pieces, piece{path, head + l})
			}
		}
	}
	scanned = scanPaths(t, paths...)
	found := map[string]int{}
	for _, f := range scanned.Findings {
		found[f.Type]++
	}
	for _, typ := range sequenceTypes() {
		if found[typ] != 1 {
			t.Fatalf("%d sequences of type %s", found[typ], typ)
		}
	}
	return pieces, scanned
}

// TestSequencesLive pushes the records of attacks of several steps, sources
// apart and some of them late, to a server that ends and starts again between,
// and compares with a scan of them.
func TestSequencesLive(t *testing.T) {
	t.Parallel()
	pieces, scanned := attacksInPieces(t)
	data := t.TempDir()
	a := startApp(t, data, nil)
	for i, p := range pieces {
		pushPiece(t, a, p.path, p.body)
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
	if err != nil || len(list) < len(sequenceTypes()) {
		t.Errorf("%d sequences in the store, %v", len(list), err)
	}
}

func pushPiece(t *testing.T, a *App, path, body string) {
	t.Helper()
	res, err := http.Post("http://"+a.Addr+path, "application/json", strings.NewReader(body+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("push to %s: %s", path, res.Status)
	}
}

// TestSequenceOfHiddenFindings: findings that a suppression rule hides are steps,
// and say to which sequence they belong; with ignoreSuppressed they are none.
func TestSequenceOfHiddenFindings(t *testing.T) {
	t.Parallel()
	lines, err := simulate.Records(sequence.TypeIAM, time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	for _, ignore := range []bool{false, true} {
		a := startApp(t, t.TempDir(), func(c *config.Config) { c.Detection.Sequences.IgnoreSuppressed = ignore })
		st, detector := enable(t, a)
		err := st.CreateFilter(t.Context(), finding.Filter{DetectorID: detector, Name: "all but sequences", Action: "ARCHIVE", Rank: 1, Criteria: finding.Criteria{
			"resource.resourceType": finding.Condition{Equals: []string{"AccessKey"}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lines {
			pushPiece(t, a, pathOf(l), l)
		}
		all := stored(t, a)
		told := onlySequences(all)
		if want := map[bool]int{false: 1, true: 0}[ignore]; len(told) != want {
			t.Fatalf("ignoreSuppressed %v: %d sequences, want %d", ignore, len(told), want)
		}
		if ignore {
			continue
		}
		parts := 0
		for _, f := range all {
			switch {
			case f.Type == sequence.TypeIAM:
				if f.Service.Archived {
					t.Error("the sequence is archived")
				}
			case !f.Service.Archived:
				t.Errorf("%s is not archived", f.Type)
			case f.AssociatedAttackSequenceARN == told[0].ARN:
				parts++
			}
		}
		if parts < 3 {
			t.Errorf("%d archived findings name their sequence", parts)
		}
	}
}

// TestSequenceGrowsLate: what comes hours later, by event time and by the
// clock, makes a sequence that was told say more; it stays the same finding, and
// what a user archived stays so.
func TestSequenceGrowsLate(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	lines, err := simulate.Records(sequence.TypeIAM, at)
	if err != nil {
		t.Fatal(err)
	}
	a := startApp(t, t.TempDir(), nil)
	st, detector := enable(t, a)
	var first *finding.Finding
	signals := 0
	for _, l := range lines {
		pushPiece(t, a, pathOf(l), l)
		told := onlySequences(stored(t, a))
		if len(told) == 0 {
			continue
		}
		f := told[0]
		n := len(f.Service.Detection.Sequence.Signals)
		if first == nil {
			first = f
			if err := st.SetArchived(t.Context(), detector, []string{f.ID}, true); err != nil {
				t.Fatal(err)
			}
		}
		if len(told) != 1 || f.ID != first.ID || n < signals {
			t.Fatalf("%d sequences; %s with %d signals, before %s with %d", len(told), f.ID, n, first.ID, signals)
		}
		signals = n
	}
	if first == nil || signals <= len(first.Service.Detection.Sequence.Signals) {
		t.Fatal("it did not grow; the test says nothing")
	}
	if f := onlySequences(stored(t, a))[0]; !f.Service.Archived {
		t.Error("it grew and is not archived any more")
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
	case !strings.HasPrefix(line, "{"):
		return "/ingest/vpc-flow"
	}
	return "/ingest/runtime/test"
}
