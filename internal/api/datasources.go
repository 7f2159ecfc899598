package api

import (
	"time"

	"github.com/vedette-project/vedette/internal/finding"
)

// dataSources is the older view of the features, which GuardDuty still
// answers beside them.
type dataSources struct {
	CloudTrail statusOf `json:"cloudTrail"`
	DNSLogs    statusOf `json:"dnsLogs"`
	FlowLogs   statusOf `json:"flowLogs"`
	S3Logs     statusOf `json:"s3Logs"`
	Kubernetes struct {
		AuditLogs statusOf `json:"auditLogs"`
	} `json:"kubernetes"`
	MalwareProtection struct {
		Scan struct {
			EBSVolumes statusOf `json:"ebsVolumes"`
		} `json:"scanEc2InstanceWithFindings"`
		ServiceRole string `json:"serviceRole"`
	} `json:"malwareProtection"`
}

type statusOf struct {
	Status string `json:"status"`
}

func dataSourcesOf(d finding.Detector) dataSources {
	of := func(feature string) statusOf { return statusOf{status(isOn(&d, feature))} }
	always := statusOf{"ENABLED"}
	out := dataSources{CloudTrail: always, DNSLogs: always, FlowLogs: always, S3Logs: of("S3_DATA_EVENTS")}
	out.Kubernetes.AuditLogs = of("EKS_AUDIT_LOGS")
	out.MalwareProtection.Scan.EBSVolumes = of("EBS_MALWARE_PROTECTION")
	out.MalwareProtection.ServiceRole = "arn:" + finding.Partition(d.Region) + ":iam::" + d.Account +
		":role/aws-service-role/malware-protection.guardduty.amazonaws.com/AWSServiceRoleForAmazonGuardDutyMalwareProtection"
	return out
}

// applyDataSources reads the deprecated dataSources into the features that
// took their place. Each is a switch at the end of a path of objects.
func applyDataSources(d *finding.Detector, body object, now time.Time) error {
	if !body.has("dataSources") {
		return nil
	}
	d.Features = cloneFeatures(d.Features)
	for _, s := range [...]struct {
		path    []string
		feature string
	}{
		{[]string{"dataSources", "s3Logs", "enable"}, "S3_DATA_EVENTS"},
		{[]string{"dataSources", "kubernetes", "auditLogs", "enable"}, "EKS_AUDIT_LOGS"},
		{[]string{"dataSources", "malwareProtection", "scanEc2InstanceWithFindings", "ebsVolumes"}, "EBS_MALWARE_PROTECTION"},
	} {
		on, given, err := readSwitch(body, s.path)
		if err != nil {
			return err
		}
		f := featureOf(d, s.feature)
		f.Chosen = f.Chosen || given
		if given && f.Enabled != on {
			f.Enabled, f.UpdatedAt = on, now
		}
	}
	return nil
}

func readSwitch(o object, path []string) (on, given bool, err error) {
	for _, name := range path[:len(path)-1] {
		if o, given, err = o.object(name); err != nil || !given {
			return false, false, err
		}
	}
	return o.boolean(path[len(path)-1])
}
