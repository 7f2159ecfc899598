package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// FieldValue is a field, by its path, and one value of it as criteria write it.
type FieldValue struct{ Path, Text string }

// NamingQuery asks for the findings that name something.
type NamingQuery struct {
	DetectorID string
	Account    string         // "": of all accounts
	AnyOf      [][]FieldValue // one of these groups, and of that all values
	Limit      int
}

// NamedFinding is a finding of which little was read.
type NamedFinding struct {
	ID, Type string
	Severity float64
	Archived bool
	Created  time.Time
	Updated  time.Time
	// Values are those of the fields that were asked for, by path.
	Values map[string][]string

	n int64
}

// manyNaming is how many findings of something common are looked for: the
// newest are found finding by finding, and each costs.
const manyNaming = 250

// Naming returns the findings that name something, newest first, without
// values, at most q.Limit, or 250 of what a thousand findings name; more says
// that there may be others. A field must be one that has no column of its own
// and is not too long to index.
func (s *Store) Naming(ctx context.Context, q NamingQuery) (found []NamedFinding, more bool, err error) {
	if found, more, err = s.naming(ctx, q); err != nil {
		return nil, false, fmt.Errorf("look for findings by what they name: %w", err)
	}
	return found, more, nil
}

func (s *Store) naming(ctx context.Context, q NamingQuery) ([]NamedFinding, bool, error) {
	var groups []string
	var args []any
	few := []int64{} // nil: not few
	for _, group := range q.AnyOf {
		var all where
		for i, v := range group {
			id, err := s.sideField(v.Path)
			if err != nil {
				return nil, false, err
			}
			sql, values := s.db.sideEquals([]string{v.Text})
			is := condition{sql, values}
			source{side: id}.some(&all, "", is)
			if i > 0 || few == nil {
				continue
			}
			some, err := s.findingsWith(ctx, id, is)
			if err != nil {
				return nil, false, err
			}
			if few = append(few, some...); some == nil {
				few = nil
			}
		}
		groups, args = append(groups, "("+all.sql.String()+")"), append(args, all.args...)
	}
	if few != nil && len(few) == 0 {
		return nil, false, nil
	}
	from, limit := condition{sql: "finding f"}, min(q.Limit, manyNaming)
	if few != nil {
		slices.Sort(few)
		limit = q.Limit
		from = condition{s.db.few(), []any{s.db.listArg(slices.Compact(few))}}
	}
	w := ofAccount(q.DetectorID, q.Account)
	w.and("("+strings.Join(groups, " OR ")+")", args...)
	found, err := s.named(ctx, from, w, limit+1)
	return found[:min(len(found), limit)], len(found) > limit, err
}

// EntityQuery asks for findings and what they name.
type EntityQuery struct {
	DetectorID string
	Account    string   // "": of all accounts
	Paths      []string // of the fields whose values are wanted
	Contains   string   // in one of the values, in any case; "": whatever they are
	Archived   bool     // those too
	Limit      int
}

// NewestNames returns the newest findings with the values of some fields, at
// most q.Limit. With q.Contains it looks through at most so many findings that
// have a value with that text, in no order.
func (s *Store) NewestNames(ctx context.Context, q EntityQuery) ([]NamedFinding, error) {
	out, err := s.newestNames(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("look for what findings name: %w", err)
	}
	return out, nil
}

func (s *Store) newestNames(ctx context.Context, q EntityQuery) ([]NamedFinding, error) {
	ids, paths := []int64{}, map[int64]string{}
	for _, p := range q.Paths {
		id, err := s.sideField(p)
		if err != nil {
			return nil, err
		}
		ids, paths[id] = append(ids, id), p
	}
	from, w := condition{sql: "finding f"}, ofAccount(q.DetectorID, q.Account)
	if !q.Archived {
		w.and("f.archived IN (?)", false)
	}
	if q.Contains != "" {
		some, err := s.numbersContaining(ctx, ids, q.Contains, q.Limit)
		if err != nil || len(some) == 0 {
			return nil, err
		}
		from = condition{s.db.few(), []any{s.db.listArg(some)}}
	}
	out, err := s.named(ctx, from, w, q.Limit)
	if err != nil {
		return nil, err
	}
	return out, s.addValues(ctx, out, ids, paths)
}

// sideField is the number of a field that is copied to finding_field.
func (s *Store) sideField(path string) (int64, error) {
	id, ok := s.fieldIDs[path]
	if !ok || !inSideTable(path) {
		return 0, fmt.Errorf("the field %s cannot be looked up by its values", path)
	}
	return id, nil
}

// ofAccount is the condition of the findings that an account sees.
func ofAccount(detectorID, account string) *where {
	w := new(where)
	w.and("f.detector_id = ?", detectorID)
	if account != "" {
		w.and("f.account = ?", account)
	}
	return w
}

func (s *Store) named(ctx context.Context, from condition, w *where, limit int) ([]NamedFinding, error) {
	rows, err := s.query(ctx, `SELECT f.n, f.id, f.type, f.severity, f.archived, f.created_ms, f.updated_ms FROM `+from.sql+
		` WHERE `+w.sql.String()+` ORDER BY f.updated_ms DESC, f.id DESC LIMIT ?`,
		slices.Concat(from.args, w.args, []any{limit})...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []NamedFinding
	for rows.Next() {
		var f NamedFinding
		var created, updated int64
		if err := rows.Scan(&f.n, &f.ID, &f.Type, &f.Severity, &f.Archived, &created, &updated); err != nil {
			return nil, err
		}
		f.Created, f.Updated = time.UnixMilli(created).UTC(), time.UnixMilli(updated).UTC()
		out = append(out, f)
	}
	return out, rows.Err()
}

// numbersContaining reads all values of the fields: it takes time in proportion
// to them, and stops when it has found enough.
func (s *Store) numbersContaining(ctx context.Context, fields []int64, text string, limit int) ([]int64, error) {
	return s.numbers(ctx, `SELECT DISTINCT v.finding FROM finding_field v WHERE `+s.db.list("v.field")+` AND lower(v.text) LIKE ? ESCAPE '!' LIMIT ?`,
		s.db.listArg(fields), anywhere(strings.ToLower(text)), limit)
}

// addValues reads the values of some fields of findings.
func (s *Store) addValues(ctx context.Context, fs []NamedFinding, fields []int64, paths map[int64]string) error {
	at, numbers := make(map[int64]int, len(fs)), make([]int64, len(fs))
	for i := range fs {
		at[fs[i].n], numbers[i], fs[i].Values = i, fs[i].n, map[string][]string{}
	}
	rows, err := s.query(ctx, `SELECT v.finding, v.field, v.text FROM finding_field v WHERE `+s.db.list("v.finding")+` AND `+s.db.list("v.field")+
		` ORDER BY v.finding, v.field, v.text`, s.db.listArg(numbers), s.db.listArg(fields))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var n, field int64
		var text string
		if err := rows.Scan(&n, &field, &text); err != nil {
			return err
		}
		v := fs[at[n]].Values
		v[paths[field]] = append(v[paths[field]], text)
	}
	return rows.Err()
}
