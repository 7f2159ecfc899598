package api_test

//lint:file-ignore SA1019 The deprecated forms are part of the contract: older clients still send them.

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/guardduty/types"

	"github.com/vedette-project/vedette/internal/finding"
)

// listAll walks all pages.
func listAll(t *testing.T, c *guardduty.Client, in guardduty.ListFindingsInput) []string {
	t.Helper()
	in.DetectorId = aws.String(detectorID())
	var ids []string
	p := guardduty.NewListFindingsPaginator(c, &in)
	for p.HasMorePages() {
		page := must(p.NextPage(t.Context()))(t)
		if len(page.FindingIds) > 50 {
			t.Errorf("a page of %d", len(page.FindingIds))
		}
		ids = append(ids, page.FindingIds...)
	}
	return ids
}

func getAll(t *testing.T, c *guardduty.Client, ids []string) []types.Finding {
	t.Helper()
	var out []types.Finding
	for chunk := range slices.Chunk(ids, 50) {
		got := must(c.GetFindings(t.Context(), &guardduty.GetFindingsInput{DetectorId: aws.String(detectorID()), FindingIds: chunk}))(t)
		for i, f := range got.Findings {
			if aws.ToString(f.Id) != chunk[i] {
				t.Errorf("finding %d is %s, want the order of the ids", i, aws.ToString(f.Id))
			}
		}
		out = append(out, got.Findings...)
	}
	return out
}

func sampleAll(t *testing.T, c *guardduty.Client, kinds ...string) {
	t.Helper()
	must(c.CreateSampleFindings(t.Context(), &guardduty.CreateSampleFindingsInput{DetectorId: aws.String(detectorID()), FindingTypes: kinds}))(t)
}

// Every sample must survive the SDK's own reader, and be what the catalogue says.
func TestSamplesOfEveryType(t *testing.T) {
	c := newService(t).enable()
	sampleAll(t, c)
	sampleAll(t, c) // a second time replaces, it does not add
	ids := listAll(t, c, guardduty.ListFindingsInput{})
	catalog := finding.Catalog()
	if len(ids) != len(catalog) {
		t.Fatalf("%d samples of %d types", len(ids), len(catalog))
	}
	byType := map[string]types.Finding{}
	for _, f := range getAll(t, c, ids) {
		byType[aws.ToString(f.Type)] = f
	}
	for _, ft := range catalog {
		f, ok := byType[ft.Name]
		if !ok {
			t.Errorf("%s: no sample", ft.Name)
			continue
		}
		if aws.ToFloat64(f.Severity) != ft.Severity || aws.ToString(f.Resource.ResourceType) != ft.ResourceType {
			t.Errorf("%s: severity %v on %q, want %v on %q", ft.Name, aws.ToFloat64(f.Severity), aws.ToString(f.Resource.ResourceType), ft.Severity, ft.ResourceType)
		}
		if !strings.HasPrefix(aws.ToString(f.Title), "[SAMPLE] ") || !strings.Contains(aws.ToString(f.Service.AdditionalInfo.Value), `"sample":true`) {
			t.Errorf("%s: title %q, additionalInfo %q", ft.Name, aws.ToString(f.Title), aws.ToString(f.Service.AdditionalInfo.Value))
		}
		if aws.ToString(f.AccountId) != account || aws.ToString(f.Region) != region || aws.ToString(f.Service.DetectorId) != detectorID() ||
			!strings.HasSuffix(aws.ToString(f.Arn), "/finding/"+aws.ToString(f.Id)) || aws.ToInt32(f.Service.Count) != 1 {
			t.Errorf("%s: %s of %s in %s", ft.Name, aws.ToString(f.Arn), aws.ToString(f.AccountId), aws.ToString(f.Region))
		}
		checkSampleShape(t, ft, f)
	}
}

