package store

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
)

// AuditPage returns at most q.Limit entries that are older than the one of a
// number (0: the newest), newest first, and whether there are more; of what was
// done for one account, or for all if it is "".
func (s *Store) AuditPage(ctx context.Context, q AuditQuery, account string, before int64) (page []AuditEntry, more bool, err error) {
	page, err = s.auditPage(ctx, q, account, before)
	if err != nil {
		return nil, false, fmt.Errorf("read the audit log: %w", err)
	}
	if more = len(page) > q.Limit; more {
		page = page[:q.Limit]
	}
	return page, more, nil
}

// auditPage reads one entry more than asked for, if there is one.
func (s *Store) auditPage(ctx context.Context, q AuditQuery, account string, before int64) (out []AuditEntry, err error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	until := int64(math.MaxInt64)
	if !q.Until.IsZero() {
		until = q.Until.UnixNano()
	}
	text, args := `SELECT n, data FROM audit WHERE n < ? AND at >= ? AND at < ?`, []any{before, nanos(q.Since).Int64, until}
	for _, c := range []struct{ member, value string }{{"actor", q.Actor}, {"account", account}} {
		if c.value != "" {
			text, args = text+` AND `+s.db.jsonText("data", c.member)+` = ?`, append(args, c.value)
		}
	}
	if q.Operation != "" {
		text, args = text+` AND lower(`+s.db.jsonText("data", "operation")+`) = lower(?)`, append(args, q.Operation)
	}
	rows, err := s.query(ctx, text+` ORDER BY n DESC LIMIT ?`, append(args, q.Limit+1)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var e AuditEntry
		var n int64
		var data string
		if err := rows.Scan(&n, &data); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			return nil, fmt.Errorf("decode entry %d: %w", n, err)
		}
		e.N = n
		out = append(out, e)
	}
	return out, rows.Err()
}
