package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/vedette-project/vedette/internal/finding"
)

// decodeFinding reads the wire JSON and lays the user's marks over it.
func decodeFinding(wire []byte, archived bool, feedback sql.NullString) (*finding.Finding, error) {
	f := new(finding.Finding)
	if err := json.Unmarshal(wire, f); err != nil {
		return nil, fmt.Errorf("decode stored finding: %w", err)
	}
	if f.Service == nil {
		f.Service = new(finding.Service)
	}
	f.Service.Archived, f.Service.UserFeedback = archived, feedback.String
	return f, nil
}

// Findings returns those of the ids that exist, each once, in the order of the
// ids, or in the order of sort where that names a field.
func (s *Store) Findings(ctx context.Context, detectorID string, ids []string, sort finding.Sort) ([]*finding.Finding, error) {
	order := ""
	var args []any
	if sort.Field != "" {
		key, err := s.sortKey(sort)
		if err != nil {
			return nil, err
		}
		order, args = "ORDER BY "+key.orderBy(), key.args
	}
	rows, err := s.query(ctx, `SELECT b.wire, f.archived, f.feedback
		FROM finding f JOIN finding_body b ON b.finding = f.n
		WHERE f.detector_id = ? AND `+s.db.list("f.id")+` `+order,
		append([]any{detectorID, s.db.listArg(ids)}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("read findings: %w", err)
	}
	defer rows.Close()
	var out []*finding.Finding
	for rows.Next() {
		var wire []byte
		var archived bool
		var feedback sql.NullString
		if err := rows.Scan(&wire, &archived, &feedback); err != nil {
			return nil, fmt.Errorf("read findings: %w", err)
		}
		f, err := decodeFinding(wire, archived, feedback)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read findings: %w", err)
	}
	if sort.Field == "" {
		slices.SortFunc(out, func(a, b *finding.Finding) int {
			return slices.Index(ids, a.ID) - slices.Index(ids, b.ID)
		})
	}
	return out, nil
}

// SetArchived archives or brings back findings. When one of the ids is unknown
// it changes none and fails with finding.ErrNotFound.
func (s *Store) SetArchived(ctx context.Context, detectorID string, ids []string, archived bool) error {
	err := s.Commit(ctx, func(tx *Tx) error {
		if err := tx.mark(detectorID, ids, `archived = ?`, archived); err != nil {
			return err
		}
		for _, id := range ids { // for those who were told of it
			if err := tx.addChange(Change{Kind: ChangeFinding, DetectorID: detectorID, ID: id}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("archive findings: %w", err)
	}
	return nil
}

// mark sets columns of all of the ids. It leaves stored_at alone: what a user
// does to a finding does not make it younger.
func (tx *Tx) mark(detectorID string, ids []string, set string, args ...any) error {
	for _, id := range ids {
		err := mustChange(tx.exec(`UPDATE finding SET `+set+` WHERE detector_id = ? AND id = ?`,
			append(slices.Clip(args), detectorID, id)...))
		if err != nil {
			return fmt.Errorf("finding %s: %w", id, err)
		}
	}
	return nil
}

// PutFindings writes finished findings (samples) as they are, each in the
// place of the one with its id. They have no merge state: no signal ever
// merges into them.
func (s *Store) PutFindings(ctx context.Context, detectorID string, fs []*finding.Finding) error {
	err := s.Commit(ctx, func(tx *Tx) error {
		for _, f := range fs {
			if err := tx.putSample(detectorID, f); err != nil {
				return fmt.Errorf("finding %s: %w", f.ID, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("put findings: %w", err)
	}
	return nil
}

func (tx *Tx) putSample(detectorID string, f *finding.Finding) error {
	p := put{finding: f, detectorID: detectorID}
	if s := f.Service; s != nil {
		p.archived = s.Archived
		p.feedback = sql.NullString{String: s.UserFeedback, Valid: s.UserFeedback != ""}
	}
	var old stored
	var identity sql.NullString
	err := tx.queryRow(`SELECT f.n, b.wire, f.identity FROM finding f JOIN finding_body b ON b.finding = f.n
		WHERE f.detector_id = ? AND f.id = ?`+tx.store.db.forUpdate(), detectorID, f.ID).Scan(&old.n, &old.wire, &identity)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if identity.Valid {
		return errors.New("it would overwrite a finding that detection made")
	}
	if err == nil {
		p.old = &old
	}
	_, err = tx.put(p)
	return err
}