// checkSampleShape checks that what a type is about is really there.
func checkSampleShape(t *testing.T, ft finding.Type, f types.Finding) {
	t.Helper()
	r, svc := f.Resource, f.Service
	there := map[string]bool{
		"EKSCluster": r.EksClusterDetails != nil && r.KubernetesDetails != nil, "Instance": r.InstanceDetails != nil,
		"ECSCluster": r.EcsClusterDetails != nil, "Container": r.ContainerDetails != nil, "AccessKey": r.AccessKeyDetails != nil,
		"S3Bucket": len(r.S3BucketDetails) == 1, "S3Object": len(r.S3BucketDetails) == 1 && len(r.S3BucketDetails[0].S3ObjectDetails) == 1,
		"Lambda": r.LambdaDetails != nil, "RDSDBInstance": r.RdsDbInstanceDetails != nil && r.RdsDbUserDetails != nil,
		"EBSSnapshot": r.EbsSnapshotDetails != nil, "EC2Image": r.Ec2ImageDetails != nil,
		"EC2RecoveryPoint": r.RecoveryPointDetails != nil, "S3RecoveryPoint": r.RecoveryPointDetails != nil,
		"AttackSequence": r.AccessKeyDetails == nil && svc.Detection != nil,
	}
	if !there[ft.ResourceType] {
		t.Errorf("%s: the details of %s are missing", ft.Name, ft.ResourceType)
	}
	actions := map[string]string{
		"k8s-audit": "KUBERNETES_API_CALL", "s3-data": "AWS_API_CALL", "ai-data": "AWS_API_CALL", "dns": "DNS_REQUEST",
		"lambda-flow": "NETWORK_CONNECTION", "rds-login": "RDS_LOGIN_ATTEMPT",
	}
	if want := actions[ft.Source]; want != "" && (svc.Action == nil || aws.ToString(svc.Action.ActionType) != want) {
		t.Errorf("%s: action %+v, want %s", ft.Name, svc.Action, want)
	}
	if a := svc.Action; a != nil {
		filled := map[string]bool{
			"KUBERNETES_API_CALL": a.KubernetesApiCallAction != nil, "AWS_API_CALL": a.AwsApiCallAction != nil, "DNS_REQUEST": a.DnsRequestAction != nil,
			"NETWORK_CONNECTION": a.NetworkConnectionAction != nil, "PORT_PROBE": a.PortProbeAction != nil && len(a.PortProbeAction.PortProbeDetails) == 1,
			"RDS_LOGIN_ATTEMPT": a.RdsLoginAttemptAction != nil && len(a.RdsLoginAttemptAction.LoginAttributes) == 1,
		}
		n := 0
		for _, there := range filled {
			if there {
				n++
			}
		}
		if !filled[aws.ToString(a.ActionType)] || n != 1 {
			t.Errorf("%s: action %s does not have exactly its own member", ft.Name, aws.ToString(a.ActionType))
		}
	}
	parts := map[string]bool{
		"runtimeDetails":       (svc.RuntimeDetails != nil && svc.RuntimeDetails.Process != nil) == (ft.Source == "runtime"),
		"sequence":             (svc.Detection != nil && svc.Detection.Sequence != nil && len(svc.Detection.Sequence.Signals) > 0) == (ft.Source == "correlation" || ft.Detector == "custom-rule"),
		"ebsVolumeScanDetails": (svc.EbsVolumeScanDetails != nil) == (ft.Source == "ebs-scan"),
		"malwareScanDetails":   (svc.MalwareScanDetails != nil) == (ft.Source == "s3-scan" || ft.Source == "backup-scan"),
		"evidence":             svc.Evidence != nil || ft.Detector != "intel",
	}
	for part, right := range parts {
		if !right {
			t.Errorf("%s: %s is missing, or should not be there", ft.Name, part)
		}
	}
}

func TestSampleLimits(t *testing.T) {
	c := newService(t).enable()
	in := &guardduty.CreateSampleFindingsInput{DetectorId: aws.String(detectorID()), FindingTypes: []string{"Policy:Kubernetes/ExposedDashboard", "No:Such/Type"}}
	_, err := c.CreateSampleFindings(t.Context(), in)
	wantBad(t, err, "The request is rejected because the parameter findingTypes has an invalid value: 'No:Such/Type' is not a finding type.")
	if ids := listAll(t, c, guardduty.ListFindingsInput{}); len(ids) != 0 {
		t.Errorf("%d findings were made all the same", len(ids))
	}
	in.FindingTypes = slices.Repeat([]string{"Policy:Kubernetes/ExposedDashboard"}, 51)
	_, err = c.CreateSampleFindings(t.Context(), in)
	wantBad(t, err, "The request is rejected because the parameter findingTypes has an invalid value: has 51 items, at most 50 are allowed.")
	in.DetectorId = aws.String(strings.Repeat("0", 32))
	_, err = c.CreateSampleFindings(t.Context(), in)
	wantBad(t, err, notOwned)
}

