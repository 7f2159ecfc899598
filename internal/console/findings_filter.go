package console

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
)

// filter is which findings a list shows and in which order. It is the address
// of the list: whoever gets that sees the same.
type filter struct {
	Criteria finding.Criteria
	Words    string // looked for in names, see store.FindFields
	Archived string // "false", "true" or "all"
	Sort     string // a field; with - before it, greatest first
	Next     string // the token of the page
	parts    []part
}

// part is one condition as the address has it.
type part struct {
	name, value string
	chip        chip
}

// chip is a condition as people read it, and the list without it.
type chip struct{ Field, Full, Operator, Value, Without string }

// operators are those of conditions, as an address, the API and people name them.
type operator struct{ Key, API, Words string }

func operators() []operator {
	return []operator{
		{"eq", "equals", "is"}, {"neq", "notEquals", "is not"}, {"matches", "matches", "fits"}, {"nmatches", "notMatches", "does not fit"},
		{"gt", "greaterThan", ">"}, {"gte", "greaterThanOrEqual", "≥"}, {"lt", "lessThan", "<"}, {"lte", "lessThanOrEqual", "≤"},
	}
}

func lookupOperator(name string) (operator, bool) {
	all := operators()
	i := slices.IndexFunc(all, func(o operator) bool { return o.Key == name || strings.EqualFold(o.API, name) })
	if i < 0 {
		return operator{}, false
	}
	return all[i], true
}

// Bounds of a search: words, and bytes of all of them.
const (
	maxWords     = 8
	maxWordBytes = 200
)

const sortNewest = "-updatedAt"

// parseFilter reads a list's address. The error is a *callError of status 400
// that says which part is wrong; the filter then holds the others.
func parseFilter(q url.Values) (f filter, err error) {
	f = filter{Criteria: finding.Criteria{}, Words: strings.Join(strings.Fields(strings.ToValidUTF8(q.Get("q"), "")), " "), Next: q.Get("next")}
	f.Sort = cmp.Or(q.Get("sort"), sortNewest)
	if _, ok := finding.LookupField(strings.TrimPrefix(f.Sort, "-")); !ok {
		err = badFilter("sort: there is no field " + strconv.Quote(f.Sort))
		f.Sort = sortNewest
	}
	if len(f.Words) > maxWordBytes || len(strings.Fields(f.Words)) > maxWords {
		err = badFilter(fmt.Sprintf("q: at most %d words of %d bytes together can be searched for", maxWords, maxWordBytes))
		f.Words = ""
	}
	for _, name := range []string{"severity", "type", "account", "from", "to", "f"} {
		for _, value := range q[name] {
			if value == "" {
				continue // an empty field of a form
			}
			if e := f.add(name, value); e != nil {
				err = e
			}
		}
	}
	switch f.Archived = cmp.Or(q.Get("archived"), "false"); f.Archived {
	case "any":
		f.Archived = "all"
	case "all", "true", "false":
	default:
		err = badFilter("archived: must be false, true or all")
		f.Archived = "false"
	}
	if _, own := f.Criteria["service.archived"]; own {
		f.Archived = "all"
	} else if f.Archived != "all" {
		f.Criteria["service.archived"] = finding.Condition{Equals: []string{f.Archived}}
	}
	f.addSeverities()
	if e := f.Criteria.Validate(finding.ScopeFilter); len(f.Criteria) > 0 && e != nil {
		err = badFilter(e.Error())
	}
	for i := range f.parts {
		f.parts[i].chip.Without = f.without(i)
	}
	return f, err
}

func badFilter(why string) error {
	return &callError{Status: http.StatusBadRequest, Code: "BadRequestException", Message: "This filter cannot be used: " + why + "."}
}

// add adds a condition of an address.
func (f *filter) add(name, value string) (err error) {
	p := part{name, value, chip{Field: name, Full: name, Operator: "is", Value: value}}
	switch name {
	case "severity":
		if !slices.ContainsFunc(severityBands(), func(b band) bool { return strings.EqualFold(b.word, value) }) {
			return badFilter("severity: must be Critical, High, Medium or Low")
		}
	case "type":
		f.equal("type", value)
	case "account":
		f.equal("accountId", value)
	case "from", "to":
		p.chip.Operator, p.chip.Field, p.chip.Full = map[string]string{"from": "since", "to": "until"}[name], "last seen", "updatedAt"
		err = f.addMoment(name, value)
	case "f":
		p.chip, err = f.addCondition(value)
	}
	if err == nil {
		f.parts = append(f.parts, p)
	}
	return err
}

