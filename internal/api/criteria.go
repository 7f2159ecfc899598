package api

import (
	"errors"

	"github.com/vedette-project/vedette/internal/finding"
)

// readCriteria reads findingCriteria; nil when it is not given.
func readCriteria(body object) (finding.Criteria, error) {
	raw := body.get("findingCriteria")
	if raw == nil {
		return nil, nil
	}
	criteria, err := finding.DecodeCriteria(raw)
	if e := (*finding.CriteriaError)(nil); errors.As(err, &e) {
		return nil, badCriteria(e)
	}
	if err != nil { // not the JSON of criteria at all
		return nil, badParam("findingCriteria", "must be an object with the member criterion, an object of conditions by field")
	}
	return criteria, nil
}

// readQueryCriteria reads criteria that may stand in a query.
func readQueryCriteria(body object) (finding.Criteria, error) {
	criteria, err := readCriteria(body)
	if err != nil {
		return nil, err
	}
	return criteria, criteria.Validate(finding.ScopeQuery)
}

// readSort reads sortCriteria; the zero value when it is not given. A field
// without an order is sorted upwards.
func readSort(body object) (finding.Sort, error) {
	o, given, err := body.object("sortCriteria")
	if err != nil || !given {
		return finding.Sort{}, err
	}
	field, given, err := o.text("attributeName", 0, 300)
	if err != nil || !given || field == "" {
		return finding.Sort{}, err
	}
	if _, known := finding.LookupField(field); !known {
		return finding.Sort{}, badParam(o.at("attributeName"), "is not a field to sort by")
	}
	order, _, err := o.enum("orderBy", "ASC", "DESC")
	return finding.Sort{Field: field, Descending: order == "DESC"}, err
}

// badCriteria words what is wrong with criteria or a sort order. These faults
// name fields and values of the request only.
func badCriteria(e *finding.CriteriaError) *apiError {
	return bad("The request is rejected because the criteria are invalid: " + e.Error() + ".")
}
