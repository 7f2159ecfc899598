package api

import (
	"context"
	"strconv"

	"github.com/vedette-project/vedette/internal/finding"
)

const (
	defaultGroups = 25
	maxGroups     = 100
)

// statistics is the answer of GetFindingsStatistics; one member is set.
type statistics struct {
	CountBySeverity map[string]int64     `json:"countBySeverity,omitzero"`
	Account         []accountStatistics  `json:"groupedByAccount,omitzero"`
	Date            []dateStatistics     `json:"groupedByDate,omitzero"`
	Type            []typeStatistics     `json:"groupedByFindingType,omitzero"`
	Resource        []resourceStatistics `json:"groupedByResource,omitzero"`
	Severity        []severityStatistics `json:"groupedBySeverity,omitzero"`
}

type groupTotal struct {
	LastGeneratedAt finding.Epoch `json:"lastGeneratedAt"`
	TotalFindings   int64         `json:"totalFindings"`
}

type accountStatistics struct {
	AccountID string `json:"accountId"`
	groupTotal
}

type dateStatistics struct {
	Date     finding.Epoch `json:"date"`
	Severity float64       `json:"severity"`
	groupTotal
}

type typeStatistics struct {
	FindingType string `json:"findingType"`
	groupTotal
}

type resourceStatistics struct {
	AccountID    string `json:"accountId"`
	ResourceID   string `json:"resourceId"`
	ResourceType string `json:"resourceType"`
	groupTotal
}

type severityStatistics struct {
	Severity float64 `json:"severity"`
	groupTotal
}

func (s *server) getFindingsStatistics(ctx context.Context, c *call) (any, error) {
	d, err := s.detector(ctx, c)
	if err != nil {
		return nil, err
	}
	criteria, err := readQueryCriteria(c.body)
	if err != nil {
		return nil, err
	}
	legacy, _, err := c.body.texts("findingStatisticTypes", 10, 64)
	if err != nil {
		return nil, err
	}
	for _, t := range legacy {
		if t != "COUNT_BY_SEVERITY" {
			return nil, badParam("findingStatisticTypes", "must be COUNT_BY_SEVERITY")
		}
	}
	group, given, err := c.body.enum("groupBy", string(finding.GroupByAccount), string(finding.GroupByDate),
		string(finding.GroupByType), string(finding.GroupByResource), string(finding.GroupBySeverity))
	if err != nil {
		return nil, err
	}
	if given == (len(legacy) > 0) {
		return nil, bad("The request is rejected because either findingStatisticTypes or groupBy must be specified, and not both.")
	}
	order, limit := "DESC", int64(maxGroups)
	if given {
		if order, limit, err = readGroupOrder(c.body); err != nil {
			return nil, err
		}
	} else {
		group = string(finding.GroupBySeverity)
	}
	v := s.viewOf(d)
	criteria, none, err := v.narrow(criteria)
	if err != nil {
		return nil, err
	}
	var groups []finding.Group
	if !none {
		if groups, err = s.Store.Statistics(ctx, v.detectorID, criteria, finding.GroupBy(group), order, int(limit)); err != nil {
			return nil, err
		}
	}
	out := countBySeverity(groups)
	if given {
		out = grouped(finding.GroupBy(group), groups)
	}
	return map[string]statistics{"findingStatistics": out}, nil
}

// readGroupOrder reads what only groupings have: the order and how many.
func readGroupOrder(body object) (order string, limit int64, err error) {
	order, given, err := body.enum("orderBy", "ASC", "DESC")
	if err != nil {
		return "", 0, err
	}
	if !given {
		order = "DESC"
	}
	limit, given, err = body.integer("maxResults", 1, maxGroups)
	if !given {
		limit = defaultGroups
	}
	return order, limit, err
}

// countBySeverity is the older form: a map from the severity, always with one
// decimal at least ("8.0"), to the count.
func countBySeverity(groups []finding.Group) statistics {
	m := map[string]int64{}
	for _, g := range groups {
		key := strconv.FormatFloat(g.Severity, 'f', -1, 64)
		if g.Severity == float64(int64(g.Severity)) {
			key += ".0"
		}
		m[key] += g.Total
	}
	return statistics{CountBySeverity: m}
}

func grouped(by finding.GroupBy, groups []finding.Group) statistics {
	var out statistics
	switch by { // an empty list, not none, where nothing matched
	case finding.GroupByAccount:
		out.Account = []accountStatistics{}
	case finding.GroupByDate:
		out.Date = []dateStatistics{}
	case finding.GroupByType:
		out.Type = []typeStatistics{}
	case finding.GroupByResource:
		out.Resource = []resourceStatistics{}
	case finding.GroupBySeverity:
		out.Severity = []severityStatistics{}
	}
	for _, g := range groups {
		total := groupTotal{finding.Epoch{Time: g.LastGenerated}, g.Total}
		switch by {
		case finding.GroupByAccount:
			out.Account = append(out.Account, accountStatistics{g.AccountID, total})
		case finding.GroupByDate:
			out.Date = append(out.Date, dateStatistics{finding.Epoch{Time: g.Date}, g.Severity, total})
		case finding.GroupByType:
			out.Type = append(out.Type, typeStatistics{g.Type, total})
		case finding.GroupByResource:
			out.Resource = append(out.Resource, resourceStatistics{g.AccountID, g.ResourceID, g.ResourceType, total})
		case finding.GroupBySeverity:
			out.Severity = append(out.Severity, severityStatistics{g.Severity, total})
		}
	}
	return out
}
