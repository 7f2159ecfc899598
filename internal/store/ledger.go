package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"
)

const addLedger = `INSERT INTO ledger (source, account, region, cluster, outcome, reason, count, first, last)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (source, account, region, cluster, outcome, reason) DO UPDATE SET count = ledger.count + excluded.count,
		first = CASE WHEN ledger.first < excluded.first THEN ledger.first ELSE coalesce(excluded.first, ledger.first) END,
		last  = CASE WHEN ledger.last > excluded.last THEN ledger.last ELSE coalesce(excluded.last, ledger.last) END`

// LedgerRow counts the records of one source and scope that had one outcome,
// for one reason ("" where the outcome needs none).
type LedgerRow struct {
	Source, Account, Region, Cluster string
	Outcome, Reason                  string
	Count                            int64
	// First and Last are the extremes of the records' times; zero when none had one.
	First, Last time.Time
}

// AddLedger adds the counts to those stored, and widens the extremes.
func (tx *Tx) AddLedger(rows []LedgerRow) error {
	// In order, so that of two commits at once neither holds what the other waits for.
	for _, r := range slices.SortedFunc(slices.Values(rows), compareLedger) {
		err := tx.do(addLedger, r.Source, r.Account, r.Region, r.Cluster, r.Outcome, r.Reason,
			r.Count, nanos(r.First), nanos(r.Last))
		if err == nil {
			err = tx.addUsage(&r)
		}
		if err != nil {
			return fmt.Errorf("add to ledger: %w", err)
		}
	}
	return nil
}

func compareLedger(a, b LedgerRow) int {
	return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region),
		cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.Outcome, b.Outcome), cmp.Compare(a.Reason, b.Reason))
}

// Ledger returns every count, in order of source, scope, outcome and reason.
func (s *Store) Ledger(ctx context.Context) ([]LedgerRow, error) {
	rows, err := s.query(ctx, `SELECT source, account, region, cluster, outcome, reason, count, first, last
		FROM ledger ORDER BY source, account, region, cluster, outcome, reason`)
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	defer rows.Close()
	var out []LedgerRow
	for rows.Next() {
		var r LedgerRow
		var first, last sql.NullInt64
		err := rows.Scan(&r.Source, &r.Account, &r.Region, &r.Cluster, &r.Outcome, &r.Reason, &r.Count, &first, &last)
		if err != nil {
			return nil, fmt.Errorf("read ledger: %w", err)
		}
		r.First, r.Last = fromNanos(first), fromNanos(last)
		out = append(out, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	return out, nil
}

// nanos is a time as it is stored, to the nanosecond; the zero time is NULL.
func nanos(t time.Time) sql.NullInt64 {
	if t.IsZero() {
		return sql.NullInt64{}
	}
	return sql.NullInt64{Int64: t.UnixNano(), Valid: true}
}

func fromNanos(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return time.Unix(0, n.Int64).UTC()
}
