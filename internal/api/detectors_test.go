package api_test

//lint:file-ignore SA1019 The deprecated forms are part of the contract: older clients still send them.

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/guardduty/types"

	"github.com/vedette-project/vedette/internal/access"
)

const (
	notOwned   = "The request is rejected because the input detectorId is not owned by the current account."
	noResource = "The request is rejected since no such resource found."
)

// workshopFeatures are those of the EKS workshop's first step.
func workshopFeatures() []types.DetectorFeatureConfiguration {
	return []types.DetectorFeatureConfiguration{
		{Name: types.DetectorFeatureEksAuditLogs, Status: types.FeatureStatusEnabled},
		{Name: types.DetectorFeatureEksRuntimeMonitoring, Status: types.FeatureStatusEnabled,
			AdditionalConfiguration: []types.DetectorAdditionalConfiguration{
				{Name: types.FeatureAdditionalConfigurationEksAddonManagement, Status: types.FeatureStatusEnabled},
			}},
	}
}

func TestDetectorLife(t *testing.T) {
	s := newService(t)
	c := s.client(access.RoleAdmin)
	ctx := t.Context()
	before := time.Now().Add(-time.Second)

	list := must(c.ListDetectors(ctx, nil))(t)
	if list.DetectorIds == nil || len(list.DetectorIds) != 0 {
		t.Errorf("a fresh account lists %v, want an empty list", list.DetectorIds)
	}
	_, err := c.GetDetector(ctx, &guardduty.GetDetectorInput{DetectorId: aws.String(detectorID())})
	wantBad(t, err, notOwned)

	made := must(c.CreateDetector(ctx, &guardduty.CreateDetectorInput{
		Enable: aws.Bool(true), Features: workshopFeatures(), Tags: map[string]string{"team": "red"}, ClientToken: aws.String("tok"),
	}))(t)
	if aws.ToString(made.DetectorId) != detectorID() || len(detectorID()) != 32 {
		t.Errorf("created %q, want %q", aws.ToString(made.DetectorId), detectorID())
	}
	again := must(c.CreateDetector(ctx, &guardduty.CreateDetectorInput{Enable: aws.Bool(true), ClientToken: aws.String("tok")}))(t)
	if aws.ToString(again.DetectorId) != detectorID() {
		t.Errorf("a retry with the same token gave %q", aws.ToString(again.DetectorId))
	}
	for _, token := range []*string{nil, aws.String("other")} {
		_, err = c.CreateDetector(ctx, &guardduty.CreateDetectorInput{Enable: aws.Bool(true), ClientToken: token})
		wantBad(t, err, "The request is rejected because a detector already exists for the current account.")
	}
	if list = must(c.ListDetectors(ctx, nil))(t); len(list.DetectorIds) != 1 || list.DetectorIds[0] != detectorID() {
		t.Errorf("listed %v", list.DetectorIds)
	}

	d := must(c.GetDetector(ctx, &guardduty.GetDetectorInput{DetectorId: made.DetectorId}))(t)
	if d.Status != types.DetectorStatusEnabled || d.FindingPublishingFrequency != types.FindingPublishingFrequencySixHours || d.Tags["team"] != "red" {
		t.Errorf("detector %+v", d)
	}
	if aws.ToString(d.ServiceRole) != "arn:aws:iam::111122223333:role/aws-service-role/guardduty.amazonaws.com/AWSServiceRoleForAmazonGuardDuty" {
		t.Errorf("service role %q", aws.ToString(d.ServiceRole))
	}
	if at, err := time.Parse("2006-01-02T15:04:05.000Z", aws.ToString(d.CreatedAt)); err != nil || at.Before(before) || at.After(time.Now().Add(time.Second)) {
		t.Errorf("createdAt %q: %v", aws.ToString(d.CreatedAt), err)
	}

	must(c.UpdateDetector(ctx, &guardduty.UpdateDetectorInput{
		DetectorId: made.DetectorId, Enable: aws.Bool(false), FindingPublishingFrequency: types.FindingPublishingFrequencyFifteenMinutes,
	}))(t)
	d = must(c.GetDetector(ctx, &guardduty.GetDetectorInput{DetectorId: made.DetectorId}))(t)
	if d.Status != types.DetectorStatusDisabled || d.FindingPublishingFrequency != types.FindingPublishingFrequencyFifteenMinutes {
		t.Errorf("after the update: %s, %s", d.Status, d.FindingPublishingFrequency)
	}

	must(c.DeleteDetector(ctx, &guardduty.DeleteDetectorInput{DetectorId: made.DetectorId}))(t)
	if list = must(c.ListDetectors(ctx, nil))(t); len(list.DetectorIds) != 0 {
		t.Errorf("after the deletion %v is listed", list.DetectorIds)
	}
	_, err = c.DeleteDetector(ctx, &guardduty.DeleteDetectorInput{DetectorId: made.DetectorId})
	wantBad(t, err, notOwned)
	_, err = c.UpdateDetector(ctx, &guardduty.UpdateDetectorInput{DetectorId: made.DetectorId})
	wantBad(t, err, notOwned)
	s.enable() // and it may come back
}

