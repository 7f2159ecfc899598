package store

import "fmt"

const (
	addSeen    = `INSERT INTO seen (scope, generation, keys) VALUES (?, ?, ?)`
	selectSeen = `SELECT generation, keys FROM seen WHERE scope = ? ORDER BY n`
	pruneSeen  = `DELETE FROM seen WHERE n IN (SELECT n FROM seen WHERE scope = ? AND generation < ? LIMIT ?)`
)

// AddSeen appends keys to what a scope remembers of its records. The bytes are
// the caller's own.
func (tx *Tx) AddSeen(scope string, generation int64, keys []byte) error {
	if err := tx.do(addSeen, scope, generation, blob(keys)); err != nil {
		return fmt.Errorf("remember records of %s: %w", scope, err)
	}
	return nil
}

// Seen calls fn with all that AddSeen stored for a scope and PruneSeen left, in
// that order. fn may keep the keys; it must not use the Tx.
func (tx *Tx) Seen(scope string, fn func(generation int64, keys []byte) error) error {
	if err := tx.eachSeen(scope, fn); err != nil {
		return fmt.Errorf("read records of %s: %w", scope, err)
	}
	return nil
}

func (tx *Tx) eachSeen(scope string, fn func(generation int64, keys []byte) error) error {
	rows, err := tx.query(selectSeen, scope)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var generation int64
		var keys []byte
		if err := rows.Scan(&generation, &keys); err != nil {
			return err
		}
		if err := fn(generation, keys); err != nil {
			return err
		}
	}
	return rows.Err()
}

// PruneSeen deletes at most limit of the entries of generations before one, so
// that a clean-up can be spread over commits.
func (tx *Tx) PruneSeen(scope string, before int64, limit int) error {
	if err := tx.do(pruneSeen, scope, before, limit); err != nil {
		return fmt.Errorf("forget records of %s: %w", scope, err)
	}
	return nil
}
