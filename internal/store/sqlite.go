package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// sqliteEngine is a store file. It has one writer at a time anyway, so it has one
// connection for it, beside a pool of readers.
type sqliteEngine struct {
	sqliteDialect
	options    Options
	writer     *sql.DB
	readers    *sql.DB              // cannot write
	statements map[string]*sql.Stmt // on writer, by their text
}

// openSQLite opens a file that is brought to the newest schema.
func openSQLite(ctx context.Context, path string, o Options) (_ *sqliteEngine, err error) {
	if err := createPrivate(path); err != nil {
		return nil, err
	}
	if err := checkOurs(ctx, path, o); err != nil {
		return nil, err
	}
	s := &sqliteEngine{options: o}
	s.writer, s.readers = openPools(path, o)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if err := migrate(ctx, s.writer); err != nil {
		return nil, err
	}
	return s, s.prepare(ctx)
}

// hotStatements are those that run for every finding, or every commit, so they are parsed once.
func hotStatements() []string {
	return []string{
		selectRecord + sqliteDialect{}.identityIs(), insertFinding, updateFinding, putBody,
		insertField, deleteField, addChange,
		selectFilters, selectDetector, selectState, putState, selectCursor, putCursor, addLedger,
		advanceShard, addSeen, pruneSeen, touchSource,
	}
}

func (s *sqliteEngine) prepare(ctx context.Context) error {
	s.statements = make(map[string]*sql.Stmt, len(hotStatements()))
	for _, text := range hotStatements() {
		st, err := s.writer.PrepareContext(ctx, text)
		if err != nil {
			return fmt.Errorf("prepare %q: %w", text, err)
		}
		s.statements[text] = st
	}
	return nil
}

func (s *sqliteEngine) close() error {
	var errs []error
	for _, st := range s.statements {
		errs = append(errs, st.Close())
	}
	return errors.Join(append(errs, s.readers.Close(), s.writer.Close())...)
}

func (s *sqliteEngine) read(ctx context.Context, text string, args []any) (result, error) {
	return sqlResult(s.readers.QueryContext(ctx, text, args...))
}

func (s *sqliteEngine) begin(ctx context.Context) (session, error) {
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	return &sqliteSession{tx, s.statements}, nil
}

type sqliteSession struct {
	tx         *sql.Tx
	statements map[string]*sql.Stmt
}

func (s *sqliteSession) query(ctx context.Context, text string, args []any) (result, error) {
	if st, ok := s.statements[text]; ok {
		return sqlResult(s.tx.StmtContext(ctx, st).QueryContext(ctx, args...))
	}
	return sqlResult(s.tx.QueryContext(ctx, text, args...))
}

func (s *sqliteSession) exec(ctx context.Context, text string, args []any) (int64, error) {
	var res sql.Result
	var err error
	if st, ok := s.statements[text]; ok {
		res, err = s.tx.StmtContext(ctx, st).ExecContext(ctx, args...)
	} else {
		res, err = s.tx.ExecContext(ctx, text, args...)
	}
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// later has nothing to wait for: no network is between.
func (s *sqliteSession) later(ctx context.Context, text string, args []any) error {
	_, err := s.exec(ctx, text, args)
	return err
}

func (s *sqliteSession) commit(context.Context) error { return s.tx.Commit() }

func (s *sqliteSession) rollback() { s.tx.Rollback() }

// sqlResult keeps a nil *sql.Rows from becoming a result that is not nil.
func sqlResult(rows *sql.Rows, err error) (result, error) {
	if err != nil {
		return nil, err
	}
	return rows, nil
}
