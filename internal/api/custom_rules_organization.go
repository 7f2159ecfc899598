package api

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// maxRuleAccounts bounds the accounts of a configuration.
const maxRuleAccounts = 10_000

var accountID = regexp.MustCompile(`^[0-9]{12}$`)

// ruleOrganization is a configuration as the API shows it. It is in force when
// it was written, so that its status is always ACTIVE.
type ruleOrganization struct {
	RuleID    string        `json:"ruleId"`
	Mode      string        `json:"mode"`
	Status    string        `json:"status"`
	CreatedAt finding.Epoch `json:"createdAt"`
	UpdatedAt finding.Epoch `json:"updatedAt"`
}

func organization(m *store.RuleMode) ruleOrganization {
	return ruleOrganization{m.Rule, m.Mode, "ACTIVE", finding.Epoch{Time: m.CreatedAt}, finding.Epoch{Time: m.UpdatedAt}}
}

// readRuleAccounts reads for which members a configuration is.
func readRuleAccounts(m *store.RuleMode, body object) error {
	m.Include, m.Exclude = nil, nil
	for _, l := range []struct {
		name string
		to   *[]string
	}{{"includeAccountIds", &m.Include}, {"excludeAccountIds", &m.Exclude}} {
		ids, _, err := body.texts(l.name, maxRuleAccounts, 12)
		if err != nil {
			return err
		}
		for i, id := range ids {
			if !accountID.MatchString(id) {
				return badParam(fmt.Sprintf("%s[%d]", l.name, i), "must be an account id of 12 digits")
			}
		}
		*l.to = ids
	}
	if len(m.Include) > 0 && len(m.Exclude) > 0 {
		return bad("The request is rejected because includeAccountIds and excludeAccountIds cannot be given together.")
	}
	return nil
}

// ruleModesOf are the configurations of a rule: at most one of each mode.
func ruleModesOf(have []store.RuleMode, rule string) []store.RuleMode {
	return slices.DeleteFunc(slices.Clone(have), func(m store.RuleMode) bool { return !m.Members || m.Rule != rule })
}

// organizationOf finds the configuration of the rule that the path names.
func (c *call) organizationOf(have []store.RuleMode, mode string) (store.RuleMode, error) {
	of := ruleModesOf(have, c.r.PathValue("RuleId"))
	i := slices.IndexFunc(of, func(m store.RuleMode) bool { return m.Mode == mode })
	if i < 0 {
		return store.RuleMode{}, noSuchRule("organization configuration of the rule in the mode " + mode)
	}
	return of[i], nil
}

// queryMode reads the mode that a query must have.
func (c *call) queryMode() (string, error) {
	switch mode := c.query.Get("mode"); mode {
	case store.RuleLive, store.RuleDryRun:
		return mode, nil
	case "":
		return "", missing("mode")
	}
	return "", badParam("mode", "must be one of LIVE, DRY_RUN")
}

func (s *server) createRuleOrganization(ctx context.Context, c *call) (any, error) {
	m, err := s.newMode(ctx, c)
	if err != nil {
		return nil, err
	}
	m.Members = true
	if err := readRuleAccounts(&m, c.body); err != nil {
		return nil, err
	}
	return nil, s.Store.ChangeRuleModes(ctx, func(have []store.RuleMode) (*store.RuleMode, string, error) {
		for _, old := range ruleModesOf(have, m.Rule) {
			switch {
			case old.Mode != m.Mode:
			case m.ClientToken != "" && old.ClientToken == m.ClientToken: // a retry
				return nil, "", nil
			default:
				return nil, "", ruleConflict("the rule has an organization configuration in the mode " + m.Mode + " already")
			}
		}
		return &m, "", nil
	})
}

func (s *server) getRuleOrganization(ctx context.Context, c *call) (any, error) {
	mode, err := c.queryMode()
	if err != nil {
		return nil, err
	}
	have, _, err := s.Store.RuleModes(ctx)
	if err != nil {
		return nil, err
	}
	m, err := c.organizationOf(have, mode)
	if err != nil {
		return nil, err
	}
	return map[string]any{"configuration": struct {
		ruleOrganization
		Include []string `json:"includeAccountIds"`
		Exclude []string `json:"excludeAccountIds"`
	}{organization(&m), append([]string{}, m.Include...), append([]string{}, m.Exclude...)}}, nil
}

func (s *server) listRuleOrganizations(ctx context.Context, c *call) (any, error) {
	limit, after, err := c.rulePage()
	if err != nil {
		return nil, err
	}
	status := c.query.Get("status")
	if status != "" && !slices.Contains([]string{"ACTIVE", "PROCESSING", "FAILED"}, status) {
		return nil, badParam("status", "must be one of ACTIVE, PROCESSING, FAILED")
	}
	have, _, err := s.Store.RuleModes(ctx)
	if err != nil {
		return nil, err
	}
	place := func(m *store.RuleMode) string { return m.Rule + " " + m.Mode }
	slices.SortFunc(have, func(a, b store.RuleMode) int { return strings.Compare(place(&a), place(&b)) })
	out := struct {
		Configurations []ruleOrganization `json:"configurations"`
		NextToken      string             `json:"nextToken,omitempty"`
	}{Configurations: []ruleOrganization{}}
	last := ""
	for i := range have {
		m := &have[i]
		if !m.Members || place(m) <= after || status != "" && status != "ACTIVE" {
			continue
		}
		if len(out.Configurations) == limit {
			out.NextToken = newPlace(last)
			break
		}
		out.Configurations, last = append(out.Configurations, organization(m)), place(m)
	}
	return out, nil
}

// updateRuleOrganization says for whom the configuration of a mode is. Where
// there is only one, of the other mode, it gets this mode.
func (s *server) updateRuleOrganization(ctx context.Context, c *call) (any, error) {
	mode, err := ruleMode(c.body)
	if err != nil {
		return nil, err
	}
	now := wireNow(s.Now)
	return nil, s.Store.ChangeRuleModes(ctx, func(have []store.RuleMode) (*store.RuleMode, string, error) {
		m, err := c.organizationOf(have, mode)
		if of := ruleModesOf(have, c.r.PathValue("RuleId")); err != nil && len(of) == 1 {
			m, err = of[0], nil
		}
		if err != nil {
			return nil, "", err
		}
		m.Mode, m.UpdatedAt = mode, now
		return &m, "", readRuleAccounts(&m, c.body)
	})
}

// deleteRuleOrganization takes a configuration away. Members are judged as the
// association of the rule says then.
func (s *server) deleteRuleOrganization(ctx context.Context, c *call) (any, error) {
	mode, err := c.queryMode()
	if err != nil {
		return nil, err
	}
	return nil, s.Store.ChangeRuleModes(ctx, func(have []store.RuleMode) (*store.RuleMode, string, error) {
		m, err := c.organizationOf(have, mode)
		return nil, m.ID, err
	})
}