func (f *filter) equal(field, value string) {
	c := f.Criteria[field]
	c.Equals = append(c.Equals, value)
	f.Criteria[field] = c
}

// addMoment bounds when findings were last seen: by a day, which is in it, or
// by a moment.
func (f *filter) addMoment(name, value string) error {
	at, err := time.Parse(time.RFC3339, value)
	day := err != nil
	if day {
		if at, err = time.Parse(time.DateOnly, value); err != nil {
			return badFilter(name + ": " + strconv.Quote(value) + " is neither a day such as 2026-01-31 nor a time such as 2026-01-31T18:00:00Z")
		}
	}
	c := f.Criteria["updatedAt"]
	ms := float64(at.UnixMilli())
	switch {
	case name == "from":
		c.GreaterThanOrEqual = &ms
	case day:
		ms = float64(at.AddDate(0, 0, 1).UnixMilli())
		c.LessThan = &ms
	default:
		c.LessThanOrEqual = &ms
	}
	f.Criteria["updatedAt"] = c
	return nil
}

// addCondition adds FIELD:OPERATOR:VALUE.
func (f *filter) addCondition(text string) (chip, error) {
	name, rest, ok := strings.Cut(text, ":")
	op, value, ok2 := strings.Cut(rest, ":")
	if !ok || !ok2 {
		return chip{}, badFilter("f: " + strconv.Quote(text) + " is not of the form field:operator:value, such as service.action.actionType:eq:DNS_REQUEST")
	}
	field, known := finding.LookupField(name)
	if !known {
		return chip{}, badFilter("there is no field " + strconv.Quote(name))
	}
	o, known := lookupOperator(op)
	if !known {
		return chip{}, badFilter("there is no operator " + strconv.Quote(op))
	}
	c := f.Criteria[name]
	switch o.Key {
	case "eq":
		c.Equals = append(c.Equals, value)
	case "neq":
		c.NotEquals = append(c.NotEquals, value)
	case "matches":
		c.Matches = append(c.Matches, value)
	case "nmatches":
		c.NotMatches = append(c.NotMatches, value)
	default:
		n, err := numberOf(field, value)
		if err != nil {
			return chip{}, err
		}
		*map[string]**float64{"gt": &c.GreaterThan, "gte": &c.GreaterThanOrEqual, "lt": &c.LessThan, "lte": &c.LessThanOrEqual}[o.Key] = &n
	}
	f.Criteria[name] = c
	return chip{shortField(name), name, o.Words, value, ""}, nil
}

// numberOf reads what a number is compared with; of a moment, also a date or a time.
func numberOf(field finding.Field, value string) (float64, error) {
	if field.Kind == finding.KindTimestamp {
		for _, form := range []string{time.RFC3339, time.DateOnly} {
			if at, err := time.Parse(form, value); err == nil {
				return float64(at.UnixMilli()), nil
			}
		}
	}
	n, err := strconv.ParseFloat(value, 64)
	if err != nil || n-n != 0 {
		return 0, badFilter(field.Name + ": " + strconv.Quote(value) + " is not a number")
	}
	return n, nil
}

// addSeverities makes a condition of the words for severities: a range where
// they are neighbours, which an index has, else the whole numbers.
func (f *filter) addSeverities() {
	var chosen []int
	for i, b := range severityBands() {
		if slices.ContainsFunc(f.parts, func(p part) bool { return p.name == "severity" && strings.EqualFold(p.value, b.word) }) {
			chosen = append(chosen, i)
		}
	}
	if len(chosen) == 0 {
		return
	}
	bands := severityBands() // gravest first
	c := f.Criteria["severity"]
	first, last := chosen[0], chosen[len(chosen)-1]
	if last-first+1 == len(chosen) && c.GreaterThanOrEqual == nil && c.LessThan == nil {
		c.GreaterThanOrEqual, c.LessThan = &bands[last].from, &bands[first].to
	} else {
		for _, i := range chosen {
			for n := bands[i].from; n < bands[i].to; n++ {
				c.Equals = append(c.Equals, strconv.Itoa(int(n)))
			}
		}
	}
	f.Criteria["severity"] = c
}
