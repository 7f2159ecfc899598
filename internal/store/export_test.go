package store

import (
	"context"
	"fmt"
)

// LimitPages bounds the size of a store file, as a full disk would.
func LimitPages(ctx context.Context, s *Store, pages int) error {
	_, err := s.db.(*sqliteEngine).writer.ExecContext(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", pages))
	return err
}
