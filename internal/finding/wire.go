package finding

type Finding struct {
	AccountID                   string    `json:"accountId"`
	ARN                         string    `json:"arn"`
	CreatedAt                   string    `json:"createdAt"`
	ID                          string    `json:"id"`
	Region                      string    `json:"region"`
	Resource                    *Resource `json:"resource"`
	SchemaVersion               string    `json:"schemaVersion"`
	Severity                    float64   `json:"severity"`
	Type                        string    `json:"type"`
	UpdatedAt                   string    `json:"updatedAt"`
	Confidence                  float64   `json:"confidence,omitempty"`
	Description                 string    `json:"description,omitempty"`
	Partition                   string    `json:"partition,omitempty"`
	Service                     *Service  `json:"service,omitempty"`
	Title                       string    `json:"title,omitempty"`
	AssociatedAttackSequenceARN string    `json:"associatedAttackSequenceArn,omitempty"`
	CustomDetectionRuleName     string    `json:"customDetectionRuleName,omitempty"`
}

type Resource struct {
	AccessKeyDetails        *AccessKeyDetails        `json:"accessKeyDetails,omitempty"`
	S3BucketDetails         []S3BucketDetail         `json:"s3BucketDetails,omitempty"`
	InstanceDetails         *InstanceDetails         `json:"instanceDetails,omitempty"`
	EKSClusterDetails       *EKSClusterDetails       `json:"eksClusterDetails,omitempty"`
	KubernetesDetails       *KubernetesDetails       `json:"kubernetesDetails,omitempty"`
	ResourceType            string                   `json:"resourceType,omitempty"`
	EBSVolumeDetails        *EBSVolumeDetails        `json:"ebsVolumeDetails,omitempty"`
	ECSClusterDetails       *ECSClusterDetails       `json:"ecsClusterDetails,omitempty"`
	ContainerDetails        *Container               `json:"containerDetails,omitempty"`
	LambdaDetails           *LambdaDetails           `json:"lambdaDetails,omitempty"`
	RDSDBInstanceDetails    *RDSDBInstanceDetails    `json:"rdsDbInstanceDetails,omitempty"`
	RDSLimitlessDBDetails   *RDSLimitlessDBDetails   `json:"rdsLimitlessDbDetails,omitempty"`
	RDSDBUserDetails        *RDSDBUserDetails        `json:"rdsDbUserDetails,omitempty"`
	EBSSnapshotDetails      *EBSSnapshotDetails      `json:"ebsSnapshotDetails,omitempty"`
	EC2ImageDetails         *EC2ImageDetails         `json:"ec2ImageDetails,omitempty"`
	RecoveryPointDetails    *RecoveryPointDetails    `json:"recoveryPointDetails,omitempty"`
	BedrockGuardrailDetails *BedrockGuardrailDetails `json:"bedrockGuardrailDetails,omitempty"`
	ModelDetails            []ModelDetail            `json:"modelDetails,omitempty"`
}

type Service struct {
	Action               *Action                `json:"action,omitempty"`
	Evidence             *Evidence              `json:"evidence,omitempty"`
	Archived             bool                   `json:"archived"`
	Count                int64                  `json:"count"`
	DetectorID           string                 `json:"detectorId,omitempty"`
	EventFirstSeen       string                 `json:"eventFirstSeen,omitempty"`
	EventLastSeen        string                 `json:"eventLastSeen,omitempty"`
	ResourceRole         string                 `json:"resourceRole,omitempty"`
	ServiceName          string                 `json:"serviceName"`
	UserFeedback         string                 `json:"userFeedback,omitempty"`
	AdditionalInfo       *ServiceAdditionalInfo `json:"additionalInfo,omitempty"`
	FeatureName          string                 `json:"featureName,omitempty"`
	EBSVolumeScanDetails *EBSVolumeScanDetails  `json:"ebsVolumeScanDetails,omitempty"`
	RuntimeDetails       *RuntimeDetails        `json:"runtimeDetails,omitempty"`
	Detection            *Detection             `json:"detection,omitempty"`
	MalwareScanDetails   *MalwareScanDetails    `json:"malwareScanDetails,omitempty"`
}

