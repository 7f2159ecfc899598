package main

import (
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/app"
	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/journal"
	"github.com/vedette-project/vedette/internal/publish"
	"github.com/vedette-project/vedette/internal/store"
)

func TestDoctorRoom(t *testing.T) {
	cfg := config.Default()
	cfg.Store.DataDir = t.TempDir()
	if _, err := journal.FreeBytes(cfg.Store.DataDir); err != nil {
		t.Skip(err)
	}
	look := func() string {
		d := &doctor{cfg: cfg}
		d.room()
		return d.report()
	}
	cfg.Journal.MinFreeBytes = 0
	wantText(t, "with room", look(), "ok disk: ")
	cfg.Journal.MinFreeBytes = math.MaxInt64
	wantText(t, "without room", look(), "fault disk: ")
	wantText(t, "without room", look(), "less than journal.minFreeBytes (8388608.0 TiB): senders are told to come again (429)")
	cfg.Journal.NATS.URL = "nats://n1:4222"
	if got := look(); got != "" {
		t.Errorf("the journal is elsewhere: %s", got)
	}
}

func TestDoctorPublishing(t *testing.T) {
	cfg, at := config.Default(), time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC)
	cfg.Store.DataDir = t.TempDir()
	st, err := app.OpenStore(t.Context(), cfg, func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	look := func(d doctor) string {
		d.cfg = cfg
		d.publishing(t.Context(), st)
		return d.report()
	}
	later := func() time.Time { return at.Add(2 * publishLag) }
	if got := look(doctor{now: later}); got != "" {
		t.Errorf("nothing is published: %s", got)
	}
	cfg.Publish.File = filepath.Join(t.TempDir(), "events.jsonl")
	wantText(t, "with nothing to say", look(doctor{now: later}), "ok publishing: everything is in publish.file")
	err = st.Commit(t.Context(), func(tx *store.Tx) error {
		_, err := tx.SetSourceStatus(store.SourceKey{Source: "k8s-audit", Account: cfg.Account, Region: cfg.Region, Cluster: "prod"}, store.Unhealthy, "quiet")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, "at once", look(doctor{now: func() time.Time { return at }}), "ok publishing: ")
	wantText(t, "later", look(doctor{now: later}), "fault publishing: changes since 2026-01-01 10:00:00 UTC are not in publish.file, "+cfg.Publish.File+": see the server's log")
	wantText(t, "without a server", look(doctor{now: later, silent: true}), "note publishing: changes since 2026-01-01 10:00:00 UTC wait for a server")
	if err := os.Mkdir(cfg.Publish.File, 0o700); err != nil {
		t.Fatal(err)
	}
	wantText(t, "with a folder in its place", look(doctor{now: later}), "is a directory")
	changes, err := st.Changes(t.Context(), "", 10)
	if err != nil || len(changes) != 1 {
		t.Fatal(changes, err)
	}
	if _, err := st.MoveCursor(t.Context(), publish.CursorName(app.PublishFile), nil, []byte(changes[0].Cursor)); err != nil {
		t.Fatal(err)
	}
	wantText(t, "when it was sent", look(doctor{now: later}), "ok publishing: ")
}
