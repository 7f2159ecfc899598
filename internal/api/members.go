package api

import (
	"context"
	"errors"
	"regexp"
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

const (
	maxAccounts            = 50     // of one call
	maxInvitedMembers      = 5_000  // GuardDuty's quota by invitation
	maxOrganizationMembers = 50_000 // and through an organization
)

// email is what looks like an address. Nothing is ever sent to it.
var email = regexp.MustCompile(`^[^@\s]{1,63}@[^@\s]+$`)

// unprocessedAccount is an account that a call left as it was, and why.
type unprocessedAccount struct {
	AccountID string `json:"accountId"`
	Result    string `json:"result"`
}

// unprocessed is the answer of calls that go through accounts.
type unprocessed struct {
	Accounts []unprocessedAccount `json:"unprocessedAccounts"`
}

func (u *unprocessed) add(account, why string) {
	u.Accounts = append(u.Accounts, unprocessedAccount{account, why})
}

// accountDetail is an account as CreateMembers names it.
type accountDetail struct{ account, email string }

func readAccountDetails(body object) ([]accountDetail, error) {
	list, given, err := body.objects("accountDetails")
	if err != nil {
		return nil, err
	}
	if !given {
		return nil, missing("accountDetails")
	}
	if len(list) == 0 || len(list) > maxAccounts {
		return nil, badParam("accountDetails", "must have 1 to 50 items")
	}
	out := make([]accountDetail, len(list))
	for i, o := range list {
		id, given, err := o.text("accountId", 12, 12)
		if err == nil && !given {
			err = missing(o.at("accountId"))
		}
		if err == nil && strings.Trim(id, "0123456789") != "" {
			err = badParam(o.at("accountId"), "must be an account id of 12 digits")
		}
		if err != nil {
			return nil, err
		}
		address, given, err := o.text("email", 6, 64)
		if err == nil && !given {
			err = missing(o.at("email"))
		}
		if err == nil && !email.MatchString(address) {
			err = badParam(o.at("email"), "must be an email address")
		}
		if err != nil {
			return nil, err
		}
		out[i] = accountDetail{id, address}
	}
	return out, nil
}

// createMembers makes accounts known. Those of an organization are members at
// once; others are when they have accepted an invitation.
func (s *server) createMembers(ctx context.Context, c *call) (any, error) {
	details, err := readAccountDetails(c.body)
	if err != nil {
		return nil, err
	}
	out := unprocessed{[]unprocessedAccount{}}
	err = s.Store.Administer(ctx, func(tx *store.Tx) error {
		org, err := tx.Organization()
		if err != nil {
			return err
		}
		all, err := tx.Members()
		if err != nil {
			return err
		}
		byID := make(map[string]store.Member, len(all))
		for _, m := range all {
			byID[m.Account] = m
		}
		limit := maxInvitedMembers
		if org.Admin == s.Account {
			limit = maxOrganizationMembers
		}
		for _, d := range details {
			old, known := byID[d.account]
			again := known && org.Admin == s.Account && !old.Associated()
			switch {
			case d.account == s.Account:
				out.add(d.account, textOwnAccount)
				continue
			case known && !again:
				out.add(d.account, textAlreadyMember)
				continue
			case !known && len(byID) >= limit:
				out.add(d.account, textMemberLimit)
				continue
			}
			m := store.Member{Account: d.account, Email: d.email, Status: store.MemberCreated, UpdatedAt: wireNow(s.Now)}
			if org.Admin == s.Account {
				err = s.enroll(tx, &org, &m)
			} else {
				err = tx.PutMember(m)
			}
			if err != nil {
				return err
			}
			byID[d.account] = m
		}
		return nil
	})
	return out, err
}

// eachMember changes the members of the accounts that the body names. change
// returns why it leaves one as it is, or "".
func (s *server) eachMember(ctx context.Context, c *call, change func(tx *store.Tx, org *store.Organization, m *store.Member) (why string, err error)) (any, error) {
	ids, err := c.body.accounts("accountIds")
	if err != nil {
		return nil, err
	}
	out := unprocessed{[]unprocessedAccount{}}
	err = s.Store.Administer(ctx, func(tx *store.Tx) error {
		org, err := tx.Organization()
		if err != nil {
			return err
		}
		for _, id := range ids {
			m, err := tx.Member(id)
			if errors.Is(err, finding.ErrNotFound) {
				out.add(id, textNotMember)
				continue
			}
			if err != nil {
				return err
			}
			m.UpdatedAt = wireNow(s.Now)
			why, err := change(tx, &org, &m)
			if err != nil {
				return err
			}
			if why != "" {
				out.add(id, why)
			}
		}
		return nil
	})
	return out, err
}

func (s *server) inviteMembers(ctx context.Context, c *call) (any, error) {
	if _, _, err := c.body.boolean("disableEmailNotification"); err != nil {
		return nil, err
	}
	if _, _, err := c.body.text("message", 0, 1000); err != nil {
		return nil, err
	}
	return s.eachMember(ctx, c, func(tx *store.Tx, _ *store.Organization, m *store.Member) (string, error) {
		switch {
		case m.Associated() || m.Status == store.MemberInvited:
			return textAlreadyInvited, nil
		case m.Organization:
			return textByOrganization, nil
		}
		m.Status, m.InvitationID, m.InvitedAt = store.MemberInvited, newID(), m.UpdatedAt
		return "", tx.PutMember(*m)
	})
}

func (s *server) deleteMembers(ctx context.Context, c *call) (any, error) {
	return s.eachMember(ctx, c, func(tx *store.Tx, _ *store.Organization, m *store.Member) (string, error) {
		if m.Associated() {
			return textStillMember, nil
		}
		return "", tx.DeleteMember(m.Account)
	})
}

func (s *server) disassociateMembers(ctx context.Context, c *call) (any, error) {
	return s.eachMember(ctx, c, func(tx *store.Tx, org *store.Organization, m *store.Member) (string, error) {
		switch {
		case !m.Associated() && m.Status != store.MemberInvited:
			return textNotMember, nil
		case kept(org, m):
			return textAutoEnableAll, nil
		}
		m.Status, m.InvitationID = store.MemberRemoved, ""
		return "", tx.PutMember(*m)
	})
}

func (s *server) stopMonitoringMembers(ctx context.Context, c *call) (any, error) {
	return s.eachMember(ctx, c, func(tx *store.Tx, org *store.Organization, m *store.Member) (string, error) {
		switch {
		case !m.Associated():
			return textNotMember, nil
		case kept(org, m):
			return textAutoEnableAll, nil
		}
		return "", s.monitor(tx, m, store.MemberDisabled)
	})
}

func (s *server) startMonitoringMembers(ctx context.Context, c *call) (any, error) {
	return s.eachMember(ctx, c, func(tx *store.Tx, _ *store.Organization, m *store.Member) (string, error) {
		if !m.Associated() {
			return textNotMember, nil
		}
		return "", s.monitor(tx, m, store.MemberEnabled)
	})
}

// monitor switches the detector of a member on or off, and notes which.
func (s *server) monitor(tx *store.Tx, m *store.Member, status string) error {
	m.Status = status
	err := tx.ChangeDetector(newDetector(m.Account, s.Region, m.UpdatedAt), func(d *finding.Detector) error {
		d.Enabled, d.UpdatedAt = status == store.MemberEnabled, m.UpdatedAt
		return nil
	})
	if err != nil {
		return err
	}
	return tx.PutMember(*m)
}

// kept reports whether the organization wants the account as a member, whatever
// anybody says of this one.
func kept(org *store.Organization, m *store.Member) bool {
	return m.Organization && org.Admin != "" && org.AutoEnable == autoEnableAll
}
