package store_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// edit runs SQL on a store file behind the store's back.
func edit(t *testing.T, path, text string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(text); err != nil {
		t.Fatal(err)
	}
}

func options() store.Options { return store.Options{Now: newClock().now} }

func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	if _, err := store.Open(t.Context(), path, store.Options{}); err == nil {
		t.Error("a store without a clock was opened")
	}
	s, err := store.Open(t.Context(), path, options())
	if err != nil {
		t.Fatal(err)
	}
	putRecords(t, s, newFinding("1", day(1)))
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("file mode %v, %v: keys are for the owner only", info.Mode(), err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openAt(t, path, options())
	if ids, _, err := s.ListFindings(t.Context(), finding.Query{DetectorID: detectorID}); err != nil || len(ids) != 1 {
		t.Errorf("after reopening: %v, %v", ids, err)
	}
	intact(t, s)
	if _, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "no", "such", "folder"), options()); err == nil {
		t.Error("a store in a folder that is not there was opened")
	}
}

func TestOpenNewerFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s, err := store.Open(t.Context(), path, options())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	edit(t, path, "PRAGMA user_version = 1000")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.Open(t.Context(), path, options())
	if ve := (*store.VersionError)(nil); !errors.As(err, &ve) || ve.File != 1000 {
		t.Errorf("error %v, want a VersionError", err)
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("the newer file was changed (%v)", err)
	}
}

func TestOpenOtherFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "other.db")
	edit(t, path, "CREATE TABLE finding (theirs)")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), path, options()); err == nil {
		t.Error("a database of another program was opened")
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("the database of another program was changed (%v)", err)
	}
	path = filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(path, []byte("this is no database, whatever its name may be, and it is long enough to be looked at"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), path, options()); err == nil {
		t.Error("a text was opened")
	}
}

// TestReindex opens a file whose copied values came from another field table.
func TestReindex(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s, err := store.Open(t.Context(), path, options())
	if err != nil {
		t.Fatal(err)
	}
	putRecords(t, s, newFinding("1", day(1)), newFinding("2", day(1)))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	edit(t, path, `PRAGMA foreign_keys = 0;
		UPDATE meta SET value = 'old' WHERE name = 'flatten';
		DELETE FROM finding_field WHERE finding = 1;
		UPDATE finding_field SET text = 'stale' WHERE finding = 2;
		DELETE FROM field WHERE path = 'resource.eksClusterDetails.name'`)
	s = openAt(t, path, options())
	ids, _, err := s.ListFindings(t.Context(), finding.Query{DetectorID: detectorID,
		Criteria: finding.Criteria{"resource.eksClusterDetails.name": is("prod")}})
	if err != nil || len(ids) != 2 {
		t.Errorf("after reindexing: %v, %v", ids, err)
	}
	intact(t, s)
}

func TestCheckFindsDamage(t *testing.T) {
	for name, damage := range map[string]string{
		"missing value": `DELETE FROM finding_field WHERE text = 'prod'`,
		"missing body":  `DELETE FROM finding_body`,
		"broken JSON":   `UPDATE finding_body SET wire = '{'`,
		"lost index":    `PRAGMA writable_schema = 1; DELETE FROM sqlite_schema WHERE name = 'finding_updated'`,
		"orphan":        `PRAGMA foreign_keys = 0; DELETE FROM finding`,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "store.db")
			s, err := store.Open(t.Context(), path, options())
			if err != nil {
				t.Fatal(err)
			}
			putRecords(t, s, newFinding("1", day(1)))
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			edit(t, path, damage)
			s, err = store.Open(t.Context(), path, options())
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			problems, err := s.Check(t.Context())
			if err != nil || len(problems) == 0 {
				t.Errorf("the damage was not found: %v", err)
			}
			t.Log(problems)
		})
	}
}
