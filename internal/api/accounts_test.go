package api_test

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/guardduty/types"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/api"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/store"
)

const other = "222222222222" // another account

func idOf(account string) *string { return aws.String(finding.DetectorID(account, region)) }

// wantProcessed checks that a call through accounts left none as it was, or
// all of those for the reason given.
func wantProcessed(t *testing.T, what string, got []types.UnprocessedAccount, why string) {
	t.Helper()
	if got == nil {
		t.Errorf("%s: no list of unprocessed accounts", what)
	}
	for _, u := range got {
		if aws.ToString(u.Result) != why || len(aws.ToString(u.AccountId)) != 12 {
			t.Errorf("%s: %s left as it was: %q, want %q", what, aws.ToString(u.AccountId), aws.ToString(u.Result), why)
		}
	}
	if why != "" && len(got) == 0 {
		t.Errorf("%s: it went through, want %q", what, why)
	}
}

// statusOf is the relationship of the other account, "" if it is no member.
func statusOf(t *testing.T, admin *guardduty.Client) string {
	t.Helper()
	out := must(admin.GetMembers(t.Context(), &guardduty.GetMembersInput{DetectorId: idOf(account), AccountIds: []string{other}}))(t)
	if len(out.Members) == 0 {
		wantProcessed(t, "get a member that is none", out.UnprocessedAccounts,
			"The request is rejected because the given account ID is not an associated member of account the current account.")
		return ""
	}
	return aws.ToString(out.Members[0].RelationshipStatus)
}

