package api

import (
	"context"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// member is a member as the wire shows it.
type member struct {
	AccountID          string `json:"accountId"`
	DetectorID         string `json:"detectorId,omitempty"`
	MasterID           string `json:"masterId"`
	AdministratorID    string `json:"administratorId"`
	Email              string `json:"email"`
	RelationshipStatus string `json:"relationshipStatus"`
	InvitedAt          string `json:"invitedAt,omitempty"`
	UpdatedAt          string `json:"updatedAt"`
}

// membersOf shows members, with the detectors that they have.
func (s *server) membersOf(ctx context.Context, list []store.Member) ([]member, error) {
	detectors, err := s.Store.Detectors(ctx)
	if err != nil {
		return nil, err
	}
	byAccount := make(map[string]string, len(detectors))
	for _, d := range detectors {
		if d.Region == s.Region {
			byAccount[d.Account] = d.ID
		}
	}
	out := make([]member, len(list))
	for i, m := range list {
		out[i] = member{
			AccountID: m.Account, MasterID: s.Account, AdministratorID: s.Account, Email: m.Email, RelationshipStatus: m.Status,
			InvitedAt: timeOrNone(m.InvitedAt), UpdatedAt: finding.Timestamp(m.UpdatedAt),
		}
		if m.Associated() {
			out[i].DetectorID = byAccount[m.Account]
		}
	}
	return out, nil
}

func timeOrNone(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return finding.Timestamp(t)
}

// administeredBy are the members of the account that calls; only the
// administrator has any.
func (s *server) administeredBy(ctx context.Context, c *call) ([]store.Member, error) {
	if !s.home(c) {
		return nil, nil
	}
	return s.Store.Members(ctx)
}

func (s *server) listMembers(ctx context.Context, c *call) (any, error) {
	limit, token, err := c.page()
	if err != nil {
		return nil, err
	}
	all := false
	switch strings.ToLower(c.query.Get("onlyAssociated")) {
	case "", "true":
	case "false":
		all = true
	default:
		return nil, badParam("onlyAssociated", "must be true or false")
	}
	list, err := s.administeredBy(ctx, c)
	if err != nil {
		return nil, err
	}
	var page []store.Member
	next := ""
	for _, m := range list { // by account; the token is the last one of the page before
		if m.Account <= token || !all && !m.Associated() {
			continue
		}
		if len(page) == limit {
			next = page[limit-1].Account
			break
		}
		page = append(page, m)
	}
	members, err := s.membersOf(ctx, page)
	return struct {
		Members   []member `json:"members"`
		NextToken string   `json:"nextToken,omitempty"`
	}{members, next}, err
}

// namedMembers are the members of the accounts that the body names, and those
// that are none.
func (s *server) namedMembers(ctx context.Context, c *call) ([]store.Member, unprocessed, error) {
	none := unprocessed{[]unprocessedAccount{}}
	ids, err := c.body.accounts("accountIds")
	if err != nil {
		return nil, none, err
	}
	list, err := s.administeredBy(ctx, c)
	if err != nil {
		return nil, none, err
	}
	byID := make(map[string]store.Member, len(list))
	for _, m := range list {
		byID[m.Account] = m
	}
	var named []store.Member
	for _, id := range ids {
		m, ok := byID[id]
		if !ok {
			none.add(id, textNotMember)
			continue
		}
		named = append(named, m)
	}
	return named, none, nil
}

func (s *server) getMembers(ctx context.Context, c *call) (any, error) {
	named, none, err := s.namedMembers(ctx, c)
	if err != nil {
		return nil, err
	}
	members, err := s.membersOf(ctx, named)
	return struct {
		Members []member `json:"members"`
		unprocessed
	}{members, none}, err
}
