package store

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func openEmpty(t *testing.T) *sql.DB {
	t.Helper()
	o, err := Options{Now: time.Now}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	write, read := openPools(filepath.Join(t.TempDir(), "store.db"), o)
	t.Cleanup(func() { write.Close(); read.Close() })
	return write
}

func TestMigrateSteps(t *testing.T) {
	db := openEmpty(t)
	steps := []string{"CREATE TABLE a (x); INSERT INTO a VALUES (1)", "ALTER TABLE a ADD COLUMN y DEFAULT 5"}
	if err := migrateWith(t.Context(), db, steps[:1]); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time there is nothing to do
		if err := migrateWith(t.Context(), db, steps); err != nil {
			t.Fatal(err)
		}
	}
	var x, y, version int
	if err := db.QueryRow("SELECT x, y, (SELECT user_version FROM pragma_user_version) FROM a").Scan(&x, &y, &version); err != nil || x != 1 || y != 5 || version != 2 {
		t.Errorf("x %d, y %d, version %d, %v", x, y, version, err)
	}
	err := migrateWith(t.Context(), db, steps[:1])
	if ve := (*VersionError)(nil); !errors.As(err, &ve) || ve.File != 2 || ve.Binary != 1 {
		t.Errorf("an older program: %v", err)
	}
}

// TestMigrateFailure: a step that fails leaves nothing of itself behind.
func TestMigrateFailure(t *testing.T) {
	db := openEmpty(t)
	good := "CREATE TABLE a (x)"
	err := migrateWith(t.Context(), db, []string{good, "CREATE TABLE b (x); CREATE TABLE a (y)"})
	if err == nil || !strings.Contains(err.Error(), "version 2") {
		t.Errorf("error %v", err)
	}
	if err := migrateWith(t.Context(), db, []string{good, "CREATE TABLE b (y)"}); err != nil {
		t.Errorf("after the failure: %v", err)
	}
}

func TestMigrationsAreInOrder(t *testing.T) {
	steps, err := migrations()
	if err != nil || len(steps) == 0 {
		t.Errorf("%d migrations, %v", len(steps), err)
	}
}
