package store

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
)

const dayMillis = 24 * 60 * 60 * 1000

// Statistics groups the findings that match, most first unless order is ASC,
// then by key, and returns at most limit groups (all when limit is not
// positive). A group's severity is that of its gravest finding, its date the
// UTC day of updatedAt.
func (s *Store) Statistics(ctx context.Context, detectorID string, c finding.Criteria, group finding.GroupBy, order string, limit int) ([]finding.Group, error) {
	out, err := s.statistics(ctx, detectorID, c, group, order, limit)
	if err != nil {
		return nil, fmt.Errorf("count findings: %w", err)
	}
	return out, nil
}

func (s *Store) statistics(ctx context.Context, detectorID string, c finding.Criteria, group finding.GroupBy, order string, limit int) ([]finding.Group, error) {
	key, err := newGroupKey(group)
	if err != nil {
		return nil, err
	}
	direction := "DESC"
	switch order {
	case "ASC":
		direction = "ASC"
	case "", "DESC":
	default:
		return nil, &finding.CriteriaError{Reason: fmt.Sprintf("order %q is neither ASC nor DESC", order)}
	}
	m, err := c.Compile()
	if err != nil {
		return nil, err
	}
	var w where
	from, err := s.matching(ctx, &w, detectorID, m)
	if err != nil {
		return nil, err
	}
	if limit <= 0 {
		limit = math.MaxInt64
	}
	args := append(append(append([]any{}, from.args...), w.args...), limit)
	rows, err := s.query(ctx, "SELECT "+key.columns+", count(*), max(f.severity), max(f.updated_ms) FROM "+from.sql+
		" WHERE "+w.sql.String()+" GROUP BY "+key.groupBy+" ORDER BY 4 "+direction+", 1, 2, 3 LIMIT ?", args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []finding.Group
	for rows.Next() {
		g, err := scanGroup(rows, group)
		if err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	return out, rows.Err()
}

// groupKey is how SQL names a group: always in three columns, of which those
// that are not needed are constant.
type groupKey struct {
	columns string
	groupBy string // of them; a constant more would cost a sort of all rows
}

func newGroupKey(group finding.GroupBy) (groupKey, error) {
	switch group {
	case finding.GroupByAccount:
		return groupKey{"f.account, '', ''", "f.account"}, nil
	case finding.GroupByDate:
		day := fmt.Sprintf("f.updated_ms / %d", dayMillis)
		return groupKey{day + ", '', ''", day}, nil
	case finding.GroupByType:
		return groupKey{"f.type, '', ''", "f.type"}, nil
	case finding.GroupByResource:
		return groupKey{"f.resource_id, coalesce(f.resource_type, ''), f.account", "1, 2, 3"}, nil
	case finding.GroupBySeverity:
		return groupKey{"f.severity, '', ''", "f.severity"}, nil
	}
	return groupKey{}, &finding.CriteriaError{Reason: fmt.Sprintf("findings cannot be grouped by %q", string(group))}
}

func scanGroup(rows result, group finding.GroupBy) (finding.Group, error) {
	var g finding.Group
	var ignored any
	var resourceType, account string
	var last, day int64
	var severity float64
	scan := []any{&ignored, &resourceType, &account, &g.Total, &severity, &last}
	switch group {
	case finding.GroupByAccount:
		scan[0] = &g.AccountID
	case finding.GroupByDate:
		scan[0] = &day
	case finding.GroupByType:
		scan[0] = &g.Type
	case finding.GroupByResource:
		scan[0] = &g.ResourceID
	}
	if err := rows.Scan(scan...); err != nil {
		return g, err
	}
	g.LastGenerated = time.UnixMilli(last).UTC()
	switch group {
	case finding.GroupByDate:
		g.Date, g.Severity = time.UnixMilli(day*dayMillis).UTC(), severity
	case finding.GroupByType, finding.GroupBySeverity:
		g.Severity = severity
	case finding.GroupByResource:
		g.ResourceType, g.AccountID = resourceType, account
	}
	return g, nil
}
