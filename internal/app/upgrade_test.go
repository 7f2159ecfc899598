package app

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/store"
	"github.com/vedette-project/vedette/internal/testbed"
)

// upgraded is the data of an older version, with which this version runs.
type upgraded struct {
	t    *testing.T
	dir  string
	cfg  *config.Config
	was  release
	app  *App
	stop func()
}

// eachRelease runs a test on the data of every older version, in both stores.
func eachRelease(t *testing.T, run func(t *testing.T, u *upgraded)) {
	t.Helper()
	versions, err := filepath.Glob(filepath.Join(releasesDir, "v*"))
	if err != nil || len(versions) == 0 {
		t.Fatalf("no version in %s: %v", releasesDir, err)
	}
	for _, dir := range versions {
		for _, kind := range []string{"SQLite", "PostgreSQL"} {
			t.Run(filepath.Base(dir)+"/"+kind, func(t *testing.T) {
				t.Parallel()
				run(t, unpacked(t, dir, kind))
			})
		}
	}
}

// unpacked is the folder as the older version left it, and the configuration
// as this version reads it.
func unpacked(t *testing.T, dir, kind string) *upgraded {
	t.Helper()
	u := &upgraded{t: t, dir: t.TempDir()}
	packed := map[string]string{"SQLite": "sqlite.tar.zst", "PostgreSQL": "postgres.tar.zst"}[kind]
	unpack(t, filepath.Join(dir, packed), u.dir)
	text, err := os.ReadFile(filepath.Join(u.dir, "release.json"))
	if err := errors.Join(err, json.Unmarshal(text, &u.was), os.MkdirAll(filepath.Join(u.dir, "logs", "cloudtrail"), 0o700)); err != nil {
		t.Fatal(err)
	}
	settings, err := os.ReadFile(filepath.Join(dir, "vedette.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(u.dir, "vedette.yaml")
	if err := os.WriteFile(file, bytes.ReplaceAll(settings, []byte("/fixture"), []byte(u.dir)), 0o600); err != nil {
		t.Fatal(err)
	}
	if u.cfg, err = config.Load(file, nil); err != nil {
		t.Fatalf("the configuration of %s is refused: %v", u.was.Version, err)
	}
	if kind == "PostgreSQL" {
		u.restore()
	}
	return u
}

// restore puts the dump into a database of its own.
func (u *upgraded) restore() {
	u.t.Helper()
	dump, err := os.ReadFile(filepath.Join(u.dir, "dump.sql"))
	if err != nil {
		u.t.Fatal(err)
	}
	server := testbed.Postgres(u.t)
	u.cfg.Store.Postgres.URL = server.URL("upgraded")
	server.SQL("upgraded", string(dump))
}

// begin starts this version.
func (u *upgraded) begin() error {
	log := slog.New(slog.NewTextHandler(u.t.Output(), nil))
	a, err := Start(context.Background(), Options{Config: u.cfg, Now: time.Now, Log: log, Version: "test", Role: "all"})
	if err != nil {
		return err
	}
	u.app = a
	ended := false
	u.stop = func() {
		if !ended {
			ended = true
			if err := a.Stop(context.Background()); err != nil {
				u.t.Error(err)
			}
		}
	}
	u.t.Cleanup(u.stop)
	return nil
}

// TestUpgrade: this version goes on where an older one was killed. What people
// set up and what was found reads back the same, byte for byte; what waited in
// the journal is judged, once; keys, rules, lists and models are in force.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	eachRelease(t, func(t *testing.T, u *upgraded) {
		if err := errors.Join(CheckRules(u.cfg), CheckFeeds(u.cfg), CheckFiles(u.cfg), CheckPeople(u.cfg)); err != nil {
			t.Errorf("config check: %v", err)
		}
		if err := u.begin(); err != nil {
			t.Fatal(err)
		}
		settle(t, u.app)
		u.judgedOnce()
		u.readsTheSame(u.was.Answers, u.was.Findings)
		u.keysWork()
		u.modelsGoOn()
		u.listsAndRulesWork()
		answers, findings, err := look(u.app.Addr, u.was.Keys["admin"])
		if err != nil {
			t.Fatal(err)
		}
		u.stop()
		if err := u.begin(); err != nil {
			t.Fatalf("start again: %v", err)
		}
		u.readsTheSame(answers, findings)
	})
}

