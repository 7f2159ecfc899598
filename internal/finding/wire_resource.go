package finding

import "encoding/json"

type AccessKeyDetails struct {
	AccessKeyID string `json:"accessKeyId,omitempty"`
	PrincipalID string `json:"principalId,omitempty"`
	UserName    string `json:"userName,omitempty"`
	UserType    string `json:"userType,omitempty"`
}

type InstanceDetails struct {
	AvailabilityZone   string              `json:"availabilityZone,omitempty"`
	IAMInstanceProfile *IAMInstanceProfile `json:"iamInstanceProfile,omitempty"`
	ImageDescription   string              `json:"imageDescription,omitempty"`
	ImageID            string              `json:"imageId,omitempty"`
	InstanceID         string              `json:"instanceId,omitempty"`
	InstanceState      string              `json:"instanceState,omitempty"`
	InstanceType       string              `json:"instanceType,omitempty"`
	OutpostARN         string              `json:"outpostArn,omitempty"`
	LaunchTime         string              `json:"launchTime,omitempty"`
	NetworkInterfaces  []NetworkInterface  `json:"networkInterfaces,omitempty"`
	Platform           string              `json:"platform,omitempty"`
	ProductCodes       []ProductCode       `json:"productCodes,omitempty"`
	Tags               []Tag               `json:"tags,omitempty"`
}

type IAMInstanceProfile struct {
	ARN string `json:"arn,omitempty"`
	ID  string `json:"id,omitempty"`
}

type NetworkInterface struct {
	IPv6Addresses      []string                  `json:"ipv6Addresses,omitempty"`
	NetworkInterfaceID string                    `json:"networkInterfaceId,omitempty"`
	PrivateDNSName     string                    `json:"privateDnsName,omitempty"`
	PrivateIPAddress   string                    `json:"privateIpAddress,omitempty"`
	PrivateIPAddresses []PrivateIPAddressDetails `json:"privateIpAddresses,omitempty"`
	PublicDNSName      string                    `json:"publicDnsName,omitempty"`
	PublicIP           string                    `json:"publicIp,omitempty"`
	SecurityGroups     []SecurityGroup           `json:"securityGroups,omitempty"`
	SubnetID           string                    `json:"subnetId,omitempty"`
	VPCID              string                    `json:"vpcId,omitempty"`
}

type PrivateIPAddressDetails struct {
	PrivateDNSName   string `json:"privateDnsName,omitempty"`
	PrivateIPAddress string `json:"privateIpAddress,omitempty"`
}

type SecurityGroup struct {
	GroupID   string `json:"groupId,omitempty"`
	GroupName string `json:"groupName,omitempty"`
}

type ProductCode struct {
	ProductCodeID   string `json:"productCodeId,omitempty"`
	ProductCodeType string `json:"productCodeType,omitempty"`
}

type Tag struct {
	Key   string `json:"key,omitempty"`
	Value string `json:"value,omitempty"`
}

type EKSClusterDetails struct {
	Name      string `json:"name,omitempty"`
	ARN       string `json:"arn,omitempty"`
	VPCID     string `json:"vpcId,omitempty"`
	Status    string `json:"status,omitempty"`
	Tags      []Tag  `json:"tags,omitempty"`
	CreatedAt *Epoch `json:"createdAt,omitempty"`
}

type KubernetesDetails struct {
	KubernetesUserDetails     *KubernetesUserDetails     `json:"kubernetesUserDetails,omitempty"`
	KubernetesWorkloadDetails *KubernetesWorkloadDetails `json:"kubernetesWorkloadDetails,omitempty"`
}

type KubernetesUserDetails struct {
	Username         string            `json:"username,omitempty"`
	UID              string            `json:"uid,omitempty"`
	Groups           []string          `json:"groups,omitempty"`
	SessionName      []string          `json:"sessionName,omitempty"`
	ImpersonatedUser *ImpersonatedUser `json:"impersonatedUser,omitempty"`
}

type ImpersonatedUser struct {
	Username string   `json:"username,omitempty"`
	Groups   []string `json:"groups,omitempty"`
}

type KubernetesWorkloadDetails struct {
	Name               string      `json:"name,omitempty"`
	Type               string      `json:"type,omitempty"`
	UID                string      `json:"uid,omitempty"`
	Namespace          string      `json:"namespace,omitempty"`
	HostNetwork        bool        `json:"hostNetwork,omitempty"`
	ServiceAccountName string      `json:"serviceAccountName,omitempty"`
	Containers         []Container `json:"containers,omitempty"`
	Volumes            []Volume    `json:"volumes,omitempty"`
	HostIPC            bool        `json:"hostIPC,omitempty"`
	HostPID            bool        `json:"hostPID,omitempty"`
}

