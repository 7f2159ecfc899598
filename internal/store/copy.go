package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
)

// copied is a table as Copy moves it. The two databases have the same tables
// and columns, except for what is derived from a finding's JSON.
type copied struct {
	name    string
	columns string
	flag    int    // the column that is a boolean, from 1; 0: none
	serial  string // the column that is counted up
}

// copiedTables are in the order of their references.
func copiedTables() []copied {
	return []copied{
		{name: "detector", columns: "id, deleted, data", flag: 2},
		{name: "filter", columns: "detector_id, name, action, rank, data"},
		{name: "suppression", columns: "detector_id, name, type, hidden, first, last"},
		{name: "intel_list", columns: "id, detector_id, kind, status, data"},
		{name: "intel_content", columns: "list, data"},
		{name: "finding", columns: `n, detector_id, id, identity, account, region, type, severity, created_ms, updated_ms, archived,
			feedback, comment, resource_type, resource_id, stored_at`, flag: 11, serial: "n"},
		{name: "finding_body", columns: "finding, wire, state"},
		{name: "state", columns: "scope, name, data"},
		{name: "cursor", columns: "name, data"},
		{name: "ledger", columns: "source, account, region, cluster, outcome, reason, count, first, last"},
		{name: "access_key", columns: "id, role, sealed, created, revoked, comment, account"},
		{name: "shard", columns: "n, epoch"}, // nobody's, at the beginning of another journal
		{name: "seen", columns: "n, scope, generation, keys", serial: "n"},
		{name: "source", columns: "source, account, region, cluster, first_received, last_received, last_event, status, issue, updated"},
		{name: "node", columns: "account, region, cluster, name, seen, data"},
		{name: "member", columns: "account, data"},
		{name: "usage_day", columns: "day, source, account, region, cluster, count"},
		{name: "audit", columns: "n, at, data", serial: "n"},
		{name: "sequence_note", columns: "key, strong, seen, data"},
		{name: "sequence_mark", columns: "name, n"},
		{name: "rule_info", columns: "rule, version, known, since, gone, data"},
		{name: "rule_status", columns: "rule, version, shard, matched, found, would, last, asked, took, noted"},
		{name: "rule_mode", columns: "id, data"},
		{name: "publish_item", columns: "target, key, rev, told, due, data"},
		{name: "publish_dead", columns: "n, target, event, reason, data, at, resend", serial: "n"},
		{name: "publish_status", columns: "target, data"},
		{name: "destination", columns: "id, detector_id, data"},
		{name: "change", columns: "n, era, xid, kind, detector_id, id, data, at", serial: "n"},
		{name: "set_aside", columns: "n, shard, pos, stream, reason, data, at", serial: "n"},
	}
}

// ErrNotEmpty is what Copy gets for a target that holds something.
var ErrNotEmpty = errors.New("the store to copy to is not empty")

// Copy copies all that one store holds to another, empty one: both the same
// moment of the source and, in the target, all or nothing. Shards come without
// their workers. Cursors stay good: changes that follow in the target come
// after those that were copied. progress, if not nil, hears of each table when
// it is done. What seals access keys is no part of the store.
func Copy(ctx context.Context, from, to *Store, progress func(table string, rows int64)) error {
	err := from.snapshot(ctx, func(src *Tx) error {
		return to.Commit(ctx, func(dst *Tx) error { return copyAll(src, dst, progress) })
	})
	if err != nil {
		return fmt.Errorf("copy store: %w", err)
	}
	return nil
}

