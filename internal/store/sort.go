package store

import (
	"math"

	"github.com/vedette-project/vedette/internal/finding"
)

// sortKey is the order of a list: by key, then by id, both in one direction.
// A finding without the field has the key NULL, which is before every other.
// One with many values is sorted by the smallest.
type sortKey struct {
	sql      string // an expression over f
	args     []any
	nullable bool
	number   bool // rather than text
	whole    bool // an integer
	desc     bool
}

// sortKey translates a sort order. An unknown field is a *finding.CriteriaError.
func (s *Store) sortKey(sort finding.Sort) (sortKey, error) {
	if sort.Field == "" { // the zero Sort is the newest first
		return sortKey{sql: "f.updated_ms", number: true, whole: true, desc: true}, nil
	}
	field, ok := finding.LookupField(sort.Field)
	if !ok {
		return sortKey{}, &finding.CriteriaError{Field: sort.Field, Reason: "is not a known field to sort by"}
	}
	src, err := s.source(field)
	if err != nil {
		return sortKey{}, err
	}
	expr := src.text
	if field.Kind.Numeric() {
		expr = src.number
	}
	key := sortKey{sql: expr, desc: sort.Descending, nullable: true, number: field.Kind.Numeric()}
	switch field.Path {
	case "accountId", "id", "region", "type", "severity", "createdAt", "updatedAt", "service.archived":
		key.nullable = false
	}
	key.whole = field.Path == "createdAt" || field.Path == "updatedAt"
	if src.side != 0 {
		key.sql = "(SELECT min(" + expr + ") FROM finding_field v WHERE v.finding = f.n AND v.field = ?)"
		key.args = []any{src.side}
	}
	return key, nil
}

func (k sortKey) direction() string {
	if k.desc {
		return " DESC"
	}
	return ""
}

// orderBy needs k.args.
func (k sortKey) orderBy() string {
	nulls := ""
	switch {
	case k.nullable && k.desc:
		nulls = " NULLS LAST"
	case k.nullable:
		nulls = " NULLS FIRST"
	}
	return k.sql + k.direction() + nulls + ", f.id" + k.direction()
}

// accepts reports whether a token can be one of this order: PostgreSQL
// compares like with like only.
func (k sortKey) accepts(t token) bool {
	switch {
	case t.Number != nil:
		return k.number && t.Text == nil && (!k.whole || math.Trunc(*t.Number) == *t.Number && math.Abs(*t.Number) < 1<<53)
	case t.Text != nil:
		return !k.number
	}
	return k.nullable
}

// after adds the condition of the rows that come after the row (key, id).
func (k sortKey) after(w *where, key any, id string) {
	op := " > "
	if k.desc {
		op = " < "
	}
	pair := func() { w.and("("+k.sql+", f.id)"+op+"(?, ?)", append(append([]any{}, k.args...), key, id)...) }
	switch {
	case !k.nullable: // one comparison of pairs, which an index can do
		pair()
	case key == nil && k.desc:
		w.and(k.sql+" IS NULL AND f.id < ?", append(append([]any{}, k.args...), id)...)
	case key == nil:
		args := append(append([]any{}, k.args...), k.args...)
		w.and("("+k.sql+" IS NOT NULL OR "+k.sql+" IS NULL AND f.id > ?)", append(args, id)...)
	case k.desc:
		args := append(append([]any{}, k.args...), key, id)
		w.and("(("+k.sql+", f.id) < (?, ?) OR "+k.sql+" IS NULL)", append(args, k.args...)...)
	default:
		pair()
	}
}