// readsTheSame compares what the API says with what it said before.
func (u *upgraded) readsTheSame(wasAnswers, wasFindings map[string]string) {
	u.t.Helper()
	answers, findings, err := look(u.app.Addr, u.was.Keys["admin"])
	if err != nil {
		u.t.Fatal(err)
	}
	if len(wasFindings) < 100 || len(wasAnswers) < 10 {
		u.t.Fatalf("%d findings and %d answers were kept; the test says little", len(wasFindings), len(wasAnswers))
	}
	for path, was := range wasAnswers {
		// Neither the place of the list nor that of the export is here.
		if strings.Contains(path, "/publishingDestination") || strings.Contains(path, "/threatintelset/") {
			was, answers[path] = withoutHealth(u.t, was), withoutHealth(u.t, answers[path])
		}
		if d := cmp.Diff(was, answers[path]); d != "" {
			u.t.Errorf("GET %s (-was +is):\n%s", path, d)
		}
	}
	differ := 0
	for id, was := range wasFindings {
		if d := cmp.Diff(was, findings[id]); d != "" {
			if differ++; differ <= 3 {
				u.t.Errorf("finding %s (-was +is):\n%s", id, d)
			}
		}
	}
	if differ > 0 {
		u.t.Errorf("%d of %d findings differ", differ, len(wasFindings))
	}
}

