package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/vedette-project/vedette/internal/finding"
)

const selectDetector = `SELECT data FROM detector WHERE id = ?`

// CreateDetector writes a detector in the place of a deleted one of its id. A
// live one gives finding.ErrExists.
func (s *Store) CreateDetector(ctx context.Context, d finding.Detector) error {
	err := s.administer(ctx, func(tx *Tx) error {
		old, err := tx.Detector(d.ID)
		if err == nil && old.DeletedAt.IsZero() {
			return finding.ErrExists
		}
		if err != nil && !errors.Is(err, finding.ErrNotFound) {
			return err
		}
		return tx.putDetector(d)
	})
	if err != nil {
		return fmt.Errorf("create detector %s: %w", d.ID, err)
	}
	return nil
}

// Detectors returns the live detectors in id order.
func (s *Store) Detectors(ctx context.Context) ([]finding.Detector, error) {
	rows, err := s.query(ctx, `SELECT data FROM detector WHERE NOT deleted ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("read detectors: %w", err)
	}
	defer rows.Close()
	var out []finding.Detector
	for rows.Next() {
		var data []byte
		if err := rows.Scan(&data); err != nil {
			return nil, fmt.Errorf("read detectors: %w", err)
		}
		var d finding.Detector
		if err := json.Unmarshal(data, &d); err != nil {
			return nil, fmt.Errorf("decode detector: %w", err)
		}
		out = append(out, d)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read detectors: %w", err)
	}
	return out, nil
}

// Detector returns a live detector, or finding.ErrNotFound.
func (s *Store) Detector(ctx context.Context, id string) (finding.Detector, error) {
	return s.readDetector(ctx, selectDetector+` AND NOT deleted`, id)
}

// LastDetector returns a detector, also a deleted one (see its DeletedAt);
// finding.ErrNotFound says that there never was one.
func (s *Store) LastDetector(ctx context.Context, id string) (finding.Detector, error) {
	return s.readDetector(ctx, selectDetector, id)
}

func (s *Store) readDetector(ctx context.Context, query, id string) (finding.Detector, error) {
	var data []byte
	var d finding.Detector
	err := s.queryRow(ctx, query, id).Scan(&data)
	if err != nil {
		return d, fmt.Errorf("read detector %s: %w", id, notFound(err))
	}
	if err := json.Unmarshal(data, &d); err != nil {
		return d, fmt.Errorf("decode detector %s: %w", id, err)
	}
	return d, nil
}

// UpdateDetector runs change on a live detector and writes the result, in one
// transaction. The id stays as it is. Nothing is written when change fails.
func (s *Store) UpdateDetector(ctx context.Context, id string, change func(*finding.Detector) error) error {
	err := s.administer(ctx, func(tx *Tx) error {
		d, err := tx.liveDetector(id)
		if err != nil {
			return err
		}
		if err := change(&d); err != nil {
			return err
		}
		d.ID = id
		return tx.putDetector(d)
	})
	if err != nil {
		return fmt.Errorf("update detector %s: %w", id, err)
	}
	return nil
}

// DeleteDetector removes the findings, filters and lists of a live detector and marks
// it deleted. Detection sees the mark through Tx.Detector. The findings go in
// short transactions, as with Prune; the mark comes with the last of them, so
// a call that failed half-way can be made again.
func (s *Store) DeleteDetector(ctx context.Context, id string) error {
	for done := false; !done; {
		err := s.administer(ctx, func(tx *Tx) (err error) {
			done, err = tx.deleteDetector(id)
			return err
		})
		if err != nil {
			return fmt.Errorf("delete detector %s: %w", id, err)
		}
	}
	return nil
}

// deleteDetector removes some findings and, with the last of them, the rest.
func (tx *Tx) deleteDetector(id string) (done bool, err error) {
	d, err := tx.liveDetector(id)
	if err != nil {
		return false, err
	}
	n, err := tx.deleteFindings(`detector_id = ?`, id)
	if err != nil || n == deleteBatch {
		return false, err
	}
	if err := tx.do(`DELETE FROM filter WHERE detector_id = ?`, id); err != nil {
		return false, err
	}
	if err := tx.do(`DELETE FROM suppression WHERE detector_id = ?`, id); err != nil {
		return false, err
	}
	if err := tx.deleteLists(id); err != nil {
		return false, err
	}
	if err := tx.do(`DELETE FROM destination WHERE detector_id = ?`, id); err != nil {
		return false, err
	}
	d.DeletedAt = tx.store.options.Now().UTC()
	return true, tx.putDetector(d)
}

// Detector returns a detector, also a deleted one (see its DeletedAt), or
// finding.ErrNotFound.
func (tx *Tx) Detector(id string) (finding.Detector, error) {
	var data []byte
	var d finding.Detector
	if err := tx.queryRow(selectDetector, id).Scan(&data); err != nil {
		return d, notFound(err)
	}
	err := json.Unmarshal(data, &d)
	return d, err
}

func (tx *Tx) liveDetector(id string) (finding.Detector, error) {
	d, err := tx.Detector(id)
	if err == nil && !d.DeletedAt.IsZero() {
		err = finding.ErrNotFound
	}
	return d, err
}

func (tx *Tx) putDetector(d finding.Detector) error {
	data, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return tx.do(`INSERT INTO detector (id, deleted, data) VALUES (?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET deleted = excluded.deleted, data = excluded.data`,
		d.ID, !d.DeletedAt.IsZero(), string(data))
}
