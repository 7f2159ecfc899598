package api_test

//lint:file-ignore SA1019 Terraform still sends some of the deprecated forms.

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/guardduty/types"
	"github.com/aws/smithy-go"

	"github.com/vedette-project/vedette/internal/access"
)

// These replay the calls that Terraform's AWS provider makes for its guardduty
// resources, in its order, with what it looks for in the answers: exact parts
// of messages, one element where it wants one, states it waits for.

// gone reports whether Terraform takes an error as "is not there any more".
func gone(err error, part string) bool {
	var e smithy.APIError
	return errors.As(err, &e) && e.ErrorCode() == "BadRequestException" && strings.Contains(e.ErrorMessage(), part)
}

const tfNotOwned = "The request is rejected because the input detectorId is not owned by the current account."

// aws_guardduty_detector: create, read, tag, update, destroy, and read what is gone.
func TestTerraformDetector(t *testing.T) {
	s := newService(t)
	c, ctx := s.client(access.RoleAdmin), t.Context()
	made := must(c.CreateDetector(ctx, &guardduty.CreateDetectorInput{Enable: aws.Bool(true), FindingPublishingFrequency: types.FindingPublishingFrequencyOneHour,
		DataSources: &types.DataSourceConfigurations{S3Logs: &types.S3LogsConfiguration{Enable: aws.Bool(false)}}, Tags: map[string]string{"Name": "tf"}}))(t)
	read := func() *guardduty.GetDetectorOutput {
		t.Helper()
		return must(c.GetDetector(ctx, &guardduty.GetDetectorInput{DetectorId: made.DetectorId}))(t)
	}
	d := read()
	if d.DataSources.S3Logs.Status != types.DataSourceStatusDisabled || d.DataSources.MalwareProtection.ScanEc2InstanceWithFindings.EbsVolumes == nil || d.Tags["Name"] != "tf" {
		t.Errorf("after the creation: %+v", d)
	}
	arn := aws.String("arn:aws:guardduty:" + region + ":" + account + ":detector/" + aws.ToString(made.DetectorId))
	must(c.UntagResource(ctx, &guardduty.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"Name"}}))(t)
	must(c.TagResource(ctx, &guardduty.TagResourceInput{ResourceArn: arn, Tags: map[string]string{"Team": "red"}}))(t)
	must(c.UpdateDetector(ctx, &guardduty.UpdateDetectorInput{DetectorId: made.DetectorId, Enable: aws.Bool(false), FindingPublishingFrequency: types.FindingPublishingFrequencySixHours}))(t)
	if d = read(); d.Status != types.DetectorStatusDisabled || d.Tags["Team"] != "red" || len(d.Tags) != 1 || d.DataSources.S3Logs.Status != types.DataSourceStatusDisabled {
		t.Errorf("after the update: %+v", d)
	}
	// aws_guardduty_detector_feature: one feature, which must then be there once.
	must(c.UpdateDetector(ctx, &guardduty.UpdateDetectorInput{DetectorId: made.DetectorId, Features: []types.DetectorFeatureConfiguration{
		{Name: types.DetectorFeatureRuntimeMonitoring, Status: types.FeatureStatusEnabled, AdditionalConfiguration: []types.DetectorAdditionalConfiguration{
			{Name: types.FeatureAdditionalConfigurationEksAddonManagement, Status: types.FeatureStatusEnabled}}},
	}}))(t)
	found := slices.DeleteFunc(read().Features, func(f types.DetectorFeatureConfigurationResult) bool { return f.Name != "RUNTIME_MONITORING" })
	if len(found) != 1 || found[0].Status != types.FeatureStatusEnabled || !slices.ContainsFunc(found[0].AdditionalConfiguration, func(a types.DetectorAdditionalConfigurationResult) bool {
		return a.Name == types.FeatureAdditionalConfigurationEksAddonManagement && a.Status == types.FeatureStatusEnabled
	}) {
		t.Errorf("the feature: %+v", found)
	}
	must(c.DeleteDetector(ctx, &guardduty.DeleteDetectorInput{DetectorId: made.DetectorId}))(t)
	if _, err := c.GetDetector(ctx, &guardduty.GetDetectorInput{DetectorId: made.DetectorId}); !gone(err, tfNotOwned) {
		t.Errorf("a destroyed detector: %v", err)
	}
}

