package store_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

func TestIsTemporary(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{errors.New("a bug"), false},
		{store.ErrFenced, false},
		{finding.ErrNotFound, false},
		{context.Canceled, false},
		{errors.Join(io.EOF, context.Canceled), false},
		{context.DeadlineExceeded, true},
		{driver.ErrBadConn, true},
		{io.ErrUnexpectedEOF, true},
		{syscall.ECONNREFUSED, true},
		{syscall.ENOSPC, true},
		{&net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH}, true},
		{&fs.PathError{Op: "open", Path: "password", Err: syscall.ENOENT}, false},
		{&fs.PathError{Op: "open", Path: "password", Err: syscall.EACCES}, false},
		{&pgconn.PgError{Code: "40001"}, true},
		{&pgconn.PgError{Code: "40P01"}, true},
		{&pgconn.PgError{Code: "23505"}, true},
		{&pgconn.PgError{Code: "53100"}, true},
		{&pgconn.PgError{Code: "57P03"}, true},
		{&pgconn.PgError{Code: "57014"}, false}, // cancelled by somebody
		{&pgconn.PgError{Code: "28P01"}, false}, // wrong password
		{&pgconn.PgError{Code: "42P01"}, false}, // no such table
		{&pgconn.PgError{Code: "0A000", Message: "cached plan must not change result type"}, true},
		{&pgconn.PgError{Code: "0A000", Message: "not supported"}, false},
	} {
		if got := store.IsTemporary(tt.err); got != tt.want {
			t.Errorf("%v: temporary %t", tt.err, got)
		}
		if tt.err != nil && store.IsTemporary(fmt.Errorf("commit: %w", tt.err)) != tt.want {
			t.Errorf("%v, wrapped: temporary %t", tt.err, !tt.want)
		}
	}
}

// TestBusyIsTemporary writes to a file that another holds for writing.
func TestBusyIsTemporary(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	a := openAt(t, path, options())
	o := options()
	o.BusyTimeout = 20 * time.Millisecond
	b := openAt(t, path, o)
	want(t, "commit", a.Commit(t.Context(), func(*store.Tx) error {
		if err := b.Ping(t.Context()); !store.IsTemporary(err) {
			t.Errorf("ping beside a writer: %v", err)
		}
		return nil
	}), nil)
	want(t, "ping", b.Ping(t.Context()), nil)
}

// TestFullIsTemporary fills a file up to what SQLite is allowed.
func TestFullIsTemporary(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s := openAt(t, path, options())
	fillUp := func() error {
		return s.Commit(t.Context(), func(tx *store.Tx) error { return tx.PutState("s", "n", make([]byte, 1<<20)) })
	}
	want(t, "limit", store.LimitPages(t.Context(), s, 100), nil)
	if err := fillUp(); !store.IsTemporary(err) {
		t.Errorf("a full database: %v", err)
	}
	want(t, "limit", store.LimitPages(t.Context(), s, 100_000), nil)
	want(t, "with room again", fillUp(), nil)
	intact(t, s)
}
