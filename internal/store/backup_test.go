package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestBackup: a copy that is made while others write holds one moment of the
// store: all of the commits up to it and none behind.
func TestBackup(t *testing.T) {
	o := Options{Now: time.Now}
	path := filepath.Join(t.TempDir(), "vedette.db")
	s, err := Open(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wrote := make(chan struct{})
	wg.Go(func() {
		defer close(wrote)
		for n := 0; ctx.Err() == nil; n++ { // two values that belong together
			text := fmt.Append(nil, n)
			err := s.Commit(ctx, func(tx *Tx) error {
				if err := tx.PutState("a", "n", text); err != nil {
					return err
				}
				return tx.PutState("b", "n", text)
			})
			if err != nil && ctx.Err() == nil {
				t.Error(err)
				return
			}
			if n == 20 {
				wrote <- struct{}{}
			}
		}
	})
	defer func() { cancel(); wg.Wait() }()
	<-wrote
	known, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		to := filepath.Join(t.TempDir(), fmt.Sprint(i))
		schema, err := Backup(t.Context(), path, to, o)
		if err != nil || schema != known {
			t.Fatal(schema, err)
		}
		if st, err := os.Stat(to); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, %v", st.Mode(), err)
		}
		if schema, problems, err := CheckBackup(t.Context(), to, o); err != nil || schema != known || len(problems) > 0 {
			t.Fatal(schema, problems, err)
		}
		copied, err := Open(t.Context(), to, o)
		if err != nil {
			t.Fatal(err)
		}
		a, errA := copied.State(t.Context(), "a", "n")
		b, errB := copied.State(t.Context(), "b", "n")
		if errA != nil || errB != nil || string(a) != string(b) || len(a) == 0 {
			t.Errorf("%s and %s, %v, %v", a, b, errA, errB)
		}
		if problems, err := copied.Check(t.Context()); err != nil || len(problems) > 0 {
			t.Error(problems, err)
		}
		if err := copied.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := Backup(t.Context(), path, to, o); err == nil || !strings.Contains(err.Error(), "is there already") {
			t.Errorf("over a file: %v", err)
		}
	}
}

// TestBackupRefuses: what is no store, not there, newer or damaged is told, and
// nothing is made of it.
func TestBackupRefuses(t *testing.T) {
	o, dir := Options{Now: time.Now}, t.TempDir()
	to := filepath.Join(dir, "copy")
	missing := filepath.Join(dir, "missing")
	if _, err := Backup(t.Context(), missing, to, o); err == nil {
		t.Error("a store that is not there was copied")
	}
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("no database at all\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Backup(t.Context(), text, to, o); err == nil {
		t.Error("a text was copied")
	}
	if _, _, err := CheckBackup(t.Context(), text, o); err == nil {
		t.Error("a text is a good backup")
	}
	path := filepath.Join(dir, "vedette.db")
	s, err := Open(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db := openThere(path, o)
	if _, err := db.ExecContext(t.Context(), `PRAGMA user_version = 9999`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	newer := new(VersionError)
	if _, err := Backup(t.Context(), path, to, o); !errors.As(err, &newer) || newer.File != 9999 {
		t.Errorf("%v", err)
	}
	if _, _, err := CheckBackup(t.Context(), path, o); !errors.As(err, &newer) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(to); err == nil {
		t.Error("a copy that failed is there")
	}
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, problems, err := CheckBackup(t.Context(), empty, o); err != nil || len(problems) != 1 {
		t.Error(problems, err)
	}
}
