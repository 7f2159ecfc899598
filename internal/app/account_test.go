package app

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/simulate"
)

// simulated are the records that make a type of an AWS account fire, and the
// path they are pushed to.
type simulated struct {
	typ, path string
	lines     []string
}

func accountRecords(t *testing.T) (out []simulated) {
	t.Helper()
	at := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	for _, typ := range simulate.Types() {
		known, ok := finding.Lookup(typ)
		if !ok {
			t.Fatalf("%s is simulated and not in the catalogue", typ)
		}
		s := simulated{typ: typ}
		if strings.Contains(typ, "/AnomalousBehavior") { // its records begin with a past of eight days
			at = at.Add(9 * 24 * time.Hour)
		}
		switch known.Source {
		case "cloudtrail", "s3-data", "ai-data":
			s.path = "/ingest/cloudtrail"
		case "vpc-flow", "lambda-flow":
			s.path = "/ingest/vpc-flow"
		case "dns":
			s.path = "/ingest/dns"
		default:
			continue
		}
		var err error
		if s.lines, err = simulate.Records(typ, at); err != nil {
			t.Fatal(err)
		}
		at = at.Add(21 * 24 * time.Hour) // so that one has nothing to do with the next, which may begin with the days before
		out = append(out, s)
	}
	return out
}

// TestAccountLogsSameFindings: the logs of accounts, pushed to a server that
// ends and starts again in between, give the findings of a scan.
func TestAccountLogsSameFindings(t *testing.T) {
	t.Parallel()
	all := accountRecords(t)
	dir := t.TempDir()
	var paths []string
	for _, s := range all {
		p := filepath.Join(dir, strings.NewReplacer(":", "-", "/", "-", "!", "-", "&", "-").Replace(s.typ)+".log")
		if err := os.WriteFile(p, []byte(strings.Join(s.lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, p)
	}
	scanned := scanPaths(t, paths...)
	want := jsonl(t, scanned.Findings)
	found := map[string]bool{}
	for _, f := range scanned.Findings {
		found[f.Type] = true
	}
	for _, s := range all {
		if !found[s.typ] {
			t.Errorf("%s was not found among the others", s.typ)
		}
	}
	data := t.TempDir()
	a := startApp(t, data, nil)
	for i, s := range all {
		head := strings.HasPrefix(s.lines[0], "version ") // the header of a flow log belongs to every piece
		for n, half := range [][]string{s.lines[:len(s.lines)/2], s.lines[len(s.lines)/2:]} {
			if len(half) == 0 {
				continue
			}
			if n == 1 && head {
				half = append([]string{s.lines[0]}, half...)
			}
			res, err := http.Post("http://"+a.Addr+s.path, "application/json", strings.NewReader(strings.Join(half, "\n")+"\n"))
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != http.StatusOK && !(head && len(half) == 1) {
				t.Fatalf("push of %s: %s", s.typ, res.Status)
			}
			if i%5 == 0 {
				if err := a.Stop(t.Context()); err != nil {
					t.Fatal(err)
				}
				a = startApp(t, data, nil)
			}
		}
	}
	if d := cmp.Diff(want, jsonl(t, stored(t, a))); d != "" {
		t.Errorf("scanned and stored:\n%.3000s", d)
	}
}

// TestSimulateFires: what is simulated of a type raises that type.
func TestSimulateFires(t *testing.T) {
	t.Parallel()
	for _, typ := range simulate.Types() {
		lines, err := simulate.Records(typ, time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC))
		if err != nil {
			t.Fatal(err)
		}
		p := filepath.Join(t.TempDir(), "log")
		if err := os.WriteFile(p, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		r, fired := scanPaths(t, p), false
		for _, f := range r.Findings {
			fired = fired || f.Type == typ
		}
		if !fired || r.Ledger.Outcomes["malformed"] > 0 {
			t.Errorf("%s: %d findings, none of the type, or malformed records: %v", typ, len(r.Findings), r.Ledger.Outcomes)
		}
	}
}
