package api

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// A body is read to a valid thing or refused with a BadRequest, whatever it holds.
func FuzzBody(f *testing.F) {
	f.Add([]byte(`{"enable":true,"features":[{"name":"EKS_RUNTIME_MONITORING","status":"ENABLED","additionalConfiguration":[{"name":"EKS_ADDON_MANAGEMENT","status":"ENABLED"}]}],"tags":{"a":"b"}}`))
	f.Add([]byte(`{"dataSources":{"s3Logs":{"enable":true},"kubernetes":{"auditLogs":{"enable":null}}}}`))
	f.Add([]byte(`{"name":"abc","rank":1,"action":"ARCHIVE","findingCriteria":{"criterion":{"severity":{"gte":7}}},"sortCriteria":{"attributeName":"severity","orderBy":"ASC"}}`))
	f.Add([]byte(`{"findingIds":["a","b",null],"maxResults":1e9,"groupBy":"DATE"}`))
	f.Add([]byte(`{"filterCriteria":{"filterCriterion":[{"criterionKey":"COVERAGE_STATUS","filterCondition":{"equals":["HEALTHY"]}}]},"sortCriteria":{"attributeName":"ISSUE"},"nextToken":"e30","statisticsType":["COUNT_BY_RESOURCE_TYPE"]}`))
	f.Add([]byte(`{"name":"a b","format":"TXT","location":"s3://bucket/key","activate":true,"expectedBucketOwner":"111122223333","clientToken":"t"}`))
	f.Add([]byte(`{"accountIds":["222222222222"],"accountDetails":[{"accountId":"222222222222","email":"a@example.com"}],"autoEnableOrganizationMembers":"NEW","features":[{"name":"RUNTIME_MONITORING","autoEnable":"ALL","additionalConfiguration":[{"name":"EKS_ADDON_MANAGEMENT","autoEnable":"NEW"}]}]}`))
	f.Add([]byte(`{"usageCriteria":{"accountIds":["222222222222"],"features":["DNS_LOGS"]},"include":{"EC2_INSTANCE_TAG":{"mapEquals":[{"key":"a","value":"b"}]}},"dataSources":{"s3Logs":{"autoEnable":true}}}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		body, err := parseBody(data)
		if err != nil {
			checkRefusal(t, err)
			return
		}
		now := time.Unix(0, 0)
		d := finding.Detector{Features: defaultFeatures(now)}
		if err := applyDetectorSettings(&d, body, now); err != nil {
			checkRefusal(t, err)
		} else if isOn(&d, eksRuntime) && isOn(&d, allRuntime) || len(d.Features) != len(features()) {
			t.Errorf("%s gave the features %+v", data, d.Features)
		}
		fl := finding.Filter{Name: "f", Action: "NOOP", Rank: 1}
		if err := applyFilterSettings(&fl, body); err != nil {
			checkRefusal(t, err)
		} else if len(fl.Criteria) == 0 || fl.Rank < 1 || fl.Rank > maxRank {
			t.Errorf("%s gave the filter %+v", data, fl)
		}
		l := store.List{Status: store.ListActive}
		if err := applySetSettings(&l, body); err != nil {
			checkRefusal(t, err)
		} else if (l.Wish > 0) != (l.Status != store.ListActive) {
			t.Errorf("%s gave the list %+v", data, l)
		}
		if tags, err := readTags(body, "tags"); err != nil {
			checkRefusal(t, err)
		} else if len(tags) > maxTagsResource {
			t.Errorf("%d tags", len(tags))
		}
		if ids, err := readIDs(body); err != nil {
			checkRefusal(t, err)
		} else if len(ids) > maxIDs {
			t.Errorf("%d ids", len(ids))
		}
		if _, err := readSort(body); err != nil {
			checkRefusal(t, err)
		}
		checkCoverage(t, body)
		checkAccounts(t, body)
	})
}

// checkAccounts reads what the calls about accounts and usage read.
func checkAccounts(t *testing.T, body object) {
	t.Helper()
	org := store.Organization{Features: map[string]store.OrganizationFeature{}}
	var errs [7]error
	var ids []string
	var details []accountDetail
	ids, errs[0] = body.accounts("accountIds")
	details, errs[1] = readAccountDetails(body)
	_, errs[2] = readUsageCriteria(body)
	errs[3] = applyAutoEnable(&org, body, time.Unix(0, 0))
	errs[4] = applyOrganizationSources(&org, body)
	errs[5] = applyOrganizationFeatures(&org, body)
	errs[6] = checkScanCriteria(body)
	for _, err := range errs {
		if err != nil {
			checkRefusal(t, err)
		}
	}
	if len(ids) > maxAccounts || len(details) > maxAccounts {
		t.Errorf("%d and %d accounts", len(ids), len(details))
	}
	for name := range org.Features {
		if !organizationFeature(name) {
			t.Errorf("the feature %q can be set", name)
		}
	}
	if kept := audited(body); len(kept) > maxAudited+len("…") || !utf8.ValidString(kept) {
		t.Errorf("the audit log would keep %d bytes", len(kept))
	}
}

// FuzzToken: a token is one that was made for the call, or refused.
func FuzzToken(f *testing.F) {
	f.Add("", "")
	f.Add("x", "e30")
	f.Add("a token of any length", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, plain, foreign string) {
		if !utf8.ValidString(plain) {
			return // a handler's token is text
		}
		c := &call{key: access.Key{Secret: "s"}, op: operation{name: "ListFindings"}, r: httptest.NewRequest("POST", "/detector/d/findings", nil)}
		answer, err := encode(map[string]any{"findingIds": []string{plain}, "nextToken": plain})
		if err != nil {
			t.Fatal(err)
		}
		hidden, err := c.hideToken(answer)
		var got struct{ NextToken string }
		if err != nil || json.Unmarshal(hidden, &got) != nil {
			t.Fatalf("%s became %s: %v", answer, hidden, err)
		}
		if got.NextToken != "" {
			if shown, err := c.openToken(got.NextToken, "query"); err != nil || shown != plain {
				t.Errorf("%q came back as %q: %v", plain, shown, err)
			}
		}
		if _, err := c.openToken(foreign, "query"); err != nil {
			checkRefusal(t, err)
		} else if foreign != got.NextToken {
			t.Errorf("%q passes for a token", foreign)
		}
	})
}

// checkCoverage reads what the calls about coverage read.
func checkCoverage(t *testing.T, body object) {
	t.Helper()
	q := coverageQuery{Detector: "d"}
	var errs [5]error
	var token string
	q.Criteria, errs[0] = readCoverageCriteria(body)
	q.Sort, errs[1] = readCoverageSort(body)
	token, _, errs[2] = body.text("nextToken", 0, maxTokenLen)
	_, errs[3] = q.readToken(token)
	_, errs[4] = readStatisticsType(body)
	for _, err := range errs {
		if err != nil {
			checkRefusal(t, err)
		}
	}
	rs := []coverageResource{{ResourceID: "a"}, {ResourceID: "b", CoverageStatus: "HEALTHY"}}
	page, next := q.page(rs, nil, 1)
	place, err := q.readToken(next)
	if err != nil || len(page) != 1 || place.ID != page[0].ResourceID {
		t.Errorf("a page of %d, then the place %+v: %v", len(page), place, err)
	}
	for i := range rs {
		if len(q.Criteria) == 0 && !q.Criteria.match(&rs[i]) {
			t.Errorf("no criteria, and %s does not match", rs[i].ResourceID)
		}
	}
}

// checkRefusal checks that an error is one for the caller, and can be sent.
func checkRefusal(t *testing.T, err error) {
	t.Helper()
	e := publicError(err)
	if e.status != 400 {
		t.Errorf("error %v would be answered with %d", err, e.status)
	}
	text, err := encode(map[string]string{"message": e.message})
	if err != nil || !json.Valid(text) || !utf8.ValidString(e.message) {
		t.Error(errors.Join(err, e))
	}
}