func TestListFindings(t *testing.T) {
	c := newService(t).enable()
	sampleAll(t, c)
	catalog := finding.Catalog()

	first := must(c.ListFindings(t.Context(), &guardduty.ListFindingsInput{DetectorId: aws.String(detectorID())}))(t)
	if len(first.FindingIds) != 50 || first.NextToken == nil {
		t.Errorf("the first page has %d, token %v; want 50 and a token", len(first.FindingIds), first.NextToken)
	}
	seven := listAll(t, c, guardduty.ListFindingsInput{MaxResults: aws.Int32(7)})
	if slices.Sort(seven); len(slices.Compact(seven)) != len(catalog) {
		t.Errorf("pages of 7 gave %d different ids of %d", len(slices.Compact(seven)), len(catalog))
	}

	high := 0
	for _, ft := range catalog {
		if ft.Severity >= 7 {
			high++
		}
	}
	criteria := &types.FindingCriteria{Criterion: map[string]types.Condition{"severity": {GreaterThanOrEqual: aws.Int64(7)}}}
	if ids := listAll(t, c, guardduty.ListFindingsInput{FindingCriteria: criteria}); len(ids) != high {
		t.Errorf("%d findings of severity 7 and more, want %d", len(ids), high)
	}
	one := &types.FindingCriteria{Criterion: map[string]types.Condition{"type": {Eq: []string{"Policy:Kubernetes/ExposedDashboard"}}}}
	if ids := listAll(t, c, guardduty.ListFindingsInput{FindingCriteria: one}); len(ids) != 1 {
		t.Errorf("%d findings of one type", len(ids))
	}

	sorted := getAll(t, c, listAll(t, c, guardduty.ListFindingsInput{SortCriteria: &types.SortCriteria{AttributeName: aws.String("severity"), OrderBy: types.OrderByDesc}}))
	for i := 1; i < len(sorted); i++ {
		if *sorted[i].Severity > *sorted[i-1].Severity {
			t.Fatalf("finding %d is graver than the one before", i)
		}
	}
}

func TestListFindingsRefuses(t *testing.T) {
	c := newService(t).enable()
	sampleAll(t, c)
	list := func(in guardduty.ListFindingsInput) error {
		in.DetectorId = aws.String(detectorID())
		_, err := c.ListFindings(t.Context(), &in)
		return err
	}
	cond := func(field string, c types.Condition) *types.FindingCriteria {
		return &types.FindingCriteria{Criterion: map[string]types.Condition{field: c}}
	}
	for _, n := range []int32{0, 51, -1} {
		wantBad(t, list(guardduty.ListFindingsInput{MaxResults: aws.Int32(n)}),
			"The request is rejected because the parameter maxResults has an invalid value: must be a whole number from 1 to 50.")
	}
	wantBad(t, list(guardduty.ListFindingsInput{NextToken: aws.String("nonsense")}),
		"The request is rejected because the parameter nextToken has an invalid value: is not a token of this query.")
	wantBad(t, list(guardduty.ListFindingsInput{SortCriteria: &types.SortCriteria{AttributeName: aws.String("nonsense")}}),
		"The request is rejected because the parameter sortCriteria.attributeName has an invalid value: is not a field to sort by.")
	for field, cond := range map[string]*types.FindingCriteria{
		"no.such.field": cond("no.such.field", types.Condition{Equals: []string{"x"}}),
		"severity":      cond("severity", types.Condition{Equals: []string{"high"}}),
		"type":          cond("type", types.Condition{Equals: slices.Repeat([]string{"x"}, 51)}),
	} {
		err := list(guardduty.ListFindingsInput{FindingCriteria: cond})
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("criteria on %s: error %v does not name it", field, err)
		}
	}
	if err := list(guardduty.ListFindingsInput{FindingCriteria: cond(containerName, types.Condition{Equals: []string{"x"}})}); err != nil {
		t.Errorf("a field of suppression rules in a query: %v", err) // more than GuardDuty takes
	}
	token := must(c.ListFindings(t.Context(), &guardduty.ListFindingsInput{DetectorId: aws.String(detectorID()), MaxResults: aws.Int32(5)}))(t).NextToken
	wantBad(t, list(guardduty.ListFindingsInput{NextToken: token, FindingCriteria: cond("severity", types.Condition{Gte: aws.Int32(8)})}),
		"The request is rejected because the parameter nextToken has an invalid value: is not a token of this query.")
}

