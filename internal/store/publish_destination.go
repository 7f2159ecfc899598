package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
)

// The statuses of a destination, as the API has them.
const (
	DestinationPending    = "PENDING_VERIFICATION"
	DestinationPublishing = "PUBLISHING"
	DestinationUnable     = "UNABLE_TO_PUBLISH_FIX_DESTINATION_PROPERTY"
)

// Destination is where the API was told to export findings to.
type Destination struct {
	ID                  string       `json:"id"`
	DetectorID          string       `json:"detectorId"`
	Type                string       `json:"type"` // S3
	ARN                 string       `json:"arn"`  // of the bucket, with a prefix behind it
	KMSKeyARN           string       `json:"kmsKeyArn,omitempty"`
	ExpectedBucketOwner string       `json:"expectedBucketOwner,omitempty"`
	Status              string       `json:"status"`
	FailingSince        time.Time    `json:"failingSince,omitzero"`
	Reason              string       `json:"reason,omitempty"` // of the failure
	Tags                finding.Tags `json:"tags,omitempty"`
	ClientToken         string       `json:"clientToken,omitempty"` // of the call that created it
	// Begin is the newest change when it was created, after which it begins.
	Begin string `json:"begin"`
	// Version counts changes of what is wished; what becomes of it is of one.
	Version int64 `json:"version"`
}

const selectDestinations = `SELECT data FROM destination`

// Destinations returns the destinations of a detector, or of all if it is "",
// by id.
func (s *Store) Destinations(ctx context.Context, detectorID string) ([]Destination, error) {
	text, args := selectDestinations+` ORDER BY id`, []any(nil)
	if detectorID != "" {
		text, args = selectDestinations+` WHERE detector_id = ? ORDER BY id`, []any{detectorID}
	}
	out, err := scanDestinations(s.query(ctx, text, args...))
	if err != nil {
		return nil, fmt.Errorf("read destinations: %w", err)
	}
	return out, nil
}

// ChangeDestinations shows change the destinations of a live detector and writes
// the one that it returns, or deletes it if the second result says so (nil:
// neither), in one transaction. A detector that is not there gives
// finding.ErrNotFound.
func (s *Store) ChangeDestinations(ctx context.Context, detectorID string, change func(have []Destination) (*Destination, bool, error)) error {
	err := s.administer(ctx, func(tx *Tx) error {
		if _, err := tx.liveDetector(detectorID); err != nil {
			return err
		}
		have, err := scanDestinations(tx.query(selectDestinations+` WHERE detector_id = ? ORDER BY id`, detectorID))
		if err != nil {
			return err
		}
		d, remove, err := change(slices.Clone(have))
		if err != nil || d == nil {
			return err
		}
		if remove {
			return tx.do(`DELETE FROM destination WHERE id = ?`, d.ID)
		}
		if d.Version == 0 {
			if d.Begin, err = lastChange(tx.queryRow(selectLastChange(s.db))); err != nil {
				return err
			}
		}
		d.DetectorID = detectorID
		d.Version++
		return tx.putDestination(d)
	})
	if err != nil {
		return fmt.Errorf("change destinations: %w", err)
	}
	return nil
}

// SettleDestination writes what became of a destination, if nobody changed or
// deleted it meanwhile.
func (s *Store) SettleDestination(ctx context.Context, id string, version int64, settle func(*Destination)) error {
	err := s.administer(ctx, func(tx *Tx) error {
		var data []byte
		err := notFound(tx.queryRow(selectDestinations+` WHERE id = ?`, id).Scan(&data))
		if errors.Is(err, finding.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		var d Destination
		if err := json.Unmarshal(data, &d); err != nil || d.Version != version {
			return err
		}
		settle(&d)
		return tx.putDestination(&d)
	})
	if err != nil {
		return fmt.Errorf("settle destination %s: %w", id, err)
	}
	return nil
}

func (tx *Tx) putDestination(d *Destination) error {
	data, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return tx.do(`INSERT INTO destination (id, detector_id, data) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET data = excluded.data`,
		d.ID, d.DetectorID, string(data))
}

func scanDestinations(rows result, err error) ([]Destination, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Destination
	for rows.Next() {
		var data []byte
		if err := rows.Scan(&data); err != nil {
			return nil, err
		}
		var d Destination
		if err := json.Unmarshal(data, &d); err != nil {
			return nil, fmt.Errorf("decode a destination: %w", err)
		}
		out = append(out, d)
	}
	return out, rows.Err()
}
