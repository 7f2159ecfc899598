package api

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

// The installation's own account is the administrator of every other: all
// findings rest with its detector, and filters, lists and destinations are
// those of its detector. Other accounts have keys and detectors of their own;
// they see what is theirs. See docs/decisions/0028-accounts-of-the-api.md.

func (s *server) home(c *call) bool { return c.account == s.Account }

// mayCall decides by the role, the detector of the path and the account.
func (s *server) mayCall(ctx context.Context, c *call) error {
	if !c.key.Role.May(c.op.right) {
		return denied(c.key.Role, c.op.name)
	}
	if strings.Contains(c.op.path, "{DetectorId}") {
		if _, err := s.detector(ctx, c); err != nil {
			return err
		}
	}
	if f := strings.SplitN(c.r.PathValue("ResourceArn"), ":", 6); len(f) == 6 && f[2] == Service && f[4] != c.account {
		return bad(textNotOwned)
	}
	if !s.home(c) && onlyAdministrator(c.op) {
		return bad("The request is rejected because only the administrator account " + s.Account + " may call " + c.op.name + ".")
	}
	return nil
}

// onlyAdministrator reports whether other accounts may not call an operation:
// whatever changes more than what is theirs, and what is of the organization.
func onlyAdministrator(op operation) bool {
	switch op.name {
	case "CreateDetector", "UpdateDetector", "DeleteDetector", "CreateSampleFindings", "UpdateFindingsFeedback",
		"TagResource", "UntagResource", "UpdateMalwareScanSettings",
		"AcceptAdministratorInvitation", "AcceptInvitation", "DeclineInvitations", "DeleteInvitations",
		"DisassociateFromAdministratorAccount", "DisassociateFromMasterAccount":
		return false
	case "DescribeOrganizationConfiguration", "GetOrganizationStatistics", "ListOrganizationAdminAccounts", "GetMemberDetectors":
		return true
	}
	return op.right != access.RightRead
}

// membership is what the caller's account is to the administrator; false when
// it is not associated.
func (s *server) membership(ctx context.Context, account string) (m store.Member, associated bool, err error) {
	m, err = s.Store.Member(ctx, account)
	if errors.Is(err, finding.ErrNotFound) {
		return m, false, nil
	}
	return m, err == nil && m.Associated(), err
}

// memberMay refuses an associated member what its administrator decides: the
// members of the body that are named.
func (s *server) memberMay(ctx context.Context, c *call, decided ...string) error {
	if s.home(c) || !slices.ContainsFunc(decided, c.body.has) {
		return nil
	}
	_, associated, err := s.membership(ctx, c.account)
	if err == nil && associated {
		err = bad("The request is rejected because only the administrator account " + s.Account + " may change " + strings.Join(decided, " and ") + " of a member.")
	}
	return err
}

// mayDelete refuses to delete the detector of an administrator that has
// members, and of a member.
func (s *server) mayDelete(ctx context.Context, c *call) error {
	if !s.home(c) {
		_, associated, err := s.membership(ctx, c.account)
		if err == nil && associated {
			err = bad("The request is rejected because the current account is a member of account " + s.Account + "; disassociate from it first.")
		}
		return err
	}
	all, err := s.Store.Members(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(all, func(m store.Member) bool { return m.Associated() || m.Status == store.MemberInvited }) {
		return bad(textHasMembers)
	}
	return nil
}

// administered are the accounts whose resources an account sees: its own and,
// if it is the administrator, those of its members.
func (s *server) administered(ctx context.Context, account string) (map[string]bool, error) {
	out := map[string]bool{account: true}
	if account != s.Account {
		return out, nil
	}
	all, err := s.Store.Members(ctx)
	for i := range all {
		if all[i].Associated() {
			out[all[i].Account] = true
		}
	}
	return out, err
}

// view is which findings an account sees, of those that rest with a detector.
type view struct {
	detectorID string
	account    string // "": of all accounts
}

func (s *server) viewOf(d finding.Detector) view {
	if d.Account == s.Account {
		return view{detectorID: d.ID}
	}
	return view{finding.DetectorID(s.Account, s.Region), d.Account}
}

func (v view) shows(f *finding.Finding) bool { return v.account == "" || f.AccountID == v.account }

// narrow adds the account to criteria. none says that they already ask for
// others only.
func (v view) narrow(c finding.Criteria) (narrowed finding.Criteria, none bool, err error) {
	if v.account == "" {
		return c, false, nil
	}
	const field = "accountId"
	if asked, ok := c[field]; ok {
		match, err := finding.Criteria{field: asked}.Match(&finding.Finding{AccountID: v.account})
		if err != nil || !match {
			return nil, true, err
		}
	}
	narrowed = maps.Clone(c)
	if narrowed == nil {
		narrowed = finding.Criteria{}
	}
	narrowed[field] = finding.Condition{Equals: []string{v.account}}
	return narrowed, false, nil
}

// allShown checks that every id is of a finding that the account sees.
func (s *server) allShown(ctx context.Context, v view, ids []string) error {
	if v.account == "" {
		return nil
	}
	fs, err := s.Store.Findings(ctx, v.detectorID, ids, finding.Sort{})
	if err != nil {
		return err
	}
	for _, id := range ids {
		if !slices.ContainsFunc(fs, func(f *finding.Finding) bool { return f.ID == id && v.shows(f) }) {
			return bad(textInvalidValues)
		}
	}
	return nil
}

// accountHandlers adds the operations about accounts and what they use.
func (s *server) accountHandlers(to map[string]handler) {
	for name, h := range map[string]handler{
		"CreateMembers": s.createMembers, "DeleteMembers": s.deleteMembers, "GetMembers": s.getMembers, "ListMembers": s.listMembers,
		"InviteMembers": s.inviteMembers, "DisassociateMembers": s.disassociateMembers,
		"StartMonitoringMembers": s.startMonitoringMembers, "StopMonitoringMembers": s.stopMonitoringMembers,
		"GetMemberDetectors": s.getMemberDetectors, "UpdateMemberDetectors": s.updateMemberDetectors,

		"ListInvitations": s.listInvitations, "GetInvitationsCount": s.getInvitationsCount,
		"DeclineInvitations": s.declineInvitations, "DeleteInvitations": s.deleteInvitations,
		"AcceptAdministratorInvitation": s.acceptInvitation("administratorId"), "AcceptInvitation": s.acceptInvitation("masterId"),
		"GetAdministratorAccount": s.getAdministrator("administrator"), "GetMasterAccount": s.getAdministrator("master"),
		"DisassociateFromAdministratorAccount": s.disassociateFromAdministrator, "DisassociateFromMasterAccount": s.disassociateFromAdministrator,

		"EnableOrganizationAdminAccount": s.enableOrganizationAdminAccount, "DisableOrganizationAdminAccount": s.disableOrganizationAdminAccount,
		"ListOrganizationAdminAccounts":     s.listOrganizationAdminAccounts,
		"DescribeOrganizationConfiguration": s.describeOrganizationConfiguration,
		"UpdateOrganizationConfiguration":   s.updateOrganizationConfiguration,
		"GetOrganizationStatistics":         s.getOrganizationStatistics,

		"GetUsageStatistics": s.getUsageStatistics, "GetRemainingFreeTrialDays": s.getRemainingFreeTrialDays,
	} {
		to[name] = h
	}
}
