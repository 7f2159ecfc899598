package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// IsTemporary reports whether an error of the store may go away when the same
// is tried again: the database is busy, full, out of reach, starting or
// stopping, or two commits met. It is false for a cancelled context, which is
// the caller's own doing.
func IsTemporary(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) {
		return false
	}
	if e := (*sqlite.Error)(nil); errors.As(err, &e) {
		return slices.Contains([]int{sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR,
			sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL}, e.Code()&0xff)
	}
	if e := (*pgconn.PgError)(nil); errors.As(err, &e) {
		return temporaryCode(e.Code) || e.Code == "0A000" && strings.Contains(e.Message, "cached plan") // a newer program has migrated
	}
	if errors.Is(err, errUncertain) {
		return true
	}
	if e := (*pgconn.ConnectError)(nil); errors.As(err, &e) {
		return true
	}
	if e := net.Error(nil); errors.As(err, &e) { // also a context's deadline, in which a database did not answer
		if _, bare := e.(syscall.Errno); !bare { // one of a file is of that type, too; the list below has those that pass
			return true
		}
	}
	for _, lost := range []error{driver.ErrBadConn, sql.ErrConnDone, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET,
		syscall.ECONNREFUSED, syscall.EPIPE, syscall.ENOSPC, syscall.EDQUOT} {
		if errors.Is(err, lost) {
			return true
		}
	}
	return pgconn.SafeToRetry(err)
}

// errUncertain is a commit of which it is not known whether it was made.
var errUncertain = errors.New("the connection was lost during the commit")

// temporaryCode knows the SQLSTATEs of PostgreSQL that pass.
func temporaryCode(code string) bool {
	switch code[:min(2, len(code))] {
	case "08", "40", "53", "58": // connection, rollback (serialization, deadlock), resources, system
		return true
	}
	return slices.Contains([]string{
		"23505",                            // unique violation: two commits made the same new row
		"25006",                            // read-only: the server is a standby now
		"25P03",                            // idle in transaction for too long
		"26000",                            // a prepared statement is gone
		"55P03",                            // lock not available
		"57P01", "57P02", "57P03", "57P05", // shutdown, crash, starting, idle session
	}, code)
}
