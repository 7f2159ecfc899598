package simulate

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// What is unusual shows only beside what is usual: the records of these types
// begin with eight days of an ordinary account, and the act is at the end.
const (
	ordinaryDays  = 8
	ordinaryCalls = 320 // a day
)

// resident is somebody who makes the same calls every day.
type resident struct {
	who    object
	ip     string
	agent  string
	weight int
	calls  []apiCall
}

// actWriters write the eight days, and then an act.
func actWriters(acts map[string][]apiCall, residents []resident) map[string]writer {
	out := map[string]writer{}
	for typ, act := range acts {
		out[typ] = func(typ string, at time.Time) ([]string, error) {
			all := ordinary(residents)
			for i, c := range act {
				c.after = time.Duration(i) * 30 * time.Second
				all = append(all, c)
			}
			lines := make([]string, 0, len(all))
			for n, c := range all {
				c.after -= time.Duration(n) * 2 * time.Second // which line adds
				line, err := c.line(typ, n, at)
				if err != nil {
					return nil, err
				}
				lines = append(lines, line)
			}
			return lines, nil
		}
	}
	return out
}

// ordinary is what residents do in the eight days before. It is the same for
// every type.
func ordinary(residents []resident) (out []apiCall) {
	rnd := rand.New(rand.NewPCG(8, 1))
	total := 0
	for _, r := range residents {
		total += r.weight
	}
	const spacing = 24 * time.Hour / (ordinaryCalls + 1)
	for i := range ordinaryDays * ordinaryCalls {
		pick, who := rnd.IntN(total), 0
		for ; pick >= residents[who].weight; who++ {
			pick -= residents[who].weight
		}
		r := residents[who]
		c := r.calls[rnd.IntN(len(r.calls))]
		c.who, c.ip, c.agent = r.who, r.ip, r.agent
		day, nth := i/ordinaryCalls, i%ordinaryCalls
		c.after = time.Duration(day-ordinaryDays)*24*time.Hour + time.Duration(nth)*spacing
		out = append(out, c)
	}
	return out
}

func reading(service, name string, req any) apiCall {
	return apiCall{service: service, name: name, req: req, readOnly: true}
}

func changing(service, name string, req any) apiCall {
	return apiCall{service: service, name: name, req: req}
}

const (
	sdkAgent   = "aws-sdk-go-v2/1.36.3 ua/2.1 os/linux lang/go#1.24.4 md/GOOS#linux md/GOARCH#amd64 api/ec2#1.210.1"
	botoAgent  = "Boto3/1.38.2 md/Botocore#1.38.2 ua/2.1 os/windows#10 md/arch#amd64 lang/python#3.12.1 md/pyimpl#CPython"
	shellAgent = "AWSPowerShell.Common/4.1.800 .NET_Core/8.0.1 OS/Microsoft_Windows_10.0.19045"
	officeIP   = "203.0.113.7"
	strangerIP = "198.51.100.77"
)

// named is an IAM user of an account whose keys are its own.
func named(name string) object {
	u := iamUser(name)
	u["principalId"], u["accessKeyId"] = "AIDAEXAMPLE"+name, "AKIAEXAMPLE"+name
	return u
}

// accountResidents are those who make management calls.
func accountResidents() []resident {
	pipeline := roleOf("pipeline", "release", nil)
	inventory := roleOf("inventory", "nightly", nil)
	return []resident{
		{who: named("carol"), ip: officeIP, agent: cliAgent, weight: 3, calls: []apiCall{
			look(), look(), reading("ec2", "DescribeVolumes", nil), reading("cloudformation", "DescribeStacks", object{"stackName": "shop"}), reading("logs", "FilterLogEvents", object{"logGroupName": "/shop/api"}),
		}},
		{who: named("dave"), ip: "203.0.113.8", agent: cliAgent, weight: 3, calls: []apiCall{
			look(), reading("rds", "DescribeDBInstances", nil), reading("s3", "ListBuckets", nil), reading("iam", "GetRole", object{"roleName": "shop"}), changing("ssm", "PutParameter", object{"name": "/shop/flags"}),
		}},
		{who: pipeline, ip: "203.0.113.60", agent: sdkAgent, weight: 4, calls: []apiCall{
			reading("sts", "GetCallerIdentity", nil), reading("ecr", "GetAuthorizationToken", nil), changing("lambda", "UpdateFunctionCode20150331v2", object{"functionName": "shop-api"}), changing("ecs", "UpdateService", object{"name": "shop"}),
			reading("secretsmanager", "GetSecretValue", object{"secretId": "shop/deploy"}),
		}},
		{who: inventory, ip: "203.0.113.61", agent: sdkAgent, weight: 3, calls: []apiCall{
			look(), reading("iam", "ListUsers", nil), reading("iam", "ListRoles", nil), reading("s3", "ListBuckets", nil), reading("rds", "DescribeDBInstances", nil), reading("ec2", "DescribeSecurityGroups", nil),
		}},
	}
}

