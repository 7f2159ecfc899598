package store

import "fmt"

const (
	sizesSeen = `SELECT generation, COUNT(*), SUM(LENGTH(keys)) FROM seen WHERE scope = ? GROUP BY generation ORDER BY generation`
	selectOne = `SELECT keys FROM seen WHERE scope = ? AND generation = ? ORDER BY n`
	dropSeen  = `DELETE FROM seen WHERE scope = ? AND generation = ?`
)

// SeenSize is what is kept of one generation.
type SeenSize struct{ Generation, Entries, Bytes int64 }

// SeenSizes tells how much AddSeen stored of each generation, the oldest first.
func (tx *Tx) SeenSizes(scope string) ([]SeenSize, error) {
	out, err := tx.seenSizes(scope)
	if err != nil {
		return nil, fmt.Errorf("measure records of %s: %w", scope, err)
	}
	return out, nil
}

func (tx *Tx) seenSizes(scope string) (out []SeenSize, err error) {
	rows, err := tx.query(sizesSeen, scope)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var s SeenSize
		if err := rows.Scan(&s.Generation, &s.Entries, &s.Bytes); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

// SeenOf is Seen for one generation.
func (tx *Tx) SeenOf(scope string, generation int64, fn func(keys []byte) error) error {
	if err := tx.eachSeenOf(scope, generation, fn); err != nil {
		return fmt.Errorf("read records of %s: %w", scope, err)
	}
	return nil
}

func (tx *Tx) eachSeenOf(scope string, generation int64, fn func(keys []byte) error) error {
	rows, err := tx.query(selectOne, scope, generation)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var keys []byte
		if err := rows.Scan(&keys); err != nil {
			return err
		}
		if err := fn(keys); err != nil {
			return err
		}
	}
	return rows.Err()
}

// ReplaceSeen puts one entry in the place of all those of a generation.
func (tx *Tx) ReplaceSeen(scope string, generation int64, keys []byte) error {
	if err := tx.DropSeen(scope, generation); err != nil {
		return err
	}
	return tx.AddSeen(scope, generation, keys)
}

// DropSeen deletes the entries of a generation.
func (tx *Tx) DropSeen(scope string, generation int64) error {
	if err := tx.do(dropSeen, scope, generation); err != nil {
		return fmt.Errorf("forget records of %s: %w", scope, err)
	}
	return nil
}
