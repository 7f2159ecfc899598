package api

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
)

// Rules tells of the rules in force.
type Rules interface {
	// Rules returns the rules in force, in any order.
	Rules(ctx context.Context) ([]CustomRule, error)
}

// CustomRule is a rule as the API shows it.
type CustomRule struct {
	ID, Name, Description string
	Severity              string // LOW, MEDIUM, HIGH or CRITICAL
	DataSource            string // of the events that it is about
	Tactic, Technique     string
	Service               string
	Expression            string
	Language, Schema      string // "" where there is no word for it
	Runtime               bool   // it is about what sensors see
	CreatedAt, UpdatedAt  time.Time
	Activity              RuleActivity
}

// RuleActivity is what a rule did since it has its present text. GuardDuty has
// no such member.
type RuleActivity struct {
	Kind           string        `json:"kind"` // rule, builtin, or the type of a correlation
	Quiet          bool          `json:"quiet"`
	MatchedEvents  int64         `json:"matchedEvents"`
	Findings       int64         `json:"findings"`
	DryRunFindings int64         `json:"dryRunFindings"`
	LastMatchedAt  finding.Epoch `json:"lastMatchedAt,omitzero"` // event time
	Since          finding.Epoch `json:"since,omitzero"`
	NanosPerEvent  int64         `json:"nanosecondsPerEvent,omitempty"`
	Version        string        `json:"version,omitempty"`
	File           string        `json:"file,omitempty"`
	Line           int           `json:"line,omitempty"`
}

// customRuleHandlers adds the operations of custom detection rules.
func (s *server) customRuleHandlers(to map[string]handler) {
	to["ListCustomDetectionRules"] = s.listCustomRules
	to["GetCustomDetectionRule"] = s.getCustomRule
	to["CreateCustomDetectionRuleAssociation"] = s.createRuleAssociation
	to["GetCustomDetectionRuleAssociation"] = s.getRuleAssociation
	to["ListCustomDetectionRuleAssociations"] = s.listRuleAssociations
	to["UpdateCustomDetectionRuleAssociation"] = s.updateRuleAssociation
	to["DeleteCustomDetectionRuleAssociation"] = s.deleteRuleAssociation
	to["CreateCustomDetectionRuleOrgConfiguration"] = s.createRuleOrganization
	to["GetCustomDetectionRuleOrgConfiguration"] = s.getRuleOrganization
	to["ListCustomDetectionRuleOrgConfigurations"] = s.listRuleOrganizations
	to["UpdateCustomDetectionRuleOrgConfiguration"] = s.updateRuleOrganization
	to["DeleteCustomDetectionRuleOrgConfiguration"] = s.deleteRuleOrganization
}

// These operations, younger than the others, know two more exceptions.

func noSuchRule(what string) *apiError {
	return &apiError{http.StatusNotFound, "ResourceNotFoundException", "ResourceNotFoundException", "The request is rejected because there is no such " + what + "."}
}

func ruleConflict(message string) *apiError {
	return &apiError{http.StatusConflict, "ConflictException", "ConflictException", "The request is rejected because " + message + "."}
}

// maxRulePage is how many items a page of these operations may have.
const maxRulePage = 100

// ruleARN names a rule, or with an association what belongs to it.
func (s *server) ruleARN(rule, association string) string {
	arn := "arn:" + finding.Partition(s.Region) + ":" + Service + ":" + s.Region + ":" + s.Account + ":custom-detection-rule/rule/" + rule
	if association != "" {
		arn += "/association/" + association
	}
	return arn
}

// customRules are the rules in force, by name, then id.
func (s *server) customRules(ctx context.Context) ([]CustomRule, error) {
	if s.Rules == nil {
		return nil, nil
	}
	all, err := s.Rules.Rules(ctx)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b CustomRule) int { return strings.Compare(a.place(), b.place()) })
	return all, nil
}

// place is where a rule stands in a list.
func (r *CustomRule) place() string { return r.Name + "\x00" + r.ID }

// customRule is the rule of an id.
func (s *server) customRule(ctx context.Context, id string) (CustomRule, error) {
	all, err := s.customRules(ctx)
	if err != nil {
		return CustomRule{}, err
	}
	i := slices.IndexFunc(all, func(r CustomRule) bool { return r.ID == id })
	if i < 0 {
		return CustomRule{}, noSuchRule("rule")
	}
	return all[i], nil
}

// ruleSummary is a rule in a list.
type ruleSummary struct {
	RuleID      string        `json:"ruleId"`
	ARN         string        `json:"arn"`
	Name        string        `json:"name"`
	Description string        `json:"description"`
	Severity    string        `json:"severity"`
	DataSource  string        `json:"dataSource"`
	Tactic      string        `json:"tactic"`
	Technique   string        `json:"technique"`
	Service     string        `json:"service"`
	Language    string        `json:"language,omitempty"`
	Schema      string        `json:"schema,omitempty"`
	CreatedAt   finding.Epoch `json:"createdAt"`
	UpdatedAt   finding.Epoch `json:"updatedAt"`
}

func (s *server) summary(r *CustomRule) ruleSummary {
	return ruleSummary{
		r.ID, s.ruleARN(r.ID, ""), r.Name, r.Description, r.Severity, r.DataSource, r.Tactic, r.Technique, r.Service, r.Language, r.Schema,
		finding.Epoch{Time: r.CreatedAt}, finding.Epoch{Time: r.UpdatedAt},
	}
}

