package store

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
)

const (
	selectRecord = `SELECT f.n, b.wire, b.state, f.archived, f.feedback
		FROM finding f JOIN finding_body b ON b.finding = f.n WHERE `
	insertFinding = `INSERT INTO finding (detector_id, id, identity, account, region, type, severity, created_ms,
		updated_ms, archived, feedback, resource_type, resource_id, stored_at) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?) RETURNING n`
	updateFinding = `UPDATE finding SET detector_id = ?, id = ?, identity = ?, account = ?, region = ?, type = ?,
		severity = ?, created_ms = ?, updated_ms = ?, archived = ?, feedback = ?, resource_type = ?, resource_id = ?,
		stored_at = ? WHERE n = ?`
	putBody = `INSERT INTO finding_body (finding, wire, state) VALUES (?, ?, ?)
		ON CONFLICT (finding) DO UPDATE SET wire = excluded.wire, state = excluded.state`
)

// stored is what is known of the row of a finding.
type stored struct {
	n        int64
	wire     []byte
	archived bool
	feedback sql.NullString
}

// Finding returns the record that signals of this identity merge into, or
// finding.ErrNotFound. Until the commit ends no other can change it.
func (tx *Tx) Finding(identity string) (*finding.Record, error) {
	s, state, err := tx.readFinding(identity)
	if err != nil {
		return nil, fmt.Errorf("read finding: %w", err)
	}
	f, err := decodeFinding(s.wire, s.archived, s.feedback)
	if err != nil {
		return nil, err
	}
	rec := &finding.Record{Finding: f}
	if err := json.Unmarshal(state, &rec.Merge); err != nil {
		return nil, fmt.Errorf("decode merge state of finding %s: %w", f.ID, err)
	}
	return rec, nil
}

// readFinding reads a row, locks it, and remembers it for PutFinding. Where there
// is none to lock that is remembered, too: if another commit makes the row
// meanwhile, PutFinding's insert fails and the commit is tried again.
func (tx *Tx) readFinding(identity string) (s stored, state []byte, err error) {
	err = tx.queryRow(selectRecord+tx.store.db.identityIs()+tx.store.db.forUpdate(), identity).
		Scan(&s.n, &s.wire, &state, &s.archived, &s.feedback)
	if err = notFound(err); errors.Is(err, finding.ErrNotFound) {
		tx.remember(identity, nil)
	}
	if err != nil {
		return stored{}, nil, err
	}
	tx.remember(identity, &s)
	return s, state, nil
}

func (tx *Tx) remember(identity string, s *stored) {
	if tx.stored == nil {
		tx.stored = make(map[string]*stored)
	}
	tx.stored[identity] = s
}

// PutFinding writes a record in the place of the one of its identity. Whether
// it is archived and what feedback it has is then kept as stored, for those
// belong to the user; a new record brings its own. When its wire form is new
// or differs from the stored one, that is a [Change].
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
	if _, read := tx.stored[rec.Merge.Identity]; !read {
		if _, _, err := tx.readFinding(rec.Merge.Identity); err != nil && !errors.Is(err, finding.ErrNotFound) {
			return fmt.Errorf("put finding %s: %w", rec.Finding.ID, err)
		}
	}
	if old := tx.stored[rec.Merge.Identity]; old != nil {
		p.old, p.archived, p.feedback = old, old.archived, old.feedback
	}
	now, err := tx.put(p)
	if err != nil {
		return fmt.Errorf("put finding %s: %w", rec.Finding.ID, err)
	}
	tx.remember(rec.Merge.Identity, &now)
	return nil
}

// put is a finding on its way into its tables.
type put struct {
	old        *stored // the row to overwrite; nil: a new one
	detectorID string
	identity   sql.NullString
	finding    *finding.Finding
	state      []byte
	archived   bool
	feedback   sql.NullString
}

func (tx *Tx) put(p put) (stored, error) {
	f := p.finding
	now := stored{archived: p.archived, feedback: p.feedback}
	if f.Service == nil {
		return now, errors.New("it has no service")
	}
	created, err := finding.ParseTimestamp(f.CreatedAt)
	if err != nil {
		return now, fmt.Errorf("read createdAt: %w", err)
	}
	updated, err := finding.ParseTimestamp(f.UpdatedAt)
	if err != nil {
		return now, fmt.Errorf("read updatedAt: %w", err)
	}
	if now.wire, err = json.Marshal(f); err != nil {
		return now, fmt.Errorf("encode: %w", err)
	}
	values, err := finding.FlattenJSON(now.wire)
	if err != nil {
		return now, err
	}
	args := []any{p.detectorID, f.ID, p.identity, f.AccountID, f.Region, f.Type, f.Severity, created.UnixMilli(),
		updated.UnixMilli(), p.archived, p.feedback, firstText(values["resource.resourceType"]),
		finding.ResourceID(f), tx.store.options.Now().UnixMilli()}
	var before finding.Values
	if p.old == nil {
		if err := tx.queryRow(insertFinding, args...).Scan(&now.n); err != nil {
			return now, err
		}
	} else {
		if before, err = finding.FlattenJSON(p.old.wire); err != nil {
			return now, fmt.Errorf("read the stored finding: %w", err)
		}
		now.n = p.old.n
		if err := tx.do(updateFinding, append(args, now.n)...); err != nil {
			return now, err
		}
	}
	if err := tx.do(putBody, now.n, document(now.wire), nullDocument(p.state)); err != nil {
		return now, err
	}
	if err := tx.putFields(now.n, tx.indexed(before), tx.indexed(values)); err != nil {
		return now, err
	}
	if p.old != nil && bytes.Equal(p.old.wire, now.wire) {
		return now, nil
	}
	c := Change{Kind: ChangeFinding, DetectorID: p.detectorID, ID: f.ID}
	if parent := tx.traces[p.identity.String]; parent != "" {
		c.Data = []byte(parent)
	}
	return now, tx.addChange(c)
}

func firstText(vs []finding.Value) any {
	if len(vs) == 0 {
		return nil
	}
	return vs[0].Text
}

// document is JSON as it is stored: as text, which must be valid UTF-8.
func document(b []byte) string { return strings.ToValidUTF8(string(b), "\uFFFD") }

// nullDocument is NULL for nil.
func nullDocument(b []byte) any {
	if b == nil {
		return nil
	}
	return document(b)
}
