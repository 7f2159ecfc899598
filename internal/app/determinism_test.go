package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/finding"
)

// recordedLines are all lines of the recorded scenarios, in the order of their times.
func recordedLines(t *testing.T) []string {
	t.Helper()
	type timed struct{ time, line string }
	var all []timed
	scenarios(t, func(t *testing.T, path string, a *txtar.Archive) {
		if !strings.Contains(path, "recorded") {
			return
		}
		for _, f := range a.Files {
			if f.Name == "want" {
				continue
			}
			for line := range strings.Lines(string(f.Data)) {
				var e struct{ RequestReceivedTimestamp string }
				if err := json.Unmarshal([]byte(line), &e); err != nil {
					t.Fatal(err)
				}
				all = append(all, timed{e.RequestReceivedTimestamp, strings.TrimSuffix(line, "\n")})
			}
		}
	})
	slices.SortStableFunc(all, func(a, b timed) int { return strings.Compare(a.time, b.time) })
	var out []string
	for _, e := range all {
		out = append(out, e.line)
	}
	return out
}

// jsonl prints findings as `scan -o jsonl` does.
func jsonl(t *testing.T, fs []*finding.Finding) string {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, f := range fs {
		if err := enc.Encode(f); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// TestSameFindings: two runs, one worker or many, and files of different
// clusters in any order give the same bytes.
func TestSameFindings(t *testing.T) {
	t.Parallel()
	lines := recordedLines(t)
	dir := t.TempDir()
	var paths []string
	for i := range 5 { // each cluster has its own log, split in two files
		for half := range 2 {
			part := lines[half*len(lines)/2 : (half+1)*len(lines)/2]
			var events []map[string]any
			for n, l := range part {
				events = append(events, map[string]any{"id": fmt.Sprint(n), "timestamp": 1767323045100, "message": l})
			}
			msg, err := json.Marshal(map[string]any{
				"messageType": "DATA_MESSAGE", "owner": fmt.Sprintf("%012d", i), "logGroup": fmt.Sprintf("/aws/eks/c%d/cluster", i),
				"logStream": "kube-apiserver-audit-1", "logEvents": events,
			})
			if err != nil {
				t.Fatal(err)
			}
			p := filepath.Join(dir, fmt.Sprintf("%d-%d.json", i, half))
			if err := os.WriteFile(p, msg, 0o600); err != nil {
				t.Fatal(err)
			}
			paths = append(paths, p)
		}
	}
	want := jsonl(t, scanPaths(t, paths...).Findings)
	if n := strings.Count(want, "\n"); n < 100 {
		t.Fatalf("only %d findings to compare", n)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for i, workers := range []int{1, 1, 2, 8} {
		rnd.Shuffle(len(paths), func(i, j int) { paths[i], paths[j] = paths[j], paths[i] })
		o := scanOptions(t, slices.Clone(paths))
		o.Workers = workers
		r, err := Scan(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		if got := jsonl(t, r.Findings); got != want {
			t.Errorf("run %d with %d workers differs:\n%s", i, workers, cmp.Diff(want, got))
		}
	}
}

// startApp runs a server on free ports of the loopback.
func startApp(t *testing.T, dir string, change func(*config.Config)) *App {
	t.Helper()
	return startAs(t, dir, "all", change)
}

func startAs(t *testing.T, dir, role string, change func(*config.Config)) *App {
	t.Helper()
	return startWith(t, dir, role, time.Now, change)
}

func startWith(t *testing.T, dir, role string, now func() time.Time, change func(*config.Config)) *App {
	t.Helper()
	c := config.Default()
	c.Account, c.Region = "111122223333", "eu-central-1"
	c.Server.Listen, c.Server.MetricsListen = "127.0.0.1:0", "127.0.0.1:0"
	c.Store.DataDir = dir
	c.Intelligence.Feeds.Enabled = false // a test asks nobody outside
	if change != nil {
		change(c)
	}
	a, err := Start(context.Background(), Options{Config: c, Now: now, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Version: "test", Role: role})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return a
}

func push(t *testing.T, a *App, cluster, body string) int {
	t.Helper()
	res, err := http.Post("http://"+a.Addr+"/ingest/k8s-audit/"+cluster+"?timeout=30s", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

func eventList(lines []string) string {
	return `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[` + strings.Join(lines, ",") + `]}`
}

// stored are all findings of a server, in the order of a scan's.
func stored(t *testing.T, a *App) []*finding.Finding {
	t.Helper()
	settle(t, a)
	det := finding.DetectorID(a.Config.Account, a.Config.Region)
	q := finding.Query{DetectorID: det, Limit: 50}
	m := memory{}
	for {
		ids, next, err := a.keys.store.ListFindings(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		fs, err := a.keys.store.Findings(context.Background(), det, ids, finding.Sort{})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range fs {
			m[f.ID] = &finding.Record{Finding: f}
		}
		if next == "" {
			return m.sorted()
		}
		q.After = next
	}
}

// TestLiveAgainstScan pushes a log through the webhook in batches, some twice
// and with a restart in the middle, and compares with a scan of it.
func TestLiveAgainstScan(t *testing.T) {
	t.Parallel()
	lines := recordedLines(t)
	path := filepath.Join(t.TempDir(), "audit.log")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := scanOptions(t, []string{path})
	o.Scope.Cluster = "live"
	r, err := Scan(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	want := jsonl(t, r.Findings)

	dir := t.TempDir()
	a := startApp(t, dir, nil)
	rnd := rand.New(rand.NewPCG(3, 4))
	restarted := false
	for rest := lines; len(rest) > 0; {
		n := min(len(rest), 1+rnd.IntN(40))
		body := eventList(rest[:n])
		for range 1 + rnd.IntN(2) { // a sender that saw no answer sends again
			if code := push(t, a, "live", body); code != http.StatusOK {
				t.Fatalf("status %d", code)
			}
		}
		if rest = rest[n:]; !restarted && len(rest) < len(lines)/2 {
			restarted = true
			if err := a.Stop(context.Background()); err != nil {
				t.Fatal(err)
			}
			a = startApp(t, dir, nil)
			if code := push(t, a, "live", body); code != http.StatusOK { // unanswered before the restart
				t.Fatalf("status %d", code)
			}
		}
	}
	if got := jsonl(t, stored(t, a)); got != want {
		t.Error(cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")))
	}
}