// accountActs are what a stranger does with the key of a user, by tactic.
func accountActs() map[string][]apiCall {
	acts := map[string][]apiCall{
		"CredentialAccess": {
			reading("secretsmanager", "GetSecretValue", object{"secretId": "payments/stripe"}), reading("secretsmanager", "BatchGetSecretValue", object{"filters": []object{{"key": "all"}}}),
			reading("ec2", "GetPasswordData", object{"instanceId": simInstance}),
		},
		"DefenseEvasion": {
			changing("ec2", "DeleteFlowLogs", object{"DeleteFlowLogsRequest": object{"FlowLogId": "fl-0a1b2c3d4e5f60718"}}), changing("monitoring", "DisableAlarmActions", object{"alarmNames": []string{"logins"}}),
			changing("logs", "DeleteLogGroup", object{"logGroupName": "/shop/audit"}),
		},
		"Discovery": {
			reading("iam", "ListAccessKeys", object{"userName": "carol"}), reading("iam", "GetAccountAuthorizationDetails", nil), reading("iam", "GetRolePolicy", object{"roleName": "admin", "policyName": "all"}),
			reading("organizations", "DescribeOrganization", nil), reading("secretsmanager", "ListSecrets", nil),
		},
		"Exfiltration": {
			changing("ec2", "CreateSnapshot", object{"volumeId": "vol-0a1b2c3d4e5f60718"}), changing("rds", "RestoreDBInstanceFromDBSnapshot", object{"dBInstanceIdentifier": "copy"}),
			changing("s3", "PutBucketReplication", object{"bucketName": simBucket}),
		},
		"Impact": {
			changing("ec2", "DeleteSecurityGroup", object{"groupId": "sg-0a1b2c3d4e5f60718"}), changing("iam", "UpdateUser", object{"userName": "dave", "newUserName": "dave2"}), changing("rds", "DeleteDBCluster", object{"dBClusterIdentifier": "shop"}),
		},
		"InitialAccess": {
			changing("sts", "GetFederationToken", object{"name": "support"}), changing("ssm", "StartSession", object{"target": simInstance}), reading("codeartifact", "GetAuthorizationToken", object{"domain": "shop"}),
		},
		"Persistence": {
			changing("iam", "CreateAccessKey", object{"userName": "dave"}), changing("ec2", "ImportKeyPair", object{"keyName": "support"}), changing("iam", "CreateLoginProfile", object{"userName": "support"}),
		},
		"PrivilegeEscalation": {
			changing("iam", "AddUserToGroup", object{"userName": "carol", "groupName": "admins"}), changing("iam", "PutUserPolicy", object{"userName": "carol", "policyName": "all"}),
			changing("ec2", "AssociateIamInstanceProfile", object{"AssociateIamInstanceProfileRequest": object{"InstanceId": simInstance, "IamInstanceProfile": object{"Name": "admin"}}}),
		},
	}
	out := map[string][]apiCall{}
	for tactic, calls := range acts {
		for i := range calls {
			calls[i].who, calls[i].ip, calls[i].agent = named("carol"), strangerIP, botoAgent
			if tactic == "Discovery" { // somebody else's key, so that it stands out among the others, too
				calls[i].who, calls[i].ip, calls[i].agent, calls[i].errorCode = named("dave"), "192.0.2.77", shellAgent, "AccessDenied"
				calls[i].who["accessKeyId"] = "ASIAEXAMPLEdave" // of a session
			}
		}
		out[fmt.Sprintf("%s:IAMUser/AnomalousBehavior", tactic)] = calls
	}
	return out
}
