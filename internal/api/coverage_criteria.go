package api

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vedette-project/vedette/internal/store"
)

const (
	maxCoverageCriteria = 50  // as the service model has it
	maxCoverageValues   = 500 // of one condition; the model has no bound
	maxCoverageValue    = 300 // characters
)

// coverageKeys are the keys of criteria. A resource lacks what most of them
// ask for: no add-on, no agent, no instance.
func coverageKeys() []string {
	return []string{"ACCOUNT_ID", "CLUSTER_NAME", "RESOURCE_TYPE", "COVERAGE_STATUS", "ADDON_VERSION", "MANAGEMENT_TYPE",
		"EKS_CLUSTER_NAME", "ECS_CLUSTER_NAME", "AGENT_VERSION", "INSTANCE_ID", "CLUSTER_ARN"}
}

// coverageSortKeys are the keys of an order.
func coverageSortKeys() []string {
	return []string{"ACCOUNT_ID", "CLUSTER_NAME", "COVERAGE_STATUS", "ISSUE", "ADDON_VERSION", "UPDATED_AT",
		"EKS_CLUSTER_NAME", "ECS_CLUSTER_NAME", "INSTANCE_ID"}
}

// coverageValues are the values that a key may have, nil where it may have any.
func coverageValues(key string) []string {
	switch key {
	case "COVERAGE_STATUS":
		return []string{store.Healthy, store.Unhealthy}
	case "RESOURCE_TYPE":
		return []string{typeEKS, "ECS", "EC2"}
	case "MANAGEMENT_TYPE":
		return []string{"AUTO_MANAGED", "MANUAL", "DISABLED"}
	}
	return nil
}

// coverageCriteria must all hold.
type coverageCriteria []coverageCriterion

type coverageCriterion struct {
	Key               string
	Equals, NotEquals []string
}

// match reports whether a resource satisfies the criteria. As with findings,
// what a resource lacks equals nothing.
func (cs coverageCriteria) match(r *coverageResource) bool {
	for i := range cs {
		value, has := r.field(cs[i].Key)
		if len(cs[i].Equals) > 0 && !(has && slices.Contains(cs[i].Equals, value)) || has && slices.Contains(cs[i].NotEquals, value) {
			return false
		}
	}
	return true
}

// readCoverageCriteria reads filterCriteria; none match everything.
func readCoverageCriteria(body object) (coverageCriteria, error) {
	o, _, err := body.object("filterCriteria")
	if err != nil {
		return nil, err
	}
	list, _, err := o.objects("filterCriterion")
	if err != nil {
		return nil, err
	}
	if len(list) > maxCoverageCriteria {
		return nil, badParam(o.at("filterCriterion"), fmt.Sprintf("has %d items, at most %d are allowed", len(list), maxCoverageCriteria))
	}
	var out coverageCriteria
	for _, item := range list {
		c, err := readCoverageCriterion(item)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

func readCoverageCriterion(o object) (c coverageCriterion, err error) {
	var given bool
	if c.Key, given, err = o.enum("criterionKey", coverageKeys()...); err != nil {
		return c, err
	}
	if !given {
		return c, missing(o.at("criterionKey"))
	}
	condition, given, err := o.object("filterCondition")
	if err != nil {
		return c, err
	}
	if !given {
		return c, missing(o.at("filterCondition"))
	}
	if c.Equals, err = readCoverageValues(condition, "equals", c.Key); err != nil {
		return c, err
	}
	if c.NotEquals, err = readCoverageValues(condition, "notEquals", c.Key); err != nil {
		return c, err
	}
	if len(c.Equals)+len(c.NotEquals) == 0 {
		return c, badParam(condition.path, "must have equals or notEquals")
	}
	return c, nil
}

// readCoverageValues reads a list of values. One that the key cannot have is
// refused: it would match nothing in silence.
func readCoverageValues(condition object, name, key string) ([]string, error) {
	values, _, err := condition.texts(name, maxCoverageValues, maxCoverageValue)
	if err != nil {
		return nil, err
	}
	known := coverageValues(key)
	for i, v := range values {
		if known != nil && !slices.Contains(known, v) {
			return nil, badParam(fmt.Sprintf("%s[%d]", condition.at(name), i), "must be one of "+strings.Join(known, ", "))
		}
	}
	return values, nil
}

// coverageSort orders resources; without a key it is by their ids.
type coverageSort struct {
	Key        string
	Descending bool
}

// readCoverageSort reads sortCriteria; the zero value when it is not given.
func readCoverageSort(body object) (s coverageSort, err error) {
	o, _, err := body.object("sortCriteria")
	if err != nil {
		return s, err
	}
	if s.Key, _, err = o.enum("attributeName", coverageSortKeys()...); err != nil {
		return s, err
	}
	order, _, err := o.enum("orderBy", "ASC", "DESC")
	s.Descending = order == "DESC"
	return s, err
}