// A member by invitation, through all its states.
func TestMembership(t *testing.T) {
	s := newService(t)
	admin, member, ctx := s.enable(), s.as(other), t.Context()
	must(member.CreateDetector(ctx, &guardduty.CreateDetectorInput{Enable: aws.Bool(true)}))(t)
	ids := []string{other}
	state := func(want string) {
		t.Helper()
		if got := statusOf(t, admin); got != want {
			t.Errorf("the member is %q, want %q", got, want)
		}
	}
	create := func(why string) {
		t.Helper()
		out := must(admin.CreateMembers(ctx, &guardduty.CreateMembersInput{DetectorId: idOf(account),
			AccountDetails: []types.AccountDetail{{AccountId: aws.String(other), Email: aws.String("team@example.com")}}}))(t)
		wantProcessed(t, "create", out.UnprocessedAccounts, why)
	}
	invite := func(why string) {
		t.Helper()
		out := must(admin.InviteMembers(ctx, &guardduty.InviteMembersInput{DetectorId: idOf(account), AccountIds: ids, Message: aws.String("join us")}))(t)
		wantProcessed(t, "invite", out.UnprocessedAccounts, why)
	}
	remove := func(why string) {
		t.Helper()
		out := must(admin.DeleteMembers(ctx, &guardduty.DeleteMembersInput{DetectorId: idOf(account), AccountIds: ids}))(t)
		wantProcessed(t, "delete", out.UnprocessedAccounts, why)
	}
	const notMember = "The request is rejected because the given account ID is not an associated member of account the current account."

	state("")
	invite(notMember)
	create("")
	create("The request is rejected because the given account ID is already a member of the current account.")
	state("Created")
	invite("")
	invite("The request is rejected because the current account has already invited or is already the GuardDuty master of the given member account ID.")
	state("Invited")

	if n := must(member.GetInvitationsCount(ctx, nil))(t).InvitationsCount; aws.ToInt32(n) != 1 {
		t.Errorf("%d invitations", aws.ToInt32(n))
	}
	invitations := must(member.ListInvitations(ctx, nil))(t).Invitations
	if len(invitations) != 1 || aws.ToString(invitations[0].AccountId) != account || aws.ToString(invitations[0].RelationshipStatus) != "Invited" || len(aws.ToString(invitations[0].InvitationId)) != 32 {
		t.Fatalf("invitations %+v", invitations)
	}
	accept := func(id *string) error {
		_, err := member.AcceptAdministratorInvitation(ctx, &guardduty.AcceptAdministratorInvitationInput{
			DetectorId: idOf(other), AdministratorId: aws.String(account), InvitationId: id})
		return err
	}
	wantBad(t, accept(aws.String("another")), "The request is rejected because the current account has no invitation from the given account ID.")
	if err := accept(invitations[0].InvitationId); err != nil {
		t.Fatal(err)
	}
	state("Enabled")
	if n := must(member.GetInvitationsCount(ctx, nil))(t).InvitationsCount; aws.ToInt32(n) != 0 {
		t.Errorf("the accepted invitation is counted: %d", aws.ToInt32(n))
	}
	a := must(member.GetAdministratorAccount(ctx, &guardduty.GetAdministratorAccountInput{DetectorId: idOf(other)}))(t).Administrator
	if a == nil || aws.ToString(a.AccountId) != account || aws.ToString(a.RelationshipStatus) != "Enabled" || aws.ToString(a.InvitedAt) == "" {
		t.Errorf("the member's administrator is %+v", a)
	}
	if a := must(admin.GetAdministratorAccount(ctx, &guardduty.GetAdministratorAccountInput{DetectorId: idOf(account)}))(t).Administrator; a != nil {
		t.Errorf("the administrator has an administrator: %+v", a)
	}
	remove("The request is rejected because the current account cannot delete the given member account ID since it is still associated to it.")

	wantProcessed(t, "stop", must(admin.StopMonitoringMembers(ctx, &guardduty.StopMonitoringMembersInput{DetectorId: idOf(account), AccountIds: ids}))(t).UnprocessedAccounts, "")
	state("Disabled")
	if d := must(member.GetDetector(ctx, &guardduty.GetDetectorInput{DetectorId: idOf(other)}))(t); d.Status != types.DetectorStatusDisabled {
		t.Errorf("monitoring was stopped, and the detector is %s", d.Status)
	}
	wantProcessed(t, "start", must(admin.StartMonitoringMembers(ctx, &guardduty.StartMonitoringMembersInput{DetectorId: idOf(account), AccountIds: ids}))(t).UnprocessedAccounts, "")
	state("Enabled")

	wantProcessed(t, "disassociate", must(admin.DisassociateMembers(ctx, &guardduty.DisassociateMembersInput{DetectorId: idOf(account), AccountIds: ids}))(t).UnprocessedAccounts, "")
	state("Removed")
	invite("")
	must(member.DeclineInvitations(ctx, &guardduty.DeclineInvitationsInput{AccountIds: []string{account}}))(t)
	state("Resigned")
	wantProcessed(t, "decline again", must(member.DeclineInvitations(ctx, &guardduty.DeclineInvitationsInput{AccountIds: []string{account, "999999999999"}}))(t).UnprocessedAccounts,
		"The request is rejected because the current account has no invitation from the given account ID.")
	must(member.DeleteInvitations(ctx, &guardduty.DeleteInvitationsInput{AccountIds: []string{account}}))(t)
	if left := must(member.ListInvitations(ctx, nil))(t).Invitations; len(left) != 0 {
		t.Errorf("a deleted invitation is listed: %+v", left)
	}
	invite("")
	remove("")
	state("")
}

func TestListMembers(t *testing.T) {
	s := newService(t)
	admin, ctx := s.enable(), t.Context()
	var details []types.AccountDetail
	for _, id := range []string{"333333333333", other, "444444444444", account} {
		details = append(details, types.AccountDetail{AccountId: aws.String(id), Email: aws.String("a@example.com")})
	}
	out := must(admin.CreateMembers(ctx, &guardduty.CreateMembersInput{DetectorId: idOf(account), AccountDetails: details}))(t)
	wantProcessed(t, "create", out.UnprocessedAccounts, "The request is rejected because an account cannot become a member of itself.")
	list := func(associated *string, limit int32) (ids []string) {
		t.Helper()
		p := guardduty.NewListMembersPaginator(admin, &guardduty.ListMembersInput{DetectorId: idOf(account), OnlyAssociated: associated, MaxResults: aws.Int32(limit)})
		for p.HasMorePages() {
			page := must(p.NextPage(ctx))(t)
			if len(page.Members) > int(limit) {
				t.Errorf("a page of %d, want %d at most", len(page.Members), limit)
			}
			for _, m := range page.Members {
				ids = append(ids, aws.ToString(m.AccountId))
				if aws.ToString(m.Email) == "" || aws.ToString(m.MasterId) != account || aws.ToString(m.AdministratorId) != account || aws.ToString(m.UpdatedAt) == "" {
					t.Errorf("member %+v", m)
				}
			}
		}
		return ids
	}
	if got := list(aws.String("false"), 2); !slices.Equal(got, []string{other, "333333333333", "444444444444"}) {
		t.Errorf("all members: %v", got)
	}
	if got := list(nil, 50); len(got) != 0 {
		t.Errorf("nobody is associated, and yet %v", got)
	}
	_, err := admin.ListMembers(ctx, &guardduty.ListMembersInput{DetectorId: idOf(account), OnlyAssociated: aws.String("maybe")})
	wantBad(t, err, "The request is rejected because the parameter onlyAssociated has an invalid value: must be true or false.")
	for _, limit := range []int32{0, 51} {
		_, err := admin.ListMembers(ctx, &guardduty.ListMembersInput{DetectorId: idOf(account), MaxResults: aws.Int32(limit)})
		if limit > 0 {
			wantBad(t, err, "The request is rejected because the parameter maxResults has an invalid value: must be a whole number from 1 to 50.")
		}
	}
}