type Action struct {
	ActionType                         string                              `json:"actionType,omitempty"`
	AWSAPICallAction                   *AWSAPICallAction                   `json:"awsApiCallAction,omitempty"`
	DNSRequestAction                   *DNSRequestAction                   `json:"dnsRequestAction,omitempty"`
	NetworkConnectionAction            *NetworkConnectionAction            `json:"networkConnectionAction,omitempty"`
	PortProbeAction                    *PortProbeAction                    `json:"portProbeAction,omitempty"`
	KubernetesAPICallAction            *KubernetesAPICallAction            `json:"kubernetesApiCallAction,omitempty"`
	KubernetesPermissionCheckedDetails *KubernetesPermissionCheckedDetails `json:"kubernetesPermissionCheckedDetails,omitempty"`
	KubernetesRoleBindingDetails       *KubernetesRoleBindingDetails       `json:"kubernetesRoleBindingDetails,omitempty"`
	KubernetesRoleDetails              *KubernetesRoleDetails              `json:"kubernetesRoleDetails,omitempty"`
	RDSLoginAttemptAction              *RDSLoginAttemptAction              `json:"rdsLoginAttemptAction,omitempty"`
}

type AWSAPICallAction struct {
	API                  string                `json:"api,omitempty"`
	CallerType           string                `json:"callerType,omitempty"`
	DomainDetails        *DomainDetails        `json:"domainDetails,omitempty"`
	ErrorCode            string                `json:"errorCode,omitempty"`
	UserAgent            string                `json:"userAgent,omitempty"`
	RemoteIPDetails      *RemoteIPDetails      `json:"remoteIpDetails,omitempty"`
	ServiceName          string                `json:"serviceName,omitempty"`
	RemoteAccountDetails *RemoteAccountDetails `json:"remoteAccountDetails,omitempty"`
	AffectedResources    map[string]string     `json:"affectedResources,omitempty"`
}

type DomainDetails struct {
	Domain string `json:"domain,omitempty"`
}

type RemoteAccountDetails struct {
	AccountID      string `json:"accountId,omitempty"`
	Affiliated     bool   `json:"affiliated,omitempty"`
	AWSServiceName string `json:"awsServiceName,omitempty"`
}

type RemoteIPDetails struct {
	City         *City         `json:"city,omitempty"`
	Country      *Country      `json:"country,omitempty"`
	GeoLocation  *GeoLocation  `json:"geoLocation,omitempty"`
	IPAddressV4  string        `json:"ipAddressV4,omitempty"`
	IPAddressV6  string        `json:"ipAddressV6,omitempty"`
	Organization *Organization `json:"organization,omitempty"`
}

type City struct {
	CityName string `json:"cityName,omitempty"`
}

type Country struct {
	CountryCode string `json:"countryCode,omitempty"`
	CountryName string `json:"countryName,omitempty"`
}

type GeoLocation struct {
	Lat float64 `json:"lat"`
	Lon float64 `json:"lon"`
}

type Organization struct {
	ASN    string `json:"asn,omitempty"`
	ASNOrg string `json:"asnOrg,omitempty"`
	ISP    string `json:"isp,omitempty"`
	Org    string `json:"org,omitempty"`
}

type DNSRequestAction struct {
	Domain            string `json:"domain,omitempty"`
	Protocol          string `json:"protocol,omitempty"`
	Blocked           bool   `json:"blocked,omitempty"`
	DomainWithSuffix  string `json:"domainWithSuffix,omitempty"`
	VPCOwnerAccountID string `json:"vpcOwnerAccountId,omitempty"`
}

