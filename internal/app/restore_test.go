package app

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/config"
)

// TestBackup: a data directory that was copied while the server was stopped is
// the server, somewhere else; and what came to the first one later is not in it.
func TestBackup(t *testing.T) {
	t.Parallel()
	dir, copied := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	a := startApp(t, dir, nil)
	mustPush(t, a, "prod", attack("mallory", 1))
	if err := a.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"seal.key", "vedette.db"} {
		if err := os.Chmod(filepath.Join(copied, f), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a = startApp(t, dir, nil)
	mustPush(t, a, "prod", attack("mallory", 2))
	b := startApp(t, copied, nil)
	mustPush(t, b, "prod", attack("mallory", 1), attack("mallory", 3), attack("mallory", 4))
	if d := cmp.Diff(map[string]int64{"mallory": 2}, counts(stored(t, a))); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]int64{"mallory": 3}, counts(stored(t, b))); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]int64{"received": 4, "evaluated": 3, "duplicate/seen_before": 1}, ledger(t, b.keys.store)); d != "" {
		t.Error(d)
	}
}

// TestOlderStore: a database that is put back beside a newer journal takes up
// again what the journal still has, and counts the messages it no longer has.
func TestOlderStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := startApp(t, dir, nil)
	mustPush(t, a, "prod", attack("mallory", 1))
	if err := a.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	old, err := os.ReadFile(StoreFile(dir))
	if err != nil {
		t.Fatal(err)
	}
	a = startApp(t, dir, nil)
	for n := range 5 {
		mustPush(t, a, "prod", attack("mallory", 10+n))
	}
	if err := a.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"-wal", "-shm"} {
		_ = os.Remove(StoreFile(dir) + f) // closed in order there is none
	}
	if err := os.WriteFile(StoreFile(dir), old, 0o600); err != nil {
		t.Fatal(err)
	}
	a = startApp(t, dir, nil)
	mustPush(t, a, "prod", attack("mallory", 20))
	got := ledger(t, a.keys.store)
	lost := got["dropped/journal_gap"]
	// Each push was a message of its own; those that were dropped from the
	// journal are counted as messages, those it still had are judged.
	if n := counts(stored(t, a))["mallory"]; n+lost != 7 || n < 2 || lost == 0 {
		t.Errorf("%d occurrences and %d messages lost, want 7 together: %v", n, lost, got)
	}
}

// TestWipedJournal: a journal that was thrown away begins anew, and nothing
// that comes then is taken for something that was judged before.
func TestWipedJournal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := startApp(t, dir, nil)
	for n := range 3 {
		mustPush(t, a, "prod", attack("mallory", n))
	}
	if err := a.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "journal")); err != nil {
		t.Fatal(err)
	}
	a = startApp(t, dir, nil)
	mustPush(t, a, "prod", attack("mallory", 10))
	if d := cmp.Diff(map[string]int64{"mallory": 4}, counts(stored(t, a))); d != "" {
		t.Error(d)
	}
}

func shardCount(n int) func(*config.Config) {
	return func(c *config.Config) { c.Journal.Shards = n }
}

// TestResize: the number of shards changes when nothing waits, and not before.
func TestResize(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := startApp(t, dir, shardCount(4))
	for _, cluster := range []string{"a", "b", "c", "d", "e"} {
		mustPush(t, a, cluster, attack("mallory", 1))
	}
	for _, n := range []int{7, 2} {
		if err := a.Stop(context.Background()); err != nil {
			t.Fatal(err)
		}
		a = startApp(t, dir, shardCount(n))
		for _, cluster := range []string{"a", "b", "c", "d", "e"} {
			mustPush(t, a, cluster, attack("mallory", 1), attack("mallory", 10+n))
		}
	}
	if d := cmp.Diff(map[string]int64{"mallory": 15}, counts(stored(t, a))); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]int64{"received": 25, "evaluated": 15, "duplicate/seen_before": 10}, ledger(t, a.keys.store)); d != "" {
		t.Error(d)
	}
}