// The administrator sees every account's findings, another account its own.
func TestFindingsOfAccounts(t *testing.T) {
	s := newService(t)
	admin, member, ctx := s.enable(), s.as(other), t.Context()
	must(member.CreateDetector(ctx, &guardduty.CreateDetectorInput{Enable: aws.Bool(true)}))(t)
	const kind = "Policy:Kubernetes/ExposedDashboard"
	sampleAll(t, admin, kind)
	must(member.CreateSampleFindings(ctx, &guardduty.CreateSampleFindingsInput{DetectorId: idOf(other), FindingTypes: []string{kind}}))(t)
	list := func(c *guardduty.Client, of, with string) []string {
		t.Helper()
		in := &guardduty.ListFindingsInput{DetectorId: idOf(of)}
		if with != "" {
			in.FindingCriteria = &types.FindingCriteria{Criterion: map[string]types.Condition{"accountId": {Equals: []string{with}}}}
		}
		return must(c.ListFindings(ctx, in))(t).FindingIds
	}
	if got := list(admin, account, ""); len(got) != 2 {
		t.Errorf("the administrator sees %v", got)
	}
	theirs := list(admin, account, other)
	mine := list(member, other, "")
	if len(mine) != 1 || !slices.Equal(theirs, mine) {
		t.Errorf("the member sees %v, the administrator of it %v", mine, theirs)
	}
	ours := list(admin, account, account)
	if got := list(member, other, account); len(got) != 0 || len(ours) != 1 {
		t.Errorf("the member sees %v of the administrator's %v", got, ours)
	}
	got := must(member.GetFindings(ctx, &guardduty.GetFindingsInput{DetectorId: idOf(other), FindingIds: append(ours, mine...)}))(t).Findings
	if len(got) != 1 || aws.ToString(got[0].AccountId) != other {
		t.Errorf("the member gets %d findings", len(got))
	}
	groups := func(c *guardduty.Client, of string) int {
		t.Helper()
		out := must(c.GetFindingsStatistics(ctx, &guardduty.GetFindingsStatisticsInput{DetectorId: idOf(of), GroupBy: types.GroupByTypeAccount}))(t)
		return len(out.FindingStatistics.GroupedByAccount)
	}
	if a, m := groups(admin, account), groups(member, other); a != 2 || m != 1 {
		t.Errorf("the administrator counts %d accounts, the member %d", a, m)
	}
	feedback := func(ids []string) error {
		_, err := member.UpdateFindingsFeedback(ctx, &guardduty.UpdateFindingsFeedbackInput{DetectorId: idOf(other), FindingIds: ids, Feedback: types.FeedbackUseful})
		return err
	}
	wantBad(t, feedback(ours), "The request is rejected because the one or more input parameters have invalid values.")
	if err := feedback(mine); err != nil {
		t.Error(err)
	}
	_, err := member.ListFindings(ctx, &guardduty.ListFindingsInput{DetectorId: idOf(account)})
	wantBad(t, err, notOwned)
	_, err = admin.GetDetector(ctx, &guardduty.GetDetectorInput{DetectorId: idOf(other)})
	wantBad(t, err, notOwned)
	if ids := must(member.ListDetectors(ctx, nil))(t).DetectorIds; !slices.Equal(ids, []string{*idOf(other)}) {
		t.Errorf("the member lists the detectors %v", ids)
	}
	arn := "arn:aws:guardduty:" + region + ":" + account + ":detector/" + detectorID()
	_, err = member.TagResource(ctx, &guardduty.TagResourceInput{ResourceArn: aws.String(arn), Tags: map[string]string{"a": "b"}})
	wantBad(t, err, notOwned)
	only := func(op string) string {
		return "The request is rejected because only the administrator account " + account + " may call " + op + "."
	}
	_, err = member.ArchiveFindings(ctx, &guardduty.ArchiveFindingsInput{DetectorId: idOf(other), FindingIds: mine})
	wantBad(t, err, only("ArchiveFindings"))
	_, err = member.CreateFilter(ctx, &guardduty.CreateFilterInput{DetectorId: idOf(other), Name: aws.String("abc"), FindingCriteria: &types.FindingCriteria{}})
	wantBad(t, err, only("CreateFilter"))
	_, err = member.CreateMembers(ctx, &guardduty.CreateMembersInput{DetectorId: idOf(other), AccountDetails: []types.AccountDetail{{AccountId: aws.String("333333333333"), Email: aws.String("a@example.com")}}})
	wantBad(t, err, only("CreateMembers"))
}

