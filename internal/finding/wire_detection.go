package finding

import "encoding/json"

type RuntimeDetails struct {
	Process *ProcessDetails `json:"process,omitempty"`
	Context *RuntimeContext `json:"context,omitempty"`
}

type ProcessDetails struct {
	Name             string          `json:"name,omitempty"`
	ExecutablePath   string          `json:"executablePath,omitempty"`
	ExecutableSHA256 string          `json:"executableSha256,omitempty"`
	NamespacePID     int64           `json:"namespacePid,omitempty"`
	Pwd              string          `json:"pwd,omitempty"`
	PID              int64           `json:"pid,omitempty"`
	StartTime        *Epoch          `json:"startTime,omitempty"`
	UUID             string          `json:"uuid,omitempty"`
	ParentUUID       string          `json:"parentUuid,omitempty"`
	User             string          `json:"user,omitempty"`
	UserID           int64           `json:"userId,omitempty"`
	Euid             int64           `json:"euid,omitempty"`
	Lineage          []LineageObject `json:"lineage,omitempty"`
}

type LineageObject struct {
	StartTime      *Epoch `json:"startTime,omitempty"`
	NamespacePID   int64  `json:"namespacePid,omitempty"`
	UserID         int64  `json:"userId,omitempty"`
	Name           string `json:"name,omitempty"`
	PID            int64  `json:"pid,omitempty"`
	UUID           string `json:"uuid,omitempty"`
	ExecutablePath string `json:"executablePath,omitempty"`
	Euid           int64  `json:"euid,omitempty"`
	ParentUUID     string `json:"parentUuid,omitempty"`
}

type RuntimeContext struct {
	ModifyingProcess     *ProcessDetails `json:"modifyingProcess,omitempty"`
	ModifiedAt           *Epoch          `json:"modifiedAt,omitempty"`
	ScriptPath           string          `json:"scriptPath,omitempty"`
	LibraryPath          string          `json:"libraryPath,omitempty"`
	LdPreloadValue       string          `json:"ldPreloadValue,omitempty"`
	SocketPath           string          `json:"socketPath,omitempty"`
	RuncBinaryPath       string          `json:"runcBinaryPath,omitempty"`
	ReleaseAgentPath     string          `json:"releaseAgentPath,omitempty"`
	MountSource          string          `json:"mountSource,omitempty"`
	MountTarget          string          `json:"mountTarget,omitempty"`
	FileSystemType       string          `json:"fileSystemType,omitempty"`
	Flags                []string        `json:"flags,omitempty"`
	ModuleName           string          `json:"moduleName,omitempty"`
	ModuleFilePath       string          `json:"moduleFilePath,omitempty"`
	ModuleSHA256         string          `json:"moduleSha256,omitempty"`
	ShellHistoryFilePath string          `json:"shellHistoryFilePath,omitempty"`
	TargetProcess        *ProcessDetails `json:"targetProcess,omitempty"`
	AddressFamily        string          `json:"addressFamily,omitempty"`
	IanaProtocolNumber   int64           `json:"ianaProtocolNumber,omitempty"`
	MemoryRegions        []string        `json:"memoryRegions,omitempty"`
	ToolName             string          `json:"toolName,omitempty"`
	ToolCategory         string          `json:"toolCategory,omitempty"`
	ServiceName          string          `json:"serviceName,omitempty"`
	CommandLineExample   string          `json:"commandLineExample,omitempty"`
	ThreatFilePath       string          `json:"threatFilePath,omitempty"`
	FileOperation        string          `json:"fileOperation,omitempty"`
	FilePath             string          `json:"filePath,omitempty"`
	RelatedFilePaths     []string        `json:"relatedFilePaths,omitempty"`
}

type Detection struct {
	Anomaly  *Anomaly  `json:"anomaly,omitempty"`
	Sequence *Sequence `json:"sequence,omitempty"`
}

