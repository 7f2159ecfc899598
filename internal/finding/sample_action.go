package finding

// Addresses of the ranges that are kept for documents, so that no sample
// accuses anybody.
const (
	sampleRemoteIP = "198.51.100.0"
	sampleLocalIP  = "10.0.0.23"
)

// action is what was done; exactly the member of its actionType is filled.
// Findings about processes, files and sequences have none.
func (s *sampler) action() *Action {
	switch {
	case s.isCustomRule():
		return nil
	case s.is("k8s-audit"):
		return s.kubernetesAction()
	case s.is("cloudtrail"), s.is("s3-data"), s.is("ai-data"):
		return s.awsAction()
	case s.is("dns"), s.is("runtime") && (s.named("!DNS", ".Reputation", "DNSRebind")):
		domain := "GeneratedFindingDomainName"
		return &Action{ActionType: "DNS_REQUEST", DNSRequestAction: &DNSRequestAction{
			Domain: domain, DomainWithSuffix: domain, Protocol: "UDP", VPCOwnerAccountID: s.account,
		}}
	case s.named("PortProbe"):
		return &Action{ActionType: "PORT_PROBE", PortProbeAction: &PortProbeAction{PortProbeDetails: []PortProbeDetail{{
			LocalPortDetails: &LocalPortDetails{Port: 8088, PortName: "Unknown"},
			LocalIPDetails:   &LocalIPDetails{IPAddressV4: sampleLocalIP}, RemoteIPDetails: remoteIP(),
		}}}}
	case s.is("vpc-flow"), s.is("lambda-flow"),
		s.is("runtime") && s.named("C&CActivity", "BitcoinTool", "BlackholeTraffic", "DropPoint", "TorClient", "TorRelay", "ReverseShell"):
		return s.connectionAction()
	case s.is("rds-login"):
		login := LoginAttribute{User: "GeneratedFindingUser", Application: "GeneratedFindingApplication"}
		if s.named("Successful") {
			login.SuccessfulLoginAttempts = 1
		}
		if s.named("Failed", "BruteForce") {
			login.FailedLoginAttempts = 10
		}
		return &Action{ActionType: "RDS_LOGIN_ATTEMPT", RDSLoginAttemptAction: &RDSLoginAttemptAction{
			RemoteIPDetails: remoteIP(), LoginAttributes: []LoginAttribute{login},
		}}
	}
	return nil
}

func remoteIP() *RemoteIPDetails {
	return &RemoteIPDetails{
		IPAddressV4:  sampleRemoteIP,
		City:         &City{CityName: "GeneratedFindingCityName"},
		Country:      &Country{CountryCode: "XX", CountryName: "GeneratedFindingCountryName"},
		GeoLocation:  &GeoLocation{},
		Organization: &Organization{ASN: "-1", ASNOrg: "GeneratedFindingASNOrg", ISP: "GeneratedFindingISP", Org: "GeneratedFindingORG"},
	}
}

func (s *sampler) connectionAction() *Action {
	c := &NetworkConnectionAction{
		ConnectionDirection: "OUTBOUND", Protocol: "TCP", RemoteIPDetails: remoteIP(),
		LocalIPDetails: &LocalIPDetails{IPAddressV4: sampleLocalIP}, LocalPortDetails: &LocalPortDetails{Port: 39677, PortName: "Unknown"},
		RemotePortDetails: &RemotePortDetails{Port: 80, PortName: "HTTP"},
	}
	switch {
	case s.named("BruteForce"):
		c.ConnectionDirection = "INBOUND"
		c.LocalPortDetails = &LocalPortDetails{Port: 22, PortName: "SSH"}
		if s.named("RDP") {
			c.LocalPortDetails = &LocalPortDetails{Port: 3389, PortName: "RDP"}
		} else if s.named("WinRM") {
			c.LocalPortDetails = &LocalPortDetails{Port: 5985, PortName: "WinRM"}
		}
		c.RemotePortDetails = &RemotePortDetails{Port: 32794, PortName: "Unknown"}
	case s.named("ReverseShell"):
		c.ConnectionDirection, c.Protocol = "UNKNOWN", ""
	case s.named("Spambot"):
		c.RemotePortDetails = &RemotePortDetails{Port: 25, PortName: "SMTP"}
	case s.named(".Udp", ".Dns"):
		c.Protocol = "UDP"
	}
	if !s.is("runtime") {
		c.LocalNetworkInterface = "eni-99999999"
	}
	return &Action{ActionType: "NETWORK_CONNECTION", NetworkConnectionAction: c}
}

// awsAction is a call of the AWS API; its name is one that the type is about.
func (s *sampler) awsAction() *Action {
	c := &AWSAPICallAction{
		API: "GeneratedFindingAPIName", ServiceName: "GeneratedFindingAPIServiceName", CallerType: "Remote IP",
		UserAgent: "GeneratedFindingUserAgent", RemoteIPDetails: remoteIP(),
		AffectedResources: map[string]string{},
	}
	switch {
	case s.named(":S3/"):
		c.ServiceName = "s3.amazonaws.com"
		c.AffectedResources["AWS::S3::Bucket"] = "generated-finding-bucket"
	case s.is("ai-data"):
		c.API, c.ServiceName = "InvokeModel", "bedrock.amazonaws.com"
	case s.named("CloudTrailLoggingDisabled"):
		c.API, c.ServiceName = "StopLogging", "cloudtrail.amazonaws.com"
		c.AffectedResources["AWS::CloudTrail::Trail"] = "GeneratedFindingTrailName"
	case s.named("PasswordPolicyChange"):
		c.API, c.ServiceName = "UpdateAccountPasswordPolicy", "iam.amazonaws.com"
	case s.named("BedrockLoggingDisabled"):
		c.API, c.ServiceName = "DeleteModelInvocationLoggingConfiguration", "bedrock.amazonaws.com"
	case s.named("ConsoleLoginSuccess"):
		c.API, c.ServiceName = "ConsoleLogin", "signin.amazonaws.com"
	}
	if s.named("InsideAWS") {
		c.RemoteAccountDetails = &RemoteAccountDetails{AccountID: "999999999999"}
	}
	return &Action{ActionType: "AWS_API_CALL", AWSAPICallAction: c}
}