// hearFrom notes that records of accounts came.
func (s *service) hearFrom(source string, at time.Time, accounts ...string) {
	s.t.Helper()
	err := s.store.Commit(s.t.Context(), func(tx *store.Tx) error {
		for _, a := range accounts {
			if err := tx.TouchSource(store.SourceKey{Source: source, Account: a, Region: region}, at, at); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

func TestOrganization(t *testing.T) {
	s := newService(t)
	admin, ctx := s.client(access.RoleAdmin), t.Context()
	_, err := admin.EnableOrganizationAdminAccount(ctx, &guardduty.EnableOrganizationAdminAccountInput{AdminAccountId: aws.String(other)})
	wantBad(t, err, "The request is rejected because the parameter adminAccountId has an invalid value: must be "+account+", the account of this installation: all findings rest with its detector.")
	must(admin.EnableOrganizationAdminAccount(ctx, &guardduty.EnableOrganizationAdminAccountInput{AdminAccountId: aws.String(account)}))(t)
	if ids := must(admin.ListDetectors(ctx, nil))(t).DetectorIds; len(ids) != 1 {
		t.Errorf("the delegated administrator has the detectors %v", ids)
	}
	list := must(admin.ListOrganizationAdminAccounts(ctx, nil))(t).AdminAccounts
	if len(list) != 1 || aws.ToString(list[0].AdminAccountId) != account || list[0].AdminStatus != types.AdminStatusEnabled {
		t.Errorf("administrators %+v", list)
	}
	before := must(admin.DescribeOrganizationConfiguration(ctx, &guardduty.DescribeOrganizationConfigurationInput{DetectorId: idOf(account)}))(t)
	if before.AutoEnableOrganizationMembers != types.AutoEnableMembersNone || len(before.Features) < 7 || before.MemberAccountLimitReached == nil {
		t.Errorf("a new organization has %+v", before)
	}

	now := time.Now()
	s.hearFrom("cloudtrail", now.Add(-time.Hour), other, "", "not an account")
	update := func(in guardduty.UpdateOrganizationConfigurationInput) error {
		in.DetectorId = idOf(account)
		_, err := admin.UpdateOrganizationConfiguration(ctx, &in)
		return err
	}
	wantBad(t, update(guardduty.UpdateOrganizationConfigurationInput{}),
		"The request is rejected because either autoEnable or autoEnableOrganizationMembers must be specified, and not both.")
	if err := update(guardduty.UpdateOrganizationConfigurationInput{AutoEnableOrganizationMembers: types.AutoEnableMembersNew, Features: []types.OrganizationFeatureConfiguration{
		{Name: types.OrgFeatureRuntimeMonitoring, AutoEnable: types.OrgFeatureStatusNew, AdditionalConfiguration: []types.OrganizationAdditionalConfiguration{
			{Name: types.OrgFeatureAdditionalConfigurationEksAddonManagement, AutoEnable: types.OrgFeatureStatusNew}}},
	}}); err != nil {
		t.Fatal(err)
	}
	enroll := func() []string {
		t.Helper()
		return must(api.Enroll(ctx, s.store, account, region, time.Now()))(t)
	}
	s.hearFrom("cloudtrail", now.Add(time.Hour), "333333333333")
	if got := enroll(); !slices.Equal(got, []string{"333333333333"}) {
		t.Errorf("NEW took in %v", got)
	}
	if err := update(guardduty.UpdateOrganizationConfigurationInput{AutoEnableOrganizationMembers: types.AutoEnableMembersAll}); err != nil {
		t.Fatal(err)
	}
	if got := enroll(); !slices.Equal(got, []string{other}) {
		t.Errorf("ALL took in %v", got)
	}
	if got := enroll(); len(got) != 0 {
		t.Errorf("the second time it took in %v", got)
	}
	of := must(admin.GetMemberDetectors(ctx, &guardduty.GetMemberDetectorsInput{DetectorId: idOf(account), AccountIds: []string{other, "999999999999"}}))(t)
	if len(of.MemberDataSourceConfigurations) != 1 || len(of.UnprocessedAccounts) != 1 {
		t.Fatalf("detectors of members: %+v", of)
	}
	on := func(fs []types.MemberFeaturesConfigurationResult, name types.OrgFeature) bool {
		return slices.ContainsFunc(fs, func(f types.MemberFeaturesConfigurationResult) bool {
			return f.Name == name && f.Status == types.FeatureStatusEnabled && f.UpdatedAt != nil
		})
	}
	if !on(of.MemberDataSourceConfigurations[0].Features, types.OrgFeatureRuntimeMonitoring) {
		t.Errorf("runtime monitoring is off: %+v", of.MemberDataSourceConfigurations[0].Features)
	}
	must(admin.UpdateMemberDetectors(ctx, &guardduty.UpdateMemberDetectorsInput{DetectorId: idOf(account), AccountIds: []string{other},
		Features: []types.MemberFeaturesConfiguration{{Name: types.OrgFeatureS3DataEvents, Status: types.FeatureStatusDisabled}}}))(t)
	of = must(admin.GetMemberDetectors(ctx, &guardduty.GetMemberDetectorsInput{DetectorId: idOf(account), AccountIds: []string{other}}))(t)
	if on(of.MemberDataSourceConfigurations[0].Features, types.OrgFeatureS3DataEvents) {
		t.Error("S3 data events are still on")
	}
	const all = "The request is rejected because autoEnableOrganizationMembers is ALL: every account of the organization is a member."
	wantProcessed(t, "stop", must(admin.StopMonitoringMembers(ctx, &guardduty.StopMonitoringMembersInput{DetectorId: idOf(account), AccountIds: []string{other}}))(t).UnprocessedAccounts, all)

	stats := must(admin.GetOrganizationStatistics(ctx, nil))(t).OrganizationDetails
	if n := stats.OrganizationStatistics; aws.ToInt32(n.TotalAccountsCount) != 3 || aws.ToInt32(n.MemberAccountsCount) != 2 || aws.ToInt32(n.EnabledAccountsCount) != 3 || stats.UpdatedAt == nil {
		t.Errorf("statistics %+v", n)
	}
	after := must(admin.DescribeOrganizationConfiguration(ctx, &guardduty.DescribeOrganizationConfigurationInput{DetectorId: idOf(account)}))(t)
	if after.AutoEnableOrganizationMembers != types.AutoEnableMembersAll || !slices.ContainsFunc(after.Features, func(f types.OrganizationFeatureConfigurationResult) bool {
		return f.Name == types.OrgFeatureRuntimeMonitoring && f.AutoEnable == types.OrgFeatureStatusNew
	}) {
		t.Errorf("the configuration is %+v", after)
	}
	_, err = admin.DeleteDetector(ctx, &guardduty.DeleteDetectorInput{DetectorId: idOf(account)})
	wantBad(t, err, "The request is rejected because the current account cannot delete detector while it has invited or associated members.")
	must(admin.DisableOrganizationAdminAccount(ctx, &guardduty.DisableOrganizationAdminAccountInput{AdminAccountId: aws.String(account)}))(t)
	if got := statusOf(t, admin); got != "Removed" {
		t.Errorf("without the organization the member is %q", got)
	}
	_, err = admin.GetOrganizationStatistics(ctx, nil)
	wantBad(t, err, "The request is rejected because the current account is not the delegated administrator of an organization.")
}

// A member may switch features of its own, and nothing that its administrator decides.
func TestMembersOwnDetector(t *testing.T) {
	s := newService(t)
	admin, member, ctx := s.enable(), s.as(other), t.Context()
	must(admin.EnableOrganizationAdminAccount(ctx, &guardduty.EnableOrganizationAdminAccountInput{AdminAccountId: aws.String(account)}))(t)
	must(admin.CreateMembers(ctx, &guardduty.CreateMembersInput{DetectorId: idOf(account),
		AccountDetails: []types.AccountDetail{{AccountId: aws.String(other), Email: aws.String("team@example.com")}}}))(t)
	if got := statusOf(t, admin); got != "Enabled" {
		t.Errorf("an account of the organization is %q", got)
	}
	_, err := member.UpdateDetector(ctx, &guardduty.UpdateDetectorInput{DetectorId: idOf(other), FindingPublishingFrequency: types.FindingPublishingFrequencyOneHour})
	wantBad(t, err, "The request is rejected because only the administrator account "+account+" may change enable and findingPublishingFrequency of a member.")
	_, err = member.DeleteDetector(ctx, &guardduty.DeleteDetectorInput{DetectorId: idOf(other)})
	wantBad(t, err, "The request is rejected because the current account is a member of account "+account+"; disassociate from it first.")
	must(member.UpdateDetector(ctx, &guardduty.UpdateDetectorInput{DetectorId: idOf(other), Features: []types.DetectorFeatureConfiguration{{Name: types.DetectorFeatureS3DataEvents, Status: types.FeatureStatusDisabled}}}))(t)
	must(member.DisassociateFromAdministratorAccount(ctx, &guardduty.DisassociateFromAdministratorAccountInput{DetectorId: idOf(other)}))(t)
	if got := statusOf(t, admin); got != "Resigned" {
		t.Errorf("who left is %q", got)
	}
	must(member.DeleteDetector(ctx, &guardduty.DeleteDetectorInput{DetectorId: idOf(other)}))(t)
}

// The administrator sees the clusters of its members, and they their own.
func TestCoverageOfMembers(t *testing.T) {
	s := newService(t)
	admin, member, ctx := s.enable(), s.as(other), t.Context()
	must(admin.EnableOrganizationAdminAccount(ctx, &guardduty.EnableOrganizationAdminAccountInput{AdminAccountId: aws.String(account)}))(t)
	err := s.store.Commit(ctx, func(tx *store.Tx) error {
		for _, k := range []store.SourceKey{{Source: "k8s-audit", Account: account, Region: region, Cluster: "ours"}, {Source: "k8s-audit", Account: other, Region: region, Cluster: "theirs"}} {
			if err := tx.TouchSource(k, time.Now(), time.Now()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	clusters := func(c *guardduty.Client, of string) (names []string) {
		t.Helper()
		for _, r := range must(c.ListCoverage(ctx, &guardduty.ListCoverageInput{DetectorId: idOf(of)}))(t).Resources {
			names = append(names, aws.ToString(r.ResourceDetails.EksClusterDetails.ClusterName))
		}
		return names
	}
	if got := clusters(admin, account); !slices.Equal(got, []string{"ours"}) {
		t.Errorf("without members the administrator sees %v", got)
	}
	must(admin.CreateMembers(ctx, &guardduty.CreateMembersInput{DetectorId: idOf(account), AccountDetails: []types.AccountDetail{{AccountId: aws.String(other), Email: aws.String("a@example.com")}}}))(t)
	if got := clusters(admin, account); !slices.Equal(got, []string{"ours", "theirs"}) {
		t.Errorf("with a member the administrator sees %v", got)
	}
	if got := clusters(member, other); !slices.Equal(got, []string{"theirs"}) {
		t.Errorf("the member sees %v", got)
	}
}