type NetworkConnectionAction struct {
	Blocked               bool               `json:"blocked,omitempty"`
	ConnectionDirection   string             `json:"connectionDirection,omitempty"`
	LocalPortDetails      *LocalPortDetails  `json:"localPortDetails,omitempty"`
	Protocol              string             `json:"protocol,omitempty"`
	LocalIPDetails        *LocalIPDetails    `json:"localIpDetails,omitempty"`
	LocalNetworkInterface string             `json:"localNetworkInterface,omitempty"`
	RemoteIPDetails       *RemoteIPDetails   `json:"remoteIpDetails,omitempty"`
	RemotePortDetails     *RemotePortDetails `json:"remotePortDetails,omitempty"`
}

type LocalIPDetails struct {
	IPAddressV4 string `json:"ipAddressV4,omitempty"`
	IPAddressV6 string `json:"ipAddressV6,omitempty"`
}

type LocalPortDetails struct {
	Port     int64  `json:"port,omitempty"`
	PortName string `json:"portName,omitempty"`
}

type RemotePortDetails struct {
	Port     int64  `json:"port,omitempty"`
	PortName string `json:"portName,omitempty"`
}

type PortProbeAction struct {
	Blocked          bool              `json:"blocked,omitempty"`
	PortProbeDetails []PortProbeDetail `json:"portProbeDetails,omitempty"`
}

type PortProbeDetail struct {
	LocalPortDetails *LocalPortDetails `json:"localPortDetails,omitempty"`
	LocalIPDetails   *LocalIPDetails   `json:"localIpDetails,omitempty"`
	RemoteIPDetails  *RemoteIPDetails  `json:"remoteIpDetails,omitempty"`
}

type KubernetesAPICallAction struct {
	RequestURI      string           `json:"requestUri,omitempty"`
	Verb            string           `json:"verb,omitempty"`
	Resource        string           `json:"resource,omitempty"`
	Subresource     string           `json:"subresource,omitempty"`
	Namespace       string           `json:"namespace,omitempty"`
	ResourceName    string           `json:"resourceName,omitempty"`
	SourceIPs       []string         `json:"sourceIPs,omitempty"`
	UserAgent       string           `json:"userAgent,omitempty"`
	RemoteIPDetails *RemoteIPDetails `json:"remoteIpDetails,omitempty"`
	StatusCode      int64            `json:"statusCode,omitempty"`
	Parameters      string           `json:"parameters,omitempty"`
}

type KubernetesPermissionCheckedDetails struct {
	Verb      string `json:"verb,omitempty"`
	Resource  string `json:"resource,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Allowed   bool   `json:"allowed,omitempty"`
}

type KubernetesRoleBindingDetails struct {
	Kind        string `json:"kind,omitempty"`
	Name        string `json:"name,omitempty"`
	UID         string `json:"uid,omitempty"`
	RoleRefName string `json:"roleRefName,omitempty"`
	RoleRefKind string `json:"roleRefKind,omitempty"`
}

type KubernetesRoleDetails struct {
	Kind string `json:"kind,omitempty"`
	Name string `json:"name,omitempty"`
	UID  string `json:"uid,omitempty"`
}

type RDSLoginAttemptAction struct {
	RemoteIPDetails *RemoteIPDetails `json:"remoteIpDetails,omitempty"`
	LoginAttributes []LoginAttribute `json:"LoginAttributes,omitempty"`
}

type LoginAttribute struct {
	User                    string `json:"user,omitempty"`
	Application             string `json:"application,omitempty"`
	FailedLoginAttempts     int64  `json:"failedLoginAttempts,omitempty"`
	SuccessfulLoginAttempts int64  `json:"successfulLoginAttempts,omitempty"`
}

type ServiceAdditionalInfo struct {
	Value string `json:"value,omitempty"`
	Type  string `json:"type,omitempty"`
}

type Evidence struct {
	ThreatIntelligenceDetails []ThreatIntelligenceDetail `json:"threatIntelligenceDetails,omitempty"`
}

type ThreatIntelligenceDetail struct {
	ThreatListName   string   `json:"threatListName,omitempty"`
	ThreatNames      []string `json:"threatNames,omitempty"`
	ThreatFileSHA256 string   `json:"threatFileSha256,omitempty"`
}
