package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/vedette-project/vedette/internal/finding"
)

// Check reads the whole store and returns what is wrong with it, one sentence
// each; none means intact. It reads beside other work, and for long on a big
// file. An error means that it could not look, not that the file is damaged.
func (s *Store) Check(ctx context.Context) ([]string, error) {
	var out []string
	for _, look := range []func(context.Context) ([]string, error){s.db.check, s.checkBodies, s.checkFindings} {
		problems, err := look(ctx)
		if err != nil {
			return out, fmt.Errorf("check store: %w", err)
		}
		out = append(out, problems...)
	}
	return out, nil
}

// check asks SQLite whether its trees, indexes and references are whole.
func (s *sqliteEngine) check(ctx context.Context) ([]string, error) {
	return scanTexts(s.read(ctx, `
		SELECT 'database: ' || integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'
		UNION ALL
		SELECT count(*) || ' rows of ' || "table" || ' refer to missing rows of ' || parent
		FROM pragma_foreign_key_check GROUP BY "table", parent`, nil))
}

func (s *Store) checkBodies(ctx context.Context) ([]string, error) {
	return scanTexts(s.query(ctx, `SELECT 'finding ' || id || ' has no body' FROM finding WHERE n NOT IN (SELECT finding FROM finding_body)`))
}

// checkFindings compares each finding's copied values with its JSON.
func (s *Store) checkFindings(ctx context.Context) ([]string, error) {
	rows, err := s.query(ctx, `SELECT f.id, b.wire, b.state,
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