type Anomaly struct {
	Profiles map[string]map[string][]AnomalyObject `json:"profiles,omitempty"`
	Unusual  *AnomalyUnusual                       `json:"unusual,omitempty"`
}

type AnomalyUnusual struct {
	Behavior map[string]map[string]AnomalyObject `json:"behavior,omitempty"`
}

type AnomalyObject struct {
	ProfileType    string        `json:"profileType,omitempty"`
	ProfileSubtype string        `json:"profileSubtype,omitempty"`
	Observations   *Observations `json:"observations,omitempty"`
}

type Observations struct {
	Text   []string  `json:"text,omitempty"`
	Number []float64 `json:"number,omitempty"`
}

type Sequence struct {
	UID                     string            `json:"uid"`
	Description             string            `json:"description"`
	Signals                 []SequenceSignal  `json:"signals"`
	Actors                  []SequenceActor   `json:"actors,omitempty"`
	Resources               []ResourceV2      `json:"resources,omitempty"`
	Endpoints               []NetworkEndpoint `json:"endpoints,omitempty"`
	SequenceIndicators      []Indicator       `json:"sequenceIndicators,omitempty"`
	AdditionalSequenceTypes []string          `json:"additionalSequenceTypes,omitempty"`
}

type SequenceSignal struct {
	UID              string      `json:"uid"`
	Type             string      `json:"type"`
	Name             string      `json:"name"`
	CreatedAt        *Epoch      `json:"createdAt"`
	UpdatedAt        *Epoch      `json:"updatedAt"`
	FirstSeenAt      *Epoch      `json:"firstSeenAt"`
	LastSeenAt       *Epoch      `json:"lastSeenAt"`
	Count            int64       `json:"count"`
	Description      string      `json:"description,omitempty"`
	Severity         float64     `json:"severity,omitempty"`
	ResourceUIDs     []string    `json:"resourceUids,omitempty"`
	ActorIDs         []string    `json:"actorIds,omitempty"`
	EndpointIDs      []string    `json:"endpointIds,omitempty"`
	SignalIndicators []Indicator `json:"signalIndicators,omitempty"`
	Activities       []Activity  `json:"activities,omitempty"`
}

type Indicator struct {
	Key    string   `json:"key"`
	Values []string `json:"values,omitempty"`
	Title  string   `json:"title,omitempty"`
}

type Activity struct {
	Type string   `json:"type"`
	API  *APICall `json:"api,omitempty"`
}

type APICall struct {
	Operation string `json:"operation,omitempty"`
	Service   string `json:"service,omitempty"`
	Error     string `json:"error,omitempty"`
	UserAgent string `json:"userAgent,omitempty"`
}

type SequenceActor struct {
	ID      string        `json:"id"`
	User    *User         `json:"user,omitempty"`
	Session *Session      `json:"session,omitempty"`
	Process *ActorProcess `json:"process,omitempty"`
}

type User struct {
	Name          string   `json:"name"`
	UID           string   `json:"uid"`
	Type          string   `json:"type"`
	CredentialUID string   `json:"credentialUid,omitempty"`
	Account       *Account `json:"account,omitempty"`
}

type Account struct {
	UID     string `json:"uid"`
	Account string `json:"account,omitempty"`
}

type Session struct {
	UID         string `json:"uid,omitempty"`
	MFAStatus   string `json:"mfaStatus,omitempty"`
	CreatedTime *Epoch `json:"createdTime,omitempty"`
	Issuer      string `json:"issuer,omitempty"`
}

type ActorProcess struct {
	Name   string `json:"name"`
	Path   string `json:"path"`
	SHA256 string `json:"sha256,omitempty"`
}

