package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/vedette-project/vedette/internal/finding"
)

// Check reads the whole file and returns what is wrong with it, one sentence
// each; none means intact. It reads beside other work, and for long on a big
// file. An error means that it could not look, not that the file is damaged.
func (s *Store) Check(ctx context.Context) ([]string, error) {
	var out []string
	for _, look := range []func(context.Context) ([]string, error){s.checkPages, s.checkReferences, s.checkFindings} {
		problems, err := look(ctx)
		if err != nil {
			return out, fmt.Errorf("check store: %w", err)
		}
		out = append(out, problems...)
	}
	return out, nil
}

// checkPages asks SQLite whether its trees and indexes are whole.
func (s *Store) checkPages(ctx context.Context) ([]string, error) {
	lines, err := s.texts(ctx, `SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'`)
	for i := range lines {
		lines[i] = "database: " + lines[i]
	}
	return lines, err
}

func (s *Store) checkReferences(ctx context.Context) ([]string, error) {
	return s.texts(ctx, `
		SELECT count(*) || ' rows of ' || "table" || ' refer to missing rows of ' || parent
		FROM pragma_foreign_key_check GROUP BY "table", parent
		UNION ALL
		SELECT 'finding ' || id || ' has no body' FROM finding WHERE n NOT IN (SELECT finding FROM finding_body)`)
}

// checkFindings compares each finding's copied values with its JSON.
func (s *Store) checkFindings(ctx context.Context) ([]string, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT f.id, b.wire, b.state,
			(SELECT count(*) FROM finding_field v WHERE v.finding = f.n)
		FROM finding f JOIN finding_body b ON b.finding = f.n`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var id string
		var wire, state []byte
		var have int
		if err := rows.Scan(&id, &wire, &state, &have); err != nil {
			return out, err
		}
		if _, err := decodeFinding(wire, false, sql.NullString{}); err != nil {
			out = append(out, fmt.Sprintf("finding %s: %v", id, err))
			continue
		}
		values, err := finding.FlattenJSON(wire)
		if err != nil {
			out = append(out, fmt.Sprintf("finding %s: %v", id, err))
			continue
		}
		want := 0
		for path, vs := range values {
			if inSideTable(path) {
				want += len(vs)
			}
		}
		if have != want {
			out = append(out, fmt.Sprintf("finding %s has %d searchable values, its JSON has %d", id, have, want))
		}
	}
	return out, rows.Err()
}

func (s *Store) texts(ctx context.Context, query string) ([]string, error) {
	rows, err := s.read.QueryContext(ctx, query)
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