func features(t *testing.T, c *guardduty.Client) map[string]string {
	t.Helper()
	d := must(c.GetDetector(t.Context(), &guardduty.GetDetectorInput{DetectorId: aws.String(detectorID())}))(t)
	out := map[string]string{}
	for _, f := range d.Features {
		out[string(f.Name)] = string(f.Status)
		if f.UpdatedAt == nil || f.UpdatedAt.IsZero() {
			t.Errorf("feature %s has no updatedAt", f.Name)
		}
		for _, a := range f.AdditionalConfiguration {
			out[string(f.Name)+"/"+string(a.Name)] = string(a.Status)
		}
	}
	return out
}

func expect(t *testing.T, got map[string]string, want map[string]string) {
	t.Helper()
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s is %q, want %q", k, got[k], v)
		}
	}
}

func TestFeatureDefaults(t *testing.T) {
	c := newService(t).enable()
	expect(t, features(t, c), map[string]string{
		"CLOUD_TRAIL": "ENABLED", "DNS_LOGS": "ENABLED", "FLOW_LOGS": "ENABLED",
		"S3_DATA_EVENTS": "ENABLED", "EKS_AUDIT_LOGS": "ENABLED", "EBS_MALWARE_PROTECTION": "ENABLED",
		"RDS_LOGIN_EVENTS": "ENABLED", "LAMBDA_NETWORK_LOGS": "ENABLED",
		"EKS_RUNTIME_MONITORING": "DISABLED", "RUNTIME_MONITORING": "DISABLED", "AI_PROTECTION": "DISABLED", "AI_ANALYST": "DISABLED",
		"EKS_RUNTIME_MONITORING/EKS_ADDON_MANAGEMENT": "DISABLED", "RUNTIME_MONITORING/EC2_AGENT_MANAGEMENT": "DISABLED",
	})
}

