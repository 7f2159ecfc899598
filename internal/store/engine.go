package store

import (
	"context"
	"database/sql"
	"errors"
)

// engine is a database below the queries. There are two; what their SQL does
// not have in common is in their dialects.
type engine interface {
	dialect
	// read runs a query that sees the last commit.
	read(ctx context.Context, text string, args []any) (result, error)
	// begin starts a write transaction.
	begin(ctx context.Context) (session, error)
	// check returns what the engine itself finds wrong with its data.
	check(ctx context.Context) ([]string, error)
	// about is what the engine says of itself.
	about(ctx context.Context) (About, error)
	close() error
}

// session is a write transaction. One of commit and rollback ends it; a
// rollback after either does nothing.
type session interface {
	query(ctx context.Context, text string, args []any) (result, error)
	exec(ctx context.Context, text string, args []any) (changed int64, err error)
	// later runs a statement before the next query or exec, or before the
	// commit. Its error may come from those.
	later(ctx context.Context, text string, args []any) error
	commit(ctx context.Context) error
	rollback()
}

// result are the rows of a query. It must be closed.
type result interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close() error
}

// row is a result of which only the first row counts.
type row struct {
	result result
	err    error
}

// Scan reads the row and ends the query; no row is sql.ErrNoRows.
func (r row) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	if !r.result.Next() {
		if err := errors.Join(r.result.Err(), r.result.Close()); err != nil {
			return err
		}
		return sql.ErrNoRows
	}
	err := r.result.Scan(dest...)
	return errors.Join(err, r.result.Close())
}

// query reads outside of a commit.
func (s *Store) query(ctx context.Context, text string, args ...any) (result, error) {
	return s.db.read(ctx, text, args)
}

func (s *Store) queryRow(ctx context.Context, text string, args ...any) row {
	r, err := s.db.read(ctx, text, args)
	return row{r, err}
}

// scanTexts reads a result of one text column.
func scanTexts(rows result, err error) ([]string, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var t string
		if err := rows.Scan(&t); err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, rows.Err()
}
