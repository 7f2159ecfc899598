package app

import (
	"context"
	"database/sql"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite"

	"github.com/vedette-project/vedette/internal/testbed"
)

// What the maker does with the databases behind the back of the old binary.

func (m *maker) holdSQLite() func() {
	m.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(m.dir, "data", "vedette.db")+"?_txlock=immediate&_busy_timeout=20000")
	if err != nil {
		m.t.Fatal(err)
	}
	tx, err := db.BeginTx(context.Background(), nil)
	if err != nil {
		m.t.Fatal(err)
	}
	return func() {
		if err := errors.Join(tx.Rollback(), db.Close()); err != nil {
			m.t.Fatal(err)
		}
	}
}

func (m *maker) holdPostgres() func() {
	m.t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, m.postgres)
	if err != nil {
		m.t.Fatal(err)
	}
	tx, err := conn.Begin(ctx)
	if err == nil {
		_, err = tx.Exec(ctx, `LOCK TABLE vedette.finding, vedette.ledger, vedette.state, vedette.seen IN EXCLUSIVE MODE`)
	}
	if err != nil {
		m.t.Fatal(err)
	}
	return func() {
		if err := errors.Join(tx.Rollback(ctx), conn.Close(ctx)); err != nil {
			m.t.Fatal(err)
		}
	}
}

// ledger keeps how records ended until now.
func (m *maker) ledger() {
	m.t.Helper()
	query := `SELECT outcome, sum(count) FROM ledger GROUP BY outcome`
	m.out.Ledger = map[string]int64{}
	note := func(outcome string, n int64) { m.out.Ledger[outcome] = n }
	if m.postgres == "" {
		db, err := sql.Open("sqlite", filepath.Join(m.dir, "data", "vedette.db"))
		if err != nil {
			m.t.Fatal(err)
		}
		defer db.Close()
		rows, err := db.Query(query)
		if err != nil {
			m.t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var outcome string
			var n int64
			if err := rows.Scan(&outcome, &n); err != nil {
				m.t.Fatal(err)
			}
			note(outcome, n)
		}
		return
	}
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, m.postgres)
	if err != nil {
		m.t.Fatal(err)
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, strings.Replace(query, "FROM ledger", "FROM vedette.ledger", 1))
	if err != nil {
		m.t.Fatal(err)
	}
	var outcome string
	var n int64
	if _, err := pgx.ForEachRow(rows, []any{&outcome, &n}, func() error { note(outcome, n); return nil }); err != nil {
		m.t.Fatal(err)
	}
}

// dump writes the database as statements, without those of psql alone.
func (m *maker) dump() {
	if m.postgres == "" {
		return
	}
	m.t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/pg_dump")
	if err != nil || len(found) == 0 {
		testbed.Lack(m.t, "pg_dump", "install it with: apt-get install postgresql-client")
	}
	out, err := exec.Command(found[len(found)-1], "--inserts", "--rows-per-insert=100", "--no-owner", "--no-privileges", m.postgres).Output()
	if err != nil {
		m.t.Fatalf("pg_dump: %v\n%s", err, errorOf(err))
	}
	var text strings.Builder
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, `\`) {
			text.WriteString(line)
		}
	}
	m.write("dump.sql", text.String())
}
