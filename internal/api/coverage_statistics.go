package api

import (
	"context"
	"fmt"

	"github.com/vedette-project/vedette/internal/store"
)

// coverageStatistics is the answer of GetCoverageStatistics: the counts that
// were asked for, with a zero for what there is none of.
type coverageStatistics struct {
	ByResourceType map[string]int64 `json:"countByResourceType,omitempty"`
	ByStatus       map[string]int64 `json:"countByCoverageStatus,omitempty"`
}

func (s *server) getCoverageStatistics(ctx context.Context, c *call) (any, error) {
	d, err := s.detector(ctx, c)
	if err != nil {
		return nil, err
	}
	criteria, err := readCoverageCriteria(c.body)
	if err != nil {
		return nil, err
	}
	out, err := readStatisticsType(c.body)
	if err != nil {
		return nil, err
	}
	all, err := s.covered(ctx, d, criteria)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if out.ByResourceType != nil {
			out.ByResourceType[all[i].ResourceDetails.ResourceType]++
		}
		if out.ByStatus != nil {
			out.ByStatus[all[i].CoverageStatus]++
		}
	}
	return map[string]coverageStatistics{"coverageStatistics": out}, nil
}

// readStatisticsType reads which counts are asked for, and makes them.
func readStatisticsType(body object) (out coverageStatistics, err error) {
	const byType, byStatus = "COUNT_BY_RESOURCE_TYPE", "COUNT_BY_COVERAGE_STATUS"
	kinds, _, err := body.texts("statisticsType", 10, 64)
	if err != nil {
		return out, err
	}
	if len(kinds) == 0 {
		return out, missing("statisticsType")
	}
	for i, kind := range kinds {
		switch kind {
		case byType:
			out.ByResourceType = map[string]int64{typeEKS: 0}
		case byStatus:
			out.ByStatus = map[string]int64{store.Healthy: 0, store.Unhealthy: 0}
		default:
			return out, badParam(fmt.Sprintf("%s[%d]", body.at("statisticsType"), i), "must be one of "+byType+", "+byStatus)
		}
	}
	return out, nil
}