// aws_guardduty_member with invite, aws_guardduty_invite_accepter in the other
// account, then both destroyed before the detector.
func TestTerraformMember(t *testing.T) {
	s := newService(t)
	admin, member, ctx := s.enable(), s.as(other), t.Context()
	must(member.CreateDetector(ctx, &guardduty.CreateDetectorInput{Enable: aws.Bool(true)}))(t)
	must(admin.CreateMembers(ctx, &guardduty.CreateMembersInput{DetectorId: idOf(account), AccountDetails: []types.AccountDetail{{AccountId: aws.String(other), Email: aws.String("required@example.com")}}}))(t)
	must(admin.InviteMembers(ctx, &guardduty.InviteMembersInput{DetectorId: idOf(account), AccountIds: []string{other}, DisableEmailNotification: aws.Bool(true), Message: aws.String("please accept guardduty invitation")}))(t)
	if got := statusOf(t, admin); !slices.Contains([]string{"Disabled", "Enabled", "Invited"}, got) { // it waits for one of these
		t.Errorf("after the invitation: %q", got)
	}

	var invitation string
	pages := guardduty.NewListInvitationsPaginator(member, &guardduty.ListInvitationsInput{})
	for pages.HasMorePages() {
		for _, i := range must(pages.NextPage(ctx))(t).Invitations {
			if aws.ToString(i.AccountId) == account {
				invitation = aws.ToString(i.InvitationId)
			}
		}
	}
	must(member.AcceptInvitation(ctx, &guardduty.AcceptInvitationInput{DetectorId: idOf(other), InvitationId: &invitation, MasterId: aws.String(account)}))(t)
	master := must(member.GetMasterAccount(ctx, &guardduty.GetMasterAccountInput{DetectorId: idOf(other)}))(t).Master
	if master == nil || aws.ToString(master.AccountId) != account {
		t.Errorf("the master is %+v", master)
	}

	if _, err := admin.DeleteDetector(ctx, &guardduty.DeleteDetectorInput{DetectorId: idOf(account)}); !gone(err, "cannot delete detector while it has invited or associated members") {
		t.Errorf("the detector of an administrator: %v", err) // upon this it waits and tries again
	}
	must(member.DisassociateFromMasterAccount(ctx, &guardduty.DisassociateFromMasterAccountInput{DetectorId: idOf(other)}))(t)
	must(admin.DeleteMembers(ctx, &guardduty.DeleteMembersInput{DetectorId: idOf(account), AccountIds: []string{other}}))(t)
	if got := statusOf(t, admin); got != "" {
		t.Errorf("a destroyed member is %q", got)
	}
	must(admin.DeleteDetector(ctx, &guardduty.DeleteDetectorInput{DetectorId: idOf(account)}))(t)
	if _, err := admin.GetMembers(ctx, &guardduty.GetMembersInput{DetectorId: idOf(account), AccountIds: []string{other}}); !gone(err, tfNotOwned) {
		t.Errorf("members of a destroyed detector: %v", err)
	}
	must(member.DeleteDetector(ctx, &guardduty.DeleteDetectorInput{DetectorId: idOf(other)}))(t)
	if _, err := member.GetMasterAccount(ctx, &guardduty.GetMasterAccountInput{DetectorId: idOf(other)}); !gone(err, tfNotOwned) {
		t.Errorf("the master of a destroyed detector: %v", err)
	}
}

