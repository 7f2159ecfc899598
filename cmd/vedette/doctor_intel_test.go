package main

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/intel/feed"
	"github.com/vedette-project/vedette/internal/store"
)

// TestDoctorFeeds: what is wrong with feeds is said, and that nothing outside
// can be reached is one note and no fault.
func TestDoctorFeeds(t *testing.T) {
	var answer sync.Map // by path; others are out of service
	answer.Store("/a", "11.22.33.44\n")
	answer.Store("/b", "11.22.33.45\n")
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := answer.Load(r.URL.Path)
		if !ok {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, text)
	}))
	defer srv.Close()
	cfg := config.Default()
	cfg.Store.DataDir = t.TempDir()
	catalog, err := feed.Catalog()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range catalog {
		cfg.Intelligence.Feeds.Skip = append(cfg.Intelligence.Feeds.Skip, s.Name)
	}
	for _, name := range []string{"a", "b"} {
		cfg.Intelligence.Feeds.Own = append(cfg.Intelligence.Feeds.Own, config.Feed{Name: name, URL: srv.URL + "/" + name, Private: true})
	}
	update := func() { // as the command does; what fails is what doctor tells of
		t.Helper()
		u, err := app.NewFeeds(cfg, feed.Options{
			Now: time.Now, Log: slog.New(slog.DiscardHandler), Rand: rand.New(rand.NewPCG(1, 2)),
		})
		if err != nil {
			t.Fatal(err)
		}
		_ = u.Update(t.Context())
	}
	look := func(want ...string) {
		t.Helper()
		d := &doctor{cfg: cfg, now: time.Now}
		d.feeds()
		got := d.report()
		for _, w := range want {
			wantText(t, "feeds", got, w)
		}
		if n := strings.Count(got, "\n"); n != len(want) {
			t.Errorf("%d lines, want %d:\n%s", n, len(want), got)
		}
	}
	look("note feeds: none of 2 has a list yet: a running server fetches them")
	update()
	look("ok feeds: 2 of 2 have a list, with 2 entries; the oldest was fetched at ")
	answer.Delete("/a")
	update()
	look("ok feeds: 2 of 2 have a list", "note feed a: it could not be fetched, 1 times in a row: feed a: get http://")
	answer.Delete("/b")
	update()
	look("note feeds: 2 of 2 have a list, with 2 entries; the oldest was fetched at ")
	look("and none can be fetched: feed a: get http://")
	answer.Store("/a", "11.22.33.44\n")
	answer.Store("/b", "8.8.8.8\n9.9.9.9\n1.1.1.1\n")
	update()
	look("ok feeds: 2 of 2", "note feed b: a new list with 0 entries is held aside: 3 of its entries are on a warning list, such as ")
	cfg.Intelligence.Feeds.Enabled = false
	look("ok feeds: 2 of 2 have a list, with 2 entries;", "note feed b: ")
	if err := os.WriteFile(filepath.Join(app.FeedsDir(cfg), "a.jsonl"), []byte("cut"), 0o600); err != nil {
		t.Fatal(err)
	}
	look("ok feeds: 1 of 2", "fault feed a: "+filepath.Join(app.FeedsDir(cfg), "a.jsonl")+" is damaged", "note feed b: ")
	if err := os.RemoveAll(app.FeedsDir(cfg)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(app.FeedsDir(cfg), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	look("fault feeds: the lists in ")
	cfg.Intelligence.Feeds.Use = []string{"nothing"}
	look("fault feeds: intelligence.feeds.use[0]: there is no feed")
}

// TestDoctorLists: lists of files and of the API that cannot be read, that wait,
// and entries that are likely mistakes.
func TestDoctorLists(t *testing.T) {
	cfg, at := config.Default(), time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC)
	cfg.Store.DataDir = t.TempDir()
	list := filepath.Join(t.TempDir(), "bad.txt")
	writeText := func(text string) {
		t.Helper()
		if err := os.WriteFile(list, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files := func() string {
		d := &doctor{cfg: cfg}
		d.files()
		return d.report()
	}
	if got := files(); got != "" {
		t.Errorf("there are none: %s", got)
	}
	cfg.Detection.ThreatLists = []config.List{{Name: "ours", Path: list}}
	writeText("8.8.8.8\n1.1.1.1\n11.22.33.44\n")
	wantText(t, "with mistakes", files(), "ok lists of files: 1 with 3 entries\n")
	wantText(t, "with mistakes", files(), "note entries of the list ours: 2 entries are likely mistakes, such as ")
	writeText("evil.example and more\n")
	wantText(t, "damaged", files(), "fault lists of files: detection.threatLists[0]: load list \"ours\": ")
	wantText(t, "damaged", files(), "a running server goes on with what it read before, but no new one starts")
	writeText("11.22.33.44\nevil.example and more\n1.1.1.2\n")
	wantText(t, "a slip", files(), "note list ours: load list \"ours\": "+list+": line 2: ")
	wantText(t, "a slip", files(), "this line is left out, the 2 entries of the others are in force; correct or delete")
	wantText(t, "a slip", files(), "ok lists of files: 1 with 2 entries\n")
	writeText("11.22.33.44\nme@example.org\n")
	wantText(t, "of no use", files(), "note list ours: 1 entries are used; not used are 1 of the kind: e-mail address\n")
	cfg.Intelligence.Geo.ASN = list
	d := &doctor{cfg: cfg}
	d.places()
	wantText(t, "no database", d.report(), "fault geo databases: intelligence.geo: open asn database ")

	st, err := app.OpenStore(t.Context(), cfg, func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	det := finding.DetectorID(cfg.Account, cfg.Region)
	if err := st.CreateDetector(t.Context(), finding.Detector{ID: det, Account: cfg.Account, Region: cfg.Region, Enabled: true}); err != nil {
		t.Fatal(err)
	}
	for name, status := range map[string]string{"broken": store.ListError, "waits": store.ListActivating, "fine": store.ListActive, "stale": store.ListActive, "off": store.ListInactive} {
		err := st.ChangeLists(t.Context(), det, store.ThreatIntelSet, func([]store.List) (*store.List, error) {
			l := &store.List{ID: name, Name: name, Format: "TXT", Location: "s3://b/" + name, Status: status, UpdatedAt: at, ReadAt: at, Entries: 3}
			if name == "broken" || name == "stale" {
				l.ErrorDetails = "access is refused; allow s3:GetObject\nmore"
			}
			return l, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	lists := func(now time.Time) string {
		d := &doctor{cfg: cfg, now: func() time.Time { return now }}
		d.lists(t.Context(), st)
		return d.report()
	}
	got := lists(at)
	for _, want := range []string{
		"fault list broken (threatintelset): it cannot be read from s3://b/broken: access is refused; allow s3:GetObject\n",
		"ok list waits (threatintelset): ACTIVATING since 2026-01-01 10:00:00 UTC",
		"ok list fine (threatintelset): in use, 0 entries",
		"note list stale (threatintelset): in use, 0 entries: access is refused",
	} {
		wantText(t, "lists of the API", got, want)
	}
	if strings.Contains(got, "off") {
		t.Errorf("what is not in use is told: %s", got)
	}
	wantText(t, "an hour later", lists(at.Add(time.Hour)), "note list waits (threatintelset): ACTIVATING since 2026-01-01 10:00:00 UTC: a server with the role detect")
}
