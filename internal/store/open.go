package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"net/url"
	"os"
	"strconv"

	"modernc.org/sqlite"
)

// createPrivate makes the file before SQLite would, which does not ask for a
// mode. SQLite gives the files it puts beside it the same mode.
func createPrivate(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// openPools opens the writer and the readers. Both share one driver value of
// our own, which carries the SQL functions, so nothing is registered globally.
func openPools(path string, o Options) (write, read *sql.DB) {
	d := &sqlite.Driver{}
	registerFunctions(d)
	// The driver applies busy_timeout before journal_mode: the switch to WAL
	// must wait for another process that is just doing the same.
	q := url.Values{
		"_busy_timeout": {strconv.FormatInt(o.BusyTimeout.Milliseconds(), 10)},
		"_journal_mode": {"WAL"},
		"_synchronous":  {"FULL"}, // a push is answered after the commit: it must survive power loss
		"_foreign_keys": {"1"},
		"_dqs":          {"0"},
		"_pragma":       {"temp_store(2)", "journal_size_limit(67108864)"},
	}
	reader := url.Values{"_query_only": {"1"}}
	for k, v := range q {
		reader[k] = v
	}
	q.Set("_txlock", "immediate") // a read that turns into a write could fail half-way

	write = sql.OpenDB(connector{driver: d, dsn: dsn(path, q)})
	write.SetMaxOpenConns(1)
	read = sql.OpenDB(connector{driver: d, dsn: dsn(path, reader)})
	read.SetMaxOpenConns(o.Readers)
	read.SetMaxIdleConns(o.Readers)
	return write, read
}

// openProbe opens a connection that changes nothing, not even the journal mode.
func openProbe(path string, o Options) *sql.DB {
	q := url.Values{"_busy_timeout": {strconv.FormatInt(o.BusyTimeout.Milliseconds(), 10)}, "_query_only": {"1"}}
	return sql.OpenDB(connector{driver: &sqlite.Driver{}, dsn: dsn(path, q)})
}

func dsn(path string, q url.Values) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

// connector opens connections of one driver value.
type connector struct {
	driver *sqlite.Driver
	dsn    string
}

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return c.driver.Open(c.dsn)
}

func (c connector) Driver() driver.Driver { return c.driver }

// inTx runs fn in one transaction of db and commits it, or rolls it back when
// fn fails or panics.
func inTx(ctx context.Context, db *sql.DB, fn func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback() // does nothing after a commit
	if err := fn(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}