type Container struct {
	ContainerRuntime string           `json:"containerRuntime,omitempty"`
	ID               string           `json:"id,omitempty"`
	Name             string           `json:"name,omitempty"`
	Image            string           `json:"image,omitempty"`
	ImagePrefix      string           `json:"imagePrefix,omitempty"`
	VolumeMounts     []VolumeMount    `json:"volumeMounts,omitempty"`
	SecurityContext  *SecurityContext `json:"securityContext,omitempty"`
}

type SecurityContext struct {
	Privileged               bool `json:"privileged,omitempty"`
	AllowPrivilegeEscalation bool `json:"allowPrivilegeEscalation,omitempty"`
}

type VolumeMount struct {
	Name      string `json:"name,omitempty"`
	MountPath string `json:"mountPath,omitempty"`
}

type Volume struct {
	Name     string    `json:"name,omitempty"`
	HostPath *HostPath `json:"hostPath,omitempty"`
}

type HostPath struct {
	Path string `json:"path,omitempty"`
}

type ECSClusterDetails struct {
	Name                              string          `json:"name,omitempty"`
	ARN                               string          `json:"arn,omitempty"`
	Status                            string          `json:"status,omitempty"`
	ActiveServicesCount               int64           `json:"activeServicesCount,omitempty"`
	RegisteredContainerInstancesCount int64           `json:"registeredContainerInstancesCount,omitempty"`
	RunningTasksCount                 int64           `json:"runningTasksCount,omitempty"`
	Tags                              []Tag           `json:"tags,omitempty"`
	TaskDetails                       *ECSTaskDetails `json:"taskDetails,omitempty"`
}

type ECSTaskDetails struct {
	ARN           string      `json:"arn,omitempty"`
	DefinitionARN string      `json:"definitionArn,omitempty"`
	Version       string      `json:"version,omitempty"`
	CreatedAt     *Epoch      `json:"createdAt,omitempty"`
	StartedAt     *Epoch      `json:"startedAt,omitempty"`
	StartedBy     string      `json:"startedBy,omitempty"`
	Tags          []Tag       `json:"tags,omitempty"`
	Volumes       []Volume    `json:"volumes,omitempty"`
	Containers    []Container `json:"containers,omitempty"`
	Group         string      `json:"group,omitempty"`
	LaunchType    string      `json:"launchType,omitempty"`
}

type S3BucketDetail struct {
	ARN                         string                       `json:"arn,omitempty"`
	Name                        string                       `json:"name,omitempty"`
	Type                        string                       `json:"type,omitempty"`
	CreatedAt                   *Epoch                       `json:"createdAt,omitempty"`
	Owner                       *Owner                       `json:"owner,omitempty"`
	Tags                        []Tag                        `json:"tags,omitempty"`
	DefaultServerSideEncryption *DefaultServerSideEncryption `json:"defaultServerSideEncryption,omitempty"`
	PublicAccess                *PublicAccess                `json:"publicAccess,omitempty"`
	S3ObjectDetails             []S3ObjectDetail             `json:"s3ObjectDetails,omitempty"`
}

type Owner struct {
	ID string `json:"id,omitempty"`
}

type DefaultServerSideEncryption struct {
	EncryptionType  string `json:"encryptionType,omitempty"`
	KMSMasterKeyARN string `json:"kmsMasterKeyArn,omitempty"`
}

type PublicAccess struct {
	PermissionConfiguration *PermissionConfiguration `json:"permissionConfiguration,omitempty"`
	EffectivePermission     string                   `json:"effectivePermission,omitempty"`
}

type PermissionConfiguration struct {
	BucketLevelPermissions  *BucketLevelPermissions  `json:"bucketLevelPermissions,omitempty"`
	AccountLevelPermissions *AccountLevelPermissions `json:"accountLevelPermissions,omitempty"`
}

type BucketLevelPermissions struct {
	AccessControlList *AccessControlList `json:"accessControlList,omitempty"`
	BucketPolicy      *BucketPolicy      `json:"bucketPolicy,omitempty"`
	BlockPublicAccess *BlockPublicAccess `json:"blockPublicAccess,omitempty"`
}

type AccountLevelPermissions struct {
	BlockPublicAccess *BlockPublicAccess `json:"blockPublicAccess,omitempty"`
}

