package detect

// trailEntry says which calls a detector looks at.
type trailEntry struct {
	service, names string
	judge          func(*apiCall)
}

// trailTable lists the detectors of single calls, and what is learned from
// calls. What is learned comes after what is judged by it.
func trailTable() []trailEntry {
	return []trailEntry{
		{"cloudtrail", "StopLogging DeleteTrail StopEventDataStoreIngestion DeleteEventDataStore", (*apiCall).trailStopped},
		{"cloudtrail", "CreateTrail UpdateTrail", (*apiCall).trailChanged},
		{"cloudtrail", "PutEventSelectors", (*apiCall).trailSelectors},
		{"guardduty", "DeleteDetector UpdateDetector StopMonitoringMembers", (*apiCall).detectorTampered},
		{"iam", "UpdateAccountPasswordPolicy DeleteAccountPasswordPolicy", (*apiCall).passwordPolicyChanged},
		{"iam", "AttachUserPolicy DetachUserPolicy", (*apiCall).learnLeak},
		{"iam", "CreateAccessKey", (*apiCall).learnFreshKey},
		{"signin", "ConsoleLogin", (*apiCall).consoleLogin},
		{"bedrock", "DeleteModelInvocationLoggingConfiguration PutModelInvocationLoggingConfiguration", (*apiCall).bedrockLogging},

		{"s3", "GetBucketAcl PutObject", (*apiCall).learnTrailBucket},
		{"s3", "DeleteBucket PutBucketLifecycle PutBucketLifecycleConfiguration", (*apiCall).trailBucketGutted},
		{"s3", "PutBucketLogging", (*apiCall).accessLogging},
		{"s3", "PutBucketPublicAccessBlock PutAccountPublicAccessBlock PutPublicAccessBlock", (*apiCall).publicAccessBlock},
		{"s3", "DeleteBucketPublicAccessBlock DeleteAccountPublicAccessBlock DeletePublicAccessBlock", (*apiCall).publicAccessBlock},
		{"s3", "PutBucketPolicy DeleteBucketPolicy", (*apiCall).bucketPolicy},
		{"s3", "PutBucketAcl CreateBucket", (*apiCall).bucketACL},
		{"s3", "PutBucketOwnershipControls DeleteBucketOwnershipControls DeleteBucket", (*apiCall).learnBucket},

		{"ec2", "RunInstances", (*apiCall).learnLaunch},
		{"ec2", "StartInstances", (*apiCall).learnStart},
		{"ec2", "AllocateAddress AssociateAddress CreateNatGateway AssociateNatGatewayAddress", (*apiCall).learnAddress},
		{"ec2", "CreateNetworkInterface AttachNetworkInterface AssociateIamInstanceProfile TerminateInstances", (*apiCall).learnInstance},
		{"ec2", "DescribeInstances DescribeNetworkInterfaces", (*apiCall).learnDescribed},
		{"sts", "AssumeRole AssumeRoleWithWebIdentity AssumeRoleWithSAML", (*apiCall).learnChained},
		{"ssm", "SendCommand StartSession", (*apiCall).learnOperator},
		{"ec2-instance-connect", "SendSSHPublicKey SendSerialConsoleSSHPublicKey", (*apiCall).learnOperator},
	}
}
