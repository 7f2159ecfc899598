package store

import (
	"context"
	"fmt"
	"time"
)

// Hidden is how many new findings of a type a suppression rule archived.
type Hidden struct {
	DetectorID, Filter, Type string

	Count       int64
	First, Last time.Time // event times of those findings
}

const (
	addHidden = `INSERT INTO suppression (detector_id, name, type, hidden, first, last)
		SELECT f.detector_id, f.name, CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS BIGINT)
		FROM filter f WHERE f.detector_id = ? AND f.name = ?
		ON CONFLICT (detector_id, name, type) DO UPDATE SET hidden = suppression.hidden + excluded.hidden,
			first = CASE WHEN excluded.first < suppression.first THEN excluded.first ELSE suppression.first END,
			last = CASE WHEN excluded.last > suppression.last THEN excluded.last ELSE suppression.last END`
	selectHidden = `SELECT detector_id, name, type, hidden, first, last FROM suppression
		WHERE detector_id = ? ORDER BY name, type`
)

// AddHidden counts findings that a suppression rule hid. One that is deleted
// meanwhile counts no more.
func (tx *Tx) AddHidden(h Hidden) error {
	err := tx.do(addHidden, h.Type, h.Count, h.First.UnixMilli(), h.Last.UnixMilli(), h.DetectorID, h.Filter)
	if err != nil {
		return fmt.Errorf("count what filter %s hides: %w", h.Filter, err)
	}
	return nil
}

// Hidden returns what the suppression rules of a detector have hidden, by name,
// then type.
func (s *Store) Hidden(ctx context.Context, detectorID string) ([]Hidden, error) {
	rows, err := s.query(ctx, selectHidden, detectorID)
	if err != nil {
		return nil, fmt.Errorf("read what filters have hidden: %w", err)
	}
	defer rows.Close()
	var out []Hidden
	for rows.Next() {
		var h Hidden
		var first, last int64
		if err := rows.Scan(&h.DetectorID, &h.Filter, &h.Type, &h.Count, &first, &last); err != nil {
			return nil, fmt.Errorf("read what filters have hidden: %w", err)
		}
		h.First, h.Last = time.UnixMilli(first).UTC(), time.UnixMilli(last).UTC()
		out = append(out, h)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read what filters have hidden: %w", err)
	}
	return out, nil
}

// forgetHidden drops the counts of a filter: one made anew under its name has
// hidden nothing yet.
func (tx *Tx) forgetHidden(detectorID, name string) error {
	return tx.do(`DELETE FROM suppression WHERE detector_id = ? AND name = ?`, detectorID, name)
}
