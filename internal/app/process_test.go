package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vedette-project/vedette/internal/config"
	"github.com/vedette-project/vedette/internal/journal"
	"github.com/vedette-project/vedette/internal/testbed"
)

// TestPatience: a start waits for what may just be starting, and not for a
// file that the configuration names.
func TestPatience(t *testing.T) {
	_, missing := os.Open(filepath.Join(t.TempDir(), "none"))
	_, nobody := journal.Open(t.Context(), journal.Options{URLs: []string{"nats://" + testbed.FreeAddr(t)}, Shards: 1, MaxBytes: 1 << 20})
	a := &App{Options: Options{Log: slog.New(slog.DiscardHandler)}}
	for _, tc := range []struct {
		err   error
		waits bool
	}{
		{fmt.Errorf("store.postgres.passwordFile: %w", missing), false},
		{&fs.PathError{Op: "open", Path: "seal.key", Err: syscall.EACCES}, false},
		{errors.New("wrong password"), false},
		{fmt.Errorf("open the journal: %w", nobody), true},
		{journal.ErrUnavailable, true},
		{syscall.ECONNREFUSED, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			tries := 0
			err := a.patiently(t.Context(), "it", func(context.Context) error {
				if tries++; tries == 2 {
					return nil
				}
				return tc.err
			})
			if want := map[bool]int{true: 2, false: 1}[tc.waits]; tries != want || (err == nil) != tc.waits {
				t.Errorf("%v: tried %d times, then %v", tc.err, tries, err)
			}
		})
	}
}

func TestStartNamesTheKey(t *testing.T) {
	for want, change := range map[string]func(*config.Config){
		"store.postgres.passwordFile: open /nosuch": func(c *config.Config) {
			c.Store.Postgres.URL, c.Store.Postgres.PasswordFile = "postgres://127.0.0.1:1/x", "/nosuch"
		},
		"server.sealingKeyFile: open sealing key: open /nosuch: no such file or directory; copy seal.key there": func(c *config.Config) {
			c.Server.SealingKeyFile = "/nosuch"
		},
	} {
		c := config.Default()
		c.Store.DataDir = t.TempDir()
		change(c)
		_, err := Start(t.Context(), Options{Config: c, Now: time.Now, Log: slog.New(slog.DiscardHandler), Version: "test", Role: "all"})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestOneNameOneProcess: two processes cannot work under one name, and two
// that were given none are two.
func TestOneNameOneProcess(t *testing.T) {
	s := newShared(t, 1)
	d1 := s.start(t, "d1", "detect")
	shardsOf(t, map[*App]int{d1: 6})
	again := *d1.Config
	again.Store.DataDir = t.TempDir()
	_, err := Start(t.Context(), Options{Config: &again, Now: time.Now, Log: d1.Log, Version: "test", Role: "detect"})
	if err == nil || !strings.Contains(err.Error(), "server.name: another process works under the name d1") {
		t.Fatalf("a second process of one name: %v", err)
	}
	again.Server.Name = ""
	if id := (&App{Options: Options{Config: &again}}).workerID(); !strings.HasSuffix(id, fmt.Sprint("/", os.Getpid())) {
		t.Errorf("a process without a name is %q", id)
	}

	// One that died, and left its leases, is no other.
	shards, err := d1.keys.store.Shards(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := d1.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	d2 := s.start(t, "d2", "ingest")
	if _, err := d2.keys.store.Claim(t.Context(), shards[0].N, "d1", time.Hour); err != nil {
		t.Fatal(err)
	}
	shardsOf(t, map[*App]int{s.start(t, "d1", "detect"): 6})
}

// TestCanaryIsNoSource: canaries are nobody's cluster, so that nothing goes
// quiet when they are switched off.
func TestCanaryIsNoSource(t *testing.T) {
	a := startApp(t, t.TempDir(), nil)
	mustPush(t, a, "prod", benign("jane", 1))
	if err := a.sendCanary(t.Context()); err != nil {
		t.Fatal(err)
	}
	settle(t, a)
	list, err := a.keys.store.Sources(t.Context())
	if err != nil || len(list) != 1 || list[0].Cluster != "prod" {
		t.Errorf("sources %+v, %v", list, err)
	}
	if got := ledger(t, a.keys.store); got["received"] != 2 || got["evaluated"] != 2 {
		t.Errorf("%v", got)
	}
}

// TestOneTellsOfSources: a process that gave the first shard away leaves no
// old news of sources in its metrics.
func TestOneTellsOfSources(t *testing.T) {
	s := newShared(t, 1)
	d2 := s.start(t, "d2", "ingest,detect")
	shardsOf(t, map[*App]int{d2: 6})
	mustPush(t, d2, "prod", benign("jane", 1))
	settle(t, d2)
	if err := d2.lookAtSources(t.Context()); err != nil {
		t.Fatal(err)
	}
	tells := func(a *App) bool {
		_, page := get(t, "http://"+a.MetricsAddr+"/metrics")
		return strings.Contains(page, "\nvedette_ingest_source_healthy{")
	}
	if !tells(d2) {
		t.Fatal("the only process tells nothing")
	}
	d1 := s.start(t, "d1", "detect")
	shardsOf(t, map[*App]int{d1: 3, d2: 3})
	until(t, "one of the two tells of the source", func() bool {
		_, first1 := d1.worker.Held()
		return tells(d1) == first1 && tells(d2) == !first1
	})
}
