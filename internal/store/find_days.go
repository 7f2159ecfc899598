package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// CountByDay counts the findings that are not archived by the UTC day they
// were last seen and by severity: of each day, how many are at least as grave as
// each of some bounds, with those of all days before in the first place. account
// "" is all.
func (s *Store) CountByDay(ctx context.Context, detectorID, account string, first time.Time, days int, bounds []float64) ([][]int64, error) {
	out, err := s.countByDay(ctx, detectorID, account, first.UnixMilli(), days, bounds)
	if err != nil {
		return nil, fmt.Errorf("count findings by day: %w", err)
	}
	return out, nil
}

// countByDay asks for each day by itself: the index has the days in their
// order, so that nothing need be sorted.
func (s *Store) countByDay(ctx context.Context, detectorID, account string, first int64, days int, bounds []float64) ([][]int64, error) {
	var asked []string
	var args []any
	for day := range days + 1 {
		w := ofAccount(detectorID, account)
		w.and("f.archived IN (?)", false)
		w.and("f.updated_ms < ?", first+int64(day)*dayMillis)
		if day > 0 {
			w.and("f.updated_ms >= ?", first+int64(day-1)*dayMillis)
		}
		columns := []string{fmt.Sprint(day)}
		for _, b := range bounds {
			columns = append(columns, "count(CASE WHEN f.severity >= CAST(? AS DOUBLE PRECISION) THEN 1 END)")
			args = append(args, b)
		}
		asked = append(asked, "SELECT "+strings.Join(columns, ", ")+" FROM finding f WHERE "+w.sql.String())
		args = slices.Concat(args, w.args)
	}
	rows, err := s.query(ctx, strings.Join(asked, "\nUNION ALL "), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := make([][]int64, days+1)
	for rows.Next() {
		var day int
		counts := make([]int64, len(bounds))
		dest := []any{&day}
		for i := range counts {
			dest = append(dest, &counts[i])
		}
		if err := rows.Scan(dest...); err != nil {
			return nil, err
		}
		out[day] = counts
	}
	return out, rows.Err()
}
