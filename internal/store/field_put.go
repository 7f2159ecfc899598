package store

import (
	"fmt"
	"strconv"

	"github.com/vedette-project/vedette/internal/finding"
)

const (
	selectFields = `SELECT field, text, num FROM finding_field WHERE finding = ?`
	insertField  = `INSERT INTO finding_field (finding, field, text, num) VALUES (?, ?, ?, ?)`
	deleteField  = `DELETE FROM finding_field WHERE finding = ? AND field = ? AND text = ?`
)

// fieldText names a row of the side table of one finding.
type fieldText struct {
	field int64
	text  string
}

// indexed are the rows of the side table that stand for values, with their
// numbers (nil: none).
func (tx *Tx) indexed(values finding.Values) map[fieldText]any {
	out := make(map[fieldText]any, len(values))
	for path, vs := range values {
		id, ok := tx.store.fieldIDs[path]
		if !ok || !inSideTable(path) {
			continue
		}
		for _, v := range vs {
			var num any
			if v.IsNumber {
				num = v.Number
			}
			out[fieldText{id, v.Text}] = num
		}
	}
	return out
}

// indexedNow reads the rows of the side table of finding n.
func (tx *Tx) indexedNow(n int64) (map[fieldText]any, error) {
	rows, err := tx.query(selectFields, n)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[fieldText]any{}
	for rows.Next() {
		var k fieldText
		var num any
		if err := rows.Scan(&k.field, &k.text, &num); err != nil {
			return nil, err
		}
		out[k] = num
	}
	return out, rows.Err()
}

// putFields brings the side table of finding n from one state to another.
// Most of a finding stays as it is when it is updated, so only what differs is
// written.
func (tx *Tx) putFields(n int64, before, after map[fieldText]any) error {
	var gone, added []fieldText
	for k, num := range before {
		if now, ok := after[k]; !ok || now != num {
			gone = append(gone, k)
		}
	}
	for k, num := range after {
		if old, ok := before[k]; !ok || old != num {
			added = append(added, k)
		}
	}
	if err := tx.store.db.deleteValues(tx, n, gone); err != nil {
		return err
	}
	return tx.store.db.insertValues(tx, n, added, after)
}

func (sqliteDialect) deleteValues(tx *Tx, n int64, rows []fieldText) error {
	for _, k := range rows {
		if err := tx.do(deleteField, n, k.field, k.text); err != nil {
			return err
		}
	}
	return nil
}

func (sqliteDialect) insertValues(tx *Tx, n int64, rows []fieldText, numbers map[fieldText]any) error {
	for _, k := range rows {
		if err := tx.do(insertField, n, k.field, k.text, numbers[k]); err != nil {
			return fmt.Errorf("index value %s: %w", strconv.Quote(k.text), err)
		}
	}
	return nil
}
