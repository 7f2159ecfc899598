package api

import (
	"context"
	"slices"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// A rule without an association makes findings: it is of a file that the
// operator wrote, or of those that are switched on in the configuration. An
// association says so, or that it only counts what it would find.

// modeOf is how a rule is used where no configuration of the organization says
// otherwise.
func modeOf(modes []store.RuleMode, rule string) string {
	for _, m := range modes {
		if m.Rule == rule && !m.Members {
			return m.Mode
		}
	}
	return store.RuleLive
}

// association is one as the API shows it. A dry run has no end: the rule would
// make findings then.
type association struct {
	AssociationID string        `json:"associationId"`
	ARN           string        `json:"arn"`
	RuleID        string        `json:"ruleId"`
	AccountID     string        `json:"accountId,omitempty"`
	Mode          string        `json:"mode"`
	CreatedAt     finding.Epoch `json:"createdAt"`
	UpdatedAt     finding.Epoch `json:"updatedAt"`
}

func (s *server) association(m *store.RuleMode) association {
	return association{
		m.ID, s.ruleARN(m.Rule, m.ID), m.Rule, m.Account, m.Mode, finding.Epoch{Time: m.CreatedAt}, finding.Epoch{Time: m.UpdatedAt},
	}
}

// ruleMode reads the mode that a body must have.
func ruleMode(body object) (string, error) {
	mode, given, err := body.enum("mode", store.RuleLive, store.RuleDryRun)
	if err == nil && !given {
		err = missing("mode")
	}
	return mode, err
}

// newMode reads what creations of both kinds have in common.
func (s *server) newMode(ctx context.Context, c *call) (store.RuleMode, error) {
	now := wireNow(s.Now)
	m := store.RuleMode{ID: newID(), Account: s.Account, CreatedAt: now, UpdatedAt: now}
	rule, given, err := c.body.text("ruleId", 1, 300)
	if err != nil {
		return m, err
	}
	if !given {
		return m, missing("ruleId")
	}
	m.Rule = rule
	if m.Mode, err = ruleMode(c.body); err != nil {
		return m, err
	}
	if m.ClientToken, m.Tags, err = readCreation(c.body); err != nil {
		return m, err
	}
	_, err = s.customRule(ctx, rule)
	return m, err
}

func (s *server) createRuleAssociation(ctx context.Context, c *call) (any, error) {
	m, err := s.newMode(ctx, c)
	if err != nil {
		return nil, err
	}
	err = s.Store.ChangeRuleModes(ctx, func(have []store.RuleMode) (*store.RuleMode, string, error) {
		for _, old := range have {
			if old.Rule != m.Rule || old.Members {
				continue
			}
			if m.ClientToken != "" && old.ClientToken == m.ClientToken && old.Mode == m.Mode { // a retry
				m = old
				return nil, "", nil
			}
			return nil, "", ruleConflict("the rule has an association already: " + old.ID)
		}
		return &m, "", nil
	})
	if err != nil {
		return nil, err
	}
	return map[string]any{"ruleAssociation": s.association(&m)}, nil
}

// associationOf finds the association that the path names.
func (c *call) associationOf(have []store.RuleMode) (store.RuleMode, error) {
	i := slices.IndexFunc(have, func(m store.RuleMode) bool {
		return !m.Members && m.ID == c.r.PathValue("AssociationId") && m.Rule == c.r.PathValue("RuleId")
	})
	if i < 0 {
		return store.RuleMode{}, noSuchRule("association of the rule")
	}
	return have[i], nil
}

func (s *server) getRuleAssociation(ctx context.Context, c *call) (any, error) {
	have, _, err := s.Store.RuleModes(ctx)
	if err != nil {
		return nil, err
	}
	m, err := c.associationOf(have)
	if err != nil {
		return nil, err
	}
	return map[string]any{"ruleAssociation": s.association(&m), "tags": tagsOrEmpty(m.Tags)}, nil
}

func (s *server) listRuleAssociations(ctx context.Context, c *call) (any, error) {
	limit, after, err := c.rulePage()
	if err != nil {
		return nil, err
	}
	rule, mode := c.query.Get("ruleId"), c.query.Get("mode")
	if mode != "" && mode != store.RuleLive && mode != store.RuleDryRun {
		return nil, badParam("mode", "must be one of LIVE, DRY_RUN")
	}
	have, _, err := s.Store.RuleModes(ctx) // by id
	if err != nil {
		return nil, err
	}
	out := struct {
		Associations []association `json:"ruleAssociations"`
		NextToken    string        `json:"nextToken,omitempty"`
	}{Associations: []association{}}
	for i := range have {
		m := &have[i]
		if m.Members || m.ID <= after || rule != "" && m.Rule != rule || mode != "" && m.Mode != mode {
			continue
		}
		if len(out.Associations) == limit {
			out.NextToken = newPlace(out.Associations[limit-1].AssociationID)
			break
		}
		a := s.association(m)
		a.AccountID = "" // a summary has none
		out.Associations = append(out.Associations, a)
	}
	return out, nil
}

func (s *server) updateRuleAssociation(ctx context.Context, c *call) (any, error) {
	mode, err := ruleMode(c.body)
	if err != nil {
		return nil, err
	}
	now := wireNow(s.Now)
	return nil, s.Store.ChangeRuleModes(ctx, func(have []store.RuleMode) (*store.RuleMode, string, error) {
		m, err := c.associationOf(have)
		m.Mode, m.UpdatedAt = mode, now
		return &m, "", err
	})
}

func (s *server) deleteRuleAssociation(ctx context.Context, c *call) (any, error) {
	return nil, s.Store.ChangeRuleModes(ctx, func(have []store.RuleMode) (*store.RuleMode, string, error) {
		m, err := c.associationOf(have)
		return nil, m.ID, err
	})
}