// snapshot runs fn in a transaction that sees one moment, and keeps nothing.
func (s *Store) snapshot(ctx context.Context, fn func(tx *Tx) error) error {
	ses, err := s.db.begin(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer ses.rollback()
	tx := &Tx{ctx: ctx, session: ses, store: s}
	if err := s.db.freeze(tx); err != nil {
		return err
	}
	return fn(tx)
}

func (sqliteDialect) freeze(*Tx) error { return nil }

func (postgresDialect) freeze(tx *Tx) error {
	return tx.do(`SET TRANSACTION ISOLATION LEVEL REPEATABLE READ`)
}

func copyAll(src, dst *Tx, progress func(table string, rows int64)) error {
	if err := dst.store.db.administer(dst); err != nil {
		return err
	}
	for _, t := range copiedTables() {
		if n, err := dst.count(t.name); err != nil || n > 0 {
			return errors.Join(err, notEmpty(t.name, n))
		}
	}
	for _, t := range copiedTables() {
		n, err := copyTable(src, dst, t)
		if err != nil {
			return fmt.Errorf("table %s: %w", t.name, err)
		}
		there, err := dst.count(t.name)
		if err != nil {
			return err
		}
		if before, err := src.count(t.name); err != nil || there != n || before != n {
			return errors.Join(err, fmt.Errorf("table %s: %d rows, of which %d were read and %d arrived", t.name, before, n, there))
		}
		if progress != nil {
			progress(t.name, n)
		}
	}
	return copyMeta(src, dst)
}

func notEmpty(table string, rows int64) error {
	if rows == 0 {
		return nil
	}
	return fmt.Errorf("%w: its table %s has %d rows", ErrNotEmpty, table, rows)
}

func (tx *Tx) count(table string) (n int64, err error) {
	err = tx.queryRow(`SELECT count(*) FROM ` + table).Scan(&n)
	return n, err
}

func copyTable(src, dst *Tx, t copied) (n int64, err error) {
	columns := strings.Count(t.columns, ",") + 1
	insert := `INSERT INTO ` + t.name + ` (` + t.columns + `) VALUES ` + marks(columns)
	rows, err := src.query(`SELECT ` + t.columns + ` FROM ` + t.name)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for ; rows.Next(); n++ {
		values, dest := make([]any, columns), make([]any, columns)
		for i := range values {
			dest[i] = &values[i]
		}
		if err := rows.Scan(dest...); err != nil {
			return n, err
		}
		if flag, ok := values[max(t.flag-1, 0)].(int64); ok && t.flag > 0 {
			values[t.flag-1] = flag != 0
		}
		if err := dst.do(insert, values...); err != nil {
			return n, err
		}
		if t.name == "finding_body" {
			if err := dst.copyFields(values); err != nil {
				return n, err
			}
		}
	}
	if err := rows.Err(); err != nil {
		return n, err
	}
	return n, dst.store.db.counted(dst, t)
}

// copyFields makes the side table's rows of a body: their fields' numbers
// differ from store to store.
func (tx *Tx) copyFields(body []any) error {
	n, okN := body[0].(int64)
	wire, okWire := body[1].(string)
	if !okN || !okWire {
		return fmt.Errorf("the body is a %T of a %T", body[1], body[0])
	}
	values, err := finding.FlattenJSON([]byte(wire))
	if err != nil {
		return err
	}
	return tx.putFields(n, nil, tx.indexed(values))
}

// copyMeta begins the target's own era of changes, and keeps the tokens of
// removed shards from being used again.
func copyMeta(src, dst *Tx) error {
	if err := dst.do(putMeta, "epoch", "0"); err != nil {
		return err
	}
	if epoch, err := src.meta("epoch"); err == nil {
		if err := dst.do(putMeta, "epoch", epoch); err != nil {
			return err
		}
	} else if !errors.Is(err, finding.ErrNotFound) {
		return err
	}
	lists, err := src.meta("lists")
	if err != nil {
		return err
	}
	if err := dst.do(putMeta, "lists", lists); err != nil {
		return err
	}
	modes, err := src.generationOfModes()
	if err != nil {
		return err
	}
	if err := dst.do(`UPDATE rule_mark SET n = ? WHERE name = 'modes'`, modes); err != nil {
		return err
	}
	era, err := src.meta("era")
	if err != nil {
		return err
	}
	return dst.do(`INSERT INTO meta (name, value) VALUES ('era', CAST(CAST(? AS BIGINT) + 1 AS TEXT))
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`, era)
}

// counted: SQLite looks at the highest number itself.
func (sqliteDialect) counted(*Tx, copied) error { return nil }

func (postgresDialect) counted(tx *Tx, t copied) error {
	if t.serial == "" {
		return nil
	}
	return tx.do(`SELECT setval(pg_get_serial_sequence(?, ?), (SELECT max(`+t.serial+`) FROM `+t.name+`))`, t.name, t.serial)
}
