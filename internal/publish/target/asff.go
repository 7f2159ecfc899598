package target

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/vedette-project/vedette/internal/finding"
)

// asffFinding is a finding in the format of Security Hub.
type asffFinding struct {
	SchemaVersion string            `json:"SchemaVersion"`
	ID            string            `json:"Id"`
	ProductARN    string            `json:"ProductArn"`
	ProductName   string            `json:"ProductName"`
	CompanyName   string            `json:"CompanyName"`
	GeneratorID   string            `json:"GeneratorId"`
	AccountID     string            `json:"AwsAccountId"`
	Types         []string          `json:"Types"`
	FirstObserved string            `json:"FirstObservedAt,omitempty"`
	LastObserved  string            `json:"LastObservedAt,omitempty"`
	CreatedAt     string            `json:"CreatedAt"`
	UpdatedAt     string            `json:"UpdatedAt"`
	Severity      asffSeverity      `json:"Severity"`
	Title         string            `json:"Title"`
	Description   string            `json:"Description"`
	Remediation   *asffRemediation  `json:"Remediation,omitempty"`
	ProductFields map[string]string `json:"ProductFields"`
	Resources     []asffResource    `json:"Resources"`
	RecordState   string            `json:"RecordState"`
	Sample        bool              `json:"Sample,omitempty"`
}

type asffSeverity struct {
	Label    string `json:"Label"`
	Original string `json:"Original"`
}

type asffRemediation struct {
	Recommendation asffText `json:"Recommendation"`
}

type asffText struct {
	Text string `json:"Text"`
}

type asffResource struct {
	Type      string `json:"Type"`
	ID        string `json:"Id"`
	Partition string `json:"Partition"`
	Region    string `json:"Region"`
}

// Limits of the format, in characters.
const (
	maxASFFTitle       = 256
	maxASFFDescription = 1024
	maxASFFText        = 512
	maxASFFResourceID  = 512
	maxASFFResources   = 32
)

// asffOf is a finding as Security Hub imports it, as one of the account's own
// product.
func asffOf(f *finding.Finding) (*asffFinding, error) {
	if f == nil {
		return nil, errors.New("only findings can be")
	}
	partition := cmp.Or(f.Partition, finding.Partition(f.Region))
	out := &asffFinding{
		SchemaVersion: "2018-10-08", ID: f.ARN, ProductName: "Vedette", CompanyName: "Vedette",
		ProductARN:  fmt.Sprintf("arn:%s:securityhub:%s:%s:product/%s/default", partition, f.Region, f.AccountID, f.AccountID),
		GeneratorID: "vedette/" + f.Type, AccountID: f.AccountID, Types: []string{asffType(f.Type)},
		CreatedAt: f.CreatedAt, UpdatedAt: f.UpdatedAt,
		Severity:    asffSeverity{strings.ToUpper(finding.SeverityLabel(f.Severity)), fmt.Sprintf("%g", f.Severity)},
		Title:       runes(plain(cmp.Or(f.Title, f.Type)), maxASFFTitle),
		Description: runes(plain(cmp.Or(f.Description, f.Title, f.Type)), maxASFFDescription),
		RecordState: "ACTIVE",
		ProductFields: map[string]string{
			"vedette/type": f.Type, "vedette/findingId": f.ID,
		},
	}
	if s := f.Service; s != nil {
		out.FirstObserved, out.LastObserved = s.EventFirstSeen, s.EventLastSeen
		out.ProductFields["vedette/count"] = fmt.Sprint(s.Count)
		out.ProductFields["vedette/detectorId"] = s.DetectorID
		if s.Archived {
			out.RecordState = "ARCHIVED"
		}
		out.Sample = isSample(f)
	}
	if t, ok := finding.Lookup(f.Type); ok && len(t.Remediation) > 0 {
		out.Remediation = &asffRemediation{asffText{runes(t.Remediation[0], maxASFFText)}}
	}
	for _, r := range resourcesOf(f) {
		if len(out.Resources) < maxASFFResources {
			out.Resources = append(out.Resources, asffResource{asffResourceType(r.kind), runes(plain(r.id), maxASFFResourceID), partition, f.Region})
		}
	}
	return out, nil
}

