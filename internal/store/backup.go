package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strconv"

	"modernc.org/sqlite"
)

// Backup copies the store file as it is at one moment to a file that is not
// there yet, beside whatever works on it, and returns its schema version. It
// migrates nothing: a backup is what one makes before the newer program runs.
func Backup(ctx context.Context, from, to string, o Options) (schema int, err error) {
	schema, err = backup(ctx, from, to, o)
	if err != nil {
		return 0, fmt.Errorf("back up store %s: %w", from, err)
	}
	return schema, nil
}

func backup(ctx context.Context, from, to string, o Options) (schema int, err error) {
	o, err = o.withDefaults()
	if err != nil {
		return 0, err
	}
	if _, err := os.Stat(from); err != nil { // SQLite would make it
		return 0, err
	}
	if _, err := os.Stat(to); !errors.Is(err, fs.ErrNotExist) {
		return 0, errors.Join(err, fmt.Errorf("%s is there already", to))
	}
	if err := checkOurs(ctx, from, o); err != nil {
		return 0, err
	}
	// A reader of one moment: it waits for no writer, and none for it. What is
	// written meanwhile stays in the log beside the file until it has ended.
	db := openThere(from, o)
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := createPrivate(to); err != nil {
		return 0, err
	}
	if _, err := db.ExecContext(ctx, `VACUUM INTO ?`, to); err != nil {
		return 0, errors.Join(err, os.Remove(to))
	}
	copied := openThere(to, o)
	defer func() { err = errors.Join(err, copied.Close()) }()
	if schema, err = fileVersion(ctx, copied); err != nil {
		return 0, fmt.Errorf("read the copy: %w", err)
	}
	return schema, syncFile(to)
}

// CheckBackup looks at a store file that a backup holds, without changing it,
// and returns its schema version and what is wrong with it. A store that a newer
// version of the program wrote is a *VersionError.
func CheckBackup(ctx context.Context, path string, o Options) (schema int, problems []string, err error) {
	if o, err = o.withDefaults(); err != nil {
		return 0, nil, err
	}
	if _, err := os.Stat(path); err != nil { // SQLite would make it
		return 0, nil, err
	}
	if err := checkOurs(ctx, path, o); err != nil {
		return 0, nil, err
	}
	db := openThere(path, o)
	defer func() { err = errors.Join(err, db.Close()) }()
	if schema, err = fileVersion(ctx, db); err != nil {
		return 0, nil, err
	}
	if schema == 0 {
		return 0, []string{"it is empty"}, nil
	}
	problems, err = scanTexts(sqlResult(db.QueryContext(ctx, `SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'`)))
	return schema, problems, err
}

// Schema is the newest schema version that this program knows.
func Schema() (int, error) {
	steps, err := migrations()
	return len(steps), err
}

// openThere opens a file that must be there, as it is. It asks for no other
// place to write to: a container may have none.
func openThere(path string, o Options) *sql.DB {
	d := &sqlite.Driver{}
	registerFunctions(d)
	q := url.Values{"mode": {"rw"}, "_busy_timeout": {strconv.FormatInt(o.BusyTimeout.Milliseconds(), 10)}, "_dqs": {"0"}, "_pragma": {"temp_store(2)"}}
	db := sql.OpenDB(connector{driver: d, dsn: dsn(path, q)})
	db.SetMaxOpenConns(1)
	return db
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
