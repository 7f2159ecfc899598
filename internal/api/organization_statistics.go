package api

import (
	"context"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

type featureCount struct {
	Name       string         `json:"name"`
	Enabled    int            `json:"enabledAccountsCount"`
	Additional []settingCount `json:"additionalConfiguration,omitempty"`
}

type settingCount struct {
	Name    string `json:"name"`
	Enabled int    `json:"enabledAccountsCount"`
}

// getOrganizationStatistics counts the accounts and what they have on.
func (s *server) getOrganizationStatistics(ctx context.Context, c *call) (any, error) {
	org, err := s.Store.Organization(ctx)
	if err != nil {
		return nil, err
	}
	if org.Admin != c.account {
		return nil, bad(textNoOrganization)
	}
	members, err := s.Store.Members(ctx)
	if err != nil {
		return nil, err
	}
	detectors, err := s.Store.Detectors(ctx)
	if err != nil {
		return nil, err
	}
	type counts struct {
		Total     int            `json:"totalAccountsCount"`
		Members   int            `json:"memberAccountsCount"`
		Active    int            `json:"activeAccountsCount"`
		Enabled   int            `json:"enabledAccountsCount"`
		ByFeature []featureCount `json:"countByFeature"`
	}
	out := counts{Total: 1, ByFeature: []featureCount{}} // the administrator's own account
	associated := map[string]bool{s.Account: true}
	for i := range members {
		out.Total++
		if members[i].Associated() {
			out.Members++
			associated[members[i].Account] = true
		}
		if members[i].Status == store.MemberEnabled {
			out.Active++
		}
	}
	var enabled []finding.Detector
	for _, d := range detectors {
		if d.Enabled && d.Region == s.Region && associated[d.Account] {
			enabled = append(enabled, d)
		}
	}
	out.Enabled = len(enabled)
	for _, f := range features() {
		if organizationFeature(f.name) {
			out.ByFeature = append(out.ByFeature, countFeature(enabled, f))
		}
	}
	return map[string]any{"organizationDetails": map[string]any{
		"updatedAt": finding.Epoch{Time: wireNow(s.Now)}, "organizationStatistics": out,
	}}, nil
}

func countFeature(detectors []finding.Detector, known feature) featureCount {
	c := featureCount{Name: known.name}
	for _, name := range known.additional {
		c.Additional = append(c.Additional, settingCount{Name: name})
	}
	for i := range detectors {
		if !isOn(&detectors[i], known.name) {
			continue
		}
		c.Enabled++
		for j := range c.Additional {
			for _, have := range featureOf(&detectors[i], known.name).Additional {
				if have.Name == c.Additional[j].Name && have.Enabled {
					c.Additional[j].Enabled++
				}
			}
		}
	}
	return c
}
