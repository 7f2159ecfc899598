//go:build unix

package dirlock

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestTake(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	release, err := Take(dir, "a.lock")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Take(dir, "a.lock"); !errors.Is(err, ErrHeld) {
		t.Errorf("taken twice: %v", err)
	}
	other, err := Take(dir, "b.lock")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(release(), other()); err != nil {
		t.Error(err)
	}
	if release, err = Take(dir, "a.lock"); err != nil {
		t.Fatalf("after its release: %v", err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Take(file, "a.lock"); err == nil || errors.Is(err, ErrHeld) {
		t.Errorf("in a file: %v", err)
	}
}

func TestAwait(t *testing.T) {
	dir := t.TempDir()
	take := func() (func() error, error) { return Take(dir, "a.lock") }
	release, err := take()
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	tell := func(error) { told++ }
	if _, err := Await(t.Context(), 250*time.Millisecond, take, tell); !errors.Is(err, ErrHeld) || told != 1 {
		t.Errorf("while it is held: %v, told %d times", err, told)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Await(ended, time.Hour, take, tell); !errors.Is(err, ErrHeld) {
		t.Errorf("when the wait is given up: %v", err)
	}
	second, err := Await(t.Context(), time.Minute, take, func(error) {
		if err := release(); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatalf("after its release: %v", err)
	}
	if err := second(); err != nil {
		t.Error(err)
	}
	free, err := Await(t.Context(), time.Minute, take, func(err error) { t.Errorf("a free lock is waited for: %v", err) })
	if err != nil {
		t.Fatal(err)
	}
	if err := free(); err != nil {
		t.Error(err)
	}
}
