package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// pgSession is a transaction whose statements go out together as far as they
// can: what nobody waits for goes with the next query or the commit, and the
// BEGIN with the first. A commit that only writes is one round trip.
type pgSession struct {
	pool  *pgxpool.Pool
	conn  *pgxpool.Conn
	queue *pgx.Batch
	open  bool // a BEGIN may have reached the server
}

func (p *postgres) begin(ctx context.Context) (session, error) {
	conn, err := p.writers.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	s := &pgSession{pool: p.writers, conn: conn, queue: &pgx.Batch{}}
	s.queue.Queue("BEGIN")
	return s, nil
}

// send sends all that waits, and returns the results of the last statement.
// The others' are looked at.
func (s *pgSession) send(ctx context.Context) (pgx.BatchResults, error) {
	b := s.queue
	s.queue, s.open = &pgx.Batch{}, true
	results := s.conn.SendBatch(ctx, b)
	for i := range len(b.QueuedQueries) - 1 {
		if _, err := results.Exec(); err != nil {
			results.Close()
			return nil, s.failed(fmt.Errorf("%w (in %s)", err, firstWords(b.QueuedQueries[i].SQL)))
		}
	}
	return results, nil
}

// failed drops the pool's other connections too when this one is gone: they
// are dead as well, and would fail one commit each.
func (s *pgSession) failed(err error) error {
	if lost(err) {
		s.pool.Reset()
	}
	return err
}

func firstWords(text string) string {
	return strings.Join(strings.Fields(text)[:min(3, len(strings.Fields(text)))], " ")
}

func (s *pgSession) later(ctx context.Context, text string, args []any) error {
	if len(s.queue.QueuedQueries) < maxQueued {
		s.queue.Queue(numbered(text), encodeArgs(args)...)
		return nil
	}
	_, err := s.exec(ctx, text, args)
	return err
}

// maxQueued bounds the memory of a transaction that writes very much.
const maxQueued = 200

func (s *pgSession) query(ctx context.Context, text string, args []any) (result, error) {
	s.queue.Queue(numbered(text), encodeArgs(args)...)
	results, err := s.send(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := results.Query()
	if err != nil {
		results.Close()
		return nil, s.failed(err)
	}
	return &pgResult{rows: rows, done: results.Close}, nil
}

func (s *pgSession) exec(ctx context.Context, text string, args []any) (int64, error) {
	s.queue.Queue(numbered(text), encodeArgs(args)...)
	results, err := s.send(ctx)
	if err != nil {
		return 0, err
	}
	tag, err := results.Exec()
	if err = errors.Join(err, results.Close()); err != nil {
		return 0, s.failed(err)
	}
	return tag.RowsAffected(), nil
}

func (s *pgSession) commit(ctx context.Context) error {
	if !s.open && len(s.queue.QueuedQueries) == 1 { // nothing but the BEGIN
		s.queue = &pgx.Batch{}
		return nil
	}
	s.queue.Queue("COMMIT")
	results, err := s.send(ctx)
	if err != nil {
		if s.conn.Conn().IsClosed() { // the COMMIT was on its way
			err = errors.Join(errUncertain, err)
		}
		return err
	}
	tag, err := results.Exec()
	if err = errors.Join(err, results.Close()); err != nil {
		if s.conn.Conn().IsClosed() {
			err = errors.Join(errUncertain, err)
		}
		return s.failed(err)
	}
	if tag.String() != "COMMIT" { // a statement failed and its error was passed over
		return errors.New("a statement of the transaction had failed")
	}
	s.open = false
	return nil
}

// rollback gives the connection back; one that cannot be brought to order is
// closed.
func (s *pgSession) rollback() {
	if s.conn == nil {
		return
	}
	if s.open && !s.conn.Conn().IsClosed() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if _, err := s.conn.Exec(ctx, "ROLLBACK"); err != nil {
			s.conn.Conn().Close(ctx)
		}
	}
	s.conn.Release()
	s.conn = nil
}

// pgResult are the rows of a query with their texts decoded.
type pgResult struct {
	rows   pgx.Rows
	done   func() error // ends the batch that the query belongs to
	peeked bool         // Next was called ahead
	first  bool         // what it said
}

// peek waits for the first row, and so for an error of the query.
func (r *pgResult) peek() { r.first, r.peeked = r.rows.Next(), true }

func (r *pgResult) Next() bool {
	if r.peeked {
		r.peeked = false
		return r.first
	}
	return r.rows.Next()
}

func (r *pgResult) Scan(dest ...any) error {
	if err := r.rows.Scan(dest...); err != nil {
		return err
	}
	decodeDest(dest)
	return nil
}

func (r *pgResult) Err() error { return r.rows.Err() }

func (r *pgResult) Close() error {
	r.rows.Close()
	if r.done != nil {
		return r.done()
	}
	return nil
}
