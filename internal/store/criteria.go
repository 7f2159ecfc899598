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
		return wholeNumber("CAST(trunc(f.severity) AS BIGINT)", "f.severity"), true
	case "service.archived":
		return source{
			text: "CASE WHEN f.archived THEN 'true' ELSE 'false' END",
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
		return source{text: "(SELECT " + s.db.jsonText("b.wire", f.Path) + " FROM finding_body b WHERE b.finding = f.n)"}, nil
	}
	id, ok := s.fieldIDs[f.Path]
	if !ok {
		return source{}, fmt.Errorf("field %s is not in the file's field table", f.Path)
	}
	return source{text: "v.text", number: "v.num", equal: s.db.sideEquals, side: id}, nil
}

// addTerm translates one term. It must agree with finding.Term.Match: each
// condition asks for some value by itself, the negated ones for none.
func (s *Store) addTerm(w *where, t *finding.Term) error {
	src, err := s.source(t.Field)
	if err != nil {
		return err
	}
	conditions, err := s.conditions(src, t)
	if err != nil {
		return err
	}
	for _, c := range conditions {
		src.some(w, "", c)
	}
	if t.NotEquals != nil {
		src.some(w, "NOT ", s.in(src, t.NotEquals))
	}
	if t.NotMatches != nil {
		c, err := s.fits(src, t.NotMatches)
		if err != nil {
			return err
		}
		src.some(w, "NOT ", c)
	}
	return nil
}

// conditions are those of a term that some value must satisfy.
func (s *Store) conditions(src source, t *finding.Term) (out []condition, err error) {
	if t.Equals != nil {
		out = append(out, s.in(src, t.Equals))
	}
	if t.Matches != nil {
		c, err := s.fits(src, t.Matches)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	for _, c := range []struct {
		op    string
		bound *float64
	}{{">", t.GreaterThan}, {">=", t.GreaterThanOrEqual}, {"<", t.LessThan}, {"<=", t.LessThanOrEqual}} {
		if c.bound != nil {
			out = append(out, condition{src.number + " " + c.op + " CAST(? AS DOUBLE PRECISION)", []any{*c.bound}})
			if n := int64(*c.bound); float64(n) == *c.bound && max(n, -n) < 1<<53 { // so that an index of integers can be used
				out[len(out)-1] = condition{src.number + " " + c.op + " ?", []any{n}}
			}
		}
	}
	return out, nil
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
		w.and("NOT coalesce(("+c.sql+"), FALSE)", c.args...) // a NULL is a finding without the field
	default:
		w.and("("+c.sql+")", c.args...)
	}
}

func (s *Store) in(src source, set *finding.ValueSet) condition {
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
		c := s.db.within(src, p)
		parts, args = append(parts, c.sql), append(args, c.args...)
	}
	return condition{strings.Join(parts, " OR "), args}
}

func (s *Store) fits(src source, patterns []*finding.Pattern) (condition, error) {
	var parts []string
	var args []any
	for _, p := range patterns {
		c, err := s.db.fits(src, p)
		if err != nil {
			return condition{}, err
		}
		parts, args = append(parts, c.sql), append(args, c.args...)
	}
	return condition{strings.Join(parts, " OR "), args}, nil
}

// marks is a list of n parameters. Nothing is in the empty one.
func marks(n int) string {
	if n == 0 {
		return "(NULL)"
	}
	return "(" + strings.TrimSuffix(strings.Repeat("?,", n), ",") + ")"
}

func anys(texts []string) []any {
	out := make([]any, len(texts))
	for i, t := range texts {
		out[i] = t
	}
	return out
}
