package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/api"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// someRules are rules in force.
type someRules []api.CustomRule

func (r someRules) Rules(context.Context) ([]api.CustomRule, error) {
	return slices.Clone(r), nil
}

func ruleNumber(i int) api.CustomRule {
	return api.CustomRule{
		ID: fmt.Sprintf("00000000-0000-4000-8000-%012d", i), Name: fmt.Sprintf("Rule %03d", i), Description: "What it is about.",
		Severity: []string{"LOW", "HIGH"}[i%2], DataSource: "CloudTrailManagementEvent", Tactic: "Credential Access", Technique: "T1552",
		Service: "ec2", Expression: "title: x\n", Language: "SIGMA", Schema: "CloudTrail", Runtime: i == 1,
		CreatedAt: time.Unix(1_780_000_000, 0), UpdatedAt: time.Unix(1_780_000_100, 0),
		Activity: api.RuleActivity{Kind: "rule", MatchedEvents: 7, Findings: 2, LastMatchedAt: finding.Epoch{Time: time.Unix(1_780_000_200, 0)}},
	}
}

// ruleService is the API over a real socket and store, with rules. The SDK for
// Go does not know these operations yet, so that requests are written out; what
// they look like is of the one for JavaScript.
func ruleService(t *testing.T, rules ...api.CustomRule) *service {
	t.Helper()
	st, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "vedette.db"), store.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	s := &service{t: t, store: st, keys: map[access.Role]access.Key{}, log: &syncBuffer{}}
	byID := map[string]access.Key{}
	for _, role := range access.Roles() {
		k, err := access.NewKey(role)
		if err != nil {
			t.Fatal(err)
		}
		s.keys[role], byID[k.ID] = k, k
	}
	srv := httptest.NewServer(api.New(api.Options{
		Store: st, Account: account, Region: region, Now: time.Now, Logger: slog.New(slog.NewJSONHandler(s.log, nil)), Rules: someRules(rules),
		Keys: func(_ context.Context, id string) (access.Key, error) {
			if k, ok := byID[id]; ok {
				return k, nil
			}
			return access.Key{}, access.ErrNoKey
		},
	}))
	t.Cleanup(srv.Close)
	s.url = srv.URL
	return s
}

// do sends a request and reads the answer, which must have the status.
func (s *service) do(status int, method, target, body string) map[string]any {
	s.t.Helper()
	r := s.raw(access.RoleAdmin, method, target, body)
	if r.status != status {
		s.t.Fatalf("%s %s %s: %d %s", method, target, body, r.status, r.text)
	}
	if want := map[int]string{400: "BadRequestException", 404: "ResourceNotFoundException", 409: "ConflictException"}[status]; r.header.Get("X-Amzn-Errortype") != want {
		s.t.Errorf("%s %s: the error is %q", method, target, r.header.Get("X-Amzn-Errortype"))
	}
	out := map[string]any{}
	if err := json.Unmarshal([]byte(r.text), &out); err != nil {
		s.t.Fatal(err, r.text)
	}
	return out
}

func TestListCustomRules(t *testing.T) {
	var rules []api.CustomRule
	for i := range 120 {
		rules = append(rules, ruleNumber(i))
	}
	slices.Reverse(rules)
	s := ruleService(t, rules...)
	list := func(body map[string]any) (names []string, next string) {
		t.Helper()
		b, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		out := s.do(200, "POST", "/custom-detection-rule/rule", string(b))
		for _, r := range out["rules"].([]any) {
			names = append(names, r.(map[string]any)["name"].(string))
		}
		next, _ = out["nextToken"].(string)
		return names, next
	}
	var all []string
	for token := ""; ; {
		names, next := list(map[string]any{"maxResults": 100, "nextToken": token})
		if all = append(all, names...); next == "" {
			break
		}
		token = next
	}
	if len(all) != 120 || !slices.IsSorted(all) || len(slices.Compact(all)) != 120 {
		t.Errorf("%d rules over all pages", len(all))
	}
	if names, next := list(map[string]any{}); len(names) != 50 || next == "" {
		t.Errorf("a page without a number has %d, next %q", len(names), next)
	}
	filter := func(name, condition string, values ...string) map[string]any {
		f := map[string]any{"name": name, "values": values}
		if condition != "" {
			f["condition"] = condition
		}
		return f
	}
	for want, filters := range map[int][]map[string]any{
		1:  {filter("name", "", "Rule 007", "rule 008")},
		10: {filter("name", "CONTAINS", "RULE 01")},
		5:  {filter("name", "CONTAINS", "rule 01"), filter("severity", "EQUALS", "HIGH")},
		0:  {filter("tactic", "EQUALS", "Impact")},
	} {
		if names, _ := list(map[string]any{"filters": filters, "maxResults": 100}); len(names) != want {
			t.Errorf("%v: %v, want %d", filters, names, want)
		}
	}
	for _, body := range []string{`{"maxResults":0}`, `{"maxResults":101}`, `{"nextToken":"x"}`, `{"filters":[{"values":["x"]}]}`,
		`{"filters":[{"name":"colour","values":["x"]}]}`, `{"filters":[{"name":"name"}]}`, `{"filters":[{"name":"name","values":["x"],"condition":"LIKE"}]}`} {
		s.do(400, "POST", "/custom-detection-rule/rule", body)
	}
}

