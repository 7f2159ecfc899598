package api

import "context"

type accountUsage struct {
	AccountID string `json:"accountId"`
	Total     total  `json:"total"`
}

type dataSourceUsage struct {
	DataSource string `json:"dataSource"`
	Total      total  `json:"total"`
}

type featureUsage struct {
	Feature string `json:"feature"`
	Total   total  `json:"total"`
}

type resourceUsage struct {
	Resource string `json:"resource"`
	Total    total  `json:"total"`
}

type topAccounts struct {
	Feature  string         `json:"feature"`
	Accounts []accountUsage `json:"accounts"`
}

// usageStatistics has the member that was asked for.
type usageStatistics struct {
	SumByAccount         []accountUsage    `json:"sumByAccount,omitzero"`
	SumByDataSource      []dataSourceUsage `json:"sumByDataSource,omitzero"`
	SumByFeature         []featureUsage    `json:"sumByFeature,omitzero"`
	SumByResource        []resourceUsage   `json:"sumByResource,omitzero"`
	TopResources         []resourceUsage   `json:"topResources,omitzero"`
	TopAccountsByFeature []topAccounts     `json:"topAccountsByFeature,omitzero"`
}

func (s *server) getUsageStatistics(ctx context.Context, c *call) (any, error) {
	kind, given, err := c.body.enum("usageStatisticsType",
		"SUM_BY_ACCOUNT", "SUM_BY_DATA_SOURCE", "SUM_BY_RESOURCE", "TOP_RESOURCES", "SUM_BY_FEATURES", "TOP_ACCOUNTS_BY_FEATURE")
	if err == nil && !given {
		err = missing("usageStatisticsType")
	}
	if err != nil {
		return nil, err
	}
	criteria, err := readUsageCriteria(c.body)
	if err != nil {
		return nil, err
	}
	unit, given, err := c.body.enum("unit", unitUSD, unitRecords)
	if err != nil {
		return nil, err
	}
	if !given {
		unit = unitUSD
	}
	limit, given, err := c.body.integer("maxResults", 1, maxPage)
	if err != nil {
		return nil, err
	}
	if !given {
		limit = maxPage
	}
	after, _, err := c.body.text("nextToken", 0, maxTokenLen)
	if err != nil {
		return nil, err
	}
	list, err := s.usage(ctx, c, &criteria)
	if err != nil {
		return nil, err
	}
	stats, next := summarize(kind, unit, list, after, int(limit))
	return struct {
		Statistics usageStatistics `json:"usageStatistics"`
		NextToken  string          `json:"nextToken,omitempty"`
	}{stats, next}, nil
}

// summarize adds up what a kind of statistic shows. Sums have pages, by their
// keys; the top ones are one page.
func summarize(kind, unit string, list []used, after string, limit int) (out usageStatistics, next string) {
	var page []sum
	by := func(key func(*used) string) { page, next = pageOf(sums(list, key), after, limit) }
	resource := func(x *used) string { return x.resource }
	switch kind {
	case "SUM_BY_ACCOUNT":
		by(func(x *used) string { return x.account })
		out.SumByAccount = accountUsages(page, unit)
	case "SUM_BY_DATA_SOURCE":
		by(func(x *used) string { return x.dataSource })
		out.SumByDataSource = []dataSourceUsage{}
		for _, s := range page {
			out.SumByDataSource = append(out.SumByDataSource, dataSourceUsage{s.key, s.total(unit)})
		}
	case "SUM_BY_FEATURES":
		by(func(x *used) string { return x.feature })
		out.SumByFeature = []featureUsage{}
		for _, s := range page {
			out.SumByFeature = append(out.SumByFeature, featureUsage{s.key, s.total(unit)})
		}
	case "SUM_BY_RESOURCE":
		by(resource)
		out.SumByResource = resourceUsages(page, unit)
	case "TOP_RESOURCES":
		out.TopResources = resourceUsages(dearest(sums(list, resource), unit), unit)
	case "TOP_ACCOUNTS_BY_FEATURE":
		out.TopAccountsByFeature = topAccountsOf(list, unit)
	}
	return out, next
}

// pageOf cuts a page out of sums in the order of their keys; the token is the
// last key of the page before.
func pageOf(list []sum, after string, limit int) (page []sum, next string) {
	for _, s := range list {
		if after != "" && s.key <= after {
			continue
		}
		if len(page) == limit {
			return page, page[limit-1].key
		}
		page = append(page, s)
	}
	return page, ""
}

func accountUsages(page []sum, unit string) []accountUsage {
	out := []accountUsage{}
	for _, s := range page {
		out = append(out, accountUsage{s.key, s.total(unit)})
	}
	return out
}

func resourceUsages(page []sum, unit string) []resourceUsage {
	out := []resourceUsage{}
	for _, s := range page {
		out = append(out, resourceUsage{s.key, s.total(unit)})
	}
	return out
}

func topAccountsOf(list []used, unit string) []topAccounts {
	out := []topAccounts{}
	for _, f := range sums(list, func(x *used) string { return x.feature }) {
		of := sums(list, func(x *used) string {
			if x.feature != f.key {
				return ""
			}
			return x.account
		})
		out = append(out, topAccounts{f.key, accountUsages(dearest(of, unit), unit)})
	}
	return out
}

// noTrial is what is left of a free trial: nothing here ends, and nothing
// begins to cost.
type noTrial struct {
	Days int `json:"freeTrialDaysRemaining"`
}

type trialFeature struct {
	Name string `json:"name"`
	noTrial
}

type trialAccount struct {
	AccountID   string `json:"accountId"`
	DataSources struct {
		CloudTrail noTrial `json:"cloudTrail"`
		DNSLogs    noTrial `json:"dnsLogs"`
		FlowLogs   noTrial `json:"flowLogs"`
		S3Logs     noTrial `json:"s3Logs"`
		Kubernetes struct {
			AuditLogs noTrial `json:"auditLogs"`
		} `json:"kubernetes"`
		Malware struct {
			Scan noTrial `json:"scanEc2InstanceWithFindings"`
		} `json:"malwareProtection"`
	} `json:"dataSources"`
	Features []trialFeature `json:"features"`
}

// getRemainingFreeTrialDays answers 0 days for every feature of the accounts
// that the caller sees.
func (s *server) getRemainingFreeTrialDays(ctx context.Context, c *call) (any, error) {
	d, err := s.detector(ctx, c)
	if err != nil {
		return nil, err
	}
	ids := []string{d.Account}
	if c.body.has("accountIds") {
		if ids, err = c.body.accounts("accountIds"); err != nil {
			return nil, err
		}
	}
	seen, err := s.administered(ctx, d.Account)
	if err != nil {
		return nil, err
	}
	out := struct {
		Accounts []trialAccount `json:"accounts"`
		unprocessed
	}{[]trialAccount{}, unprocessed{[]unprocessedAccount{}}}
	for _, id := range ids {
		if !seen[id] {
			out.add(id, textNotMember)
			continue
		}
		a := trialAccount{AccountID: id}
		for _, name := range usageFeatures()[:trialFeatures] {
			a.Features = append(a.Features, trialFeature{Name: name})
		}
		out.Accounts = append(out.Accounts, a)
	}
	return out, nil
}

// trialFeatures is how many of the features that are used have trials.
const trialFeatures = 11