func TestGetFindings(t *testing.T) {
	c := newService(t).enable()
	sampleAll(t, c, "Policy:Kubernetes/ExposedDashboard", "Execution:Kubernetes/ExecInKubeSystemPod")
	ids := listAll(t, c, guardduty.ListFindingsInput{})
	get := func(ids []string, sort *types.SortCriteria) (*guardduty.GetFindingsOutput, error) {
		return c.GetFindings(t.Context(), &guardduty.GetFindingsInput{DetectorId: aws.String(detectorID()), FindingIds: ids, SortCriteria: sort})
	}
	got := must(get([]string{ids[1], "no-such-id", ids[0]}, nil))(t)
	if len(got.Findings) != 2 || *got.Findings[0].Id != ids[1] || *got.Findings[1].Id != ids[0] {
		t.Errorf("got %d findings, or not in the order of the ids", len(got.Findings))
	}
	if got = must(get([]string{"no-such-id"}, nil))(t); got.Findings == nil || len(got.Findings) != 0 {
		t.Errorf("an unknown id gave %v, want an empty list", got.Findings)
	}
	got = must(get(ids, &types.SortCriteria{AttributeName: aws.String("type"), OrderBy: types.OrderByAsc}))(t)
	if *got.Findings[0].Type != "Execution:Kubernetes/ExecInKubeSystemPod" {
		t.Errorf("sorted by type, %s comes first", *got.Findings[0].Type)
	}
	_, err := get(slices.Repeat([]string{"x"}, 51), nil)
	wantBad(t, err, "The request is rejected because the parameter findingIds has an invalid value: has 51 items, at most 50 are allowed.")
}

func TestArchiveAndFeedback(t *testing.T) {
	c := newService(t).enable()
	sampleAll(t, c, "Policy:Kubernetes/ExposedDashboard", "Execution:Kubernetes/ExecInKubeSystemPod")
	ids := listAll(t, c, guardduty.ListFindingsInput{})
	archived := func(value string) []string {
		return listAll(t, c, guardduty.ListFindingsInput{FindingCriteria: &types.FindingCriteria{
			Criterion: map[string]types.Condition{"service.archived": {Equals: []string{value}}}}})
	}
	det := aws.String(detectorID())
	must(c.ArchiveFindings(t.Context(), &guardduty.ArchiveFindingsInput{DetectorId: det, FindingIds: ids[:1]}))(t)
	if a, b := archived("true"), archived("false"); len(a) != 1 || a[0] != ids[0] || len(b) != 1 || b[0] != ids[1] {
		t.Errorf("archived %v, active %v", a, b)
	}
	_, err := c.ArchiveFindings(t.Context(), &guardduty.ArchiveFindingsInput{DetectorId: det, FindingIds: []string{ids[1], "no-such-id"}})
	wantBad(t, err, "The request is rejected because the one or more input parameters have invalid values.")
	if len(archived("true")) != 1 {
		t.Error("half of a refused call was done")
	}
	must(c.UnarchiveFindings(t.Context(), &guardduty.UnarchiveFindingsInput{DetectorId: det, FindingIds: ids}))(t)
	if len(archived("true")) != 0 {
		t.Error("an unarchived finding is still archived")
	}

	must(c.UpdateFindingsFeedback(t.Context(), &guardduty.UpdateFindingsFeedbackInput{
		DetectorId: det, FindingIds: ids[:1], Feedback: types.FeedbackNotUseful, Comments: aws.String("known tool"),
	}))(t)
	if f := getAll(t, c, ids[:1])[0]; aws.ToString(f.Service.UserFeedback) != "NOT_USEFUL" {
		t.Errorf("feedback is %q", aws.ToString(f.Service.UserFeedback))
	}
	_, err = c.UpdateFindingsFeedback(t.Context(), &guardduty.UpdateFindingsFeedbackInput{DetectorId: det, FindingIds: ids, Feedback: "MEH"})
	wantBad(t, err, "The request is rejected because the parameter feedback has an invalid value: must be one of USEFUL, NOT_USEFUL.")
}