// withoutHealth leaves out of an answer how something outside does just now.
func withoutHealth(t *testing.T, answer string) string {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(answer), &v); err != nil {
		t.Fatalf("%q: %v", answer, err)
	}
	for _, m := range append(asMaps(v["destinations"]), v) {
		for _, health := range []string{"publishingFailureStartTimestamp", "errorDetails"} {
			delete(m, health)
		}
		if m["status"] != "ACTIVE" {
			delete(m, "status")
		}
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func asMaps(v any) (out []map[string]any) {
	list, _ := v.([]any)
	for _, one := range list {
		if m, ok := one.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// judgedOnce looks at what waited in the journal.
func (u *upgraded) judgedOnce() {
	u.t.Helper()
	got := map[string]int64{}
	for _, f := range stored(u.t, u.app) {
		if f.Resource.KubernetesDetails != nil && f.Resource.KubernetesDetails.KubernetesUserDetails != nil {
			got[f.Resource.KubernetesDetails.KubernetesUserDetails.Username] += f.Service.Count
		}
	}
	if got[restUser] != u.was.Rest || got["again"] != u.was.Again {
		u.t.Errorf("%d occurrences of what waited in the journal, want %d; %d of what waited there once more, want %d", got[restUser], u.was.Rest, got["again"], u.was.Again)
	}
	is := map[string]int64{}
	for name, n := range ledger(u.t, u.app.keys.store) {
		outcome, _, _ := strings.Cut(name, "/")
		is[outcome] += n
	}
	want := map[string]int64{"received": u.was.Rest + u.was.Again, "evaluated": u.was.Rest, "duplicate": u.was.Again}
	for _, outcome := range []string{"received", "evaluated", "duplicate"} {
		if more := is[outcome] - u.was.Ledger[outcome]; more != want[outcome] {
			u.t.Errorf("ledger: %d more records are %s, want %d", more, outcome, want[outcome])
		}
	}
}

// keysWork tries what the key of each role may.
func (u *upgraded) keysWork() {
	u.t.Helper()
	const ok, no = http.StatusOK, http.StatusForbidden
	for role, want := range map[string][3]int{
		"admin": {ok, ok, ok}, "analyst": {ok, no, no}, "read-only": {ok, no, no}, "ingest": {no, no, ok}, "revoked": {no, no, no},
	} {
		read, write, pushed, err := mayDo(u.app.Addr, u.was.Keys[role])
		if err != nil {
			u.t.Fatal(err)
		}
		refused := func(status int) bool { return status == http.StatusForbidden || status == http.StatusUnauthorized }
		for i, got := range []int{read, write, pushed} {
			if got != want[i] && !(want[i] == no && refused(got)) {
				u.t.Errorf("%s: status %d of %s, want %d", role, got, []string{"a read", "a change", "a push"}[i], want[i])
			}
		}
	}
	settle(u.t, u.app)
}

// modelsGoOn: what the older version learned, this one judges by.
func (u *upgraded) modelsGoOn() {
	u.t.Helper()
	is, err := LearnedOf(u.t.Context(), u.app.keys.store)
	if err != nil {
		u.t.Fatal(err)
	}
	var was []struct {
		Account, Region, Cluster, Model string
		Days, Events                    int64
		Ready                           bool
	}
	if err := json.Unmarshal(u.was.Learned, &was); err != nil || len(was) == 0 {
		u.t.Fatalf("%d models: %v", len(was), err)
	}
	for _, w := range was {
		found := false
		for _, sc := range is {
			for _, l := range sc.Models {
				same := sc.Scope.Account == w.Account && sc.Scope.Region == w.Region && sc.Scope.Cluster == w.Cluster && l.Plane == w.Model
				found = found || same && int64(l.Events) >= w.Events && int64(l.Days) >= w.Days
			}
		}
		if !found {
			u.t.Errorf("the model %s of %s/%s/%s knows less than its %d events", w.Model, w.Account, w.Region, w.Cluster, w.Events)
		}
	}
	before := u.ofType(anomalous)
	u.push("cloudtrail", u.was.Act...)
	for id := range u.ofType(anomalous) {
		if !before[id] {
			return
		}
	}
	u.t.Errorf("no new %s: the models have forgotten what is usual", anomalous)
}

// listsAndRulesWork: the list that somebody made through the API, and the rule
// in the folder, find what is on them.
func (u *upgraded) listsAndRulesWork() {
	u.t.Helper()
	u.push("k8s-audit/prod", strings.ReplaceAll(strings.ReplaceAll(benign("caller", 1), "203.0.113.7", "203.0.113.77"), `"code":200`, `"code":403`))
	u.push("k8s-audit/prod", benign("nosy", 1))
	want := map[string]bool{"caller": false, "nosy": false}
	for _, f := range stored(u.t, u.app) {
		if k := f.Resource.KubernetesDetails; k != nil && k.KubernetesUserDetails != nil {
			if _, ok := want[k.KubernetesUserDetails.Username]; ok {
				want[k.KubernetesUserDetails.Username] = true
			}
		}
	}
	if !want["caller"] || !want["nosy"] {
		u.t.Errorf("findings about the caller on the list, and by our own rule: %v", want)
	}
}

// ofType are the findings of a type.
func (u *upgraded) ofType(name string) map[string]bool {
	out := map[string]bool{}
	for _, f := range stored(u.t, u.app) {
		if string(f.Type) == name {
			out[f.ID] = true
		}
	}
	return out
}

func (u *upgraded) push(path string, lines ...string) {
	u.t.Helper()
	m := &maker{t: u.t, addr: u.app.Addr, out: u.was}
	m.push(path, lines)
	settle(u.t, u.app)
}

// TestDowngradeIsRefused: an older binary does not touch data that a newer one
// has migrated, and says so.
func TestDowngradeIsRefused(t *testing.T) {
	t.Parallel()
	eachRelease(t, func(t *testing.T, u *upgraded) {
		if err := u.begin(); err != nil { // brings them to the version of today
			t.Fatal(err)
		}
		u.stop()
		u.fromTheFuture()
		before := u.fingerprint()
		err := u.begin()
		if err == nil {
			t.Fatal("it started on data of a newer version")
		}
		var version *store.VersionError
		if !errors.As(err, &version) || version.File != 9999 {
			t.Fatalf("it does not say why: %v", err)
		}
		for _, want := range []string{"its schema version is 9999", "use a newer program"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("the error %q does not say %q", err, want)
			}
		}
		if after := u.fingerprint(); after != before {
			t.Error("it changed data that it does not understand")
		}
	})
}

// fromTheFuture marks the data as those of a version that does not exist yet.
func (u *upgraded) fromTheFuture() {
	u.t.Helper()
	if u.cfg.Store.Postgres.URL != "" {
		u.exec("pgx", u.cfg.Store.Postgres.URL, `UPDATE vedette.meta SET value = '9999' WHERE name = 'schema'`)
		return
	}
	u.exec("sqlite", StoreFile(u.cfg.Store.DataDir), `PRAGMA user_version = 9999`)
}

func (u *upgraded) exec(driver, source, text string) {
	u.t.Helper()
	db, err := sql.Open(driver, source)
	if err != nil {
		u.t.Fatal(err)
	}
	_, err = db.Exec(text)
	if err := errors.Join(err, db.Close()); err != nil {
		u.t.Fatal(err)
	}
}

// fingerprint is the file of the store; a database of PostgreSQL changes by
// itself, and what refuses is in one transaction there.
func (u *upgraded) fingerprint() string {
	u.t.Helper()
	if u.cfg.Store.Postgres.URL != "" {
		return ""
	}
	b, err := os.ReadFile(StoreFile(u.cfg.Store.DataDir))
	if err != nil {
		u.t.Fatal(err)
	}
	return string(b)
}
