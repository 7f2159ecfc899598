package ingest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestWaiting: what is behind a position is counted through rotation.
func TestWaiting(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "audit.log")
	now := time.Now()
	write := func(name string, size int, age time.Duration) {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	check := func(what string, stored []byte, want int64) {
		t.Helper()
		if n, err := Waiting(path, stored); err != nil || n != want {
			t.Errorf("%s: %d, want %d: %v", what, n, want, err)
		}
	}
	at := func(name string, offset int64, age time.Duration) []byte {
		t.Helper()
		st, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(position{Inode: inode(st), Offset: offset, Modified: now.Add(-age).UnixNano()})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	check("no file yet", nil, 0)
	write("audit.log.1", 500, 3*time.Hour)
	write("audit.log", 100, time.Hour)
	write("other.log", 1000, 0)
	check("no position: rotated files are not read", nil, 100)
	check("in the file", at("audit.log", 40, time.Hour), 60)
	check("at its end", at("audit.log", 100, time.Hour), 0)
	check("truncated", at("audit.log", 4000, time.Hour), 100)
	write("audit.log.2", 70, 2*time.Hour)
	check("in a rotated one, with one and the log behind it", at("audit.log.1", 450, 3*time.Hour), 50+70+100)
	if _, err := Waiting(path, []byte("{")); err == nil {
		t.Error("a broken position is read")
	}
	if _, err := Waiting(filepath.Join(dir, "none", "a.log"), nil); err == nil {
		t.Error("a folder that is not there is read")
	}
}
