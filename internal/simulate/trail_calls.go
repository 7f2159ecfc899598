package simulate

import (
	"maps"
	"time"
)

const (
	simBucket = "example-reports"
	// Addresses of the list that is there to try Vedette out.
	listedBad    = "198.51.100.241"
	listedCustom = "198.51.100.242"
	listedTor    = "198.51.100.245"
	// Where a machine is, and where it is not.
	homeIP  = "203.0.113.50"
	otherIP = "198.51.100.20"
	// Addresses for documentation are nowhere, so these two are of the registries
	// of addresses in Amsterdam and in São Paulo.
	europeIP = "193.0.6.139"
	brazilIP = "200.160.2.3"
)

// trailScenarios are the calls of each type. The first ones are ordinary.
func trailScenarios() map[string][]apiCall {
	out := map[string][]apiCall{}
	for _, m := range []map[string][]apiCall{identityCalls(), listedCalls(), bucketCalls(), machineCalls(), catalogCalls()} {
		maps.Copy(out, m)
	}
	return out
}

// look is an ordinary call.
func look() apiCall {
	return apiCall{service: "ec2", name: "DescribeInstances", req: object{"instancesSet": object{}, "filterSet": object{}}, readOnly: true}
}

func with1(c apiCall, change func(*apiCall)) apiCall { change(&c); return c }

func distro(release string) string {
	return "aws-cli/2.27.50 Python/3.13.4 Linux/6.12.20-" + release + "-amd64 exe/x86_64 prompt/off command/sts.get-caller-identity"
}

func identityCalls() map[string][]apiCall {
	whoami := apiCall{service: "sts", name: "GetCallerIdentity", readOnly: true}
	out := map[string][]apiCall{
		"Policy:IAMUser/RootCredentialUsage": {look(), with1(look(), func(c *apiCall) { c.who, c.agent = rootUser(false), "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0" })},
		"Policy:IAMUser/ShortTermRootCredentialUsage": {{service: "sts", name: "AssumeRoot", req: object{"targetPrincipal": simAccount, "durationSeconds": 900, "taskPolicyArn": object{"arn": "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy"}}},
			{service: "s3", name: "DeleteBucketPolicy", who: rootUser(true), req: object{"bucketName": simBucket, "policy": ""}}},
		"Stealth:IAMUser/CloudTrailLoggingDisabled": {
			{service: "cloudtrail", name: "GetTrailStatus", req: object{"name": "management-events"}, readOnly: true},
			{service: "cloudtrail", name: "StopLogging", req: object{"name": "management-events"}},
		},
		"Stealth:IAMUser/PasswordPolicyChange": {{service: "iam", name: "UpdateAccountPasswordPolicy", req: object{
			"minimumPasswordLength": 6, "requireSymbols": false, "requireNumbers": false, "requireUppercaseCharacters": false,
			"requireLowercaseCharacters": false, "allowUsersToChangePassword": true,
		}}},
		// AWS itself attaches the policy when it finds a key in a public place.
		"CredentialAccess:IAMUser/CompromisedCredentials": {
			{service: "iam", name: "AttachUserPolicy", req: object{"userName": "alice", "policyArn": "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3"}},
			{service: "iam", name: "ListUsers", req: object{"maxItems": 100}, readOnly: true},
		},
		"DefenseEvasion:IAMUser/BedrockLoggingDisabled": {{service: "bedrock", name: "DeleteModelInvocationLoggingConfiguration"}},
	}
	for name, release := range map[string]string{"Kali": "kali1", "Parrot": "1parrot1", "Pentoo": "pentoo"} {
		out["PenTest:IAMUser/"+name+"Linux"] = []apiCall{look(), with1(whoami, func(c *apiCall) { c.agent = distro(release) })}
		out["PenTest:S3/"+name+"Linux"] = []apiCall{with1(object3("GetObject", true), func(c *apiCall) { c.agent = "[" + distro(release) + "]" })}
	}
	login := apiCall{service: "signin", name: "ConsoleLogin", kind: "AwsConsoleSignIn", agent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0",
		res: object{"ConsoleLogin": "Success"}, extra: object{"LoginTo": "https://console.aws.amazon.com/console/home", "MobileVersion": "No", "MFAUsed": "Yes"}}
	out["UnauthorizedAccess:IAMUser/ConsoleLoginSuccess.B"] = []apiCall{
		with1(login, func(c *apiCall) { c.ip = europeIP }), with1(login, func(c *apiCall) { c.ip, c.after = brazilIP, 20*time.Minute }),
	}
	return out
}

