package store

import (
	"context"
	"fmt"
)

// StateOnce stores bytes where there are none yet, and returns those that are
// there: of several processes that do so at once one wins, and all get its bytes.
func (s *Store) StateOnce(ctx context.Context, scope, name string, data []byte) (kept []byte, err error) {
	err = s.Commit(ctx, func(tx *Tx) error {
		if err := tx.do(`INSERT INTO state (scope, name, data) VALUES (?, ?, ?) ON CONFLICT (scope, name) DO NOTHING`, scope, name, blob(data)); err != nil {
			return err
		}
		kept, err = tx.State(scope, name)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("put state %s of %s once: %w", name, scope, err)
	}
	return kept, nil
}