func TestFeatures(t *testing.T) {
	s := newService(t)
	c := s.client(access.RoleAdmin)
	must(c.CreateDetector(t.Context(), &guardduty.CreateDetectorInput{Enable: aws.Bool(true), Features: workshopFeatures()}))(t)
	expect(t, features(t, c), map[string]string{
		"EKS_AUDIT_LOGS": "ENABLED", "EKS_RUNTIME_MONITORING": "ENABLED", "EKS_RUNTIME_MONITORING/EKS_ADDON_MANAGEMENT": "ENABLED",
		"S3_DATA_EVENTS": "ENABLED", "RUNTIME_MONITORING": "DISABLED",
	})

	update := func(fs ...types.DetectorFeatureConfiguration) error {
		_, err := c.UpdateDetector(t.Context(), &guardduty.UpdateDetectorInput{DetectorId: aws.String(detectorID()), Features: fs})
		return err
	}
	on, off := types.FeatureStatusEnabled, types.FeatureStatusDisabled
	const exclusive = "The request is rejected because the parameter features has an invalid value: EKS_RUNTIME_MONITORING and RUNTIME_MONITORING exclude each other."
	wantBad(t, update(types.DetectorFeatureConfiguration{Name: "RUNTIME_MONITORING", Status: on}), exclusive)
	wantBad(t, update(types.DetectorFeatureConfiguration{Name: "RUNTIME_MONITORING", Status: on},
		types.DetectorFeatureConfiguration{Name: "EKS_RUNTIME_MONITORING", Status: off}), exclusive)
	wantBad(t, update(types.DetectorFeatureConfiguration{Name: "FLOW_LOGS", Status: off}),
		"The request is rejected because the parameter features[0].name has an invalid value: is not a feature that can be set.")
	wantBad(t, update(types.DetectorFeatureConfiguration{Name: "S3_DATA_EVENTS", Status: "ON"}),
		"The request is rejected because the parameter features[0].status has an invalid value: must be one of ENABLED, DISABLED.")
	wantBad(t, update(types.DetectorFeatureConfiguration{Name: "S3_DATA_EVENTS"}),
		"The request is rejected because the required parameter features[0].status is not specified.")
	wantBad(t, update(types.DetectorFeatureConfiguration{Name: "S3_DATA_EVENTS", Status: on,
		AdditionalConfiguration: []types.DetectorAdditionalConfiguration{{Name: "EKS_ADDON_MANAGEMENT", Status: on}}}),
		"The request is rejected because the parameter features[0].additionalConfiguration[0].name has an invalid value: is not an additional configuration of S3_DATA_EVENTS.")
	expect(t, features(t, c), map[string]string{"EKS_RUNTIME_MONITORING": "ENABLED", "RUNTIME_MONITORING": "DISABLED", "S3_DATA_EVENTS": "ENABLED"})

	if err := update(types.DetectorFeatureConfiguration{Name: "EKS_RUNTIME_MONITORING", Status: off}); err != nil {
		t.Error(err)
	}
	if err := update(types.DetectorFeatureConfiguration{Name: "RUNTIME_MONITORING", Status: on}, types.DetectorFeatureConfiguration{Name: "AI_PROTECTION", Status: on}); err != nil {
		t.Error(err)
	}
	expect(t, features(t, c), map[string]string{"EKS_RUNTIME_MONITORING": "DISABLED", "RUNTIME_MONITORING": "ENABLED", "AI_PROTECTION": "ENABLED"})
}

func TestDataSources(t *testing.T) {
	s := newService(t)
	c := s.client(access.RoleAdmin)
	must(c.CreateDetector(t.Context(), &guardduty.CreateDetectorInput{Enable: aws.Bool(true), DataSources: &types.DataSourceConfigurations{
		S3Logs:     &types.S3LogsConfiguration{Enable: aws.Bool(false)},
		Kubernetes: &types.KubernetesConfiguration{AuditLogs: &types.KubernetesAuditLogsConfiguration{Enable: aws.Bool(true)}},
		MalwareProtection: &types.MalwareProtectionConfiguration{
			ScanEc2InstanceWithFindings: &types.ScanEc2InstanceWithFindings{EbsVolumes: aws.Bool(false)},
		},
	}}))(t)
	expect(t, features(t, c), map[string]string{"S3_DATA_EVENTS": "DISABLED", "EKS_AUDIT_LOGS": "ENABLED", "EBS_MALWARE_PROTECTION": "DISABLED"})
	d := must(c.GetDetector(t.Context(), &guardduty.GetDetectorInput{DetectorId: aws.String(detectorID())}))(t).DataSources
	if d.CloudTrail.Status != "ENABLED" || d.DNSLogs.Status != "ENABLED" || d.FlowLogs.Status != "ENABLED" || d.S3Logs.Status != "DISABLED" ||
		d.Kubernetes.AuditLogs.Status != "ENABLED" || d.MalwareProtection.ScanEc2InstanceWithFindings.EbsVolumes.Status != "DISABLED" {
		t.Errorf("data sources %+v", d)
	}
	_, err := c.UpdateDetector(t.Context(), &guardduty.UpdateDetectorInput{DetectorId: aws.String(detectorID()), Features: workshopFeatures(),
		DataSources: &types.DataSourceConfigurations{S3Logs: &types.S3LogsConfiguration{Enable: aws.Bool(true)}}})
	wantBad(t, err, "The request is rejected because the parameter dataSources has an invalid value: is deprecated and may not be used together with features.")
}
