package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/vedette-project/vedette/internal/finding"
)

// Commit runs fn in a write transaction, and commits what it did when it
// returns nil. When Commit returns nil the changes are on disk; when it returns
// an error none of them was made, except that, when a connection was lost just
// then, they may have been. IsTemporary says whether trying again may help.
//
// fn must not call other methods of the Store that write: they would wait for
// it for ever. In SQLite there is one Commit at a time. In PostgreSQL several
// run at once; where two meet at the same rows one waits, and where they wait
// for each other, or make the same new row, one fails with a temporary error.
func (s *Store) Commit(ctx context.Context, fn func(tx *Tx) error) error {
	ses, err := s.db.begin(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer ses.rollback() // does nothing after a commit
	if err := fn(&Tx{ctx: ctx, session: ses, store: s}); err != nil {
		return err
	}
	if err := ses.commit(ctx); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// Tx is a write transaction. It sees its own changes. It is for one goroutine,
// and only until the function that got it returns.
type Tx struct {
	ctx     context.Context // of the Commit; a Tx does not outlive it
	session session
	store   *Store
	stored  map[string]*stored // what was read of findings, by identity; nil: there is none
	traces  map[string]string  // by identity; see Trace
}

// do runs a statement of which only the effect counts. It may be kept until
// the next query or the commit, and its error may come from there.
func (tx *Tx) do(text string, args ...any) error { return tx.session.later(tx.ctx, text, args) }

// exec runs a statement and returns how many rows it changed.
func (tx *Tx) exec(text string, args ...any) (int64, error) {
	return tx.session.exec(tx.ctx, text, args)
}

func (tx *Tx) query(text string, args ...any) (result, error) {
	return tx.session.query(tx.ctx, text, args)
}

func (tx *Tx) queryRow(text string, args ...any) row {
	r, err := tx.query(text, args...)
	return row{r, err}
}

// notFound puts our word for "no such row" in the place of the driver's.
func notFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return finding.ErrNotFound
	}
	return err
}

// mustChange turns a statement that changed no row into ErrNotFound.
func mustChange(changed int64, err error) error {
	if err == nil && changed == 0 {
		return finding.ErrNotFound
	}
	return err
}
