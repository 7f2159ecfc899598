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
	insertNote  = `INSERT INTO sequence_note (key, strong, seen, data) VALUES (?, ?, ?, ?)`
	updateNote  = `UPDATE sequence_note SET seen = CASE WHEN seen > ? THEN seen ELSE ? END, data = ? WHERE key = ?`
	selectNotes = `SELECT key, strong, seen, data FROM sequence_note ORDER BY key`
	countNotes  = `INSERT INTO sequence_mark (name, n) VALUES ('notes', 1) ON CONFLICT (name) DO UPDATE SET n = sequence_mark.n + 1`
	selectMark  = `SELECT n FROM sequence_mark WHERE name = 'notes'`
	pruneNotes  = `DELETE FROM sequence_note WHERE key IN (SELECT key FROM sequence_note WHERE seen < ? LIMIT ?)`
)

// MergeSequenceNote folds a note into the one of its key. merge gets what is
// stored, nil for nothing, and returns what is to be, nil to leave it. Two
// commits that fold into one note do so one after the other.
func (tx *Tx) MergeSequenceNote(n SequenceNote, merge func(old []byte) ([]byte, error)) error {
	var old []byte
	err := notFound(tx.queryRow(selectNote+tx.store.db.forUpdate(), n.Key).Scan(&old))
	missing := errors.Is(err, finding.ErrNotFound)
	if err != nil && !missing {
		return fmt.Errorf("read a note of sequences: %w", err)
	}
	if missing {
		old = nil
	}
	data, err := merge(old)
	if err != nil || data == nil {
		return err
	}
	if missing { // where another commit makes it meanwhile, one of the two is tried again
		strong := 0
		if n.Strong {
			strong = 1
		}
		err = tx.do(insertNote, n.Key, strong, n.Seen.UnixMilli(), document(data))
	} else {
		err = tx.do(updateNote, n.Seen.UnixMilli(), n.Seen.UnixMilli(), document(data), n.Key)
	}
	if err == nil {
		err = tx.do(countNotes)
	}
	if err != nil {
		return fmt.Errorf("put a note of sequences: %w", err)
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
