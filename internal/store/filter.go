package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/vedette-project/vedette/internal/finding"
)

const selectFilters = `SELECT data FROM filter WHERE action = 'ARCHIVE' ORDER BY rank, detector_id, name`

// CreateFilter writes a filter of a live detector. One of that name there
// gives finding.ErrExists, a detector that is not there finding.ErrNotFound.
func (s *Store) CreateFilter(ctx context.Context, f finding.Filter) error {
	err := s.administer(ctx, func(tx *Tx) error {
		if _, err := tx.liveDetector(f.DetectorID); err != nil {
			return err
		}
		_, err := tx.filter(f.DetectorID, f.Name)
		switch {
		case err == nil:
			return finding.ErrExists
		case !errors.Is(err, finding.ErrNotFound):
			return err
		}
		if err := tx.forgetHidden(f.DetectorID, f.Name); err != nil {
			return err
		}
		return tx.putFilter(f)
	})
	if err != nil {
		return fmt.Errorf("create filter %s: %w", f.Name, err)
	}
	return nil
}

// Filter returns a filter, or finding.ErrNotFound.
func (s *Store) Filter(ctx context.Context, detectorID, name string) (finding.Filter, error) {
	fs, err := scanFilters(s.query(ctx, `SELECT data FROM filter WHERE detector_id = ? AND name = ?`, detectorID, name))
	if err == nil && len(fs) == 0 {
		err = finding.ErrNotFound
	}
	if err != nil {
		return finding.Filter{}, fmt.Errorf("read filter %s: %w", name, err)
	}
	return fs[0], nil
}

// Filters returns a detector's filters by rank, then name.
func (s *Store) Filters(ctx context.Context, detectorID string) ([]finding.Filter, error) {
	fs, err := scanFilters(s.query(ctx, `SELECT data FROM filter WHERE detector_id = ? ORDER BY rank, name`, detectorID))
	if err != nil {
		return nil, fmt.Errorf("read filters: %w", err)
	}
	return fs, nil
}

// UpdateFilter runs change on a filter and writes the result, in one
// transaction. Detector and name stay as they are.
func (s *Store) UpdateFilter(ctx context.Context, detectorID, name string, change func(*finding.Filter) error) error {
	err := s.administer(ctx, func(tx *Tx) error {
		f, err := tx.filter(detectorID, name)
		if err != nil {
			return err
		}
		if err := change(&f); err != nil {
			return err
		}
		f.DetectorID, f.Name = detectorID, name
		return tx.putFilter(f)
	})
	if err != nil {
		return fmt.Errorf("update filter %s: %w", name, err)
	}
	return nil
}

// DeleteFilter removes a filter, or fails with finding.ErrNotFound.
func (s *Store) DeleteFilter(ctx context.Context, detectorID, name string) error {
	err := s.administer(ctx, func(tx *Tx) error {
		if err := mustChange(tx.exec(`DELETE FROM filter WHERE detector_id = ? AND name = ?`, detectorID, name)); err != nil {
			return err
		}
		return tx.forgetHidden(detectorID, name)
	})
	if err != nil {
		return fmt.Errorf("delete filter %s: %w", name, err)
	}
	return nil
}

// Filters returns the suppression rules (action ARCHIVE) of all detectors, by
// rank, then detector and name.
func (tx *Tx) Filters() ([]finding.Filter, error) {
	fs, err := scanFilters(tx.query(selectFilters))
	if err != nil {
		return nil, fmt.Errorf("read filters: %w", err)
	}
	return fs, nil
}

func (tx *Tx) filter(detectorID, name string) (finding.Filter, error) {
	fs, err := scanFilters(tx.query(`SELECT data FROM filter WHERE detector_id = ? AND name = ?`, detectorID, name))
	if err != nil {
		return finding.Filter{}, err
	}
	if len(fs) == 0 {
		return finding.Filter{}, finding.ErrNotFound
	}
	return fs[0], nil
}

func (tx *Tx) putFilter(f finding.Filter) error {
	data, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return tx.do(`INSERT INTO filter (detector_id, name, action, rank, data) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (detector_id, name) DO UPDATE SET action = excluded.action, rank = excluded.rank, data = excluded.data`,
		f.DetectorID, f.Name, f.Action, f.Rank, string(data))
}

func scanFilters(rows result, err error) ([]finding.Filter, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []finding.Filter
	for rows.Next() {
		var data []byte
		if err := rows.Scan(&data); err != nil {
			return nil, err
		}
		var f finding.Filter
		if err := json.Unmarshal(data, &f); err != nil {
			return nil, fmt.Errorf("decode filter: %w", err)
		}
		out = append(out, f)
	}
	return out, rows.Err()
}
