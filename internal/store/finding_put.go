package store

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/vedette-project/vedette/internal/finding"
)

const (
	selectRecord = `SELECT b.wire, b.state, f.archived, f.feedback
		FROM finding f JOIN finding_body b ON b.finding = f.n WHERE f.identity = ?`
	selectStored  = `SELECT n, archived, feedback FROM finding WHERE identity = ?`
	insertFinding = `INSERT INTO finding (detector_id, id, identity, account, region, type, severity, created_ms,
		updated_ms, archived, feedback, resource_type, resource_id, stored_at) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)`
	updateFinding = `UPDATE finding SET detector_id = ?, id = ?, identity = ?, account = ?, region = ?, type = ?,
		severity = ?, created_ms = ?, updated_ms = ?, archived = ?, feedback = ?, resource_type = ?, resource_id = ?,
		stored_at = ? WHERE n = ?`
	putBody = `INSERT INTO finding_body (finding, wire, state) VALUES (?, ?, ?)
		ON CONFLICT (finding) DO UPDATE SET wire = excluded.wire, state = excluded.state`
	selectFields = `SELECT field, text, num FROM finding_field WHERE finding = ?`
	insertField  = `INSERT INTO finding_field (finding, field, text, num) VALUES (?, ?, ?, ?)`
	deleteField  = `DELETE FROM finding_field WHERE finding = ? AND field = ? AND text = ?`
)

// Finding returns the record that signals of this identity merge into, or
// finding.ErrNotFound.
func (tx *Tx) Finding(identity string) (*finding.Record, error) {
	var wire, state []byte
	var archived bool
	var feedback sql.NullString
	err := tx.queryRow(selectRecord, identity).Scan(&wire, &state, &archived, &feedback)
	if err != nil {
		return nil, fmt.Errorf("read finding: %w", notFound(err))
	}
	f, err := decodeFinding(wire, archived, feedback)
	if err != nil {
		return nil, err
	}
	rec := &finding.Record{Finding: f}
	if err := json.Unmarshal(state, &rec.Merge); err != nil {
		return nil, fmt.Errorf("decode merge state of finding %s: %w", f.ID, err)
	}
	return rec, nil
}

// PutFinding writes a record in the place of the one of its identity. Whether
// it is archived and what feedback it has is then kept as stored, for those
// belong to the user; a new record brings its own.
func (tx *Tx) PutFinding(rec *finding.Record) error {
	if rec.Merge.Identity == "" {
		return errors.New("put finding: it has no identity")
	}
	state, err := json.Marshal(rec.Merge)
	if err != nil {
		return fmt.Errorf("put finding: encode merge state: %w", err)
	}
	p := put{finding: rec.Finding, identity: sql.NullString{String: rec.Merge.Identity, Valid: true}, state: state}
	if s := rec.Finding.Service; s != nil {
		p.detectorID, p.archived = s.DetectorID, s.Archived
		p.feedback = sql.NullString{String: s.UserFeedback, Valid: s.UserFeedback != ""}
	}
	err = tx.queryRow(selectStored, rec.Merge.Identity).Scan(&p.n, &p.archived, &p.feedback)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("put finding %s: %w", rec.Finding.ID, err)
	}
	p.known = err == nil
	if err := tx.put(p); err != nil {
		return fmt.Errorf("put finding %s: %w", rec.Finding.ID, err)
	}
	return nil
}

// put is a finding on its way into its tables.
type put struct {
	n          int64 // of the row to overwrite, when known
	known      bool
	detectorID string
	identity   sql.NullString
	finding    *finding.Finding
	state      []byte
	archived   bool
	feedback   sql.NullString
}

func (tx *Tx) put(p put) error {
	f := p.finding
	if f.Service == nil {
		return errors.New("it has no service")
	}
	created, err := finding.ParseTimestamp(f.CreatedAt)
	if err != nil {
		return fmt.Errorf("read createdAt: %w", err)
	}
	updated, err := finding.ParseTimestamp(f.UpdatedAt)
	if err != nil {
		return fmt.Errorf("read updatedAt: %w", err)
	}
	wire, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	values, err := finding.FlattenJSON(wire)
	if err != nil {
		return err
	}
	args := []any{p.detectorID, f.ID, p.identity, f.AccountID, f.Region, f.Type, f.Severity, created.UnixMilli(),
		updated.UnixMilli(), p.archived, p.feedback, firstText(values["resource.resourceType"]),
		finding.ResourceID(f), tx.store.options.Now().UnixMilli()}
	if p.known {
		_, err = tx.exec(updateFinding, append(args, p.n)...)
	} else {
		var res sql.Result
		if res, err = tx.exec(insertFinding, args...); err == nil {
			p.n, err = res.LastInsertId()
		}
	}
	if err != nil {
		return err
	}
	if _, err := tx.exec(putBody, p.n, string(wire), nullText(p.state)); err != nil {
		return err
	}
	return tx.putFields(p.n, values)
}

// putFields makes the side table of finding n hold these values. Most of a
// finding stays as it is when it is updated, so only what differs is written.
func (tx *Tx) putFields(n int64, values finding.Values) error {
	type key struct {
		field int64
		text  string
	}
	want := make(map[key]any, len(values))
	for path, vs := range values {
		id, ok := tx.store.fieldIDs[path]
		if !ok || !inSideTable(path) {
			continue
		}
		for _, v := range vs {
			want[key{id, v.Text}] = numberOrNull(v)
		}
	}
	rows, err := tx.query(selectFields, n)
	if err != nil {
		return err
	}
	var gone []key
	for rows.Next() {
		var k key
		var num any
		if err := rows.Scan(&k.field, &k.text, &num); err != nil {
			return errors.Join(err, rows.Close())
		}
		if w, ok := want[k]; ok && w == num {
			delete(want, k)
		} else {
			gone = append(gone, k)
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, k := range gone {
		if _, err := tx.exec(deleteField, n, k.field, k.text); err != nil {
			return err
		}
	}
	for k, num := range want {
		if _, err := tx.exec(insertField, n, k.field, k.text, num); err != nil {
			return fmt.Errorf("index value %s: %w", strconv.Quote(k.text), err)
		}
	}
	return nil
}

func numberOrNull(v finding.Value) any {
	if !v.IsNumber {
		return nil
	}
	return v.Number
}

func firstText(vs []finding.Value) any {
	if len(vs) == 0 {
		return nil
	}
	return vs[0].Text
}

// nullText is NULL for nil; the tables want text, not bytes.
func nullText(b []byte) any {
	if b == nil {
		return nil
	}
	return string(b)
}
