package publish

import (
	"context"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/finding"
)

// How findings are made incidents.
const (
	GroupNone     = "none"
	GroupSequence = "sequence" // the findings of an attack sequence are one
	GroupEntity   = "entity"   // and so are those about one thing, one soon after the other
)

// Policy is what a target wants to hear, and how fast. The zero policy is
// everything at once, in as few calls as possible.
type Policy struct {
	MinSeverity float64
	Matcher     finding.Matcher // nil: all findings
	NoHealth    bool            // leaves out events of sources
	// Quiet is how long updates of a finding of a detector are gathered; nil
	// sends each.
	Quiet func(ctx context.Context, detectorID string) (time.Duration, error)
	// Resolve has the target told when all that it was told of an incident was
	// archived.
	Resolve bool
	Group   string
	// Window is how long after the last finding of an entity the next one still
	// belongs to the same incident.
	Window time.Duration
	// Gather is how long events may wait for others to be sent with.
	Gather time.Duration
	// Batch is how many events one call takes; 0: as many as there are.
	Batch    int
	Parallel int           // calls at once; 0: one
	Every    time.Duration // between the beginnings of two calls
	Timeout  time.Duration // of a call; 0: none
}

// remembers reports whether what was told decides what is sent next.
func (p *Policy) remembers() bool { return p.Quiet != nil || p.groups() || p.Resolve }

func (p *Policy) groups() bool { return p.Group != "" && p.Group != GroupNone }

// wants reports whether a finding is for the target.
func (p *Policy) wants(x *finding.Finding) (bool, error) {
	if x.Service != nil && x.Service.Archived || x.Severity < p.MinSeverity {
		return false, nil
	}
	if p.Matcher == nil {
		return true, nil
	}
	values, err := finding.Flatten(x)
	if err != nil {
		return false, err
	}
	return p.Matcher.Match(values), nil
}

const sequencePrefix = "AttackSequence:"

// keyOf is the key of the incident that a finding belongs to, and whether it
// is the part of an attack sequence.
func (p *Policy) keyOf(x *finding.Finding) (key string, part bool) {
	if !p.groups() {
		return ownKey(x), false
	}
	if strings.HasPrefix(x.Type, sequencePrefix) {
		return "s:" + x.ARN, false
	}
	if x.AssociatedAttackSequenceARN != "" {
		return "s:" + x.AssociatedAttackSequenceARN, true
	}
	if p.Group == GroupEntity {
		return "e:" + eventID(append([]string{"entity", x.AccountID, x.Region}, entityOf(x)...)...), false
	}
	return ownKey(x), false
}

// keysOf are the keys under which a finding may be remembered.
func (p *Policy) keysOf(x *finding.Finding) []string {
	key, _ := p.keyOf(x)
	if own := ownKey(x); own != key {
		return []string{key, own}
	}
	return []string{key}
}

func ownKey(x *finding.Finding) string { return "f:" + refOf(x) }

// refOf names a finding in the store.
func refOf(x *finding.Finding) string {
	detector := ""
	if x.Service != nil {
		detector = x.Service.DetectorID
	}
	return detector + "/" + x.ID
}

// entityOf names the thing that a finding is about, as closely as it says.
func entityOf(x *finding.Finding) []string {
	r := x.Resource
	if r == nil {
		return []string{"finding", x.ID}
	}
	if k := r.KubernetesDetails; k != nil {
		cluster := ""
		if r.EKSClusterDetails != nil {
			cluster = r.EKSClusterDetails.Name
		}
		if w := k.KubernetesWorkloadDetails; w != nil && w.Name != "" {
			return []string{"workload", cluster, w.Namespace, w.Type, w.Name}
		}
		if u := k.KubernetesUserDetails; u != nil && u.Username != "" {
			return []string{"user", cluster, u.Username}
		}
	}
	switch {
	case len(r.S3BucketDetails) > 0:
		return []string{"bucket", r.S3BucketDetails[0].Name}
	case r.ContainerDetails != nil && r.ContainerDetails.ID != "":
		return []string{"container", r.ContainerDetails.ID}
	case r.LambdaDetails != nil:
		return []string{"function", r.LambdaDetails.FunctionARN}
	case r.RDSDBInstanceDetails != nil:
		return []string{"database", r.RDSDBInstanceDetails.DBInstanceARN, r.RDSDBInstanceDetails.DBInstanceIdentifier}
	case r.InstanceDetails != nil && r.InstanceDetails.InstanceID != "":
		return []string{"instance", r.InstanceDetails.InstanceID}
	case r.AccessKeyDetails != nil:
		a := r.AccessKeyDetails
		if a.UserName != "" {
			return []string{"principal", a.UserType, a.UserName}
		}
		return []string{"principal", a.PrincipalID, a.AccessKeyID}
	case r.EKSClusterDetails != nil:
		return []string{"cluster", r.EKSClusterDetails.Name}
	}
	return []string{"finding", x.ID}
}