type NetworkEndpoint struct {
	ID               string              `json:"id"`
	IP               string              `json:"ip,omitempty"`
	Domain           string              `json:"domain,omitempty"`
	Port             int64               `json:"port,omitempty"`
	Location         *NetworkGeoLocation `json:"location,omitempty"`
	AutonomousSystem *AutonomousSystem   `json:"autonomousSystem,omitempty"`
	Connection       *NetworkConnection  `json:"connection,omitempty"`
}

type NetworkGeoLocation struct {
	City    string  `json:"city"`
	Country string  `json:"country"`
	Lat     float64 `json:"lat"`
	Lon     float64 `json:"lon"`
}

type AutonomousSystem struct {
	Name   string `json:"name"`
	Number int64  `json:"number"`
}

type NetworkConnection struct {
	Direction string `json:"direction"`
}

type ResourceV2 struct {
	UID            string        `json:"uid"`
	ResourceType   string        `json:"resourceType"`
	Name           string        `json:"name,omitempty"`
	AccountID      string        `json:"accountId,omitempty"`
	Region         string        `json:"region,omitempty"`
	Service        string        `json:"service,omitempty"`
	CloudPartition string        `json:"cloudPartition,omitempty"`
	Tags           []Tag         `json:"tags,omitempty"`
	Data           *ResourceData `json:"data,omitempty"`
}

type ResourceData struct {
	S3Bucket                    *S3Bucket                    `json:"s3Bucket,omitempty"`
	EC2Instance                 *EC2Instance                 `json:"ec2Instance,omitempty"`
	AccessKey                   *AccessKey                   `json:"accessKey,omitempty"`
	EC2NetworkInterface         *EC2NetworkInterface         `json:"ec2NetworkInterface,omitempty"`
	S3Object                    *S3Object                    `json:"s3Object,omitempty"`
	EKSCluster                  *EKSCluster                  `json:"eksCluster,omitempty"`
	KubernetesWorkload          *KubernetesWorkload          `json:"kubernetesWorkload,omitempty"`
	Container                   *ContainerFindingResource    `json:"container,omitempty"`
	ECSCluster                  *ECSCluster                  `json:"ecsCluster,omitempty"`
	ECSTask                     *ECSTask                     `json:"ecsTask,omitempty"`
	IAMInstanceProfile          *IAMInstanceProfileV2        `json:"iamInstanceProfile,omitempty"`
	AutoscalingAutoScalingGroup *AutoscalingAutoScalingGroup `json:"autoscalingAutoScalingGroup,omitempty"`
	EC2LaunchTemplate           *EC2LaunchTemplate           `json:"ec2LaunchTemplate,omitempty"`
	EC2VPC                      *EC2VPC                      `json:"ec2Vpc,omitempty"`
	EC2Image                    *EC2Image                    `json:"ec2Image,omitempty"`
	CloudformationStack         *CloudformationStack         `json:"cloudformationStack,omitempty"`
	BedrockGuardrail            json.RawMessage              `json:"bedrockGuardrail,omitempty"`
}

type EKSCluster struct {
	ARN             string   `json:"arn,omitempty"`
	CreatedAt       *Epoch   `json:"createdAt,omitempty"`
	Status          string   `json:"status,omitempty"`
	VPCID           string   `json:"vpcId,omitempty"`
	EC2InstanceUIDs []string `json:"ec2InstanceUids,omitempty"`
}

type KubernetesWorkload struct {
	ContainerUIDs []string `json:"containerUids,omitempty"`
	Namespace     string   `json:"namespace,omitempty"`
	Type          string   `json:"type,omitempty"`
}

type ContainerFindingResource struct {
	Image    string `json:"image"`
	ImageUID string `json:"imageUid,omitempty"`
}

