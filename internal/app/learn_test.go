package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/simulate"
	"github.com/vedette-project/vedette/internal/testbed"
)

const anomalous = "Persistence:IAMUser/AnomalousBehavior"

// unusual is a log of ordinary days, and an hour with an unusual act.
func unusual(t *testing.T, at time.Time) (days, act []string) {
	t.Helper()
	lines, err := simulate.Records(anomalous, at)
	if err != nil {
		t.Fatal(err)
	}
	n := len(lines) - 20
	return lines[:n], lines[n:]
}

func logFile(t *testing.T, lines []string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "records.log")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// learnConfig is the configuration that startApp uses, for a folder.
func learnConfig(dir string, change func(*config.Config)) *config.Config {
	c := config.Default()
	c.Account, c.Region = "111122223333", "eu-central-1"
	c.Store.DataDir = dir
	if change != nil {
		change(c)
	}
	return c
}

func learn(t *testing.T, dir string, change func(*config.Config), paths ...string) *LearnResult {
	t.Helper()
	res, err := Learn(t.Context(), LearnOptions{
		Config: learnConfig(dir, change), Paths: paths, Now: time.Now, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func pushTrail(t *testing.T, a *App, lines []string) {
	t.Helper()
	res, err := http.Post("http://"+a.Addr+"/ingest/cloudtrail", "application/json", strings.NewReader(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("status %d", res.StatusCode)
	}
	settle(t, a)
}

func typesOf(fs []*finding.Finding) map[string]int64 {
	out := map[string]int64{}
	for _, f := range fs {
		out[f.Type] += f.Service.Count
	}
	return out
}

// TestLearnThenServe: a server that learned from the days before finds what is
// unusual on its first day, exactly what a scan with a warm-up finds; without
// it finds nothing of that kind. In a file, and in a database.
func TestLearnThenServe(t *testing.T) {
	t.Parallel()
	days, act := unusual(t, begin)
	old := logFile(t, days)
	o := scanOptions(t, []string{logFile(t, act)})
	o.Warmup = []string{old}
	scanned := scan(t, o)
	if got := typesOf(scanned.Findings); got[anomalous] == 0 {
		t.Fatalf("the scan found %v", got)
	}
	if w := scanned.Warmup.Ledger; w.Records() != int64(len(days)) || scanned.Ledger.Records() != int64(len(act)) {
		t.Errorf("%d and %d records", w.Records(), scanned.Ledger.Records())
	}
	serve := func(t *testing.T, change func(*config.Config)) {
		dir := t.TempDir()
		res := learn(t, dir, change, old)
		if res.Learned != int64(len(days)) || res.Records != res.Learned || len(res.Scopes) == 0 {
			t.Errorf("%+v", res)
		}
		again := learn(t, dir, change, old)
		if again.Records != 0 || again.Known != 1 {
			t.Errorf("again: %+v", again)
		}
		copied := learn(t, dir, change, logFile(t, append([]string{""}, days...))) // another file with the same records
		if copied.Learned != 0 || copied.Duplicate != int64(len(days)) {
			t.Errorf("a copy: %+v", copied)
		}
		a := startApp(t, dir, change)
		if fs := stored(t, a); len(fs) > 0 {
			t.Errorf("%d findings in what was only learned from", len(fs))
		}
		pushTrail(t, a, act)
		if d := cmp.Diff(typesOf(scanned.Findings), typesOf(stored(t, a))); d != "" {
			t.Errorf("scanned and served:\n%s", d)
		}
		known, err := LearnedOf(t.Context(), a.keys.store)
		if err != nil || len(known) == 0 {
			t.Errorf("%v, %v", known, err)
		}
		_, page := get(t, "http://"+a.MetricsAddr+"/metrics")
		if n := samples(t, page)[`vedette_detect_learned_events{plane="cloudtrail"}`]; n < float64(len(days)) {
			t.Errorf("the metrics say that %v events were learned from", n)
		}
	}
	t.Run("sqlite", func(t *testing.T) { serve(t, nil) })
	t.Run("postgres", func(t *testing.T) {
		url := testbed.Postgres(t).URL("learn")
		serve(t, func(c *config.Config) { c.Store.Postgres.URL = url })
	})
	t.Run("cold", func(t *testing.T) {
		a := startApp(t, t.TempDir(), nil)
		pushTrail(t, a, act)
		if n := typesOf(stored(t, a))[anomalous]; n != 0 {
			t.Errorf("%d findings without anything learned", n)
		}
	})
}

// TestLearnedComesLive: what was learned from raises nothing, and is judged
// like any record when it comes live.
func TestLearnedComesLive(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	lines := []string{attack("mallory", 1), benign("jane", 2)}
	learn(t, dir, func(c *config.Config) { c.Cluster = "prod" }, logFile(t, lines))
	a := startApp(t, dir, nil)
	mustPush(t, a, "prod", lines...)
	if d := cmp.Diff(map[string]int64{"mallory": 1}, counts(stored(t, a))); d != "" {
		t.Error(d)
	}
	want := map[string]int64{"received": 4, "evaluated": 2, "evaluated/learned": 2}
	if d := cmp.Diff(want, ledger(t, a.keys.store)); d != "" {
		t.Error(d)
	}
	if err := a.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	res := learn(t, dir, func(c *config.Config) { c.Cluster = "prod" }, logFile(t, append(lines, attack("mallory", 3), "no record")))
	if res.Duplicate != 2 || res.Learned != 1 || res.Malformed != 1 || res.Records != 4 {
		t.Errorf("%+v", res)
	}
}

// TestLearnBesideServer: a data directory is one process's.
func TestLearnBesideServer(t *testing.T) {
	dir := t.TempDir()
	startApp(t, dir, nil)
	_, err := Learn(t.Context(), LearnOptions{
		Config: learnConfig(dir, nil), Paths: []string{logFile(t, []string{benign("jane", 1)})}, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	if err == nil || !strings.Contains(err.Error(), "another server runs on") {
		t.Errorf("%v", err)
	}
}

// TestLearnKilled kills `vedette learn` at random moments and begins it again
// until it is done. Then the server is killed, too. The models know what they
// know when nothing was killed, and the unusual act is found.
func TestLearnKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it kills processes for some seconds")
	}
	t.Parallel()
	days, act := unusual(t, begin)
	logs := t.TempDir()
	for i := 0; len(days) > 0; i++ { // in several files, as logs are
		n := min(len(days), 500)
		if err := os.WriteFile(filepath.Join(logs, fmt.Sprintf("%02d.log", i)), []byte(strings.Join(days[:n], "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
		days = days[n:]
	}
	undisturbed := t.TempDir()
	want := learn(t, undisturbed, nil, logs).Scopes
	s := newKilled(t)
	killed := 0
	for done := false; !done; {
		cmd := exec.CommandContext(t.Context(), s.binary, "learn", "--config", s.settings, logs)
		cmd.Stderr = t.Output()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		after := time.Duration(50+rand.IntN(500)) * time.Millisecond // the random moment is the test
		if killed >= 8 {
			after = time.Minute
		}
		select {
		case err := <-ended:
			if err != nil {
				t.Fatal(err)
			}
			done = true
		case <-time.After(after):
			if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
				t.Fatal(err)
			}
			<-ended
			killed++
		}
	}
	t.Logf("%d kills", killed)
	s.start()
	s.kill()
	s.start()
	res, err := http.Post("http://"+s.addr+"/ingest/cloudtrail", "application/json", strings.NewReader(strings.Join(act, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	s.stop()
	a := &App{Options: Options{Config: configOf(t, s.settings), Now: time.Now}}
	if err := a.openStore(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer a.Stop(context.Background())
	if n := typesOf(stored(t, a))[anomalous]; n == 0 {
		t.Error("the unusual act was not found")
	}
	ledgerOf := ledger(t, a.keys.store)
	if total := ledgerOf["evaluated/learned"]; total != sumLedger(t, undisturbed) {
		t.Errorf("%d records were learned from, %d are there", total, sumLedger(t, undisturbed))
	}
	got, err := LearnedOf(t.Context(), a.keys.store)
	if err != nil || len(got) < len(want) {
		t.Errorf("%v %v", got, err)
	}
}

// sumLedger is how many records the store in a folder learned from.
func sumLedger(t *testing.T, dir string) int64 {
	t.Helper()
	a := &App{Options: Options{Config: learnConfig(dir, nil), Now: time.Now}}
	if err := a.openStore(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer a.Stop(context.Background())
	return ledger(t, a.keys.store)["evaluated/learned"]
}