func (s *server) listCustomRules(ctx context.Context, c *call) (any, error) {
	limit, given, err := c.body.integer("maxResults", 1, maxRulePage)
	if err != nil {
		return nil, err
	}
	if !given {
		limit = maxPage
	}
	token, _, err := c.body.text("nextToken", 0, maxTokenLen)
	if err != nil {
		return nil, err
	}
	after, err := readPlace(token)
	if err != nil {
		return nil, err
	}
	wanted, err := readRuleFilters(c.body)
	if err != nil {
		return nil, err
	}
	all, err := s.customRules(ctx)
	if err != nil {
		return nil, err
	}
	out := struct {
		Rules     []ruleSummary `json:"rules"`
		NextToken string        `json:"nextToken,omitempty"`
	}{Rules: []ruleSummary{}}
	last := ""
	for i := range all {
		r := &all[i]
		if r.place() <= after || !wanted(r) {
			continue
		}
		if len(out.Rules) == int(limit) {
			out.NextToken = newPlace(last)
			break
		}
		out.Rules, last = append(out.Rules, s.summary(r)), r.place()
	}
	return out, nil
}

// A token of these lists is the place of the last item shown, so that pages
// stay right when items come and go between them.
func newPlace(place string) string {
	return base64.RawURLEncoding.EncodeToString([]byte("after " + place))
}

func readPlace(token string) (string, error) {
	if token == "" {
		return "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(token)
	place, ok := strings.CutPrefix(string(b), "after ")
	if err != nil || !ok {
		return "", badParam("nextToken", "is not a token of this operation")
	}
	return place, nil
}

// readRuleFilters reads what rules of a list are to be: of each filter one of
// its values.
func readRuleFilters(body object) (func(*CustomRule) bool, error) {
	list, _, err := body.objects("filters")
	if err != nil {
		return nil, err
	}
	if len(list) > maxRulePage {
		return nil, badParam("filters", fmt.Sprintf("has %d items, at most %d are allowed", len(list), maxRulePage))
	}
	var all []func(*CustomRule) bool
	for _, o := range list {
		name, given, err := o.enum("name", "name", "description", "dataSource", "severity", "tactic", "technique", "service")
		if err != nil {
			return nil, err
		}
		if !given {
			return nil, missing(o.at("name"))
		}
		values, given, err := o.texts("values", maxIDs, 512)
		if err != nil {
			return nil, err
		}
		if !given || len(values) == 0 {
			return nil, missing(o.at("values"))
		}
		condition, _, err := o.enum("condition", "EQUALS", "CONTAINS")
		if err != nil {
			return nil, err
		}
		all = append(all, func(r *CustomRule) bool {
			have := map[string]string{
				"name": r.Name, "description": r.Description, "dataSource": r.DataSource, "severity": r.Severity,
				"tactic": r.Tactic, "technique": r.Technique, "service": r.Service,
			}[name]
			return slices.ContainsFunc(values, func(v string) bool {
				if condition == "CONTAINS" {
					return strings.Contains(strings.ToLower(have), strings.ToLower(v))
				}
				return have == v
			})
		})
	}
	return func(r *CustomRule) bool {
		return !slices.ContainsFunc(all, func(f func(*CustomRule) bool) bool { return !f(r) })
	}, nil
}

func (s *server) getCustomRule(ctx context.Context, c *call) (any, error) {
	r, err := s.customRule(ctx, c.r.PathValue("RuleId"))
	if err != nil {
		return nil, err
	}
	modes, _, err := s.Store.RuleModes(ctx)
	if err != nil {
		return nil, err
	}
	type platforms struct {
		EKS struct{} `json:"eks"`
		EC2 struct{} `json:"ec2"`
	}
	type runtimeDetails struct {
		Platforms platforms `json:"platforms"`
	}
	type activity struct {
		Mode string `json:"mode"`
		RuleActivity
	}
	rule := struct {
		ruleSummary
		Definition map[string]string `json:"definition"`
		Runtime    *runtimeDetails   `json:"runtimeMonitoringDetails,omitempty"`
		Activity   activity          `json:"vedette"`
	}{
		ruleSummary: s.summary(&r), Definition: map[string]string{"expression": r.Expression},
		Activity: activity{modeOf(modes, r.ID), r.Activity},
	}
	if r.Runtime {
		rule.Runtime = &runtimeDetails{}
	}
	return map[string]any{"rule": rule}, nil
}

// rulePage reads maxResults and nextToken of a list that pages in its query.
func (c *call) rulePage() (limit int, after string, err error) {
	limit = maxPage
	if s := c.query.Get("maxResults"); s != "" {
		limit, err = strconv.Atoi(s)
		if err != nil || limit < 1 || limit > maxRulePage {
			return 0, "", badParam("maxResults", fmt.Sprintf("must be a whole number from 1 to %d", maxRulePage))
		}
	}
	token := c.query.Get("nextToken")
	if len(token) > maxTokenLen {
		return 0, "", badParam("nextToken", "is not a token of this operation")
	}
	after, err = readPlace(token)
	return limit, after, err
}
