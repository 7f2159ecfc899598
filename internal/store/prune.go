package store

import (
	"context"
	"fmt"
	"time"
)

// deleteBatch is how many findings one transaction deletes: some tens of
// milliseconds of the writer.
const deleteBatch = 200

// Prune deletes the findings that the store last wrote before a moment of the
// wall clock, and returns how many. Event time does not matter: findings from
// old logs, read today, are kept as long as today's. It works in short
// transactions, between which other writers have their turn; an error leaves
// what was deleted so far deleted. It also forgets sources that have sent
// nothing since that moment, and changes that are older than followers may lag
// behind.
func (s *Store) Prune(ctx context.Context, before time.Time) (deleted int64, err error) {
	for {
		var n int64
		err := s.Commit(ctx, func(tx *Tx) (err error) {
			n, err = tx.deleteFindings(`stored_at < ?`, before.UnixMilli())
			return err
		})
		if err != nil {
			return deleted, fmt.Errorf("prune findings: %w", err)
		}
		deleted += n
		if n == deleteBatch {
			continue
		}
		err = s.Commit(ctx, func(tx *Tx) error {
			return tx.do(`DELETE FROM source WHERE coalesce(last_received, updated) < ?`, before.UnixNano())
		})
		if err != nil {
			return deleted, fmt.Errorf("prune sources: %w", err)
		}
		return deleted, s.pruneChanges(ctx)
	}
}

// deleteFindings deletes at most deleteBatch findings of a condition, with all
// that hangs on them, and returns how many.
func (tx *Tx) deleteFindings(cond string, args ...any) (int64, error) {
	return tx.exec(`DELETE FROM finding WHERE n IN (SELECT n FROM finding WHERE `+cond+` LIMIT ?)`, append(args, deleteBatch)...)
}
