package format

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write what the samples give")

// sample is one archive of testdata: options, a list, and what it gives.
type sample struct {
	path    string
	archive *txtar.Archive
	options Options
	in      string
}

func samples(t testing.TB) []sample {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) < 20 {
		t.Fatalf("%d samples: %v", len(paths), err)
	}
	var out []sample
	for _, path := range paths {
		a, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		s := sample{path: path, archive: a}
		for _, f := range a.Files {
			switch f.Name {
			case "in":
				s.in = string(f.Data)
			case "options":
				s.options = options(t, string(f.Data))
			}
		}
		out = append(out, s)
	}
	return out
}

func options(t testing.TB, text string) (o Options) {
	t.Helper()
	for line := range strings.Lines(text) {
		word, arg, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "format":
			o.Format = Format(arg)
		case "strict":
			o.Strict = true
		case "observables":
			o.Observables = true
		case "columns":
			o.Columns = strings.Split(arg, ",")
		case "maxfaults":
			o.MaxFaults, _ = strconv.ParseFloat(arg, 64)
		default:
			t.Fatalf("there is no option %q", word)
		}
	}
	return o
}

// TestSamples: lists of every kind give what stands beside them.
func TestSamples(t *testing.T) {
	for _, s := range samples(t) {
		t.Run(strings.TrimSuffix(filepath.Base(s.path), ".txtar"), func(t *testing.T) {
			got := outcome(s.in, s.options)
			i := slices.IndexFunc(s.archive.Files, func(f txtar.File) bool { return f.Name == "want" })
			if *update {
				s.archive.Files[i].Data = []byte(got)
				if err := os.WriteFile(s.path, txtar.Format(s.archive), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if want := string(s.archive.Files[i].Data); got != want {
				t.Errorf("%s gives\n%s\nwant\n%s", s.path, got, want)
			}
		})
	}
}

func outcome(in string, o Options) string {
	var b strings.Builder
	st, err := Parse(strings.NewReader(in), o, func(e Entry) error {
		fmt.Fprintf(&b, "%d %s %s", e.Line, e.Kind, e.Value)
		show := func(name string, v any, on bool) {
			if on {
				fmt.Fprintf(&b, " %s=%v", name, v)
			}
		}
		show("threat", strconv.Quote(e.Threat), e.Threat != "")
		show("tags", strings.Join(e.Tags, "|"), len(e.Tags) > 0)
		show("confidence", e.Confidence, e.Confidence >= 0)
		show("first", e.First.Format(time.RFC3339), !e.First.IsZero())
		show("last", e.Last.Format(time.RFC3339), !e.Last.IsZero())
		show("expires", e.Expires.Format(time.RFC3339), !e.Expires.IsZero())
		show("url", "yes", e.FromURL)
		show("trusted", "yes", e.Trusted)
		b.WriteByte('\n')
		return nil
	})
	fmt.Fprintf(&b, "%s: %d entries, %d faults\n", st.Format, st.Entries, st.Faults)
	for _, f := range st.Sample {
		fmt.Fprintf(&b, "fault: %v\n", &f)
	}
	for _, r := range slices.Sorted(maps.Keys(st.Skipped)) {
		fmt.Fprintf(&b, "skipped: %d × %s\n", st.Skipped[r], r)
	}
	if err != nil {
		fmt.Fprintf(&b, "error: %v\n", err)
	}
	return b.String()
}
