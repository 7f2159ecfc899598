package api

import (
	"context"
	"errors"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// administrator is how a member, or one invited, is with the administrator.
type administrator struct {
	AccountID          string `json:"accountId"`
	InvitationID       string `json:"invitationId,omitempty"`
	RelationshipStatus string `json:"relationshipStatus"`
	InvitedAt          string `json:"invitedAt,omitempty"`
}

func (s *server) administratorOf(m *store.Member) administrator {
	return administrator{s.Account, m.InvitationID, m.Status, timeOrNone(m.InvitedAt)}
}

// invitation is the caller's, if it has one: there is one account that invites.
func (s *server) invitation(ctx context.Context, c *call) (m store.Member, ok bool, err error) {
	m, err = s.Store.Member(ctx, c.account)
	if errors.Is(err, finding.ErrNotFound) {
		return m, false, nil
	}
	return m, err == nil && m.InvitationID != "", err
}

func (s *server) listInvitations(ctx context.Context, c *call) (any, error) {
	if _, _, err := c.page(); err != nil {
		return nil, err
	}
	out := []administrator{}
	m, ok, err := s.invitation(ctx, c)
	if ok {
		out = append(out, s.administratorOf(&m))
	}
	return map[string][]administrator{"invitations": out}, err
}

// getInvitationsCount does not count the one that was accepted.
func (s *server) getInvitationsCount(ctx context.Context, c *call) (any, error) {
	n := 0
	m, ok, err := s.invitation(ctx, c)
	if ok && !m.Associated() {
		n++
	}
	return map[string]int{"invitationsCount": n}, err
}

func (s *server) getAdministrator(member string) handler {
	return func(ctx context.Context, c *call) (any, error) {
		m, associated, err := s.membership(ctx, c.account)
		if err != nil || !associated || s.home(c) {
			return nil, err // an account without an administrator gets no content
		}
		return map[string]administrator{member: s.administratorOf(&m)}, nil
	}
}

// acceptInvitation makes the caller a member. The member of the body that names
// the administrator has an older name, too.
func (s *server) acceptInvitation(named string) handler {
	return func(ctx context.Context, c *call) (any, error) {
		admin, given, err := c.body.text(named, 1, 300)
		if err == nil && !given {
			err = missing(named)
		}
		if err != nil {
			return nil, err
		}
		id, given, err := c.body.text("invitationId", 1, 300)
		if err == nil && !given {
			err = missing("invitationId")
		}
		if err != nil {
			return nil, err
		}
		return nil, s.ownMembership(ctx, c, func(tx *store.Tx, m *store.Member) error {
			if admin != s.Account || m.Status != store.MemberInvited || m.InvitationID != id {
				return bad(textNoInvitation)
			}
			return s.monitor(tx, m, store.MemberEnabled)
		}, textNoInvitation)
	}
}

// ownMembership changes what the caller is to the administrator; none words
// that it is nothing.
func (s *server) ownMembership(ctx context.Context, c *call, change func(*store.Tx, *store.Member) error, none string) error {
	return s.Store.Administer(ctx, func(tx *store.Tx) error {
		m, err := tx.Member(c.account)
		if errors.Is(err, finding.ErrNotFound) {
			return bad(none)
		}
		if err != nil {
			return err
		}
		m.UpdatedAt = wireNow(s.Now)
		return change(tx, &m)
	})
}

func (s *server) disassociateFromAdministrator(ctx context.Context, c *call) (any, error) {
	return nil, s.ownMembership(ctx, c, func(tx *store.Tx, m *store.Member) error {
		if !m.Associated() {
			return bad(textNoAdmin)
		}
		org, err := tx.Organization()
		if err != nil {
			return err
		}
		if kept(&org, m) {
			return bad(textAutoEnableAll)
		}
		m.Status, m.InvitationID = store.MemberResigned, ""
		return tx.PutMember(*m)
	}, textNoAdmin)
}

// declineInvitations turns invitations down; they stay listed until deleted.
func (s *server) declineInvitations(ctx context.Context, c *call) (any, error) {
	return s.eachInvitation(ctx, c, func(m *store.Member) string {
		if m.Status != store.MemberInvited {
			return textNoInvitation
		}
		m.Status = store.MemberResigned
		return ""
	})
}

func (s *server) deleteInvitations(ctx context.Context, c *call) (any, error) {
	return s.eachInvitation(ctx, c, func(m *store.Member) string {
		if m.Associated() || m.InvitationID == "" {
			return textNoInvitation
		}
		m.Status, m.InvitationID = store.MemberResigned, ""
		return ""
	})
}

// eachInvitation changes the caller's invitations from the accounts that the
// body names.
func (s *server) eachInvitation(ctx context.Context, c *call, change func(*store.Member) (why string)) (any, error) {
	ids, err := c.body.accounts("accountIds")
	if err != nil {
		return nil, err
	}
	out := unprocessed{[]unprocessedAccount{}}
	err = s.Store.Administer(ctx, func(tx *store.Tx) error {
		m, err := tx.Member(c.account)
		if err != nil && !errors.Is(err, finding.ErrNotFound) {
			return err
		}
		known := err == nil
		for _, id := range ids {
			why := textNoInvitation
			if known && id == s.Account {
				why = change(&m)
			}
			if why != "" {
				out.add(id, why)
				continue
			}
			m.UpdatedAt = wireNow(s.Now)
			if err := tx.PutMember(m); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}