// isSample reports whether a finding is a sample.
func isSample(f *finding.Finding) bool {
	return f.Service != nil && f.Service.AdditionalInfo != nil && strings.Contains(f.Service.AdditionalInfo.Value, `"sample":true`)
}

// asffType is a finding type in Security Hub's taxonomy: the slash becomes a
// dash, except in attack sequences.
func asffType(name string) string {
	purpose, _, _ := strings.Cut(name, ":")
	dashed := strings.Replace(name, "/", "-", 1)
	switch purpose {
	case "AttackSequence":
		return "TTPs/" + name
	case "Backdoor", "Cryptocurrency", "Trojan":
		return "TTPs/Command and Control/" + dashed
	case "Behavior":
		return "Unusual Behaviors/VM/" + dashed
	case "CredentialAccess":
		return "TTPs/Credential Access/" + dashed
	case "DefenseEvasion", "Stealth":
		return "TTPs/Defense Evasion/" + dashed
	case "Discovery", "Recon":
		return "TTPs/Discovery/" + dashed
	case "Execution", "Impact", "Persistence":
		return "TTPs/" + purpose + "/" + dashed
	case "Exfiltration":
		return "Effects/Data Exfiltration/" + dashed
	case "InitialAccess", "UnauthorizedAccess":
		return "TTPs/Initial Access/" + dashed
	case "PrivilegeEscalation":
		return "TTPs/Privilege Escalation/" + dashed
	}
	return "TTPs/" + dashed
}

// runes shortens a text to some characters.
func runes(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}

// resource is a thing that a finding is about.
type resource struct{ kind, id, name string }

// resourcesOf are the things that a finding is about; there is at least one.
func resourcesOf(f *finding.Finding) (out []resource) {
	add := func(kind, id, name string) {
		if id != "" || name != "" {
			out = append(out, resource{kind, plain(cmp.Or(id, name)), plain(cmp.Or(name, id))})
		}
	}
	partition := cmp.Or(f.Partition, finding.Partition(f.Region))
	if r := f.Resource; r != nil {
		if i := r.InstanceDetails; i != nil && i.InstanceID != "" {
			add("EC2 Instance", fmt.Sprintf("arn:%s:ec2:%s:%s:instance/%s", partition, f.Region, f.AccountID, i.InstanceID), i.InstanceID)
		}
		if c := r.EKSClusterDetails; c != nil {
			add("EKS Cluster", c.ARN, c.Name)
		}
		if k := r.KubernetesDetails; k != nil && k.KubernetesWorkloadDetails != nil && k.KubernetesWorkloadDetails.Name != "" {
			w := k.KubernetesWorkloadDetails
			add("Kubernetes Workload", strings.Trim(w.Namespace+"/"+w.Type+"/"+w.Name, "/"), w.Name)
		}
		if a := r.AccessKeyDetails; a != nil {
			add("IAM Access Key", a.AccessKeyID, cmp.Or(a.UserName, a.PrincipalID))
		}
		for _, b := range r.S3BucketDetails {
			add("S3 Bucket", cmp.Or(b.ARN, b.Name), b.Name)
		}
		if c := r.ContainerDetails; c != nil {
			add("Container", c.ID, c.Name)
		}
		if l := r.LambdaDetails; l != nil {
			add("Lambda Function", l.FunctionARN, "")
		}
		if d := r.RDSDBInstanceDetails; d != nil {
			add("RDS DB Instance", d.DBInstanceARN, d.DBInstanceIdentifier)
		}
	}
	if len(out) == 0 {
		add("AWS Account", "AWS::::Account:"+f.AccountID, f.AccountID)
	}
	return out
}

func asffResourceType(kind string) string {
	switch kind {
	case "EC2 Instance":
		return "AwsEc2Instance"
	case "EKS Cluster":
		return "AwsEksCluster"
	case "IAM Access Key":
		return "AwsIamAccessKey"
	case "S3 Bucket":
		return "AwsS3Bucket"
	case "Container":
		return "Container"
	case "Lambda Function":
		return "AwsLambdaFunction"
	case "RDS DB Instance":
		return "AwsRdsDbInstance"
	case "AWS Account":
		return "AwsAccount"
	}
	return "Other"
}