type BlockPublicAccess struct {
	IgnorePublicAcls      bool `json:"ignorePublicAcls,omitempty"`
	RestrictPublicBuckets bool `json:"restrictPublicBuckets,omitempty"`
	BlockPublicAcls       bool `json:"blockPublicAcls,omitempty"`
	BlockPublicPolicy     bool `json:"blockPublicPolicy,omitempty"`
}

type AccessControlList struct {
	AllowsPublicReadAccess  bool `json:"allowsPublicReadAccess,omitempty"`
	AllowsPublicWriteAccess bool `json:"allowsPublicWriteAccess,omitempty"`
}

type BucketPolicy struct {
	AllowsPublicReadAccess  bool `json:"allowsPublicReadAccess,omitempty"`
	AllowsPublicWriteAccess bool `json:"allowsPublicWriteAccess,omitempty"`
}

type S3ObjectDetail struct {
	ObjectARN string `json:"objectArn,omitempty"`
	Key       string `json:"key,omitempty"`
	ETag      string `json:"eTag,omitempty"`
	Hash      string `json:"hash,omitempty"`
	VersionID string `json:"versionId,omitempty"`
}

type LambdaDetails struct {
	FunctionARN     string     `json:"functionArn,omitempty"`
	FunctionName    string     `json:"functionName,omitempty"`
	Description     string     `json:"description,omitempty"`
	LastModifiedAt  *Epoch     `json:"lastModifiedAt,omitempty"`
	RevisionID      string     `json:"revisionId,omitempty"`
	FunctionVersion string     `json:"functionVersion,omitempty"`
	Role            string     `json:"role,omitempty"`
	VPCConfig       *VPCConfig `json:"vpcConfig,omitempty"`
	Tags            []Tag      `json:"tags,omitempty"`
}

type VPCConfig struct {
	SubnetIDs      []string        `json:"subnetIds,omitempty"`
	VPCID          string          `json:"vpcId,omitempty"`
	SecurityGroups []SecurityGroup `json:"securityGroups,omitempty"`
}

type RDSDBInstanceDetails struct {
	DBInstanceIdentifier string `json:"dbInstanceIdentifier,omitempty"`
	Engine               string `json:"engine,omitempty"`
	EngineVersion        string `json:"engineVersion,omitempty"`
	DBClusterIdentifier  string `json:"dbClusterIdentifier,omitempty"`
	DBInstanceARN        string `json:"dbInstanceArn,omitempty"`
	DbiResourceID        string `json:"dbiResourceId,omitempty"`
	Tags                 []Tag  `json:"tags,omitempty"`
}

type RDSDBUserDetails struct {
	User        string `json:"user,omitempty"`
	Application string `json:"application,omitempty"`
	Database    string `json:"database,omitempty"`
	SSL         string `json:"ssl,omitempty"`
	AuthMethod  string `json:"authMethod,omitempty"`
}

type RDSLimitlessDBDetails struct {
	DBShardGroupIdentifier string `json:"dbShardGroupIdentifier,omitempty"`
	DBShardGroupResourceID string `json:"dbShardGroupResourceId,omitempty"`
	DBShardGroupARN        string `json:"dbShardGroupArn,omitempty"`
	Engine                 string `json:"engine,omitempty"`
	EngineVersion          string `json:"engineVersion,omitempty"`
	DBClusterIdentifier    string `json:"dbClusterIdentifier,omitempty"`
	Tags                   []Tag  `json:"tags,omitempty"`
}

type EBSVolumeDetails struct {
	ScannedVolumeDetails []VolumeDetail `json:"scannedVolumeDetails,omitempty"`
	SkippedVolumeDetails []VolumeDetail `json:"skippedVolumeDetails,omitempty"`
}

type VolumeDetail struct {
	VolumeARN      string `json:"volumeArn,omitempty"`
	VolumeType     string `json:"volumeType,omitempty"`
	DeviceName     string `json:"deviceName,omitempty"`
	VolumeSizeInGB int64  `json:"volumeSizeInGB,omitempty"`
	EncryptionType string `json:"encryptionType,omitempty"`
	SnapshotARN    string `json:"snapshotArn,omitempty"`
	KMSKeyARN      string `json:"kmsKeyArn,omitempty"`
}

type EBSVolumeScanDetails struct {
	ScanID           string          `json:"scanId,omitempty"`
	ScanStartedAt    *Epoch          `json:"scanStartedAt,omitempty"`
	ScanCompletedAt  *Epoch          `json:"scanCompletedAt,omitempty"`
	TriggerFindingID string          `json:"triggerFindingId,omitempty"`
	Sources          []string        `json:"sources,omitempty"`
	ScanDetections   *ScanDetections `json:"scanDetections,omitempty"`
	ScanType         string          `json:"scanType,omitempty"`
}

