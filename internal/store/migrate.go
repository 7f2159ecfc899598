package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// applicationID marks a file as ours: "Vdtt".
const applicationID = 0x56647474

// VersionError says that a newer version of the program wrote the store.
type VersionError struct {
	File, Binary int // schema versions
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("its schema version is %d, this program knows versions up to %d: use a newer program", e.File, e.Binary)
}

// migrations are the SQL texts in order; the n-th brings version n-1 to n.
// They are never edited once released.
func migrations() ([]string, error) { return migrationsIn(migrationFiles, "migrations/") }

func migrationsIn(files fs.FS, folder string) ([]string, error) {
	names, err := fs.Glob(files, folder+"*.sql")
	if err != nil {
		return nil, err
	}
	var out []string
	for i, name := range names { // Glob sorts
		var n int
		if _, err := fmt.Sscanf(name, folder+"%04d_", &n); err != nil || n != i+1 {
			return nil, fmt.Errorf("migration %s is out of order", name)
		}
		b, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		out = append(out, string(b))
	}
	return out, nil
}

// checkOurs looks at a file before anything is written to it, not even that it
// is to be in WAL mode.
func checkOurs(ctx context.Context, path string, o Options) error {
	steps, err := migrations()
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	db := openProbe(path, o)
	defer db.Close()
	version, err := fileVersion(ctx, db)
	if err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	if version > len(steps) {
		return &VersionError{File: version, Binary: len(steps)}
	}
	return nil
}

// migrate brings the file to the newest version, one transaction a step. Two
// processes may do so at once: each step looks at the version again inside
// its transaction.
func migrate(ctx context.Context, db *sql.DB) error {
	steps, err := migrations()
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	return migrateWith(ctx, db, steps)
}

func migrateWith(ctx context.Context, db *sql.DB, steps []string) error {
	version, err := fileVersion(ctx, db)
	if err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	for ; version < len(steps); version++ {
		err := inTx(ctx, db, func(tx *sql.Tx) error { return migrateStep(ctx, tx, steps, version) })
		if err != nil {
			return fmt.Errorf("migrate to version %d: %w", version+1, err)
		}
	}
	if version > len(steps) {
		return &VersionError{File: version, Binary: len(steps)}
	}
	return nil
}

func migrateStep(ctx context.Context, tx *sql.Tx, steps []string, from int) error {
	now, err := fileVersion(ctx, tx)
	if err != nil || now > from { // another process was faster
		return err
	}
	if _, err := tx.ExecContext(ctx, steps[from]); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d; PRAGMA application_id = %d", from+1, applicationID))
	return err
}

// fileVersion is 0 for an empty file. A file with tables that are not ours is
// an error: it must not be written to.
func fileVersion(ctx context.Context, db interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}) (int, error) {
	var version, app, tables int
	err := db.QueryRowContext(ctx, `SELECT
		(SELECT user_version FROM pragma_user_version),
		(SELECT application_id FROM pragma_application_id),
		(SELECT count(*) FROM sqlite_schema)`).Scan(&version, &app, &tables)
	if err != nil {
		return 0, err
	}
	if tables > 0 && app != applicationID {
		return 0, errors.New("the file is a database of another program")
	}
	return version, nil
}
