package finding

// resource is the resource that the type is about, with its details.
func (s *sampler) resource() *Resource {
	r := &Resource{ResourceType: s.t.ResourceType}
	switch s.t.ResourceType {
	case "EKSCluster":
		s.addCluster(r)
	case "ECSCluster":
		r.ECSClusterDetails = s.ecsCluster()
		r.InstanceDetails = s.instance()
	case "Container":
		c := s.container()
		r.ContainerDetails, r.InstanceDetails = &c, s.instance()
	case "Instance":
		r.InstanceDetails = s.instance()
	case "AccessKey":
		r.AccessKeyDetails = s.accessKey()
		if s.named("CredentialExfiltration") {
			r.InstanceDetails = s.instance()
		}
		s.addModels(r)
	case "S3Bucket":
		r.AccessKeyDetails = s.accessKey()
		r.S3BucketDetails = []S3BucketDetail{s.bucket()}
	case "S3Object":
		b := s.bucket()
		b.S3ObjectDetails = []S3ObjectDetail{{
			ObjectARN: "arn:" + Partition(s.region) + ":s3:::generated-finding-bucket/GeneratedFindingObjectKey",
			Key:       "GeneratedFindingObjectKey", ETag: "GeneratedFindingETag", Hash: sampleSHA256, VersionID: "GeneratedFindingVersionId",
		}}
		r.S3BucketDetails = []S3BucketDetail{b}
	case "Lambda":
		r.LambdaDetails = s.function()
	case "RDSDBInstance":
		r.RDSDBInstanceDetails = &RDSDBInstanceDetails{
			DBInstanceIdentifier: "generated-finding-db", Engine: "aurora-postgresql", EngineVersion: "16.4",
			DBClusterIdentifier: "generated-finding-db-cluster", DBInstanceARN: s.arn("rds", "db:generated-finding-db"),
			DbiResourceID: "db-GENERATEDFINDING", Tags: sampleTags(),
		}
		r.RDSDBUserDetails = &RDSDBUserDetails{
			User: "GeneratedFindingUser", Application: "GeneratedFindingApplication",
			Database: "GeneratedFindingDatabase", SSL: "GeneratedFindingSSL", AuthMethod: "password",
		}
	case "EBSSnapshot":
		r.EBSSnapshotDetails = &EBSSnapshotDetails{SnapshotARN: s.arn("ec2", "snapshot/snap-99999999")}
	case "EC2Image":
		r.EC2ImageDetails = &EC2ImageDetails{ImageARN: s.arn("ec2", "image/ami-99999999")}
	case "EC2RecoveryPoint", "S3RecoveryPoint":
		r.RecoveryPointDetails = &RecoveryPointDetails{
			RecoveryPointARN: s.arn("backup", "recovery-point:GeneratedFindingRecoveryPoint"),
			BackupVaultName:  "GeneratedFindingBackupVault",
		}
	}
	if s.is("ebs-scan") {
		r.EBSVolumeDetails = &EBSVolumeDetails{ScannedVolumeDetails: []VolumeDetail{{
			VolumeARN: s.volumeARN(), VolumeType: "gp3", DeviceName: "/dev/xvda", VolumeSizeInGB: 8, EncryptionType: "UNENCRYPTED",
			SnapshotARN: s.arn("ec2", "snapshot/snap-99999999"),
		}}}
	}
	return r
}

func (s *sampler) volumeARN() string { return s.arn("ec2", "volume/vol-99999999") }

// addCluster fills what the source of a cluster's finding knows: an audit
// record knows the caller, the sensor knows the node and the pod.
func (s *sampler) addCluster(r *Resource) {
	r.EKSClusterDetails = &EKSClusterDetails{
		Name: "GeneratedFindingEKSClusterName", ARN: s.arn("eks", "cluster/GeneratedFindingEKSClusterName"),
		VPCID: "GeneratedFindingEKSClusterVpcId", Status: "ACTIVE", Tags: sampleTags(), CreatedAt: s.epoch(),
	}
	if s.is("k8s-audit") {
		r.AccessKeyDetails = s.accessKey()
		r.KubernetesDetails = s.auditDetails()
		return
	}
	r.InstanceDetails = s.instance()
	r.KubernetesDetails = &KubernetesDetails{KubernetesWorkloadDetails: s.workload("pods", "GeneratedFindingNamespace")}
}