// object3 is a data event of an object in S3.
func object3(name string, readOnly bool) apiCall {
	req := object{"bucketName": simBucket, "Host": simBucket + ".s3." + simRegion + ".amazonaws.com", "key": "2026/01/report.csv"}
	if name == "ListObjects" {
		req = object{"bucketName": simBucket, "Host": simBucket + ".s3." + simRegion + ".amazonaws.com", "prefix": "2026/"}
	}
	return apiCall{
		service: "s3", name: name, req: req, readOnly: readOnly, data: true, extra: object{"AuthenticationMethod": "AuthHeader", "SignatureVersion": "SigV4", "bytesTransferredOut": 48123},
		resources: []object{{"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::" + simBucket + "/2026/01/report.csv"}, {"accountId": simAccount, "type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::" + simBucket}},
	}
}

// listedCalls come from addresses that are on lists.
func listedCalls() map[string][]apiCall {
	from := func(ip string, c apiCall) []apiCall {
		c.ip = ip
		return []apiCall{look(), c}
	}
	makeUser := apiCall{service: "iam", name: "CreateUser", req: object{"userName": "backup"}, res: object{"user": object{"userName": "backup", "userId": "AIDAEXAMPLEEXAMPLE01"}}}
	out := map[string][]apiCall{
		"Discovery:S3/MaliciousIPCaller":                 from(listedBad, object3("ListObjects", true)),
		"Discovery:S3/MaliciousIPCaller.Custom":          from(listedCustom, object3("ListObjects", true)),
		"Discovery:S3/TorIPCaller":                       from(listedTor, object3("ListObjects", true)),
		"Exfiltration:S3/MaliciousIPCaller":              from(listedBad, object3("GetObject", true)),
		"Impact:S3/MaliciousIPCaller":                    from(listedBad, object3("PutObject", false)),
		"UnauthorizedAccess:S3/MaliciousIPCaller.Custom": from(listedCustom, object3("PutObject", false)),
		"UnauthorizedAccess:S3/TorIPCaller":              from(listedTor, object3("PutObject", false)),
	}
	for mechanism, ip := range map[string]string{"MaliciousIPCaller": listedBad, "MaliciousIPCaller.Custom": listedCustom, "TorIPCaller": listedTor} {
		out["Recon:IAMUser/"+mechanism] = from(ip, look())
		out["UnauthorizedAccess:IAMUser/"+mechanism] = from(ip, makeUser)
	}
	return out
}

