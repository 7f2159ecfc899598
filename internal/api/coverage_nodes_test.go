package api_test

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/guardduty/types"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/store"
)

// TestCoverageOfNodes: a cluster with sensors says how many of its nodes they
// cover, and of which version they are.
func TestCoverageOfNodes(t *testing.T) {
	s := newService(t)
	s.enable()
	s.hear([]string{"prod"})
	const issue = "Sensor not reporting:node-b (last heard at 2026-05-01T10:00:00Z)"
	now := time.Now()
	err := s.store.Commit(t.Context(), func(tx *store.Tx) error {
		k := store.SourceKey{Source: "runtime", Account: account, Region: region, Cluster: "prod"}
		errs := []error{tx.TouchSource(k, now, now)}
		for name, heard := range map[string]time.Time{"node-a": now, "node-b": now.Add(-time.Hour), "node-z": now.AddDate(0, -1, 0)} {
			n := store.Node{NodeKey: store.NodeKey{Account: account, Region: region, Cluster: "prod", Name: name}, Sensor: "vedette", Version: "0.5.0", Heard: heard, Since: heard}
			errs = append(errs, tx.PutNode(&n))
		}
		other := store.Node{NodeKey: store.NodeKey{Account: account, Region: region, Cluster: "dev", Name: "node-c"}, Sensor: "vedette", Heard: now}
		_, err := tx.SetSourceStatus(k, store.Unhealthy, issue)
		return errors.Join(append(errs, err, tx.PutNode(&other))...)
	})
	if err != nil {
		t.Fatal(err)
	}
	c := s.client(access.RoleReadOnly)
	out := must(c.ListCoverage(t.Context(), &guardduty.ListCoverageInput{DetectorId: aws.String(detectorID())}))(t)
	if len(out.Resources) != 2 || aws.ToString(out.Resources[1].ResourceId) != "runtime/prod" {
		t.Fatalf("%+v", out.Resources)
	}
	if d := out.Resources[0].ResourceDetails.EksClusterDetails; d.CompatibleNodes != nil || d.AddonDetails != nil || d.ManagementType != "" {
		t.Errorf("an audit log has nodes: %+v", d)
	}
	r := out.Resources[1]
	d := r.ResourceDetails.EksClusterDetails
	if aws.ToInt64(d.CoveredNodes) != 1 || aws.ToInt64(d.CompatibleNodes) != 2 || d.ManagementType != types.ManagementTypeManual ||
		aws.ToString(d.AddonDetails.AddonVersion) != "0.5.0" || aws.ToString(d.AddonDetails.AddonStatus) != "DEGRADED" ||
		r.CoverageStatus != types.CoverageStatusUnhealthy || aws.ToString(r.Issue) != issue || r.ResourceDetails.ResourceType != types.ResourceTypeEks {
		t.Errorf("%+v %+v", r, d)
	}
	for _, tc := range []struct {
		criterion types.CoverageFilterCriterion
		want      int
	}{
		{criterion("ADDON_VERSION", []string{"0.5.0"}, nil), 1}, {criterion("ADDON_VERSION", []string{"0.4.0"}, nil), 0},
		{criterion("MANAGEMENT_TYPE", []string{"MANUAL"}, nil), 1}, {criterion("MANAGEMENT_TYPE", nil, []string{"MANUAL"}), 1},
	} {
		criteria := &types.CoverageFilterCriteria{FilterCriterion: []types.CoverageFilterCriterion{tc.criterion}}
		in := &guardduty.ListCoverageInput{DetectorId: aws.String(detectorID()), FilterCriteria: criteria}
		if out := must(c.ListCoverage(t.Context(), in))(t); len(out.Resources) != tc.want {
			t.Errorf("%+v: %d listed, want %d", tc.criterion, len(out.Resources), tc.want)
		}
	}
	stats := must(c.GetCoverageStatistics(t.Context(), &guardduty.GetCoverageStatisticsInput{
		DetectorId: aws.String(detectorID()), StatisticsType: []types.CoverageStatisticsType{"COUNT_BY_COVERAGE_STATUS", "COUNT_BY_RESOURCE_TYPE"},
	}))(t).CoverageStatistics
	if stats.CountByCoverageStatus["UNHEALTHY"] != 1 || stats.CountByCoverageStatus["HEALTHY"] != 1 || stats.CountByResourceType["EKS"] != 2 {
		t.Errorf("%+v", stats)
	}
}