type ScanDetections struct {
	ScannedItemCount             *ScannedItemCount             `json:"scannedItemCount,omitempty"`
	ThreatsDetectedItemCount     *ThreatsDetectedItemCount     `json:"threatsDetectedItemCount,omitempty"`
	HighestSeverityThreatDetails *HighestSeverityThreatDetails `json:"highestSeverityThreatDetails,omitempty"`
	ThreatDetectedByName         *ThreatDetectedByName         `json:"threatDetectedByName,omitempty"`
}

type ScannedItemCount struct {
	TotalGb int64 `json:"totalGb,omitempty"`
	Files   int64 `json:"files,omitempty"`
	Volumes int64 `json:"volumes,omitempty"`
}

type ThreatsDetectedItemCount struct {
	Files int64 `json:"files,omitempty"`
}

type HighestSeverityThreatDetails struct {
	Severity   string `json:"severity,omitempty"`
	ThreatName string `json:"threatName,omitempty"`
	Count      int64  `json:"count"`
}

type ThreatDetectedByName struct {
	ItemCount             int64            `json:"itemCount,omitempty"`
	UniqueThreatNameCount int64            `json:"uniqueThreatNameCount,omitempty"`
	Shortened             bool             `json:"shortened,omitempty"`
	ThreatNames           []ScanThreatName `json:"threatNames,omitempty"`
}

type ScanThreatName struct {
	Name      string         `json:"name,omitempty"`
	Severity  string         `json:"severity,omitempty"`
	ItemCount int64          `json:"itemCount,omitempty"`
	FilePaths []ScanFilePath `json:"filePaths,omitempty"`
}

type ScanFilePath struct {
	FilePath  string `json:"filePath,omitempty"`
	VolumeARN string `json:"volumeArn,omitempty"`
	Hash      string `json:"hash,omitempty"`
	FileName  string `json:"fileName,omitempty"`
}

type MalwareScanDetails struct {
	Threats           []Threat        `json:"threats,omitempty"`
	ScanID            string          `json:"scanId,omitempty"`
	ScanType          string          `json:"scanType,omitempty"`
	ScanCategory      string          `json:"scanCategory,omitempty"`
	ScanConfiguration json.RawMessage `json:"scanConfiguration,omitempty"`
	UniqueThreatCount int64           `json:"uniqueThreatCount,omitempty"`
}

type Threat struct {
	Name        string        `json:"name,omitempty"`
	Source      string        `json:"source,omitempty"`
	ItemPaths   []ItemPath    `json:"itemPaths,omitempty"`
	Count       int64         `json:"count"`
	Hash        string        `json:"hash,omitempty"`
	ItemDetails []ItemDetails `json:"itemDetails,omitempty"`
}

type ItemPath struct {
	NestedItemPath string `json:"nestedItemPath,omitempty"`
	Hash           string `json:"hash,omitempty"`
}

type ItemDetails struct {
	ResourceARN    string          `json:"resourceArn,omitempty"`
	ItemPath       string          `json:"itemPath,omitempty"`
	Hash           string          `json:"hash,omitempty"`
	AdditionalInfo json.RawMessage `json:"additionalInfo,omitempty"`
}

type EBSSnapshotDetails struct {
	SnapshotARN string `json:"snapshotArn,omitempty"`
}

type EC2ImageDetails struct {
	ImageARN string `json:"imageArn,omitempty"`
}

type RecoveryPointDetails struct {
	RecoveryPointARN      string          `json:"recoveryPointArn,omitempty"`
	BackupVaultName       string          `json:"backupVaultName,omitempty"`
	ContinuousScanDetails json.RawMessage `json:"continuousScanDetails,omitempty"`
}

type BedrockGuardrailDetails struct {
	GuardrailARN         string          `json:"guardrailArn,omitempty"`
	GuardrailVersion     string          `json:"guardrailVersion,omitempty"`
	Guardrails           json.RawMessage `json:"guardrails,omitempty"`
	GuardrailAction      string          `json:"guardrailAction,omitempty"`
	GuardrailSource      string          `json:"guardrailSource,omitempty"`
	ContentPolicyFilters json.RawMessage `json:"contentPolicyFilters,omitempty"`
}

type ModelDetail struct {
	ModelID string `json:"modelId,omitempty"`
}