func sampleTags() []Tag {
	return []Tag{{Key: "GeneratedFindingTagKey", Value: "GeneratedFindingTagValue"}}
}

func (s *sampler) container() Container {
	return Container{
		ContainerRuntime: "containerd", ID: "GeneratedFindingContainerId", Name: "GeneratedFindingContainerName",
		Image: "GeneratedFindingImagePrefix/generated-finding-image:latest", ImagePrefix: "GeneratedFindingImagePrefix",
		VolumeMounts:    []VolumeMount{{Name: "GeneratedFindingVolumeName", MountPath: "/GeneratedFindingMountPath"}},
		SecurityContext: &SecurityContext{Privileged: s.named("PrivilegedContainer", "ContainerEscape", "CGroups")},
	}
}

func (s *sampler) workload(kind, namespace string) *KubernetesWorkloadDetails {
	v := Volume{Name: "GeneratedFindingVolumeName"}
	if s.named("SensitiveMount", "ContainerMountsHost") {
		v.HostPath = &HostPath{Path: "/etc"}
	}
	return &KubernetesWorkloadDetails{
		Name: "GeneratedFindingWorkloadName", Type: kind, UID: "00000000-0000-0000-0000-000000000000",
		Namespace: namespace, ServiceAccountName: "GeneratedFindingServiceAccount",
		Containers: []Container{s.container()}, Volumes: []Volume{v},
	}
}

func (s *sampler) accessKey() *AccessKeyDetails {
	k := &AccessKeyDetails{
		AccessKeyID: "GeneratedFindingAccessKeyId", PrincipalID: "GeneratedFindingPrincipalId",
		UserName: "GeneratedFindingUserName", UserType: "IAMUser",
	}
	switch {
	case s.is("k8s-audit"):
		k.UserType = "Unknown"
	case s.named("RootCredentialUsage"):
		k.UserName, k.UserType = "Root", "Root"
	case s.named("CredentialExfiltration"):
		k.UserType = "AssumedRole"
	}
	return k
}

func (s *sampler) instance() *InstanceDetails {
	return &InstanceDetails{
		AvailabilityZone: "GeneratedFindingAvailabilityZone", ImageDescription: "GeneratedFindingImageDescription",
		ImageID: "ami-99999999", InstanceID: "i-99999999", InstanceState: "running", InstanceType: "m5.xlarge",
		LaunchTime:         Timestamp(s.now.AddDate(0, -1, 0)),
		IAMInstanceProfile: &IAMInstanceProfile{ARN: "arn:" + Partition(s.region) + ":iam::" + s.account + ":instance-profile/GeneratedFindingInstanceProfile", ID: "GeneratedFindingInstanceProfileId"},
		NetworkInterfaces: []NetworkInterface{{
			NetworkInterfaceID: "eni-99999999", PrivateDNSName: "GeneratedFindingPrivateDnsName", PrivateIPAddress: "10.0.0.1",
			PrivateIPAddresses: []PrivateIPAddressDetails{{PrivateDNSName: "GeneratedFindingPrivateDnsName", PrivateIPAddress: "10.0.0.1"}},
			PublicDNSName:      "GeneratedFindingPublicDnsName", PublicIP: sampleRemoteIP, SubnetID: "GeneratedFindingSubnetId", VPCID: "GeneratedFindingVpcId",
			SecurityGroups: []SecurityGroup{{GroupID: "GeneratedFindingSecurityGroupId", GroupName: "GeneratedFindingSecurityGroupName"}},
		}},
		Tags: sampleTags(),
	}
}

