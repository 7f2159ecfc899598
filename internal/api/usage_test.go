package api_test

//lint:file-ignore SA1019 The deprecated forms are part of the contract: older clients still send them.

import (
	"maps"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/guardduty/types"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/api"
	"github.com/vedette-project/vedette/internal/store"
)

// analysed puts what was analysed into the store.
func (s *service) analysed(source, account, cluster string, n int64) {
	s.t.Helper()
	err := s.store.Commit(s.t.Context(), func(tx *store.Tx) error {
		return tx.AddLedger([]store.LedgerRow{
			{Source: source, Account: account, Region: region, Cluster: cluster, Outcome: "evaluated", Count: n},
			{Source: source, Account: account, Region: region, Cluster: cluster, Outcome: "duplicate", Count: 7},
		})
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

func TestUsage(t *testing.T) {
	s := newServiceWith(t, func(o *api.Options) {
		o.Prices = map[string]float64{"k8s-audit": 1.6, "cloudtrail": 4}
	})
	admin, ctx := s.enable(), t.Context()
	s.analysed("k8s-audit", account, "prod", 1_000_000)
	s.analysed("k8s-audit", account, "prod", 500_000)
	s.analysed("k8s-audit", account, "dev", 1_000_000)
	s.analysed("cloudtrail", other, "", 250_000)
	s.analysed("runtime", account, "prod", 42)

	ask := func(c *guardduty.Client, of string, kind types.UsageStatisticType, criteria types.UsageCriteria, unit *string) *types.UsageStatistics {
		t.Helper()
		out := must(c.GetUsageStatistics(ctx, &guardduty.GetUsageStatisticsInput{DetectorId: idOf(of), UsageStatisticType: kind, UsageCriteria: &criteria, Unit: unit}))(t)
		return out.UsageStatistics
	}
	same := func(what string, got, want map[string]string) {
		t.Helper()
		if !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	text := func(x *types.Total) string { return aws.ToString(x.Amount) + " " + aws.ToString(x.Unit) }
	byAccount := func(list []types.UsageAccountResult) map[string]string {
		out := map[string]string{}
		for _, x := range list {
			out[aws.ToString(x.AccountId)] = text(x.Total)
		}
		return out
	}
	none := types.UsageCriteria{}
	same("by account", byAccount(ask(admin, account, types.UsageStatisticTypeSumByAccount, none, nil).SumByAccount),
		map[string]string{account: "4.00000000 USD", other: "1.00000000 USD"})
	same("of a feature", byAccount(ask(admin, account, types.UsageStatisticTypeSumByAccount, types.UsageCriteria{Features: []types.UsageFeature{types.UsageFeatureCloudTrail}}, nil).SumByAccount),
		map[string]string{other: "1.00000000 USD"})
	same("of an account", byAccount(ask(admin, account, types.UsageStatisticTypeSumByAccount, types.UsageCriteria{AccountIds: []string{account}}, aws.String("RECORDS")).SumByAccount),
		map[string]string{account: "2500042 RECORDS"})

	got := map[string]string{}
	for _, x := range ask(admin, account, types.UsageStatisticTypeSumByDataSource, none, nil).SumByDataSource {
		got[string(x.DataSource)] = text(x.Total)
	}
	same("by data source", got, map[string]string{"KUBERNETES_AUDIT_LOGS": "4.00000000 USD", "CLOUD_TRAIL": "1.00000000 USD"})
	got = map[string]string{}
	for _, x := range ask(admin, account, types.UsageStatisticTypeSumByFeatures, none, nil).SumByFeature {
		got[string(x.Feature)] = text(x.Total)
	}
	same("by feature", got, map[string]string{"EKS_AUDIT_LOGS": "4.00000000 USD", "CLOUD_TRAIL": "1.00000000 USD", "EKS_RUNTIME_MONITORING": "0.00000000 USD"})
	got = map[string]string{}
	for _, x := range ask(admin, account, types.UsageStatisticTypeSumByResource, types.UsageCriteria{DataSources: []types.DataSource{types.DataSourceKubernetesAuditLogs}}, nil).SumByResource {
		got[aws.ToString(x.Resource)] = text(x.Total)
	}
	same("by resource", got, map[string]string{"k8s-audit/prod": "2.40000000 USD", "k8s-audit/dev": "1.60000000 USD"})
	top := ask(admin, account, types.UsageStatisticTypeTopResources, none, nil).TopResources
	if len(top) != 4 || aws.ToString(top[0].Resource) != "k8s-audit/prod" || aws.ToString(top[2].Resource) != "cloudtrail/"+other {
		t.Errorf("top resources %+v", top)
	}
	accounts := ask(admin, account, types.UsageStatisticTypeTopAccountsByFeature, none, nil).TopAccountsByFeature
	if len(accounts) != 3 || accounts[0].Feature != "CLOUD_TRAIL" || aws.ToString(accounts[0].Accounts[0].AccountId) != other {
		t.Errorf("top accounts %+v", accounts)
	}

	var paged []string
	p := guardduty.NewGetUsageStatisticsPaginator(admin, &guardduty.GetUsageStatisticsInput{DetectorId: idOf(account),
		UsageStatisticType: types.UsageStatisticTypeSumByResource, UsageCriteria: &none, MaxResults: aws.Int32(1)})
	for p.HasMorePages() {
		for _, x := range must(p.NextPage(ctx))(t).UsageStatistics.SumByResource {
			paged = append(paged, aws.ToString(x.Resource))
		}
	}
	if len(paged) != 4 {
		t.Errorf("page by page: %v", paged)
	}

	member := s.as(other)
	must(member.CreateDetector(ctx, &guardduty.CreateDetectorInput{Enable: aws.Bool(true)}))(t)
	same("of the member", byAccount(ask(member, other, types.UsageStatisticTypeSumByAccount, none, nil).SumByAccount), map[string]string{other: "1.00000000 USD"})

	for body, want := range map[string]string{
		`{"usageCriteria":{}}`:                     "The request is rejected because the required parameter usageStatisticsType is not specified.",
		`{"usageStatisticsType":"SUM_BY_ACCOUNT"}`: "The request is rejected because the required parameter usageCriteria is not specified.",
		`{"usageStatisticsType":"SUM_BY_ACCOUNT","usageCriteria":{"accountIds":["x"]}}`:               "The request is rejected because the parameter usageCriteria.accountIds[0] has an invalid value: must be an account id of 12 digits.",
		`{"usageStatisticsType":"SUM_BY_ACCOUNT","usageCriteria":{},"unit":"EUR"}`:                    "The request is rejected because the parameter unit has an invalid value: must be one of USD, RECORDS.",
		`{"usageStatisticsType":"SUM_BY_ACCOUNT","usageCriteria":{"dataSources":["S3_DATA_EVENTS"]}}`: "The request is rejected because the parameter usageCriteria.dataSources[0] has an invalid value: must be one of FLOW_LOGS, CLOUD_TRAIL, DNS_LOGS, S3_LOGS, KUBERNETES_AUDIT_LOGS, EC2_MALWARE_SCAN.",
	} {
		if r := s.raw(access.RoleAdmin, "POST", "/detector/"+detectorID()+"/usage/statistics", body); r.message() != want {
			t.Errorf("%s: %s", body, r.text)
		}
	}
}

func TestFreeTrial(t *testing.T) {
	s := newService(t)
	out := must(s.enable().GetRemainingFreeTrialDays(t.Context(), &guardduty.GetRemainingFreeTrialDaysInput{DetectorId: idOf(account), AccountIds: []string{account, other}}))(t)
	if len(out.Accounts) != 1 || len(out.UnprocessedAccounts) != 1 || aws.ToString(out.Accounts[0].AccountId) != account || len(out.Accounts[0].Features) != 11 {
		t.Fatalf("free trial: %+v", out)
	}
	for _, f := range out.Accounts[0].Features {
		if f.FreeTrialDaysRemaining == nil || *f.FreeTrialDaysRemaining != 0 || f.Name == "" {
			t.Errorf("feature %+v", f)
		}
	}
	if d := out.Accounts[0].DataSources; d.Kubernetes.AuditLogs.FreeTrialDaysRemaining == nil || d.MalwareProtection.ScanEc2InstanceWithFindings.FreeTrialDaysRemaining == nil {
		t.Errorf("data sources %+v", d)
	}
}
