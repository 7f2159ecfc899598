package store

import (
	"context"
	"fmt"
	"time"
)

const addUsage = `INSERT INTO usage_day (day, source, account, region, cluster, count) VALUES (?, ?, ?, ?, ?, ?)
	ON CONFLICT (day, source, account, region, cluster) DO UPDATE SET count = usage_day.count + excluded.count`

// Usage is how many records of a source and scope were analysed in some days.
type Usage struct {
	SourceKey
	Count int64
}

// dayOf numbers days since 1970, in UTC.
func dayOf(t time.Time) int64 { return t.Unix() / (24 * 60 * 60) }

// addUsage adds what a row of the ledger says was analysed to the present day:
// it is the day of the work, not of the records.
func (tx *Tx) addUsage(r *LedgerRow) error {
	if r.Outcome != "evaluated" || r.Count == 0 {
		return nil
	}
	return tx.do(addUsage, dayOf(tx.store.options.Now()), r.Source, r.Account, r.Region, r.Cluster, r.Count)
}

// Usage returns what was analysed from one day to another, both included.
func (s *Store) Usage(ctx context.Context, from, to time.Time) ([]Usage, error) {
	rows, err := s.query(ctx, `SELECT source, account, region, cluster, CAST(sum(count) AS BIGINT) FROM usage_day WHERE day >= ? AND day <= ?
		GROUP BY source, account, region, cluster ORDER BY source, account, region, cluster`, dayOf(from), dayOf(to))
	if err != nil {
		return nil, fmt.Errorf("read usage: %w", err)
	}
	defer rows.Close()
	var out []Usage
	for rows.Next() {
		var u Usage
		if err := rows.Scan(&u.Source, &u.Account, &u.Region, &u.Cluster, &u.Count); err != nil {
			return nil, fmt.Errorf("read usage: %w", err)
		}
		out = append(out, u)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read usage: %w", err)
	}
	return out, nil
}
