package store

import (
	"context"
	"fmt"
	"time"
)

// CountByType counts the findings that were seen since a moment by type,
// archived or not; of one account, or of all if it is "".
func (s *Store) CountByType(ctx context.Context, detectorID, account string, since time.Time) (map[string]int64, error) {
	out, err := s.countByType(ctx, detectorID, account, since.UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("count findings by type: %w", err)
	}
	return out, nil
}

// countByType reads the index by type from end to end: the plus keeps SQLite
// from taking the one by time instead, after which everything would have to be sorted.
func (s *Store) countByType(ctx context.Context, detectorID, account string, since int64) (map[string]int64, error) {
	w := ofAccount(detectorID, account)
	w.and("+f.updated_ms >= ?", since)
	rows, err := s.query(ctx, "SELECT f.type, count(*) FROM finding f WHERE "+w.sql.String()+" GROUP BY f.type", w.args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]int64{}
	for rows.Next() {
		var name string
		var n int64
		if err := rows.Scan(&name, &n); err != nil {
			return nil, err
		}
		out[name] = n
	}
	return out, rows.Err()
}
