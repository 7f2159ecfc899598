package api

import (
	"context"
	"errors"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
)

// frequencies are the values of findingPublishingFrequency.
func frequencies() []string { return []string{"FIFTEEN_MINUTES", "ONE_HOUR", "SIX_HOURS"} }

func (s *server) createDetector(ctx context.Context, c *call) (any, error) {
	enable, given, err := c.body.boolean("enable")
	if err != nil {
		return nil, err
	}
	if !given {
		return nil, missing("enable")
	}
	token, tags, err := readCreation(c.body)
	if err != nil {
		return nil, err
	}
	now := wireNow(s.Now)
	d := newDetector(c.account, s.Region, now)
	d.Enabled, d.ClientToken, d.TagsByKey = enable, token, tags
	if err := applyDetectorSettings(&d, c.body, now); err != nil {
		return nil, err
	}
	if err := s.Store.CreateDetector(ctx, d); errors.Is(err, finding.ErrExists) {
		return s.sameDetector(ctx, d.ID, token)
	} else if err != nil {
		return nil, err
	}
	return map[string]string{"detectorId": d.ID}, nil
}

// newDetector is the detector of an account before anybody chose anything.
func newDetector(account, region string, now time.Time) finding.Detector {
	return finding.Detector{
		ID: finding.DetectorID(account, region), Account: account, Region: region,
		Enabled: true, Frequency: "SIX_HOURS", CreatedAt: now, UpdatedAt: now,
		Features: defaultFeatures(now), ServiceRole: serviceRole(account, region),
	}
}

// sameDetector answers a second creation. A retry carries the token of the
// call that made the detector and gets its id; anything else is refused.
func (s *server) sameDetector(ctx context.Context, id, token string) (any, error) {
	d, err := s.Store.Detector(ctx, id)
	if err != nil && !errors.Is(err, finding.ErrNotFound) {
		return nil, err
	}
	if err == nil && token != "" && d.ClientToken == token {
		return map[string]string{"detectorId": d.ID}, nil
	}
	return nil, bad(textExists)
}

func (s *server) listDetectors(ctx context.Context, c *call) (any, error) {
	limit, token, err := c.page()
	if err != nil {
		return nil, err
	}
	all, err := s.Store.Detectors(ctx)
	if err != nil {
		return nil, err
	}
	ids := make([]string, 0, len(all))
	for _, d := range all { // in id order; the token is the last id of the page before
		if d.ID > token && d.Account == c.account && d.Region == s.Region {
			ids = append(ids, d.ID)
		}
	}
	out := struct {
		DetectorIDs []string `json:"detectorIds"`
		NextToken   string   `json:"nextToken,omitempty"`
	}{DetectorIDs: ids}
	if len(ids) > limit {
		out.DetectorIDs, out.NextToken = ids[:limit], ids[limit-1]
	}
	return out, nil
}

func (s *server) getDetector(ctx context.Context, c *call) (any, error) {
	d, err := s.detector(ctx, c)
	if err != nil {
		return nil, err
	}
	return struct {
		ServiceRole                string          `json:"serviceRole"`
		Status                     string          `json:"status"`
		CreatedAt                  string          `json:"createdAt"`
		UpdatedAt                  string          `json:"updatedAt"`
		FindingPublishingFrequency string          `json:"findingPublishingFrequency"`
		DataSources                dataSources     `json:"dataSources"`
		Tags                       finding.Tags    `json:"tags"`
		Features                   []featureResult `json:"features"`
	}{
		ServiceRole: d.ServiceRole, Status: status(d.Enabled),
		CreatedAt: finding.Timestamp(d.CreatedAt), UpdatedAt: finding.Timestamp(d.UpdatedAt),
		FindingPublishingFrequency: d.Frequency, DataSources: dataSourcesOf(d),
		Tags: tagsOrEmpty(d.TagsByKey), Features: featureResults(d),
	}, nil
}

func (s *server) updateDetector(ctx context.Context, c *call) (any, error) {
	if err := s.memberMay(ctx, c, "enable", "findingPublishingFrequency"); err != nil {
		return nil, err
	}
	now := wireNow(s.Now)
	err := s.Store.UpdateDetector(ctx, c.detectorID(), func(d *finding.Detector) error {
		enable, given, err := c.body.boolean("enable")
		if err != nil {
			return err
		}
		if given {
			d.Enabled = enable
		}
		d.UpdatedAt = now
		return applyDetectorSettings(d, c.body, now)
	})
	if errors.Is(err, finding.ErrNotFound) {
		return nil, bad(textNotOwned)
	}
	return nil, err
}

func (s *server) deleteDetector(ctx context.Context, c *call) (any, error) {
	if err := s.mayDelete(ctx, c); err != nil {
		return nil, err
	}
	err := s.Store.DeleteDetector(ctx, c.detectorID())
	if errors.Is(err, finding.ErrNotFound) {
		return nil, bad(textNotOwned)
	}
	return nil, err
}

// applyDetectorSettings reads what creation and update have in common.
func applyDetectorSettings(d *finding.Detector, body object, now time.Time) error {
	frequency, given, err := body.enum("findingPublishingFrequency", frequencies()...)
	if err != nil {
		return err
	}
	if given {
		d.Frequency = frequency
	}
	if body.has("features") && body.has("dataSources") {
		return badParam("dataSources", "is deprecated and may not be used together with features")
	}
	if err := applyDataSources(d, body, now); err != nil {
		return err
	}
	return applyFeatures(d, body, now)
}

// serviceRole is the service-linked role that GuardDuty would name. Clients
// require the member; nothing is assumed.
func serviceRole(account, region string) string {
	return "arn:" + finding.Partition(region) + ":iam::" + account +
		":role/aws-service-role/guardduty.amazonaws.com/AWSServiceRoleForAmazonGuardDuty"
}

func status(enabled bool) string {
	if enabled {
		return "ENABLED"
	}
	return "DISABLED"
}

// wireNow is the present at the precision of the wire, so that what is
// answered now and what is read back later are the same.
func wireNow(now func() time.Time) time.Time { return now().UTC().Truncate(time.Millisecond) }
