package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// About is what a store says of itself.
type About struct {
	Schema int   // version
	Bytes  int64 // on disk, without what is not written back yet
	// Clock is the database's; zero where it is this machine's.
	Clock time.Time
}

// About asks for it.
func (s *Store) About(ctx context.Context) (a About, err error) {
	a, err = s.db.about(ctx)
	if err != nil {
		return About{}, fmt.Errorf("ask the store about itself: %w", err)
	}
	return a, nil
}

func (s *sqliteEngine) about(ctx context.Context) (a About, err error) {
	rows, err := s.read(ctx, `SELECT user_version, page_count * page_size FROM pragma_user_version, pragma_page_count, pragma_page_size`, nil)
	if err != nil {
		return About{}, err
	}
	defer rows.Close()
	if !rows.Next() {
		return About{}, errors.Join(rows.Err(), errors.New("it does not answer"))
	}
	return a, rows.Scan(&a.Schema, &a.Bytes)
}

func (p *postgres) about(ctx context.Context) (a About, err error) {
	var schema string
	err = p.readers.QueryRow(ctx, `SELECT (SELECT value FROM meta WHERE name = 'schema'), clock_timestamp(),
		(SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class WHERE relnamespace = to_regnamespace($1) AND relkind = 'r')`, postgresSchema).
		Scan(&schema, &a.Clock, &a.Bytes)
	if err != nil {
		return About{}, err
	}
	a.Schema, err = strconv.Atoi(schema)
	return a, err
}
