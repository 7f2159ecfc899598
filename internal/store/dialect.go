package store

import (
	"context"
	"encoding/json"
	"net/netip"

	"github.com/vedette-project/vedette/internal/finding"
)

// dialect is the SQL that the two databases do not have in common.
type dialect interface {
	// forUpdate ends a SELECT of a transaction whose rows are going to be
	// written; skipLocked one that passes over what others are writing.
	forUpdate() string
	skipLocked() string
	// identityIs finds a finding f by its identity.
	identityIs() string
	// deleteValues and insertValues change rows of the side table of finding n.
	deleteValues(tx *Tx, n int64, rows []fieldText) error
	insertValues(tx *Tx, n int64, rows []fieldText, numbers map[fieldText]any) error
	// list is the condition that a column is one of a list, listArg the list
	// ([]string or []int64) as its argument.
	list(column string) string
	listArg(list any) any
	// few reads the findings f of a list of numbers, and those only.
	few() string
	// sideEquals, within and fits are conditions on a value of a finding.
	sideEquals(texts []string) (string, []any)
	within(src source, p netip.Prefix) condition
	fits(src source, p *finding.Pattern) (condition, error)
	// searched are the text of a value as its index has it, and the operator
	// that compares with a pattern in any case.
	searched() (text, like string)
	// jsonText is a text in a column of JSON.
	jsonText(column, path string) string
	// settled is the condition of changes before which none can come any more.
	settled() string
	// leaseNow is the clock that leases go by, in Unix milliseconds.
	leaseNow(tx *Tx) (int64, error)
	// freeze makes a transaction see one moment from now on; counted says that
	// rows with numbers of their own came into a table.
	freeze(tx *Tx) error
	counted(tx *Tx, t copied) error
	// administer makes this transaction the only one of its kind.
	administer(tx *Tx) error
}

func (s *Store) forUpdate() string  { return s.db.forUpdate() }
func (s *Store) skipLocked() string { return s.db.skipLocked() }

func (tx *Tx) leaseNow() (int64, error) { return tx.store.db.leaseNow(tx) }

// administer is a Commit that reads before it writes and is rare: only one
// runs at a time, over all processes.
func (s *Store) administer(ctx context.Context, fn func(tx *Tx) error) error {
	return s.Commit(ctx, func(tx *Tx) error {
		if err := s.db.administer(tx); err != nil {
			return err
		}
		return fn(tx)
	})
}

// sqliteDialect: there is one transaction at a time.
type sqliteDialect struct{}

func (sqliteDialect) forUpdate() string    { return "" }
func (sqliteDialect) skipLocked() string   { return "" }
func (sqliteDialect) identityIs() string   { return "f.identity = ?" }
func (sqliteDialect) settled() string      { return "TRUE" }
func (sqliteDialect) administer(*Tx) error { return nil }

func (sqliteDialect) leaseNow(tx *Tx) (int64, error) { return tx.store.options.Now().UnixMilli(), nil }

func (sqliteDialect) list(column string) string {
	return column + " IN (SELECT value FROM json_each(?))"
}

func (sqliteDialect) listArg(list any) any {
	b, err := json.Marshal(list)
	if err != nil { // texts and integers: cannot be
		panic(err)
	}
	return string(b)
}

// few: CROSS JOIN tells SQLite to keep this order.
func (sqliteDialect) few() string { return "json_each(?) few CROSS JOIN finding f ON f.n = few.value" }

func (sqliteDialect) sideEquals(texts []string) (string, []any) {
	return "v.text IN " + marks(len(texts)), anys(texts)
}

func (sqliteDialect) within(src source, p netip.Prefix) condition {
	return condition{"vedette_within(?, CAST(" + src.text + " AS BLOB))", []any{[]byte(p.String())}}
}

func (sqliteDialect) fits(src source, p *finding.Pattern) (condition, error) {
	return condition{"vedette_fits(?, CAST(" + src.text + " AS BLOB))", []any{[]byte(p.String())}}, nil
}

func (sqliteDialect) jsonText(column, path string) string {
	return "json_extract(" + column + ", '$." + path + "')"
}