// aws_guardduty_organization_admin_account, _organization_configuration,
// _organization_configuration_feature and _member_detector_feature.
func TestTerraformOrganization(t *testing.T) {
	s := newService(t)
	c, ctx := s.enable(), t.Context()
	must(c.EnableOrganizationAdminAccount(ctx, &guardduty.EnableOrganizationAdminAccountInput{AdminAccountId: aws.String(account)}))(t)
	administers := func() bool {
		t.Helper()
		pages := guardduty.NewListOrganizationAdminAccountsPaginator(c, &guardduty.ListOrganizationAdminAccountsInput{})
		for pages.HasMorePages() {
			for _, a := range must(pages.NextPage(ctx))(t).AdminAccounts {
				if aws.ToString(a.AdminAccountId) == account && a.AdminStatus == types.AdminStatusEnabled {
					return true
				}
			}
		}
		return false
	}
	if !administers() {
		t.Error("the administrator is not listed")
	}
	read := func() *guardduty.DescribeOrganizationConfigurationOutput {
		t.Helper()
		return must(c.DescribeOrganizationConfiguration(ctx, &guardduty.DescribeOrganizationConfigurationInput{DetectorId: idOf(account)}))(t)
	}
	yes := aws.Bool(true)
	must(c.UpdateOrganizationConfiguration(ctx, &guardduty.UpdateOrganizationConfigurationInput{DetectorId: idOf(account), AutoEnableOrganizationMembers: types.AutoEnableMembersAll,
		DataSources: &types.OrganizationDataSourceConfigurations{
			S3Logs:     &types.OrganizationS3LogsConfiguration{AutoEnable: yes},
			Kubernetes: &types.OrganizationKubernetesConfiguration{AuditLogs: &types.OrganizationKubernetesAuditLogsConfiguration{AutoEnable: yes}},
			MalwareProtection: &types.OrganizationMalwareProtectionConfiguration{ScanEc2InstanceWithFindings: &types.OrganizationScanEc2InstanceWithFindings{
				EbsVolumes: &types.OrganizationEbsVolumes{AutoEnable: aws.Bool(false)}}},
		}}))(t)
	got := read()
	if !aws.ToBool(got.AutoEnable) || got.AutoEnableOrganizationMembers != types.AutoEnableMembersAll || !aws.ToBool(got.DataSources.S3Logs.AutoEnable) ||
		!aws.ToBool(got.DataSources.Kubernetes.AuditLogs.AutoEnable) || aws.ToBool(got.DataSources.MalwareProtection.ScanEc2InstanceWithFindings.EbsVolumes.AutoEnable) {
		t.Errorf("the configuration: %+v", got)
	}
	must(c.UpdateOrganizationConfiguration(ctx, &guardduty.UpdateOrganizationConfigurationInput{DetectorId: idOf(account), AutoEnableOrganizationMembers: got.AutoEnableOrganizationMembers,
		Features: []types.OrganizationFeatureConfiguration{{Name: types.OrgFeatureEksRuntimeMonitoring, AutoEnable: types.OrgFeatureStatusAll,
			AdditionalConfiguration: []types.OrganizationAdditionalConfiguration{{Name: types.OrgFeatureAdditionalConfigurationEksAddonManagement, AutoEnable: types.OrgFeatureStatusNew}}}}}))(t)
	found := slices.DeleteFunc(read().Features, func(f types.OrganizationFeatureConfigurationResult) bool {
		return f.Name != types.OrgFeatureEksRuntimeMonitoring
	})
	if len(found) != 1 || found[0].AutoEnable != types.OrgFeatureStatusAll || len(found[0].AdditionalConfiguration) != 1 || found[0].AdditionalConfiguration[0].AutoEnable != types.OrgFeatureStatusNew {
		t.Errorf("the feature: %+v", found)
	}

	must(c.CreateMembers(ctx, &guardduty.CreateMembersInput{DetectorId: idOf(account), AccountDetails: []types.AccountDetail{{AccountId: aws.String(other), Email: aws.String("required@example.com")}}}))(t)
	out := must(c.UpdateMemberDetectors(ctx, &guardduty.UpdateMemberDetectorsInput{DetectorId: idOf(account), AccountIds: []string{other},
		Features: []types.MemberFeaturesConfiguration{{Name: types.OrgFeatureLambdaNetworkLogs, Status: types.FeatureStatusDisabled}}}))(t)
	wantProcessed(t, "update the member's detector", out.UnprocessedAccounts, "")
	of := must(c.GetMemberDetectors(ctx, &guardduty.GetMemberDetectorsInput{DetectorId: idOf(account), AccountIds: []string{other}}))(t)
	if len(of.MemberDataSourceConfigurations) != 1 || len(of.UnprocessedAccounts) != 0 {
		t.Fatalf("the member's detector: %+v", of)
	}
	for name, want := range map[types.OrgFeature]types.FeatureStatus{types.OrgFeatureLambdaNetworkLogs: types.FeatureStatusDisabled, types.OrgFeatureEksRuntimeMonitoring: types.FeatureStatusEnabled} {
		one := slices.DeleteFunc(slices.Clone(of.MemberDataSourceConfigurations[0].Features), func(f types.MemberFeaturesConfigurationResult) bool { return f.Name != name })
		if len(one) != 1 || one[0].Status != want {
			t.Errorf("%s of the member: %+v", name, one)
		}
	}

	must(c.DisableOrganizationAdminAccount(ctx, &guardduty.DisableOrganizationAdminAccountInput{AdminAccountId: aws.String(account)}))(t)
	if administers() {
		t.Error("the administrator that was destroyed is listed")
	}
}

