package store

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
)

// where is an SQL condition over the finding f, with its arguments in order.
type where struct {
	sql  strings.Builder
	args []any
}

func (w *where) and(cond string, args ...any) {
	if w.sql.Len() > 0 {
		w.sql.WriteString("\n AND ")
	}
	w.sql.WriteString(cond)
	w.args = append(w.args, args...)
}

// source is where the values of a field are found.
type source struct {
	text   string // SQL of a value's text, NULL when the finding has none
	number string // SQL of its number
	// equal writes a comparison with texts; nil means text IN (texts).
	equal func(texts []string) (string, []any)
	// side is the field's number in finding_field; text and number are then
	// columns of one row of it, and 0 means that they belong to f.
	side int64
}

// inSideTable reports whether the values of a path are copied to finding_field.
func inSideTable(path string) bool {
	f, ok := finding.LookupField(path)
	if !ok || f.Kind == finding.KindText {
		return false
	}
	_, ok = columnSource(path)
	return !ok
}

// columnSource knows the fields that have a column.
func columnSource(path string) (source, bool) {
	switch path {
	case "accountId":
		return source{text: "f.account"}, true
	case "id":
		return source{text: "f.id"}, true
	case "region":
		return source{text: "f.region"}, true
	case "type":
		return source{text: "f.type"}, true
	case "resource.resourceType":
		return source{text: "f.resource_type"}, true
	case "service.userFeedback":
		return source{text: "f.feedback"}, true
	case "createdAt":
		return wholeNumber("f.created_ms", "f.created_ms"), true
	case "updatedAt":
		return wholeNumber("f.updated_ms", "f.updated_ms"), true
	case "severity": // its text is the whole part
		return wholeNumber("CAST(f.severity AS INTEGER)", "f.severity"), true
	case "service.archived":
		return source{
			text: "CASE f.archived WHEN 1 THEN 'true' ELSE 'false' END",
			equal: func(texts []string) (string, []any) {
				var args []any
				for _, t := range texts {
					args = append(args, t == "true")
				}
				return "f.archived IN " + marks(len(args)), args
			},
		}, true
	}
	return source{}, false
}

// wholeNumber is a field whose texts are decimal integers. They are compared
// as integers, so that an index can be used.
func wholeNumber(whole, number string) source {
	return source{
		text:   "CAST(" + whole + " AS TEXT)",
		number: number,
		equal: func(texts []string) (string, []any) {
			var args []any
			for _, t := range texts {
				if n, err := strconv.ParseInt(t, 10, 64); err == nil {
					args = append(args, n)
				}
			}
			return whole + " IN " + marks(len(args)), args
		},
	}
}

func (s *Store) source(f finding.Field) (source, error) {
	if src, ok := columnSource(f.Path); ok {
		return src, nil
	}
	if f.Kind == finding.KindText {
		return source{text: "(SELECT json_extract(b.wire, '$." + f.Path + "') FROM finding_body b WHERE b.finding = f.n)"}, nil
	}
	id, ok := s.fieldIDs[f.Path]
	if !ok {
		return source{}, fmt.Errorf("field %s is not in the file's field table", f.Path)
	}
	return source{text: "v.text", number: "v.num", side: id}, nil
}

// addTerm translates one term. It must agree with finding.Term.Match: each
// condition asks for some value by itself, the negated ones for none.
func (s *Store) addTerm(w *where, t *finding.Term) error {
	src, err := s.source(t.Field)
	if err != nil {
		return err
	}
	for _, c := range src.conditions(t) {
		src.some(w, "", c)
	}
	if t.NotEquals != nil {
		src.some(w, "NOT ", src.in(t.NotEquals))
	}
	if t.NotMatches != nil {
		src.some(w, "NOT ", src.fits(t.NotMatches))
	}
	return nil
}

// conditions are those of a term that some value must satisfy.
func (src source) conditions(t *finding.Term) (out []condition) {
	if t.Equals != nil {
		out = append(out, src.in(t.Equals))
	}
	if t.Matches != nil {
		out = append(out, src.fits(t.Matches))
	}
	for _, c := range []struct {
		op    string
		bound *float64
	}{{">", t.GreaterThan}, {">=", t.GreaterThanOrEqual}, {"<", t.LessThan}, {"<=", t.LessThanOrEqual}} {
		if c.bound != nil {
			out = append(out, condition{src.number + " " + c.op + " ?", []any{*c.bound}})
		}
	}
	return out
}

// condition is about one value.
type condition struct {
	sql  string
	args []any
}

// some asks that some value satisfies c or, with not, that none does.
func (src source) some(w *where, not string, c condition) {
	switch {
	case src.side != 0:
		w.and(not+"EXISTS (SELECT 1 FROM finding_field v WHERE v.finding = f.n AND v.field = ? AND ("+c.sql+"))",
			append([]any{src.side}, c.args...)...)
	case not != "":
		w.and("NOT ifnull(("+c.sql+"), 0)", c.args...) // a NULL is a finding without the field
	default:
		w.and("("+c.sql+")", c.args...)
	}
}

func (src source) in(set *finding.ValueSet) condition {
	var parts []string
	var args []any
	if len(set.Texts) > 0 {
		cond, a := src.text+" IN "+marks(len(set.Texts)), anys(set.Texts)
		if src.equal != nil {
			cond, a = src.equal(set.Texts)
		}
		parts, args = append(parts, cond), append(args, a...)
	}
	for _, p := range set.Prefixes {
		parts, args = append(parts, "vedette_within(?, CAST("+src.text+" AS BLOB))"), append(args, []byte(p.String()))
	}
	return condition{strings.Join(parts, " OR "), args}
}

func (src source) fits(patterns []*finding.Pattern) condition {
	var parts []string
	var args []any
	for _, p := range patterns {
		parts, args = append(parts, "vedette_fits(?, CAST("+src.text+" AS BLOB))"), append(args, []byte(p.String()))
	}
	return condition{strings.Join(parts, " OR "), args}
}

// marks is a list of n parameters. The empty list is SQLite's own extension:
// nothing is in it.
func marks(n int) string {
	return "(" + strings.TrimSuffix(strings.Repeat("?,", n), ",") + ")"
}

func anys(texts []string) []any {
	out := make([]any, len(texts))
	for i, t := range texts {
		out[i] = t
	}
	return out
}