func bucketCalls() map[string][]apiCall {
	block := func(name string, on bool) apiCall {
		return apiCall{service: "s3", name: name, req: object{
			"publicAccessBlock": "", "bucketName": simBucket, "Host": "s3." + simRegion + ".amazonaws.com",
			"PublicAccessBlockConfiguration": object{"xmlns": "http://s3.amazonaws.com/doc/2006-03-01/", "BlockPublicAcls": on, "IgnorePublicAcls": on, "BlockPublicPolicy": on, "RestrictPublicBuckets": on},
		}}
	}
	account := block("PutAccountPublicAccessBlock", false)
	delete(account.req.(object), "bucketName")
	return map[string][]apiCall{
		"Policy:S3/AccountBlockPublicAccessDisabled": {account},
		"Policy:S3/BucketBlockPublicAccessDisabled":  {block("PutBucketPublicAccessBlock", true), block("PutBucketPublicAccessBlock", false)},
		"Policy:S3/BucketAnonymousAccessGranted": {{service: "s3", name: "PutBucketPolicy", req: object{"policy": "", "bucketName": simBucket, "bucketPolicy": object{
			"Version": "2012-10-17", "Statement": []object{{"Sid": "Public", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::" + simBucket + "/*"}},
		}}}},
		"Policy:S3/BucketPublicAccessGranted": {{service: "s3", name: "PutBucketAcl", req: object{"acl": "", "bucketName": simBucket, "x-amz-acl": "authenticated-read"}}},
		"Stealth:S3/ServerAccessLoggingDisabled": {{service: "s3", name: "PutBucketLogging", req: object{
			"logging": "", "bucketName": simBucket, "BucketLoggingStatus": object{"xmlns": "http://doc.s3.amazonaws.com/2006-03-01"},
		}}},
	}
}

// machineCalls are of machines' credentials, at home and elsewhere.
func machineCalls() map[string][]apiCall {
	agent := "aws-sdk-go/1.55.6 (go1.24.4; linux; amd64) amazon-ssm-agent/3.3.2299.0"
	home := func(who object) apiCall {
		return apiCall{service: "ssm", name: "UpdateInstanceInformation", who: who, ip: homeIP, agent: agent, req: object{"instanceId": simInstance, "agentVersion": "3.3.2299.0"}}
	}
	stolen := func(who object, after time.Duration) apiCall {
		return with1(look(), func(c *apiCall) { c.who, c.ip, c.after = who, otherIP, after })
	}
	through := func(who object) apiCall {
		return with1(stolen(who, 0), func(c *apiCall) { c.ip, c.endpoint, c.endpointOf = "10.9.8.7", "vpce-0fedcba9876543210", simForeign })
	}
	from := func(ip string, c apiCall) apiCall { return with1(c, func(c *apiCall) { c.ip = ip }) }
	const (
		unauthorized = "UnauthorizedAccess:IAMUser/"
		taskHomeIP   = "192.0.2.41"
		taskOtherIP  = "192.0.2.210"
	)
	run := apiCall{service: "ec2", name: "RunInstances", req: object{"instanceType": "m7i.large"}, res: object{"instancesSet": object{"items": []object{{
		"instanceId": simInstance, "imageId": "ami-0123456789abcdef0", "instanceType": "m7i.large", "launchTime": 1767322800000, "vpcId": "vpc-0123456789abcdef0",
		"subnetId": "subnet-0123456789abcdef0", "privateIpAddress": "10.0.1.10", "instanceState": object{"code": 0, "name": "pending"}, "placement": object{"availabilityZone": simRegion + "a"},
		"iamInstanceProfile": object{"arn": "arn:aws:iam::" + simAccount + ":instance-profile/web-server", "id": "AIPAEXAMPLEEXAMPLE00"},
		"networkInterfaceSet": object{"items": []object{{
			"networkInterfaceId": "eni-0123456789abcdef0", "subnetId": "subnet-0123456789abcdef0", "vpcId": "vpc-0123456789abcdef0", "privateIpAddress": "10.0.1.10",
		}}},
	}}}}}
	return map[string][]apiCall{
		unauthorized + "InstanceCredentialExfiltration.OutsideAWS": {run, home(instanceRole()), home(instanceRole()), stolen(instanceRole(), time.Minute), home(instanceRole())},
		unauthorized + "InstanceCredentialExfiltration.InsideAWS":  {run, home(instanceRole()), through(instanceRole())},
		// Elsewhere than the instance and its thief: what two machines share is a NAT gateway, or a VPC.
		unauthorized + "ResourceCredentialExfiltration.OutsideAWS": {from(taskHomeIP, home(taskRole())), from(taskOtherIP, stolen(taskRole(), time.Minute))},
		unauthorized + "ResourceCredentialExfiltration.InsideAWS":  {from(taskHomeIP, home(taskRole())), with1(through(taskRole()), func(c *apiCall) { c.endpoint, c.endpointOf = "vpce-0123456789abcdef9", "888899990000" })},
	}
}
