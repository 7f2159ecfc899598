package store

import (
	"context"
	"fmt"
	"time"
)

// UsageDay is how many records of a source were analysed on a day.
type UsageDay struct {
	Day    time.Time // its begin, in UTC
	Source string
	Count  int64
}

// UsageDays returns what was analysed from one day to another, both included,
// day by day and source by source; of one account, or of all if it is "".
func (s *Store) UsageDays(ctx context.Context, from, to time.Time, account string) ([]UsageDay, error) {
	rows, err := s.query(ctx, `SELECT day, source, CAST(sum(count) AS BIGINT) FROM usage_day WHERE day >= ? AND day <= ? AND (? = '' OR account = ?)
		GROUP BY day, source ORDER BY day, source`, dayOf(from), dayOf(to), account, account)
	if err != nil {
		return nil, fmt.Errorf("read usage by day: %w", err)
	}
	defer rows.Close()
	var out []UsageDay
	for rows.Next() {
		var u UsageDay
		var day int64
		if err := rows.Scan(&day, &u.Source, &u.Count); err != nil {
			return nil, fmt.Errorf("read usage by day: %w", err)
		}
		u.Day = time.Unix(day*24*60*60, 0).UTC()
		out = append(out, u)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read usage by day: %w", err)
	}
	return out, nil
}