func (s *sampler) bucket() S3BucketDetail {
	public := s.named("PublicAccessGranted", "AnonymousAccessGranted", "BlockPublicAccessDisabled")
	effective := "NOT_PUBLIC"
	if public {
		effective = "PUBLIC"
	}
	return S3BucketDetail{
		ARN: "arn:" + Partition(s.region) + ":s3:::generated-finding-bucket", Name: "generated-finding-bucket", Type: "Destination",
		CreatedAt: s.epoch(), Owner: &Owner{ID: "GeneratedFindingOwnerId"}, Tags: sampleTags(),
		DefaultServerSideEncryption: &DefaultServerSideEncryption{EncryptionType: "SSEAlgorithm", KMSMasterKeyARN: s.arn("kms", "key/GeneratedFindingKey")},
		PublicAccess: &PublicAccess{
			PermissionConfiguration: &PermissionConfiguration{
				BucketLevelPermissions: &BucketLevelPermissions{
					AccessControlList: &AccessControlList{}, BucketPolicy: &BucketPolicy{AllowsPublicReadAccess: public},
					BlockPublicAccess: &BlockPublicAccess{},
				},
				AccountLevelPermissions: &AccountLevelPermissions{BlockPublicAccess: &BlockPublicAccess{}},
			},
			EffectivePermission: effective,
		},
	}
}

func (s *sampler) ecsCluster() *ECSClusterDetails {
	return &ECSClusterDetails{
		Name: "GeneratedFindingECSClusterName", ARN: s.arn("ecs", "cluster/GeneratedFindingECSClusterName"), Status: "ACTIVE",
		ActiveServicesCount: 1, RegisteredContainerInstancesCount: 1, RunningTasksCount: 1, Tags: sampleTags(),
		TaskDetails: &ECSTaskDetails{
			ARN:           s.arn("ecs", "task/GeneratedFindingECSClusterName/GeneratedFindingTask"),
			DefinitionARN: s.arn("ecs", "task-definition/GeneratedFindingTaskDefinition:1"), Version: "1",
			CreatedAt: s.epoch(), StartedAt: s.epoch(), StartedBy: "GeneratedFindingStarter", Tags: sampleTags(),
			Volumes: []Volume{{Name: "GeneratedFindingVolumeName"}}, Containers: []Container{s.container()},
			Group: "GeneratedFindingTaskGroup", LaunchType: "EC2",
		},
	}
}

func (s *sampler) function() *LambdaDetails {
	return &LambdaDetails{
		FunctionARN: s.arn("lambda", "function:GeneratedFindingFunctionName"), FunctionName: "GeneratedFindingFunctionName",
		Description: "GeneratedFindingFunctionDescription", LastModifiedAt: s.epoch(), RevisionID: "GeneratedFindingRevisionId",
		FunctionVersion: "$LATEST", Role: "arn:" + Partition(s.region) + ":iam::" + s.account + ":role/GeneratedFindingRole", Tags: sampleTags(),
		VPCConfig: &VPCConfig{
			SubnetIDs: []string{"GeneratedFindingSubnetId"}, VPCID: "GeneratedFindingVpcId",
			SecurityGroups: []SecurityGroup{{GroupID: "GeneratedFindingSecurityGroupId", GroupName: "GeneratedFindingSecurityGroupName"}},
		},
	}
}

// addModels fills what findings about AI services say.
func (s *sampler) addModels(r *Resource) {
	if !s.is("ai-data") {
		return
	}
	r.ModelDetails = []ModelDetail{{ModelID: "GeneratedFindingModelId"}}
	if s.named("PromptInjection") {
		r.BedrockGuardrailDetails = &BedrockGuardrailDetails{
			GuardrailARN: s.arn("bedrock", "guardrail/GeneratedFindingGuardrail"), GuardrailVersion: "1",
			GuardrailAction: "INTERVENED", GuardrailSource: "INPUT",
		}
	}
}
