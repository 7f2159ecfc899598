package finding

import "strings"

// detection is the model's or the correlation's own account of the finding.
func (s *sampler) detection() *Detection {
	switch {
	case s.is("correlation"), s.isCustomRule():
		return &Detection{Sequence: s.sequence()}
	case s.t.Detector == "anomaly" && !s.is("rds-login"):
		return &Detection{Anomaly: s.anomaly()}
	}
	return nil
}

func (s *sampler) anomaly() *Anomaly {
	object := func(subtype, value string) AnomalyObject {
		return AnomalyObject{ProfileType: "FREQUENCY", ProfileSubtype: subtype, Observations: &Observations{Text: []string{value}}}
	}
	scope := "userIdentity"
	if s.is("k8s-audit") {
		scope = "username"
	}
	features := func(subtype, suffix string) map[string][]AnomalyObject {
		return map[string][]AnomalyObject{
			"api":    {object(subtype, "GeneratedFindingAPIName"+suffix)},
			"asnOrg": {object(subtype, "GeneratedFindingASNOrg"+suffix)},
		}
	}
	return &Anomaly{
		Profiles: map[string]map[string][]AnomalyObject{"account": features("FREQUENT", "Usual"), scope: features("INFREQUENT", "Usual")},
		Unusual: &AnomalyUnusual{Behavior: map[string]map[string]AnomalyObject{
			"account": {"asnOrg": object("UNSEEN", "GeneratedFindingASNOrg")},
			scope:     {"api": object("RARE", "GeneratedFindingAPIName")},
		}},
	}
}

// sequence tells a short story: two signals by one actor from one address on
// one resource. A custom rule has the one signal that its rule names.
func (s *sampler) sequence() *Sequence {
	names := s.signalNames()
	seq := &Sequence{
		UID: hexID("sample sequence", s.t.Name, s.account, s.region), Description: s.t.Trigger,
		Actors: []SequenceActor{{
			ID: "actor-1",
			User: &User{
				Name: "GeneratedFindingUserName", UID: "GeneratedFindingPrincipalId", Type: "IAMUser",
				CredentialUID: "GeneratedFindingAccessKeyId", Account: &Account{UID: s.account, Account: "GeneratedFindingAccountName"},
			},
			Session: &Session{UID: "GeneratedFindingSessionUid", MFAStatus: "DISABLED", CreatedTime: s.epoch(), Issuer: "GeneratedFindingIssuer"},
		}},
		Resources: []ResourceV2{s.sequenceResource()},
		Endpoints: []NetworkEndpoint{{
			ID: "endpoint-1", IP: sampleRemoteIP, Port: 443,
			Location:         &NetworkGeoLocation{City: "GeneratedFindingCityName", Country: "GeneratedFindingCountryName"},
			AutonomousSystem: &AutonomousSystem{Name: "GeneratedFindingASNOrg"},
			Connection:       &NetworkConnection{Direction: "INBOUND"},
		}},
		SequenceIndicators: []Indicator{{Key: "ATTACK_TACTIC", Title: "MITRE Tactic", Values: []string{"Persistence", "Impact"}}},
	}
	for i, name := range names {
		kind := "CLOUD_TRAIL"
		if strings.Contains(name, "/") {
			kind = "FINDING"
		}
		seq.Signals = append(seq.Signals, SequenceSignal{
			UID: hexID("sample signal", s.t.Name, name, s.account, s.region), Type: kind, Name: name,
			Description: "GeneratedFindingSignalDescription", Severity: s.signalSeverity(i),
			CreatedAt: s.epoch(), UpdatedAt: s.epoch(), FirstSeenAt: s.epoch(), LastSeenAt: s.epoch(), Count: 1,
			ResourceUIDs: []string{seq.Resources[0].UID}, ActorIDs: []string{"actor-1"}, EndpointIDs: []string{"endpoint-1"},
			SignalIndicators: []Indicator{{Key: "HIGH_RISK_API", Title: "High Risk API", Values: []string{"GeneratedFindingAPIName"}}},
		})
	}
	return seq
}

// signalNames are finding types for an attack sequence, API calls or a rule otherwise.
func (s *sampler) signalNames() []string {
	switch {
	case s.named("EKS/"):
		return []string{"PrivilegeEscalation:Kubernetes/AnomalousBehavior.WorkloadDeployed!PrivilegedContainer", "CryptoCurrency:Runtime/BitcoinTool.B!DNS"}
	case s.named("ECS/Compromised"), s.named("CompromisedInstanceGroup"):
		return []string{"Execution:Runtime/ReverseShell", "CryptoCurrency:Runtime/BitcoinTool.B!DNS"}
	case s.named("IAM/CompromisedCredentials"):
		return []string{"Persistence:IAMUser/AnomalousBehavior", "StopLogging"}
	case s.named("S3/CompromisedData"):
		return []string{"Exfiltration:S3/AnomalousBehavior", "DeleteObjects"}
	}
	return []string{"GeneratedFindingRuleName"}
}

func (s *sampler) signalSeverity(i int) float64 {
	if s.is("correlation") {
		return []float64{5, 8}[i%2]
	}
	return s.t.Severity
}

func (s *sampler) sequenceResource() ResourceV2 {
	r := ResourceV2{AccountID: s.account, Region: s.region, CloudPartition: Partition(s.region), Tags: sampleTags()}
	switch {
	case s.named("EKS/"):
		r.UID, r.ResourceType, r.Name, r.Service = s.arn("eks", "cluster/GeneratedFindingEKSClusterName"), "EKS_CLUSTER", "GeneratedFindingEKSClusterName", "eks"
		r.Data = &ResourceData{EKSCluster: &EKSCluster{ARN: r.UID, Status: "ACTIVE", VPCID: "GeneratedFindingEKSClusterVpcId", CreatedAt: s.epoch()}}
	case s.named("ECS/"):
		r.UID, r.ResourceType, r.Name, r.Service = s.arn("ecs", "cluster/GeneratedFindingECSClusterName"), "ECS_CLUSTER", "GeneratedFindingECSClusterName", "ecs"
		r.Data = &ResourceData{ECSCluster: &ECSCluster{Status: "ACTIVE"}}
	case s.named(":EC2/"):
		r.UID, r.ResourceType, r.Name, r.Service = s.arn("ec2", "instance/i-99999999"), "EC2_INSTANCE", "i-99999999", "ec2"
		r.Data = &ResourceData{EC2Instance: &EC2Instance{InstanceState: "running", InstanceType: "m5.xlarge"}}
	case s.named(":S3/"):
		r.UID, r.ResourceType, r.Name, r.Service = "arn:"+Partition(s.region)+":s3:::generated-finding-bucket", "S3_BUCKET", "generated-finding-bucket", "s3"
		r.Data = &ResourceData{S3Bucket: &S3Bucket{OwnerID: "GeneratedFindingOwnerId", CreatedAt: s.epoch(), EffectivePermission: "NOT_PUBLIC"}}
	default:
		r.UID, r.ResourceType, r.Name, r.Service = "GeneratedFindingAccessKeyId", "ACCESS_KEY", "GeneratedFindingAccessKeyId", "iam"
		r.Data = &ResourceData{AccessKey: &AccessKey{PrincipalID: "GeneratedFindingPrincipalId", UserName: "GeneratedFindingUserName", UserType: "IAMUser"}}
	}
	return r
}
