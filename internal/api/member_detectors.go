package api

import (
	"context"
	"errors"
	"slices"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// memberDetector is what a member has on.
type memberDetector struct {
	AccountID   string          `json:"accountId"`
	DataSources dataSources     `json:"dataSources"`
	Features    []featureResult `json:"features"`
}

func (s *server) getMemberDetectors(ctx context.Context, c *call) (any, error) {
	named, none, err := s.namedMembers(ctx, c)
	if err != nil {
		return nil, err
	}
	out := []memberDetector{}
	for _, m := range named {
		d, err := s.Store.Detector(ctx, finding.DetectorID(m.Account, s.Region))
		if errors.Is(err, finding.ErrNotFound) || err == nil && !m.Associated() {
			none.add(m.Account, textNotMember)
			continue
		}
		if err != nil {
			return nil, err
		}
		features := slices.DeleteFunc(featureResults(d), func(f featureResult) bool { return !organizationFeature(f.Name) })
		out = append(out, memberDetector{m.Account, dataSourcesOf(d), features})
	}
	return struct {
		Members []memberDetector `json:"members"`
		unprocessed
	}{out, none}, nil
}

func (s *server) updateMemberDetectors(ctx context.Context, c *call) (any, error) {
	if c.body.has("features") && c.body.has("dataSources") {
		return nil, badParam("dataSources", "is deprecated and may not be used together with features")
	}
	now := wireNow(s.Now)
	return s.eachMember(ctx, c, func(tx *store.Tx, _ *store.Organization, m *store.Member) (string, error) {
		if !m.Associated() {
			return textNotMember, nil
		}
		return "", tx.ChangeDetector(newDetector(m.Account, s.Region, now), func(d *finding.Detector) error {
			d.UpdatedAt = now
			if err := applyDataSources(d, c.body, now); err != nil {
				return err
			}
			return applyFeatures(d, c.body, now)
		})
	})
}