func TestStatistics(t *testing.T) {
	c := newService(t).enable()
	sampleAll(t, c)
	want, types5 := map[string]int32{}, 0
	for _, ft := range finding.Catalog() {
		want[fmt.Sprintf("%.1f", ft.Severity)]++
		types5++
	}
	stats := func(in guardduty.GetFindingsStatisticsInput) *types.FindingStatistics {
		t.Helper()
		in.DetectorId = aws.String(detectorID())
		return must(c.GetFindingsStatistics(t.Context(), &in))(t).FindingStatistics
	}
	legacy := stats(guardduty.GetFindingsStatisticsInput{FindingStatisticTypes: []types.FindingStatisticType{types.FindingStatisticTypeCountBySeverity}})
	if fmt.Sprint(legacy.CountBySeverity) != fmt.Sprint(want) {
		t.Errorf("count by severity %v, want %v", legacy.CountBySeverity, want)
	}
	bySeverity := stats(guardduty.GetFindingsStatisticsInput{GroupBy: types.GroupByTypeSeverity}).GroupedBySeverity
	for i, g := range bySeverity {
		if *g.TotalFindings != want[fmt.Sprintf("%.1f", *g.Severity)] || g.LastGeneratedAt == nil || i > 0 && *g.TotalFindings > *bySeverity[i-1].TotalFindings {
			t.Errorf("severity group %d: %v of %v", i, *g.TotalFindings, *g.Severity)
		}
	}
	if n := len(stats(guardduty.GetFindingsStatisticsInput{GroupBy: types.GroupByTypeFindingType}).GroupedByFindingType); n != 25 {
		t.Errorf("%d groups by default, want 25", n)
	}
	if n := len(stats(guardduty.GetFindingsStatisticsInput{GroupBy: types.GroupByTypeFindingType, MaxResults: aws.Int32(100), OrderBy: types.OrderByAsc}).GroupedByFindingType); n != 100 {
		t.Errorf("%d groups, want 100", n)
	}
	if a := stats(guardduty.GetFindingsStatisticsInput{GroupBy: types.GroupByTypeAccount}).GroupedByAccount; len(a) != 1 || *a[0].AccountId != account || int(*a[0].TotalFindings) != types5 {
		t.Errorf("by account: %+v", a)
	}
	if d := stats(guardduty.GetFindingsStatisticsInput{GroupBy: types.GroupByTypeDate}).GroupedByDate; len(d) == 0 || d[0].Date == nil || d[0].Date.Hour() != 0 {
		t.Errorf("by date: %+v", d)
	}
	if r := stats(guardduty.GetFindingsStatisticsInput{GroupBy: types.GroupByTypeResource}).GroupedByResource; len(r) == 0 || aws.ToString(r[0].AccountId) != account {
		t.Errorf("by resource: %+v", r)
	}
	none := &types.FindingCriteria{Criterion: map[string]types.Condition{"id": {Equals: []string{"none"}}}}
	if g := stats(guardduty.GetFindingsStatisticsInput{GroupBy: types.GroupByTypeSeverity, FindingCriteria: none}).GroupedBySeverity; g == nil || len(g) != 0 {
		t.Errorf("nothing matched, yet %v, want an empty list", g)
	}

	refuse := func(in guardduty.GetFindingsStatisticsInput, message string) {
		t.Helper()
		in.DetectorId = aws.String(detectorID())
		_, err := c.GetFindingsStatistics(t.Context(), &in)
		wantBad(t, err, message)
	}
	const either = "The request is rejected because either findingStatisticTypes or groupBy must be specified, and not both."
	refuse(guardduty.GetFindingsStatisticsInput{}, either)
	refuse(guardduty.GetFindingsStatisticsInput{GroupBy: "DATE", FindingStatisticTypes: []types.FindingStatisticType{"COUNT_BY_SEVERITY"}}, either)
	refuse(guardduty.GetFindingsStatisticsInput{GroupBy: "MOON"}, "The request is rejected because the parameter groupBy has an invalid value: must be one of ACCOUNT, DATE, FINDING_TYPE, RESOURCE, SEVERITY.")
	refuse(guardduty.GetFindingsStatisticsInput{GroupBy: "DATE", MaxResults: aws.Int32(101)}, "The request is rejected because the parameter maxResults has an invalid value: must be a whole number from 1 to 100.")
	refuse(guardduty.GetFindingsStatisticsInput{FindingStatisticTypes: []types.FindingStatisticType{"X"}}, "The request is rejected because the parameter findingStatisticTypes has an invalid value: must be COUNT_BY_SEVERITY.")
}