func TestGetCustomRule(t *testing.T) {
	s := ruleService(t, ruleNumber(1))
	id := ruleNumber(1).ID
	got := s.do(200, "GET", "/custom-detection-rule/rule/"+id, "")["rule"].(map[string]any)
	want := map[string]any{
		"ruleId": id, "arn": "arn:aws:guardduty:eu-central-1:111122223333:custom-detection-rule/rule/" + id, "name": "Rule 001", "description": "What it is about.",
		"severity": "HIGH", "dataSource": "CloudTrailManagementEvent", "tactic": "Credential Access", "technique": "T1552", "service": "ec2",
		"definition": map[string]any{"expression": "title: x\n"}, "language": "SIGMA", "schema": "CloudTrail", "createdAt": 1780000000.0, "updatedAt": 1780000100.0,
		"runtimeMonitoringDetails": map[string]any{"platforms": map[string]any{"eks": map[string]any{}, "ec2": map[string]any{}}},
		"vedette":                  map[string]any{"mode": "LIVE", "kind": "rule", "quiet": false, "matchedEvents": 7.0, "findings": 2.0, "dryRunFindings": 0.0, "lastMatchedAt": 1780000200.0},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	s.do(404, "GET", "/custom-detection-rule/rule/nothing", "")
}

func TestRuleAssociations(t *testing.T) {
	s := ruleService(t, ruleNumber(1), ruleNumber(2))
	one, two := ruleNumber(1).ID, ruleNumber(2).ID
	create := func(status int, body string) map[string]any {
		t.Helper()
		return s.do(status, "POST", "/custom-detection-rule/association", body)
	}
	made := create(200, `{"ruleId":"`+one+`","mode":"DRY_RUN","clientToken":"t","tags":{"team":"blue"}}`)["ruleAssociation"].(map[string]any)
	id := made["associationId"].(string)
	path := "/custom-detection-rule/rule/" + one + "/association/" + id
	if made["arn"] != "arn:aws:guardduty:eu-central-1:111122223333:custom-detection-rule/rule/"+one+"/association/"+id || made["mode"] != "DRY_RUN" ||
		made["accountId"] != account || made["ruleId"] != one || made["createdAt"] == nil || made["updatedAt"] == nil {
		t.Errorf("made %v", made)
	}
	again := create(200, `{"ruleId":"`+one+`","mode":"DRY_RUN","clientToken":"t"}`)["ruleAssociation"]
	if d := cmp.Diff(any(made), again); d != "" {
		t.Errorf("a retry makes another:\n%s", d)
	}
	create(409, `{"ruleId":"`+one+`","mode":"LIVE","clientToken":"u"}`)
	create(404, `{"ruleId":"nothing","mode":"LIVE"}`)
	for _, body := range []string{`{"mode":"LIVE"}`, `{"ruleId":"` + two + `"}`, `{"ruleId":"` + two + `","mode":"ON"}`, `{"ruleId":"` + two + `","mode":"LIVE","tags":{"aws:x":"y"}}`} {
		create(400, body)
	}
	create(200, `{"ruleId":"`+two+`","mode":"LIVE"}`)
	got := s.do(200, "GET", path, "")
	if d := cmp.Diff(map[string]any{"ruleAssociation": made, "tags": map[string]any{"team": "blue"}}, got); d != "" {
		t.Error(d)
	}
	if rule := s.do(200, "GET", "/custom-detection-rule/rule/"+one, "")["rule"].(map[string]any); rule["vedette"].(map[string]any)["mode"] != "DRY_RUN" {
		t.Error("the rule does not say that it is in a dry run")
	}
	count := func(query string) int {
		t.Helper()
		return len(s.do(200, "GET", "/custom-detection-rule/association"+query, "")["ruleAssociations"].([]any))
	}
	for query, want := range map[string]int{"": 2, "?mode=LIVE": 1, "?ruleId=" + one: 1, "?mode=LIVE&ruleId=" + one: 0, "?maxResults=1": 1} {
		if n := count(query); n != want {
			t.Errorf("%s: %d associations, want %d", query, n, want)
		}
	}
	page := s.do(200, "GET", "/custom-detection-rule/association?maxResults=1", "")
	if n := count("?nextToken=" + url.QueryEscape(page["nextToken"].(string))); n != 1 {
		t.Errorf("the second page has %d", n)
	}
	for _, query := range []string{"?mode=ON", "?maxResults=0", "?maxResults=101", "?nextToken=!"} {
		s.do(400, "GET", "/custom-detection-rule/association"+query, "")
	}
	s.do(200, "PUT", path, `{"mode":"LIVE"}`)
	s.do(400, "PUT", path, `{}`)
	s.do(404, "PUT", strings.Replace(path, one, two, 1), `{"mode":"LIVE"}`)
	if n := count("?mode=LIVE"); n != 2 {
		t.Errorf("after the change %d are LIVE", n)
	}
	s.do(200, "DELETE", path, "")
	s.do(404, "DELETE", path, "")
	s.do(404, "GET", path, "")
	if r := s.raw(access.RoleReadOnly, "DELETE", path, ""); r.status != http.StatusForbidden {
		t.Errorf("a viewer: %d", r.status)
	}
}

func TestRuleOrganization(t *testing.T) {
	s := ruleService(t, ruleNumber(1), ruleNumber(2))
	one := ruleNumber(1).ID
	const base = "/custom-detection-rule/org-configuration"
	path := base + "/" + one
	body := func(mode, more string) string { return `{"ruleId":"` + one + `","mode":"` + mode + `"` + more + `}` }
	s.do(200, "POST", base, body("DRY_RUN", `,"includeAccountIds":["444455556666"],"clientToken":"t"`))
	s.do(200, "POST", base, body("DRY_RUN", `,"includeAccountIds":["444455556666"],"clientToken":"t"`))
	s.do(409, "POST", base, body("DRY_RUN", ""))
	s.do(200, "POST", base, body("LIVE", `,"excludeAccountIds":["444455556666"]`))
	s.do(400, "POST", base, body("LIVE", `,"excludeAccountIds":["444455556666"],"includeAccountIds":["444455556667"]`))
	s.do(400, "POST", base, body("LIVE", `,"excludeAccountIds":["4444"]`))
	s.do(404, "POST", base, `{"ruleId":"nothing","mode":"LIVE"}`)
	got := s.do(200, "GET", path+"?mode=DRY_RUN", "")["configuration"].(map[string]any)
	if got["createdAt"] == nil || got["updatedAt"] == nil {
		t.Errorf("got %v", got)
	}
	delete(got, "createdAt")
	delete(got, "updatedAt")
	want := map[string]any{"ruleId": one, "mode": "DRY_RUN", "status": "ACTIVE", "includeAccountIds": []any{"444455556666"}, "excludeAccountIds": []any{}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	s.do(400, "GET", path, "")
	s.do(400, "GET", path+"?mode=ON", "")
	s.do(404, "GET", base+"/nothing?mode=LIVE", "")
	list := func(query string) []any {
		return s.do(200, "GET", base+query, "")["configurations"].([]any)
	}
	if a, b, c := len(list("")), len(list("?status=FAILED")), len(list("?status=ACTIVE&maxResults=1")); a != 2 || b != 0 || c != 1 {
		t.Errorf("lists have %d, %d and %d", a, b, c)
	}
	s.do(400, "GET", base+"?status=GOOD", "")
	s.do(200, "PUT", path, `{"mode":"LIVE","includeAccountIds":["777788889999"]}`)
	if got := s.do(200, "GET", path+"?mode=LIVE", "")["configuration"].(map[string]any); fmt.Sprint(got["includeAccountIds"], got["excludeAccountIds"]) != "[777788889999] []" {
		t.Errorf("after the change %v", got)
	}
	s.do(200, "DELETE", path+"?mode=LIVE", "")
	s.do(404, "DELETE", path+"?mode=LIVE", "")
	s.do(200, "PUT", path, `{"mode":"LIVE"}`) // the only one gets the mode
	s.do(404, "GET", path+"?mode=DRY_RUN", "")
	s.do(404, "PUT", base+"/"+ruleNumber(2).ID, `{"mode":"LIVE"}`)
	if modes, _, err := s.store.RuleModes(t.Context()); err != nil || len(modes) != 1 || !modes[0].Members || len(modes[0].Include) > 0 {
		t.Error(modes, errors.Join(err))
	}
}