// aws_guardduty_malware_protection_plan is refused when it is made and gone when
// it is read; aws_guardduty_malware_scan_settings is set, read and reset.
func TestTerraformMalware(t *testing.T) {
	s := newService(t)
	c, ctx := s.enable(), t.Context()
	_, err := c.GetMalwareProtectionPlan(ctx, &guardduty.GetMalwareProtectionPlanInput{MalwareProtectionPlanId: aws.String("0123456789abcdef0123")})
	var nothing *types.ResourceNotFoundException
	if !errors.As(err, &nothing) {
		t.Errorf("a plan that is not there: %v", err)
	}
	set := func(p types.EbsSnapshotPreservation, criteria *types.ScanResourceCriteria) {
		t.Helper()
		must(c.UpdateMalwareScanSettings(ctx, &guardduty.UpdateMalwareScanSettingsInput{DetectorId: idOf(account), EbsSnapshotPreservation: p, ScanResourceCriteria: criteria}))(t)
	}
	set(types.EbsSnapshotPreservationRetentionWithFinding, &types.ScanResourceCriteria{Exclude: map[string]types.ScanCondition{
		"EC2_INSTANCE_TAG": {MapEquals: []types.ScanConditionPair{{Key: aws.String("skip")}}}}})
	got := must(c.GetMalwareScanSettings(ctx, &guardduty.GetMalwareScanSettingsInput{DetectorId: idOf(account)}))(t)
	if len(got.ScanResourceCriteria.Exclude["EC2_INSTANCE_TAG"].MapEquals) != 1 {
		t.Errorf("the settings: %+v", got)
	}
	set(types.EbsSnapshotPreservationNoRetention, &types.ScanResourceCriteria{})
	got = must(c.GetMalwareScanSettings(ctx, &guardduty.GetMalwareScanSettingsInput{DetectorId: idOf(account)}))(t)
	if got.EbsSnapshotPreservation != types.EbsSnapshotPreservationNoRetention || len(got.ScanResourceCriteria.Include)+len(got.ScanResourceCriteria.Exclude) != 0 {
		t.Errorf("after the reset: %+v", got)
	}
	if _, err := c.GetMalwareScanSettings(ctx, &guardduty.GetMalwareScanSettingsInput{DetectorId: idOf(other)}); !gone(err, tfNotOwned) {
		t.Errorf("settings of a detector that is not there: %v", err)
	}
}

// aws_guardduty_filter: create, read, update, destroy, and read what is gone.
func TestTerraformFilter(t *testing.T) {
	s := newService(t)
	c, ctx := s.enable(), t.Context()
	in := &guardduty.CreateFilterInput{DetectorId: idOf(account), Name: aws.String("MyFilter"), Action: types.FilterActionArchive, Rank: aws.Int32(1), Description: aws.String(""),
		FindingCriteria: &types.FindingCriteria{Criterion: map[string]types.Condition{
			"region":    {Equals: []string{region}},
			"updatedAt": {GreaterThanOrEqual: aws.Int64(1_570_744_740_000), LessThan: aws.Int64(1_570_744_840_000)},
		}}, Tags: map[string]string{"k": "v"}}
	must(c.CreateFilter(ctx, in))(t)
	read := func() (*guardduty.GetFilterOutput, error) {
		return c.GetFilter(ctx, &guardduty.GetFilterInput{DetectorId: idOf(account), FilterName: in.Name})
	}
	f := must(read())(t)
	if f.Action != types.FilterActionArchive || aws.ToInt64(f.FindingCriteria.Criterion["updatedAt"].LessThan) != 1_570_744_840_000 || f.Tags["k"] != "v" {
		t.Errorf("the filter: %+v", f)
	}
	must(c.UpdateFilter(ctx, &guardduty.UpdateFilterInput{DetectorId: idOf(account), FilterName: in.Name, Action: types.FilterActionNoop, Rank: aws.Int32(2), FindingCriteria: in.FindingCriteria, Description: aws.String("x")}))(t)
	if f = must(read())(t); f.Action != types.FilterActionNoop || aws.ToInt32(f.Rank) != 2 {
		t.Errorf("after the update: %+v", f)
	}
	must(c.DeleteFilter(ctx, &guardduty.DeleteFilterInput{DetectorId: idOf(account), FilterName: in.Name}))(t)
	if _, err := read(); !gone(err, "The request is rejected since no such resource found.") {
		t.Errorf("a destroyed filter: %v", err)
	}
}
