package simulate

// catalogCalls are of the types of the Custom Detection Rules catalogue.
func catalogCalls() map[string][]apiCall {
	one := func(service, name string, req any) []apiCall {
		return []apiCall{{service: service, name: name, req: req}}
	}
	bucket := func(name string, more object) []apiCall {
		req := object{"bucketName": simBucket, "Host": simBucket + ".s3." + simRegion + ".amazonaws.com"}
		for k, v := range more {
			req[k] = v
		}
		return one("s3", name, req)
	}
	const role = "web-server"
	return map[string][]apiCall{
		"CredentialAccess:EC2/UnsecuredCredentials":                    {{service: "ec2", name: "GetPasswordData", req: object{"instanceId": simInstance}, readOnly: true}},
		"CredentialAccess:RDS/ModifyAuthenticationProcess":             one("rds", "ModifyDBInstance", object{"dBInstanceIdentifier": "orders", "masterUserPassword": "****", "applyImmediately": true}),
		"DefenseImpairment:EC2/DisableOrModifyTools":                   one("ec2", "DeleteFlowLogs", object{"DeleteFlowLogsRequest": object{"FlowLogId": object{"content": "fl-0123456789abcdef0", "tag": 1}}}),
		"DefenseImpairment:Organizations/DisableOrModifyTools":         one("organizations", "DisablePolicyType", object{"rootId": "r-ab12", "policyType": "SERVICE_CONTROL_POLICY"}),
		"DefenseImpairment:Organizations/ModifyCloudResourceHierarchy": {{service: "organizations", name: "LeaveOrganization", errorCode: "AccessDenied"}},
		"DefenseImpairment:RDS/ModifyAuthenticationProcess":            one("rds", "ModifyDBInstance", object{"dBInstanceIdentifier": "orders", "enableIAMDatabaseAuthentication": false}),
		"DefenseImpairment:Route53Resolver/DisableOrModifyTools":       one("route53resolver", "DeleteResolverQueryLogConfig", object{"resolverQueryLogConfigId": "rqlc-0123456789abcdef"}),
		"DefenseImpairment:S3/DisableOrModifyTools": bucket("PutBucketEncryption", object{"encryption": "", "ServerSideEncryptionConfiguration": object{"Rule": object{
			"ApplyServerSideEncryptionByDefault": object{"SSEAlgorithm": "AES256"}, "BlockedEncryptionTypes": object{"EncryptionType": "NONE"},
		}}}),
		"Execution:SageMaker/CommandAndScriptingInterpreter": one("sagemaker", "UpdateNotebookInstanceLifecycleConfig", object{"notebookInstanceLifecycleConfigName": "start", "onStart": []object{{"content": "IyEvYmluL3No"}}}),
		"Exfiltration:EC2/TransferDataToCloudAccount": one("ec2", "ModifySnapshotAttribute", object{
			"snapshotId": "snap-0123456789abcdef0", "attributeType": "CREATE_VOLUME_PERMISSION", "createVolumePermission": object{"add": object{"items": []object{{"userId": simForeign}}}},
		}),
		"Exfiltration:RDS/TransferDataToCloudAccount": one("rds", "ModifyDBSnapshotAttribute", object{"dBSnapshotIdentifier": "orders-backup", "attributeName": "restore", "valuesToAdd": []string{"all"}}),
		"Exfiltration:S3/TransferDataToCloudAccount": bucket("PutBucketPolicy", object{"policy": "", "bucketPolicy": object{"Version": "2012-10-17", "Statement": []object{{
			"Effect": "Allow", "Principal": object{"AWS": "arn:aws:iam::" + simForeign + ":root"}, "Action": []string{"s3:GetObject", "s3:ListBucket"},
			"Resource": []string{"arn:aws:s3:::" + simBucket, "arn:aws:s3:::" + simBucket + "/*"},
		}}}}),
		"Impact:S3/DataDestruction": bucket("PutBucketLifecycle", object{"lifecycle": "", "LifecycleConfiguration": object{"Rule": object{
			"ID": "cleanup", "Status": "Enabled", "Filter": object{"Prefix": ""}, "Expiration": object{"Days": 1},
		}}}),
		"Impact:SES/ResourceHijacking": one("ses", "PutAccountDetails", object{"productionAccessEnabled": true, "mailType": "MARKETING", "websiteURL": "https://shop.example"}),
		"InitialAccess:IAM/ValidAccounts": {{service: "signin", name: "ConsoleLogin", kind: "AwsConsoleSignIn", agent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0",
			res: object{"ConsoleLogin": "Success"}, extra: object{"LoginTo": "https://console.aws.amazon.com/console/home", "MobileVersion": "No", "MFAUsed": "No"}}},
		"InitialAccess:RDS/ExploitPublicFacingApplication": one("rds", "ModifyDBInstance", object{"dBInstanceIdentifier": "orders", "publiclyAccessible": true}),
		"LateralMovement:EC2/RemoteServices":               one("ec2-instance-connect", "SendSSHPublicKey", object{"instanceId": simInstance, "instanceOSUser": "ec2-user", "sSHPublicKey": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEXAMPLE"}),
		"Persistence:EC2/BootOrLogonInitializationScripts": one("ec2", "ModifyInstanceAttribute", object{"instanceId": simInstance, "userData": "<sensitiveDataRemoved>"}),
		"Persistence:EC2/ExternalRemoteServices": one("ec2", "AuthorizeSecurityGroupIngress", object{"groupId": "sg-0123456789abcdef0", "ipPermissions": object{"items": []object{{
			"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "ipRanges": object{"items": []object{{"cidrIp": "0.0.0.0/0"}}}, "groups": object{}, "ipv6Ranges": object{}, "prefixListIds": object{},
		}}}}),
		"Persistence:IAM/AccountManipulation":            one("iam", "CreateLoginProfile", object{"userName": "backup", "passwordResetRequired": false}),
		"Persistence:Lambda/AccountManipulation":         one("lambda", "AddPermission20150331v2", object{"functionName": "orders", "statementId": "all", "action": "lambda:InvokeFunction", "principal": "*"}),
		"Persistence:Lambda/ModifyAuthenticationProcess": one("lambda", "CreateFunctionUrlConfig", object{"functionName": "orders", "authType": "NONE"}),
		"Persistence:RolesAnywhere/AccountManipulation":  one("rolesanywhere", "CreateTrustAnchor", object{"name": "build-servers", "enabled": true, "source": object{"sourceType": "CERTIFICATE_BUNDLE"}}),
		"PrivilegeEscalation:IAM/AccountManipulation":    one("iam", "AttachRolePolicy", object{"roleName": role, "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
		"ResourceDevelopment:SES/CompromiseAccounts":     one("ses", "VerifyDomainIdentity", object{"domain": "shop.example"}),
	}
}