type EC2Instance struct {
	AvailabilityZone        string              `json:"availabilityZone,omitempty"`
	ImageDescription        string              `json:"imageDescription,omitempty"`
	InstanceState           string              `json:"instanceState,omitempty"`
	IAMInstanceProfile      *IAMInstanceProfile `json:"IamInstanceProfile,omitempty"`
	InstanceType            string              `json:"instanceType,omitempty"`
	OutpostARN              string              `json:"outpostArn,omitempty"`
	Platform                string              `json:"platform,omitempty"`
	ProductCodes            []ProductCode       `json:"productCodes,omitempty"`
	EC2NetworkInterfaceUIDs []string            `json:"ec2NetworkInterfaceUids,omitempty"`
}

type EC2NetworkInterface struct {
	IPv6Addresses      []string                  `json:"ipv6Addresses,omitempty"`
	PrivateIPAddresses []PrivateIPAddressDetails `json:"privateIpAddresses,omitempty"`
	PublicIP           string                    `json:"publicIp,omitempty"`
	SecurityGroups     []SecurityGroup           `json:"securityGroups,omitempty"`
	SubNetID           string                    `json:"subNetId,omitempty"`
	VPCID              string                    `json:"vpcId,omitempty"`
}

type AccessKey struct {
	PrincipalID string `json:"principalId,omitempty"`
	UserName    string `json:"userName,omitempty"`
	UserType    string `json:"userType,omitempty"`
}

type S3Bucket struct {
	OwnerID             string                     `json:"ownerId,omitempty"`
	CreatedAt           *Epoch                     `json:"createdAt,omitempty"`
	EncryptionType      string                     `json:"encryptionType,omitempty"`
	EncryptionKeyARN    string                     `json:"encryptionKeyArn,omitempty"`
	EffectivePermission string                     `json:"effectivePermission,omitempty"`
	PublicReadAccess    string                     `json:"publicReadAccess,omitempty"`
	PublicWriteAccess   string                     `json:"publicWriteAccess,omitempty"`
	AccountPublicAccess *PublicAccessConfiguration `json:"accountPublicAccess,omitempty"`
	BucketPublicAccess  *PublicAccessConfiguration `json:"bucketPublicAccess,omitempty"`
	S3ObjectUIDs        []string                   `json:"s3ObjectUids,omitempty"`
}

type S3Object struct {
	ETag      string `json:"eTag,omitempty"`
	Key       string `json:"key,omitempty"`
	VersionID string `json:"versionId,omitempty"`
}

type ECSCluster struct {
	Status          string   `json:"status,omitempty"`
	EC2InstanceUIDs []string `json:"ec2InstanceUids,omitempty"`
}

type ECSTask struct {
	CreatedAt         *Epoch   `json:"createdAt,omitempty"`
	TaskDefinitionARN string   `json:"taskDefinitionArn,omitempty"`
	LaunchType        string   `json:"launchType,omitempty"`
	ContainerUIDs     []string `json:"containerUids,omitempty"`
}

type IAMInstanceProfileV2 struct {
	EC2InstanceUIDs []string `json:"ec2InstanceUids,omitempty"`
}

type AutoscalingAutoScalingGroup struct {
	EC2InstanceUIDs []string `json:"ec2InstanceUids,omitempty"`
}

type EC2LaunchTemplate struct {
	EC2InstanceUIDs []string `json:"ec2InstanceUids,omitempty"`
	Version         string   `json:"version,omitempty"`
}

type EC2VPC struct {
	EC2InstanceUIDs []string `json:"ec2InstanceUids,omitempty"`
}

type EC2Image struct {
	EC2InstanceUIDs []string `json:"ec2InstanceUids,omitempty"`
}

type CloudformationStack struct {
	EC2InstanceUIDs []string `json:"ec2InstanceUids,omitempty"`
}

type PublicAccessConfiguration struct {
	PublicACLAccess              string `json:"publicAclAccess,omitempty"`
	PublicACLIgnoreBehavior      string `json:"publicAclIgnoreBehavior,omitempty"`
	PublicBucketRestrictBehavior string `json:"publicBucketRestrictBehavior,omitempty"`
	PublicPolicyAccess           string `json:"publicPolicyAccess,omitempty"`
}
