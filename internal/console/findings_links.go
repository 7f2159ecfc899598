package console

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/vedette-project/vedette/internal/finding"
)

// Chips are the conditions.
func (f *filter) Chips() []chip {
	out := make([]chip, len(f.parts))
	for i := range f.parts {
		out[i] = f.parts[i].chip
	}
	return out
}

// Has says whether a condition of the address is there, for forms.
func (f *filter) Has(name, value string) bool {
	return slices.ContainsFunc(f.parts, func(p part) bool { return p.name == name && strings.EqualFold(p.value, value) })
}

// First is the value of the first condition of a name, for forms.
func (f *filter) First(name string) string {
	for i := range f.parts {
		if f.parts[i].name == name {
			return f.parts[i].value
		}
	}
	return ""
}

// Others are the conditions that the form of the list does not show, as its
// hidden fields.
func (f *filter) Others() url.Values {
	q := url.Values{}
	for _, p := range f.parts {
		if p.name == "f" || p.name == "type" || p.name == "account" {
			q.Add(p.name, p.value)
		}
	}
	if f.Sort != sortNewest {
		q.Set("sort", f.Sort)
	}
	return q
}

// All are all conditions, the words and the order, as hidden fields.
func (f *filter) All() url.Values {
	q := url.Values{}
	for _, p := range f.parts {
		q.Add(p.name, p.value)
	}
	if f.Words != "" {
		q.Set("q", f.Words)
	}
	if f.Archived != "false" {
		q.Set("archived", f.Archived)
	}
	if f.Sort != sortNewest {
		q.Set("sort", f.Sort)
	}
	return q
}

// Narrowed says whether anything but the order was chosen.
func (f *filter) Narrowed() bool { return len(f.parts) > 0 || f.Words != "" || f.Archived != "false" }

// Query is the address' part after the question mark, of the first page.
func (f *filter) Query() string { return f.All().Encode() }

// Path is the address of the first page.
func (f *filter) Path() string { return listPath(f.All()) }

// Page is the address of this page, or of the one with a token.
func (f *filter) Page(token string) string {
	q := f.All()
	if token != "" {
		q.Set("next", token)
	}
	return listPath(q)
}

// With is the list with another value of one parameter, "" for none.
func (f *filter) With(name, value string) string {
	q := f.All()
	q.Del(name)
	if value != "" {
		q.Set(name, value)
	}
	return listPath(q)
}

func (f *filter) without(i int) string {
	rest := *f
	rest.parts = slices.Delete(slices.Clone(f.parts), i, i+1)
	return rest.Path()
}

// choice is an entry of a select.
type choice struct{ Value, Words string }

// States are the choices of archived.
func (f *filter) States() []choice {
	return []choice{{"false", "Open"}, {"true", "Archived"}, {"all", "All"}}
}

// Export is where the whole list is in a format.
func (f *filter) Export(format string) string {
	q := f.All()
	q.Set("format", format)
	return Root + "findings/export?" + q.Encode()
}

// Suppress is where a suppression of what is shown can be made; "" when the
// conditions cannot be those of one.
func (f *filter) Suppress() string {
	c := maps.Clone(f.Criteria)
	delete(c, "service.archived") // what is new is not archived
	delete(c, "updatedAt")
	if len(c) == 0 || f.Words != "" {
		return ""
	}
	text, err := finding.EncodeCriteria(c)
	if err != nil {
		return ""
	}
	return Root + "suppressions/new?" + url.Values{"criteria": {pretty(text)}}.Encode()
}

// plainJSON writes what cannot be seen in JSON as JSON has it: \u202e.
func plainJSON(text string) string {
	var b strings.Builder
	for _, c := range text {
		if c == '\n' || !unseen(c) {
			b.WriteRune(c)
			continue
		}
		for _, unit := range utf16.Encode([]rune{c}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}

// SortBy is the list by a field: greatest first, or the other way round if it is so already.
func (f *filter) SortBy(field string) string {
	order := "-" + field
	if f.Sort == order {
		order = field
	}
	if order == sortNewest {
		order = ""
	}
	return f.With("sort", order)
}

// Sorted is the aria-sort of a column.
func (f *filter) Sorted(field string) string {
	switch f.Sort {
	case field:
		return "ascending"
	case "-" + field:
		return "descending"
	}
	return "none"
}

func (f *filter) sort() finding.Sort {
	field, down := strings.CutPrefix(f.Sort, "-")
	return finding.Sort{Field: field, Descending: down}
}

func listPath(q url.Values) string {
	if len(q) == 0 {
		return Root + "findings"
	}
	return Root + "findings?" + q.Encode()
}

// shortField is the telling end of a field's name.
func shortField(name string) string {
	for _, p := range []string{"service.action.", "service.additionalInfo.", "service.", "resource."} {
		if rest, ok := strings.CutPrefix(name, p); ok {
			return rest
		}
	}
	return name
}

// findingsPath is the list of the findings that meet criteria, whatever they
// are: archived ones too, unless the criteria say otherwise.
func findingsPath(c finding.Criteria) string {
	q := url.Values{"archived": {"all"}}
	for name, cond := range c {
		switch {
		case name == "service.archived" && only(cond.Equals, &cond) && len(cond.Equals) == 1:
			q.Set("archived", cond.Equals[0])
			if cond.Equals[0] == "false" {
				q.Del("archived")
			}
			continue
		case name == "type" && only(cond.Equals, &cond):
			q["type"] = cond.Equals
			continue
		case name == "accountId" && only(cond.Equals, &cond):
			q["account"] = cond.Equals
			continue
		}
		add := func(op string, values ...string) {
			for _, v := range values {
				q.Add("f", name+":"+op+":"+v)
			}
		}
		add("eq", cond.Equals...)
		add("neq", cond.NotEquals...)
		add("matches", cond.Matches...)
		add("nmatches", cond.NotMatches...)
		for _, n := range []struct {
			op string
			n  *float64
		}{{"gt", cond.GreaterThan}, {"gte", cond.GreaterThanOrEqual}, {"lt", cond.LessThan}, {"lte", cond.LessThanOrEqual}} {
			if n.n != nil {
				add(n.op, numberText(name, *n.n))
			}
		}
	}
	slices.Sort(q["f"])
	return listPath(q)
}

// only says that a condition asks for nothing but to equal one of some values.
func only(equals []string, c *finding.Condition) bool {
	return len(equals) > 0 && len(c.NotEquals)+len(c.Matches)+len(c.NotMatches) == 0 &&
		c.GreaterThan == nil && c.GreaterThanOrEqual == nil && c.LessThan == nil && c.LessThanOrEqual == nil
}

// numberText is a number of a condition; a moment as people write it.
func numberText(name string, n float64) string {
	if field, ok := finding.LookupField(name); ok && field.Kind == finding.KindTimestamp && n == float64(int64(n)) {
		at := time.UnixMilli(int64(n)).UTC()
		if at.Equal(at.Truncate(time.Second)) && at.Year() >= 0 && at.Year() < 10000 {
			return at.Format(time.RFC3339)
		}
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}
