package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// AuditEntry says who changed what, and when.
type AuditEntry struct {
	N  int64     `json:"n"`
	At time.Time `json:"at"`
	// Actor is the id of an access key, or a command of this program.
	Actor     string `json:"actor"`
	Role      string `json:"role,omitempty"`
	Account   string `json:"account,omitempty"` // that the actor acted for
	Operation string `json:"operation"`
	Target    string `json:"target,omitempty"`  // the path of the call, or what it is about
	Request   string `json:"request,omitempty"` // the members of the body, shortened
	RequestID string `json:"requestId,omitempty"`
	Source    string `json:"source,omitempty"` // the address that it came from
	// Status is the HTTP status of the answer; 0 is that none was given: the
	// call still runs, or died, and may have had its effect.
	Status int    `json:"status"`
	Code   string `json:"code,omitempty"` // of the refusal
}

// BeginAudit writes that a change is about to be made and returns the entry's
// number. It comes before the change, so that no change is without an entry.
func (s *Store) BeginAudit(ctx context.Context, e AuditEntry) (n int64, err error) {
	err = s.Commit(ctx, func(tx *Tx) error {
		n, err = tx.AddAudit(e)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("begin audit entry of %s: %w", e.Operation, err)
	}
	return n, nil
}

// AddAudit writes an entry within the commit of the change itself.
func (tx *Tx) AddAudit(e AuditEntry) (n int64, err error) {
	data, err := json.Marshal(e)
	if err != nil {
		return 0, err
	}
	err = tx.queryRow(`INSERT INTO audit (at, data) VALUES (?, ?) RETURNING n`, e.At.UnixNano(), string(data)).Scan(&n)
	return n, err
}

func (tx *Tx) addAudits(entries []AuditEntry) error {
	for _, e := range entries {
		if _, err := tx.AddAudit(e); err != nil {
			return err
		}
	}
	return nil
}

// EndAudit writes how the change ended.
func (s *Store) EndAudit(ctx context.Context, n int64, e AuditEntry) error {
	data, err := json.Marshal(e)
	if err == nil {
		err = s.Commit(ctx, func(tx *Tx) error {
			return mustChange(tx.exec(`UPDATE audit SET data = ? WHERE n = ?`, string(data), n))
		})
	}
	if err != nil {
		return fmt.Errorf("end audit entry %d: %w", n, err)
	}
	return nil
}

// AuditQuery chooses entries. The zero value is all of them.
type AuditQuery struct {
	Since, Until time.Time // from, and before; zero: no bound
	Actor        string    // exactly; "": all
	Operation    string    // without regard to case; "": all
	Limit        int       // the newest ones; 0: all
}

// Audit returns entries, newest first.
func (s *Store) Audit(ctx context.Context, q AuditQuery) ([]AuditEntry, error) {
	until := int64(1<<63 - 1)
	if !q.Until.IsZero() {
		until = q.Until.UnixNano()
	}
	rows, err := s.query(ctx, `SELECT n, data FROM audit WHERE at >= ? AND at < ? ORDER BY n DESC`, nanos(q.Since).Int64, until)
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	defer rows.Close()
	var out []AuditEntry
	for rows.Next() && (q.Limit == 0 || len(out) < q.Limit) {
		var e AuditEntry
		var n int64
		var data string
		if err := rows.Scan(&n, &data); err != nil {
			return nil, fmt.Errorf("read the audit log: %w", err)
		}
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			return nil, fmt.Errorf("decode audit entry %d: %w", n, err)
		}
		e.N = n
		if (q.Actor == "" || e.Actor == q.Actor) && (q.Operation == "" || strings.EqualFold(e.Operation, q.Operation)) {
			out = append(out, e)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	return out, nil
}

// PruneAudit forgets entries, and usage, of before a moment.
func (s *Store) PruneAudit(ctx context.Context, before time.Time) error {
	err := s.Commit(ctx, func(tx *Tx) error {
		if err := tx.do(`DELETE FROM audit WHERE at < ?`, before.UnixNano()); err != nil {
			return err
		}
		return tx.do(`DELETE FROM usage_day WHERE day < ?`, dayOf(before))
	})
	if err != nil {
		return fmt.Errorf("prune the audit log: %w", err)
	}
	return nil
}
