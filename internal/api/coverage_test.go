package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/guardduty/types"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/store"
)

const quiet = "No records received:the last one came at 2026-11-22T10:00:00Z"

// hear makes sources of the test's account and Region; those named ill are UNHEALTHY.
func (s *service) hear(clusters []string, ill ...string) {
	s.t.Helper()
	err := s.store.Commit(s.t.Context(), func(tx *store.Tx) error {
		for _, cluster := range clusters {
			k := store.SourceKey{Source: "k8s-audit", Account: account, Region: region, Cluster: cluster}
			if err := tx.TouchSource(k, time.Now(), time.Now()); err != nil {
				return err
			}
			if !slices.Contains(ill, cluster) {
				continue
			}
			if _, err := tx.SetSourceStatus(k, store.Unhealthy, quiet); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// clusters are the names of the clusters of a list, in its order.
func clusters(rs []types.CoverageResource) []string {
	out := make([]string, len(rs))
	for i, r := range rs {
		out[i] = aws.ToString(r.ResourceDetails.EksClusterDetails.ClusterName)
	}
	return out
}

func criterion(key types.CoverageFilterCriterionKey, equals, notEquals []string) types.CoverageFilterCriterion {
	return types.CoverageFilterCriterion{CriterionKey: key, FilterCondition: &types.CoverageFilterCondition{Equals: equals, NotEquals: notEquals}}
}

func TestListCoverage(t *testing.T) {
	s := newService(t)
	c := s.enable()
	in := &guardduty.ListCoverageInput{DetectorId: aws.String(detectorID())}
	if out := must(c.ListCoverage(t.Context(), in))(t); out.Resources == nil || len(out.Resources) != 0 || out.NextToken != nil {
		t.Errorf("nothing was heard of, yet %+v is listed", out)
	}
	before := time.Now().Add(-time.Second)
	s.hear([]string{"prod", "dev"}, "dev")
	err := s.store.Commit(t.Context(), func(tx *store.Tx) error { // another account's, another Region's
		for _, k := range []store.SourceKey{{Source: "k8s-audit", Account: "999900001111", Region: region, Cluster: "a"}, {Source: "k8s-audit", Account: account, Region: "us-east-1", Cluster: "b"}} {
			if err := tx.TouchSource(k, time.Now(), time.Now()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	out := must(s.client(access.RoleReadOnly).ListCoverage(t.Context(), in))(t)
	if got := clusters(out.Resources); !slices.Equal(got, []string{"dev", "prod"}) || out.NextToken != nil {
		t.Fatalf("listed %v, token %v", got, out.NextToken)
	}
	for i, want := range []struct{ id, status, issue string }{{"k8s-audit/dev", "UNHEALTHY", quiet}, {"k8s-audit/prod", "HEALTHY", ""}} {
		r := out.Resources[i]
		if aws.ToString(r.ResourceId) != want.id || string(r.CoverageStatus) != want.status || aws.ToString(r.Issue) != want.issue {
			t.Errorf("resource %s is %s with the issue %q, want %+v", aws.ToString(r.ResourceId), r.CoverageStatus, aws.ToString(r.Issue), want)
		}
		if aws.ToString(r.AccountId) != account || aws.ToString(r.DetectorId) != detectorID() || r.ResourceDetails.ResourceType != types.ResourceTypeEks {
			t.Errorf("resource %+v", r)
		}
		if r.UpdatedAt == nil || r.UpdatedAt.Before(before) || r.UpdatedAt.After(time.Now().Add(time.Second)) {
			t.Errorf("updated at %v", r.UpdatedAt)
		}
		if eks := r.ResourceDetails.EksClusterDetails; eks.CoveredNodes != nil || eks.CompatibleNodes != nil || eks.ManagementType != "" || eks.AddonDetails != nil {
			t.Errorf("the details %+v hold what nobody knows", eks)
		}
	}
}

func TestCoverageCriteria(t *testing.T) {
	s := newService(t)
	c := s.enable()
	s.hear([]string{"a", "b", "c"}, "b")
	all := []string{"a", "b", "c"}
	for _, tc := range []struct {
		criteria []types.CoverageFilterCriterion
		want     []string
	}{
		{nil, all},
		{[]types.CoverageFilterCriterion{}, all},
		{[]types.CoverageFilterCriterion{criterion("ACCOUNT_ID", []string{account}, nil)}, all},
		{[]types.CoverageFilterCriterion{criterion("ACCOUNT_ID", nil, []string{account})}, nil},
		{[]types.CoverageFilterCriterion{criterion("CLUSTER_NAME", []string{"a", "c", "z"}, nil)}, []string{"a", "c"}},
		{[]types.CoverageFilterCriterion{criterion("EKS_CLUSTER_NAME", nil, []string{"a", "z"})}, []string{"b", "c"}},
		{[]types.CoverageFilterCriterion{criterion("EKS_CLUSTER_NAME", []string{"a", "b"}, []string{"a"})}, []string{"b"}},
		{[]types.CoverageFilterCriterion{criterion("COVERAGE_STATUS", []string{"UNHEALTHY"}, nil)}, []string{"b"}},
		{[]types.CoverageFilterCriterion{criterion("COVERAGE_STATUS", nil, []string{"UNHEALTHY"}), criterion("CLUSTER_NAME", nil, []string{"c"})}, []string{"a"}},
		{[]types.CoverageFilterCriterion{criterion("CLUSTER_NAME", []string{"a"}, nil), criterion("CLUSTER_NAME", []string{"b"}, nil)}, nil},
		{[]types.CoverageFilterCriterion{criterion("RESOURCE_TYPE", []string{"EKS", "EC2"}, nil)}, all},
		{[]types.CoverageFilterCriterion{criterion("RESOURCE_TYPE", []string{"ECS"}, nil)}, nil},
		{[]types.CoverageFilterCriterion{criterion("MANAGEMENT_TYPE", []string{"MANUAL"}, nil)}, nil},
		{[]types.CoverageFilterCriterion{criterion("MANAGEMENT_TYPE", nil, []string{"MANUAL"})}, all},
		{[]types.CoverageFilterCriterion{criterion("ADDON_VERSION", []string{"v1"}, nil)}, nil},
		{[]types.CoverageFilterCriterion{criterion("ECS_CLUSTER_NAME", []string{"a"}, nil)}, nil},
		{[]types.CoverageFilterCriterion{criterion("AGENT_VERSION", []string{"1"}, nil)}, nil},
		{[]types.CoverageFilterCriterion{criterion("INSTANCE_ID", []string{"i-0"}, nil)}, nil},
		{[]types.CoverageFilterCriterion{criterion("CLUSTER_ARN", []string{"arn"}, nil)}, nil},
	} {
		criteria := &types.CoverageFilterCriteria{FilterCriterion: tc.criteria}
		out := must(c.ListCoverage(t.Context(), &guardduty.ListCoverageInput{DetectorId: aws.String(detectorID()), FilterCriteria: criteria}))(t)
		if got := clusters(out.Resources); !slices.Equal(got, tc.want) {
			t.Errorf("%+v: listed %v, want %v", tc.criteria, got, tc.want)
		}
		stats := must(c.GetCoverageStatistics(t.Context(), &guardduty.GetCoverageStatisticsInput{
			DetectorId: aws.String(detectorID()), FilterCriteria: criteria, StatisticsType: []types.CoverageStatisticsType{"COUNT_BY_RESOURCE_TYPE"},
		}))(t)
		if n := stats.CoverageStatistics.CountByResourceType["EKS"]; n != int64(len(tc.want)) {
			t.Errorf("%+v: %d are counted, want %d", tc.criteria, n, len(tc.want))
		}
	}
}

func TestCoverageOrder(t *testing.T) {
	s := newService(t)
	c := s.enable()
	s.hear([]string{"a", "b", "c"})
	s.hear([]string{"b"}, "b") // b changed last
	list := func(key types.CoverageSortKey, order types.OrderBy) []string {
		t.Helper()
		return clusters(must(c.ListCoverage(t.Context(), &guardduty.ListCoverageInput{
			DetectorId: aws.String(detectorID()), SortCriteria: &types.CoverageSortCriteria{AttributeName: key, OrderBy: order},
		}))(t).Resources)
	}
	up, down := types.OrderByAsc, types.OrderByDesc
	for _, key := range types.CoverageSortKey("").Values() {
		want := []string{"a", "b", "c"} // equal ones are in order of their ids
		switch key {
		case "COVERAGE_STATUS", "ISSUE", "UPDATED_AT":
			want = []string{"a", "c", "b"}
		}
		if got := list(key, up); !slices.Equal(got, want) {
			t.Errorf("by %s: %v, want %v", key, got, want)
		}
		slices.Reverse(want)
		if got := list(key, down); !slices.Equal(got, want) {
			t.Errorf("by %s downwards: %v, want %v", key, got, want)
		}
	}
	if got := list("", down); !slices.Equal(got, []string{"c", "b", "a"}) {
		t.Errorf("downwards: %v", got)
	}
}

// Pages hold each source once, also when sources come and change between them.
func TestCoveragePages(t *testing.T) {
	s := newService(t)
	c := s.enable()
	var names []string
	for i := range 120 {
		names = append(names, fmt.Sprintf("c%03d", i))
	}
	s.hear(names)
	var got []string
	p := guardduty.NewListCoveragePaginator(c, &guardduty.ListCoverageInput{DetectorId: aws.String(detectorID())})
	for pages := 0; p.HasMorePages(); pages++ {
		page := must(p.NextPage(t.Context()))(t)
		if len(page.Resources) > 50 {
			t.Errorf("a page of %d", len(page.Resources))
		}
		got = append(got, clusters(page.Resources)...)
		s.hear([]string{"a-new", "c000", "c060", "z-new"}, "c000", "c060") // before and behind
	}
	if want := append(slices.Clone(names), "z-new"); !slices.Equal(got, want) {
		t.Errorf("listed %v, want %v", got, want)
	}

	in := &guardduty.ListCoverageInput{DetectorId: aws.String(detectorID()), MaxResults: aws.Int32(1)}
	in.NextToken = must(c.ListCoverage(t.Context(), in))(t).NextToken
	in.MaxResults = aws.Int32(2) // the size may change
	if got := clusters(must(c.ListCoverage(t.Context(), in))(t).Resources); !slices.Equal(got, []string{"c000", "c001"}) {
		t.Errorf("the second page is %v", got)
	}
	in.SortCriteria = &types.CoverageSortCriteria{AttributeName: "ISSUE"} // the query may not
	_, err := c.ListCoverage(t.Context(), in)
	wantBad(t, err, "The request is rejected because the parameter nextToken has an invalid value: is not a token of this query.")
}

func TestCoverageStatistics(t *testing.T) {
	s := newService(t)
	c := s.enable()
	s.hear([]string{"a", "b", "c"}, "b")
	count := func(kinds ...types.CoverageStatisticsType) *types.CoverageStatistics {
		t.Helper()
		return must(c.GetCoverageStatistics(t.Context(), &guardduty.GetCoverageStatisticsInput{DetectorId: aws.String(detectorID()), StatisticsType: kinds}))(t).CoverageStatistics
	}
	byStatus, byType := types.CoverageStatisticsTypeCountByCoverageStatus, types.CoverageStatisticsTypeCountByResourceType
	if got := count(byStatus); got.CountByCoverageStatus["HEALTHY"] != 2 || got.CountByCoverageStatus["UNHEALTHY"] != 1 || got.CountByResourceType != nil {
		t.Errorf("counted %+v", got)
	}
	if got := count(byType); got.CountByResourceType["EKS"] != 3 || got.CountByCoverageStatus != nil {
		t.Errorf("counted %+v", got)
	}
	if got := count(byType, byStatus); len(got.CountByResourceType) != 1 || len(got.CountByCoverageStatus) != 2 {
		t.Errorf("counted %+v", got)
	}
	r := s.raw(access.RoleReadOnly, "POST", "/detector/"+detectorID()+"/coverage/statistics",
		`{"statisticsType":["COUNT_BY_COVERAGE_STATUS"],"filterCriteria":{"filterCriterion":[{"criterionKey":"CLUSTER_NAME","filterCondition":{"equals":["z"]}}]}}`)
	if want := `{"coverageStatistics":{"countByCoverageStatus":{"HEALTHY":0,"UNHEALTHY":0}}}`; r.text != want {
		t.Errorf("nothing matches: %s, want %s", r.text, want)
	}
}

func TestCoverageRefusals(t *testing.T) {
	s := newService(t)
	list, stats := "/detector/"+detectorID()+"/coverage", "/detector/"+detectorID()+"/coverage/statistics"
	for _, target := range []string{list, stats} {
		if r := s.raw(access.RoleAdmin, "POST", target, `{}`); r.status != http.StatusBadRequest || r.message() != notOwned {
			t.Errorf("%s without a detector: %d %s", target, r.status, r.text)
		}
	}
	s.enable()
	invalid := func(s string) string { return "The request is rejected because the parameter " + s + "." }
	required := func(s string) string {
		return "The request is rejected because the required parameter " + s + " is not specified."
	}
	filter := func(criterion string) string {
		return `{"statisticsType":["COUNT_BY_RESOURCE_TYPE"],"filterCriteria":{"filterCriterion":[` + criterion + `]}}`
	}
	const first = "filterCriteria.filterCriterion[0]"
	for body, want := range map[string]string{ // of both
		`{"filterCriteria":[]}`:                      invalid("filterCriteria has an invalid value: must be an object"),
		`{"filterCriteria":{"filterCriterion":"x"}}`: invalid("filterCriteria.filterCriterion has an invalid value: must be a list of objects"),
		filter(`{}`): required(first + ".criterionKey"),
		filter(`{"criterionKey":"NODE"}`): invalid(first + ".criterionKey has an invalid value: must be one of ACCOUNT_ID, CLUSTER_NAME, RESOURCE_TYPE, " +
			"COVERAGE_STATUS, ADDON_VERSION, MANAGEMENT_TYPE, EKS_CLUSTER_NAME, ECS_CLUSTER_NAME, AGENT_VERSION, INSTANCE_ID, CLUSTER_ARN"),
		filter(`{"criterionKey":"CLUSTER_NAME"}`):                                                           required(first + ".filterCondition"),
		filter(`{"criterionKey":"CLUSTER_NAME","filterCondition":{"equals":[],"gt":1}}`):                    invalid(first + ".filterCondition has an invalid value: must have equals or notEquals"),
		filter(`{"criterionKey":"CLUSTER_NAME","filterCondition":{"equals":"x"}}`):                          invalid(first + ".filterCondition.equals has an invalid value: must be a list of strings"),
		filter(`{"criterionKey":"COVERAGE_STATUS","filterCondition":{"equals":["HEALTHY","SICK"]}}`):        invalid(first + ".filterCondition.equals[1] has an invalid value: must be one of HEALTHY, UNHEALTHY"),
		filter(`{"criterionKey":"RESOURCE_TYPE","filterCondition":{"notEquals":["GKE"]}}`):                  invalid(first + ".filterCondition.notEquals[0] has an invalid value: must be one of EKS, ECS, EC2"),
		filter(`{"criterionKey":"MANAGEMENT_TYPE","filterCondition":{"equals":["auto"]}}`):                  invalid(first + ".filterCondition.equals[0] has an invalid value: must be one of AUTO_MANAGED, MANUAL, DISABLED"),
		filter(strings.TrimSuffix(strings.Repeat(`{"criterionKey":"CLUSTER_NAME"},`, 51), ",")):             invalid("filterCriteria.filterCriterion has an invalid value: has 51 items, at most 50 are allowed"),
		filter(`{"criterionKey":"CLUSTER_NAME","filterCondition":{"equals":["a"],"notEquals":["b",null]}}`): invalid(first + ".filterCondition.notEquals[1] has an invalid value: must have 1 to 300 characters"),
	} {
		for _, target := range []string{list, stats} {
			if r := s.raw(access.RoleAdmin, "POST", target, body); r.status != http.StatusBadRequest || r.message() != want {
				t.Errorf("%s %s: %d %s, want %s", target, body, r.status, r.message(), want)
			}
		}
	}
	for _, tc := range []struct{ target, body, want string }{
		{list, `{"maxResults":51}`, invalid("maxResults has an invalid value: must be a whole number from 1 to 50")},
		{list, `{"maxResults":0}`, invalid("maxResults has an invalid value: must be a whole number from 1 to 50")},
		{list, `{"sortCriteria":{"attributeName":"NODE"}}`, invalid("sortCriteria.attributeName has an invalid value: must be one of ACCOUNT_ID, CLUSTER_NAME, " +
			"COVERAGE_STATUS, ISSUE, ADDON_VERSION, UPDATED_AT, EKS_CLUSTER_NAME, ECS_CLUSTER_NAME, INSTANCE_ID")},
		{list, `{"sortCriteria":{"orderBy":"UP"}}`, invalid("sortCriteria.orderBy has an invalid value: must be one of ASC, DESC")},
		{list, `{"nextToken":"x"}`, invalid("nextToken has an invalid value: is not a token of this query")},
		{list, `{"nextToken":"bnVsbA"}`, invalid("nextToken has an invalid value: is not a token of this query")},
		{stats, `{}`, required("statisticsType")},
		{stats, `{"statisticsType":[]}`, required("statisticsType")},
		{stats, `{"statisticsType":["COUNT_BY_RESOURCE_TYPE","COUNT"]}`, invalid("statisticsType[1] has an invalid value: must be one of COUNT_BY_RESOURCE_TYPE, COUNT_BY_COVERAGE_STATUS")},
	} {
		if r := s.raw(access.RoleAdmin, "POST", tc.target, tc.body); r.status != http.StatusBadRequest || r.message() != tc.want {
			t.Errorf("%s %s: %d %s", tc.target, tc.body, r.status, r.text)
		}
	}
}
