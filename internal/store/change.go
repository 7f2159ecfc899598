package store

import (
	"cmp"
	"context"
	"fmt"
	"time"
)

// The kinds of changes.
const (
	ChangeFinding = "finding" // a finding is new or differs: DetectorID, ID
	ChangeSource  = "source"  // a source's status differs: Data is a SourceChange
)

// Change is one thing that followers want to know of. They read on from the
// cursor of the last one they have dealt with.
type Change struct {
	Cursor         string // opaque; "" is before the first
	Kind           string
	DetectorID, ID string
	Data           []byte    // of a finding: the traceparent of what changed it, if that is traced
	At             time.Time // wall clock
}

// changesKept is how long a follower may lag behind before it misses changes.
const changesKept = 7 * 24 * time.Hour

const addChange = `INSERT INTO change (era, kind, detector_id, id, data, at)
	VALUES ((SELECT CAST(value AS BIGINT) FROM meta WHERE name = 'era'), ?, ?, ?, ?, ?)`

func (tx *Tx) addChange(c Change) error {
	return tx.do(addChange, c.Kind, c.DetectorID, c.ID, nullBlob(c.Data), tx.store.options.Now().UnixNano())
}

// Trace has the change of a finding, if this commit changes it, say which trace
// it is a part of.
func (tx *Tx) Trace(identity, traceparent string) {
	if tx.traces == nil {
		tx.traces = map[string]string{}
	}
	tx.traces[identity] = traceparent
}

// Changes returns at most limit changes after a cursor. Reading on from the
// last one's cursor never skips a change and never repeats one, whatever is
// committed at the same time; those of one commit are in the order they were
// made. A change is kept for a week (see Prune).
func (s *Store) Changes(ctx context.Context, after string, limit int) ([]Change, error) {
	out, err := s.changes(ctx, after, limit)
	if err != nil {
		return nil, fmt.Errorf("read changes: %w", err)
	}
	return out, nil
}

func (s *Store) changes(ctx context.Context, after string, limit int) ([]Change, error) {
	var c changeCursor
	if after != "" {
		var err error
		if c, err = parseCursor(after); err != nil {
			return nil, err
		}
	}
	rows, err := s.query(ctx, `SELECT era, xid, n, kind, detector_id, id, data, at FROM change
		WHERE (era, xid, n) > (?, ?, ?) AND `+s.db.settled()+` ORDER BY era, xid, n LIMIT ?`, c.era, c.xid, c.n, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Change
	for rows.Next() {
		var c Change
		var cur changeCursor
		var at int64
		if err := rows.Scan(&cur.era, &cur.xid, &cur.n, &c.Kind, &c.DetectorID, &c.ID, &c.Data, &at); err != nil {
			return nil, err
		}
		c.Cursor, c.At = cur.String(), time.Unix(0, at).UTC()
		out = append(out, c)
	}
	return out, rows.Err()
}

// changeCursor is a place in the order of changes.
type changeCursor struct{ era, xid, n int64 }

func (c changeCursor) String() string { return fmt.Sprintf("%d.%d.%d", c.era, c.xid, c.n) }

func parseCursor(text string) (c changeCursor, err error) {
	_, err = fmt.Sscanf(text, "%d.%d.%d", &c.era, &c.xid, &c.n)
	if err != nil || c.String() != text {
		return changeCursor{}, fmt.Errorf("%q is no cursor of changes", text)
	}
	return c, nil
}

// FirstChange is the cursor before all changes, as "" is, for where a cursor
// must not be empty.
const FirstChange = "0.0.0"

// ChangeBefore reports whether the change at one cursor comes before that at
// another.
func ChangeBefore(a, b string) (bool, error) {
	var at [2]changeCursor
	for i, text := range []string{a, b} {
		if text == "" {
			continue
		}
		var err error
		if at[i], err = parseCursor(text); err != nil {
			return false, err
		}
	}
	return cmp.Or(cmp.Compare(at[0].era, at[1].era), cmp.Compare(at[0].xid, at[1].xid), cmp.Compare(at[0].n, at[1].n)) < 0, nil
}

// pruneChanges deletes the old changes, in short transactions.
func (s *Store) pruneChanges(ctx context.Context) error {
	before := s.options.Now().Add(-changesKept).UnixNano()
	for n := int64(deleteBatch); n == deleteBatch; {
		err := s.Commit(ctx, func(tx *Tx) (err error) {
			n, err = tx.exec(`DELETE FROM change WHERE n IN (SELECT n FROM change WHERE at < ? ORDER BY era, xid, n LIMIT ?)`, before, deleteBatch)
			return err
		})
		if err != nil {
			return fmt.Errorf("prune changes: %w", err)
		}
	}
	return nil
}
