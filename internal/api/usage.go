package api

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/vedette-project/vedette/internal/store"
)

// usageDays is the span of usage statistics, as GuardDuty has it; the present
// day is the last one.
const usageDays = 30

// million is how many records a price is for.
const million = 1e6

// meter is what a source is called where usage is shown. A source without a
// data source has the newer name only.
type meter struct{ source, dataSource, feature string }

func meters() []meter {
	return []meter{
		{"vpc-flow", "FLOW_LOGS", "FLOW_LOGS"},
		{"cloudtrail", "CLOUD_TRAIL", "CLOUD_TRAIL"},
		{"dns", "DNS_LOGS", "DNS_LOGS"},
		{"k8s-audit", "KUBERNETES_AUDIT_LOGS", "EKS_AUDIT_LOGS"},
		{sourceRuntime, "", "EKS_RUNTIME_MONITORING"},
	}
}

// Values that criteria may ask for, with those of which nothing is ever used here.
func usageDataSources() []string {
	return []string{"FLOW_LOGS", "CLOUD_TRAIL", "DNS_LOGS", "S3_LOGS", "KUBERNETES_AUDIT_LOGS", "EC2_MALWARE_SCAN"}
}

func usageFeatures() []string {
	return []string{"FLOW_LOGS", "CLOUD_TRAIL", "DNS_LOGS", "S3_DATA_EVENTS", "EKS_AUDIT_LOGS", "EBS_MALWARE_PROTECTION",
		"RDS_LOGIN_EVENTS", "LAMBDA_NETWORK_LOGS", "EKS_RUNTIME_MONITORING", "EC2_RUNTIME_MONITORING", "FARGATE_RUNTIME_MONITORING",
		"RDS_DBI_PROTECTION_PROVISIONED", "RDS_DBI_PROTECTION_SERVERLESS"}
}

const (
	unitUSD     = "USD"
	unitRecords = "RECORDS" // ours: how much was analysed, whatever it costs
)

// used is what was analysed of one source and scope.
type used struct {
	account, resource, dataSource, feature string
	records                                int64
	usd                                    float64
}

func (s *server) usedOf(u *store.Usage) (used, bool) {
	i := slices.IndexFunc(meters(), func(m meter) bool { return m.source == u.Source })
	if i < 0 {
		return used{}, false
	}
	m := meters()[i]
	return used{
		account: u.Account, resource: u.Source + "/" + cmp.Or(u.Cluster, u.Account), dataSource: m.dataSource, feature: m.feature,
		records: u.Count, usd: float64(u.Count) / million * s.Prices[u.Source],
	}, true
}

// usageCriteria are which usage is asked for; nil is all.
type usageCriteria struct{ accounts, dataSources, features, resources []string }

func readUsageCriteria(body object) (u usageCriteria, err error) {
	o, given, err := body.object("usageCriteria")
	if err == nil && !given {
		err = missing("usageCriteria")
	}
	if err != nil {
		return u, err
	}
	if o.has("accountIds") {
		if u.accounts, err = o.accounts("accountIds"); err != nil {
			return u, err
		}
	}
	if u.resources, _, err = o.texts("resources", maxPage, 300); err != nil {
		return u, err
	}
	if u.dataSources, err = o.enums("dataSources", usageDataSources()); err != nil {
		return u, err
	}
	u.features, err = o.enums("features", usageFeatures())
	return u, err
}

// enums reads a list of strings that must each be one of the values.
func (o object) enums(name string, values []string) ([]string, error) {
	list, _, err := o.texts(name, maxPage, 300)
	for i, v := range list {
		if !slices.Contains(values, v) {
			return nil, badParam(o.at(name)+"["+strconv.Itoa(i)+"]", "must be one of "+strings.Join(values, ", "))
		}
	}
	return list, err
}

func (u *usageCriteria) match(x *used) bool {
	in := func(list []string, v string) bool { return len(list) == 0 || slices.Contains(list, v) }
	return in(u.accounts, x.account) && in(u.dataSources, x.dataSource) && in(u.features, x.feature) && in(u.resources, x.resource)
}

// usage reads what was analysed for the caller: the administrator sees every
// account, others their own.
func (s *server) usage(ctx context.Context, c *call, criteria *usageCriteria) ([]used, error) {
	now := s.Now()
	all, err := s.Store.Usage(ctx, now.AddDate(0, 0, 1-usageDays), now)
	if err != nil {
		return nil, err
	}
	var out []used
	for i := range all {
		x, ok := s.usedOf(&all[i])
		if ok && (s.home(c) || x.account == c.account) && criteria.match(&x) {
			out = append(out, x)
		}
	}
	return out, nil
}

// total is an amount, as text in a unit.
type total struct {
	Amount string `json:"amount"`
	Unit   string `json:"unit"`
}

// sum is usage that has a key in common.
type sum struct {
	key     string
	records int64
	usd     float64
}

func (s *sum) total(unit string) total {
	if unit == unitRecords {
		return total{strconv.FormatInt(s.records, 10), unit}
	}
	return total{strconv.FormatFloat(s.usd, 'f', 8, 64), unit}
}

// sums adds usage up by a key, in the order of the keys. What has none is left out.
func sums(list []used, key func(*used) string) []sum {
	byKey := map[string]*sum{}
	for i := range list {
		k := key(&list[i])
		if k == "" {
			continue
		}
		if byKey[k] == nil {
			byKey[k] = &sum{key: k}
		}
		byKey[k].records += list[i].records
		byKey[k].usd += list[i].usd
	}
	out := make([]sum, 0, len(byKey))
	for _, s := range byKey {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b sum) int { return cmp.Compare(a.key, b.key) })
	return out
}

// dearest sorts the largest first, and keeps as many as a page has.
func dearest(list []sum, unit string) []sum {
	slices.SortStableFunc(list, func(a, b sum) int {
		if unit == unitRecords {
			return cmp.Compare(b.records, a.records)
		}
		return cmp.Or(cmp.Compare(b.usd, a.usd), cmp.Compare(b.records, a.records))
	})
	return list[:min(len(list), maxPage)]
}
