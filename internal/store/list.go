package store

import (
	"context"
	"fmt"

	"github.com/vedette-project/vedette/internal/finding"
)

const (
	// defaultLimit is the page size where the query names none.
	defaultLimit = 50
	// fewFindings: a value that fewer findings have is worth starting from.
	fewFindings = 1000
)

// ListFindings returns the ids of one page, at most q.Limit (50 when that is
// not positive), and the token of the next page, "" after the last. Findings
// that are added between two pages neither repeat nor hide others. One that is
// updated meanwhile, in a list by updatedAt, may move to a page already read.
//
// A wrong field, in criteria or sort, is a *finding.CriteriaError, a token of
// another query finding.ErrBadToken.
func (s *Store) ListFindings(ctx context.Context, q finding.Query) (ids []string, next string, err error) {
	m, err := q.Criteria.Compile()
	if err != nil {
		return nil, "", fmt.Errorf("list findings: %w", err)
	}
	key, err := s.sortKey(q.Sort)
	if err != nil {
		return nil, "", fmt.Errorf("list findings: %w", err)
	}
	limit := q.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	var w where
	from, err := s.matching(ctx, &w, q.DetectorID, m)
	if err != nil {
		return nil, "", fmt.Errorf("list findings: %w", err)
	}
	if q.After != "" {
		t, err := readToken(q)
		if err == nil && !key.accepts(t) {
			err = finding.ErrBadToken
		}
		if err != nil {
			return nil, "", fmt.Errorf("list findings: %w", err)
		}
		key.after(&w, t.key(), t.ID)
	}
	args := append(append([]any{}, key.args...), from.args...)
	args = append(append(append(args, w.args...), key.args...), limit+1)
	rows, err := s.query(ctx, "SELECT f.id, "+key.sql+" FROM "+from.sql+
		" WHERE "+w.sql.String()+" ORDER BY "+key.orderBy()+" LIMIT ?", args...)
	if err != nil {
		return nil, "", fmt.Errorf("list findings: %w", err)
	}
	defer rows.Close()
	var last any
	for rows.Next() {
		if len(ids) == limit { // there is a next page
			return ids, newToken(q, last, ids[limit-1]), nil
		}
		var id string
		if err := rows.Scan(&id, &last); err != nil {
			return nil, "", fmt.Errorf("list findings: %w", err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		return nil, "", fmt.Errorf("list findings: %w", err)
	}
	return ids, "", nil
}

// matching adds the conditions of a detector's findings that match, and
// chooses what to read them from.
func (s *Store) matching(ctx context.Context, w *where, detectorID string, m finding.Matcher) (from condition, err error) {
	w.and("f.detector_id = ?", detectorID)
	for i := range m {
		if err := s.addTerm(w, &m[i]); err != nil {
			return condition{}, err
		}
	}
	return s.rarest(ctx, m)
}

// rarest is what a query reads from: all findings in the order of an index or,
// when few findings have some wanted value, those few. The databases cannot
// choose so themselves: their statistics know fields, or values, not both.
//
// Conditions that the index on values finds at once are tried first. Only when
// none of them is rare, the others are, for which all values of their field
// must be read once. That costs less than to look it up finding by finding.
func (s *Store) rarest(ctx context.Context, m finding.Matcher) (condition, error) {
	for _, indexed := range []bool{true, false} {
		for i := range m {
			src, err := s.source(m[i].Field)
			if err != nil {
				return condition{}, err
			}
			t := &m[i]
			conditions, err := s.conditions(src, t)
			if err != nil {
				return condition{}, err
			}
			byIndex := t.Equals != nil && len(t.Equals.Prefixes) == 0
			if src.side == 0 || len(conditions) == 0 || byIndex != indexed {
				continue
			}
			few, err := s.findingsWith(ctx, src.side, conditions[0]) // the equality, where there is one
			if err != nil {
				return condition{}, fmt.Errorf("look for rare values: %w", err)
			}
			if few != nil {
				return condition{s.db.few(), []any{s.db.listArg(few)}}, nil
			}
		}
	}
	return condition{sql: "finding f"}, nil
}

// findingsWith are the numbers of the findings that have a value of a field
// that satisfies c; nil when they are not few.
func (s *Store) findingsWith(ctx context.Context, field int64, c condition) ([]int64, error) {
	rows, err := s.query(ctx, "SELECT DISTINCT v.finding FROM finding_field v WHERE v.field = ? AND ("+c.sql+") LIMIT ?",
		append(append([]any{field}, c.args...), fewFindings)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	few := []int64{}
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		few = append(few, n)
	}
	if err := rows.Err(); err != nil || len(few) == fewFindings {
		return nil, err
	}
	return few, nil
}
