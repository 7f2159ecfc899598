package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/vedette-project/vedette/internal/finding"
)

// Commit runs fn in the one write transaction that may run at a time, and
// commits what it did when it returns nil. When Commit returns nil the changes
// are on disk; when it returns an error none of them was made. fn must not call
// other methods of the Store that write: they would wait for it for ever.
func (s *Store) Commit(ctx context.Context, fn func(tx *Tx) error) error {
	return inTx(ctx, s.write, func(tx *sql.Tx) error {
		return fn(&Tx{ctx: ctx, tx: tx, store: s})
	})
}

// Tx is a write transaction. It sees its own changes. It is for one goroutine,
// and only until the function that got it returns.
type Tx struct {
	ctx   context.Context // of the Commit; a Tx does not outlive it
	tx    *sql.Tx
	store *Store
}

// preparedStatements run for every finding, or every commit, so they are
// parsed once.
var preparedStatements = [...]string{
	selectRecord, selectStored, insertFinding, updateFinding, putBody,
	selectFields, insertField, deleteField,
	selectFilters, selectDetector, selectState, putState, selectCursor, putCursor, addLedger,
}

func (s *Store) prepare(ctx context.Context) error {
	s.statements = make(map[string]*sql.Stmt, len(preparedStatements))
	for _, text := range preparedStatements {
		st, err := s.write.PrepareContext(ctx, text)
		if err != nil {
			return fmt.Errorf("prepare %q: %w", text, err)
		}
		s.statements[text] = st
	}
	return nil
}

func (tx *Tx) exec(text string, args ...any) (sql.Result, error) {
	if st, ok := tx.store.statements[text]; ok {
		return tx.tx.StmtContext(tx.ctx, st).ExecContext(tx.ctx, args...)
	}
	return tx.tx.ExecContext(tx.ctx, text, args...)
}

func (tx *Tx) query(text string, args ...any) (*sql.Rows, error) {
	if st, ok := tx.store.statements[text]; ok {
		return tx.tx.StmtContext(tx.ctx, st).QueryContext(tx.ctx, args...)
	}
	return tx.tx.QueryContext(tx.ctx, text, args...)
}

func (tx *Tx) queryRow(text string, args ...any) *sql.Row {
	if st, ok := tx.store.statements[text]; ok {
		return tx.tx.StmtContext(tx.ctx, st).QueryRowContext(tx.ctx, args...)
	}
	return tx.tx.QueryRowContext(tx.ctx, text, args...)
}

// notFound puts our word for "no such row" in the place of the driver's.
func notFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return finding.ErrNotFound
	}
	return err
}

// mustChange turns a statement that changed no row into ErrNotFound.
func mustChange(res sql.Result, err error) error {
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n > 0 {
		return err
	}
	return finding.ErrNotFound
}
