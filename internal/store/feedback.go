package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
)

// feedbackScope is the scope of the states that say which feedback detection
// has not taken up yet. Their names are of the form DETECTOR/FINDING, and their
// data is the identity of the finding.
const feedbackScope = "feedback"

// Feedback is what a user said of a finding.
type Feedback struct {
	DetectorID, ID string
	// Identity is that of the finding's record.
	Identity string
}

// SetFeedback stores whether findings were useful, and why, and notes that
// detection has not taken it up yet. When one of the ids is unknown it changes
// none and fails with finding.ErrNotFound.
func (s *Store) SetFeedback(ctx context.Context, detectorID string, ids []string, feedback, comment string) error {
	err := s.Commit(ctx, func(tx *Tx) error {
		err := tx.mark(detectorID, ids, `feedback = ?, comment = ?`, sql.NullString{String: feedback, Valid: feedback != ""}, comment)
		if err != nil {
			return err
		}
		for _, id := range slices.Sorted(slices.Values(ids)) {
			var identity sql.NullString
			err := tx.queryRow(`SELECT identity FROM finding WHERE detector_id = ? AND id = ?`, detectorID, id).Scan(&identity)
			if err != nil {
				return fmt.Errorf("finding %s: %w", id, notFound(err))
			}
			if !identity.Valid { // a sample, which detection knows nothing of
				continue
			}
			if err := tx.PutState(feedbackScope, detectorID+"/"+id, []byte(identity.String)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("store feedback: %w", err)
	}
	return nil
}

// FeedbackWaiting returns at most limit of the feedback that detection has not
// taken up yet.
func (s *Store) FeedbackWaiting(ctx context.Context, limit int) ([]Feedback, error) {
	rows, err := s.query(ctx, `SELECT name, data FROM state WHERE scope = ? ORDER BY name LIMIT ?`, feedbackScope, limit)
	if err != nil {
		return nil, fmt.Errorf("read feedback: %w", err)
	}
	defer rows.Close()
	var out []Feedback
	for rows.Next() {
		var name string
		var identity []byte
		if err := rows.Scan(&name, &identity); err != nil {
			return nil, fmt.Errorf("read feedback: %w", err)
		}
		detector, id, _ := strings.Cut(name, "/")
		out = append(out, Feedback{detector, id, string(identity)})
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read feedback: %w", err)
	}
	return out, nil
}

// IdentityOf returns the identity of the record of a finding, or
// finding.ErrNotFound; it is empty for a sample. What users do to the finding
// waits until the commit ends.
func (tx *Tx) IdentityOf(detectorID, id string) (string, error) {
	var identity sql.NullString
	err := tx.queryRow(`SELECT identity FROM finding WHERE detector_id = ? AND id = ?`+tx.store.db.forUpdate(), detectorID, id).Scan(&identity)
	if err = notFound(err); err != nil && !errors.Is(err, finding.ErrNotFound) {
		err = fmt.Errorf("read finding %s: %w", id, err)
	}
	return identity.String, err
}

// FeedbackTaken notes that detection has taken up the feedback on a finding.
func (tx *Tx) FeedbackTaken(detectorID, id string) error {
	if err := tx.do(`DELETE FROM state WHERE scope = ? AND name = ?`, feedbackScope, detectorID+"/"+id); err != nil {
		return fmt.Errorf("take up feedback: %w", err)
	}
	return nil
}

// FeedbackComments returns why users said what they said of findings, by id.
func (s *Store) FeedbackComments(ctx context.Context, detectorID string, ids []string) (map[string]string, error) {
	rows, err := s.query(ctx, `SELECT f.id, f.comment FROM finding f WHERE f.detector_id = ? AND `+s.db.list("f.id"), detectorID, s.db.listArg(ids))
	if err != nil {
		return nil, fmt.Errorf("read comments: %w", err)
	}
	defer rows.Close()
	out := map[string]string{}
	for rows.Next() {
		var id string
		var comment sql.NullString
		if err := rows.Scan(&id, &comment); err != nil {
			return nil, fmt.Errorf("read comments: %w", err)
		}
		out[id] = comment.String
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read comments: %w", err)
	}
	return out, nil
}
