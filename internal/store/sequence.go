package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
)

// SequenceNote is what may be a step of an attack, or how entities are linked.
// The store does not look inside.
type SequenceNote struct {
	Key    string
	Strong bool      // of a finding
	Seen   time.Time // event time of the last sight
	Data   []byte    // JSON
}

const (
	selectNote  = `SELECT data FROM sequence_note WHERE key = ?`
	insertNote  = `INSERT INTO sequence_note (key, strong, seen, data) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO NOTHING`
	updateNote  = `UPDATE sequence_note SET seen = CASE WHEN seen > ? THEN seen ELSE ? END, data = ? WHERE key = ?`
	selectNotes = `SELECT key, strong, seen, data FROM sequence_note ORDER BY key`
	countNotes  = `INSERT INTO sequence_mark (name, n) VALUES ('notes', 1) ON CONFLICT (name) DO UPDATE SET n = sequence_mark.n + 1`
	selectMark  = `SELECT n FROM sequence_mark WHERE name = 'notes'`
	pruneNotes  = `DELETE FROM sequence_note WHERE key IN (SELECT key FROM sequence_note WHERE seen < ? LIMIT ?)`
)

// MergeSequenceNote folds a note into the one of its key, and reports whether
// that changed it. merge gets what is stored, nil for nothing, and returns what
// is to be, nil to leave it; it may be called again. Two commits that fold into
// one note do so one after the other. Who changed any calls MoveSequenceMark.
func (tx *Tx) MergeSequenceNote(n SequenceNote, merge func(old []byte) ([]byte, error)) (changed bool, err error) {
	for {
		var old []byte
		err := notFound(tx.queryRow(selectNote+tx.store.db.forUpdate(), n.Key).Scan(&old))
		missing := errors.Is(err, finding.ErrNotFound)
		if err != nil && !missing {
			return false, fmt.Errorf("read a note of sequences: %w", err)
		}
		if missing {
			old = nil
		}
		data, err := merge(old)
		if err != nil || data == nil {
			return false, err
		}
		if !missing {
			if err := tx.do(updateNote, n.Seen.UnixMilli(), n.Seen.UnixMilli(), document(data), n.Key); err != nil {
				return false, fmt.Errorf("put a note of sequences: %w", err)
			}
			return true, nil
		}
		strong := 0
		if n.Strong {
			strong = 1
		}
		made, err := tx.exec(insertNote, n.Key, strong, n.Seen.UnixMilli(), document(data))
		if err != nil {
			return false, fmt.Errorf("put a note of sequences: %w", err)
		}
		if made > 0 {
			return true, nil
		}
		// Another commit has made it meanwhile; it is there now.
	}
}

// MoveSequenceMark says that notes have changed. It comes last in a commit: all
// commits that change notes wait for each other from here on.
func (tx *Tx) MoveSequenceMark() error {
	if err := tx.do(countNotes); err != nil {
		return fmt.Errorf("move the mark of sequences: %w", err)
	}
	return nil
}

// SequenceMark returns a number that changes whenever a note does; 0 while
// there is none.
func (s *Store) SequenceMark(ctx context.Context) (n int64, err error) {
	err = notFound(s.queryRow(ctx, selectMark).Scan(&n))
	if err != nil && !errors.Is(err, finding.ErrNotFound) {
		return 0, fmt.Errorf("read the mark of sequences: %w", err)
	}
	return n, nil
}

// SequenceNotes calls fn with all notes in the order of their keys.
func (s *Store) SequenceNotes(ctx context.Context, fn func(SequenceNote) error) error {
	rows, err := s.query(ctx, selectNotes)
	if err != nil {
		return fmt.Errorf("read notes of sequences: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var n SequenceNote
		var strong, seen int64
		if err := rows.Scan(&n.Key, &strong, &seen, &n.Data); err != nil {
			return fmt.Errorf("read notes of sequences: %w", err)
		}
		n.Strong, n.Seen = strong != 0, time.UnixMilli(seen).UTC()
		if err := fn(n); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read notes of sequences: %w", err)
	}
	return nil
}

// PruneSequenceNotes deletes at most limit of the notes last seen before a
// moment of event time.
func (tx *Tx) PruneSequenceNotes(before time.Time, limit int) error {
	if err := tx.do(pruneNotes, before.UnixMilli(), limit); err != nil {
		return fmt.Errorf("forget notes of sequences: %w", err)
	}
	return nil
}

// HideFinding archives a finding that another one has taken up.
func (tx *Tx) HideFinding(detectorID, id string) error {
	return tx.mark(detectorID, []string{id}, `archived = ?`, true)
}
