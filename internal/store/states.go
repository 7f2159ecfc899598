package store

import (
	"context"
	"fmt"
)

// StateOf is what is stored of one scope under a name.
type StateOf struct {
	Scope string
	Data  []byte
}

// States returns what PutState stored of all scopes under a name, in the order
// of the scopes.
func (s *Store) States(ctx context.Context, name string) ([]StateOf, error) {
	rows, err := s.query(ctx, `SELECT scope, data FROM state WHERE name = ? ORDER BY scope`, name)
	if err != nil {
		return nil, fmt.Errorf("read the states %s: %w", name, err)
	}
	defer rows.Close()
	var out []StateOf
	for rows.Next() {
		var one StateOf
		if err := rows.Scan(&one.Scope, &one.Data); err != nil {
			return nil, fmt.Errorf("read the states %s: %w", name, err)
		}
		out = append(out, one)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the states %s: %w", name, err)
	}
	return out, nil
}
