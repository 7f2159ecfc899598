package detect

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/vedette-project/vedette/internal/event"
)

// An account as it could be, to measure by: controllers and applications in a
// cluster, pipelines, backups, an inventory, engineers who travel and explore,
// and some who arrive while it is measured.

// simCaller is somebody who makes calls.
type simCaller struct {
	name    string
	id      event.Identity
	agents  []string
	addrs   []string // where it usually is, the first most often
	habits  []simHabit
	perDay  int // calls
	office  bool
	arrives int // day
	curious float64
}

// simHabit is a call that a caller often makes.
type simHabit struct {
	service, api string
	targets      []string // "" where it has none; # in it counts up
	reads        bool
	denied       float64
	weight       int
}

const simAccountID = "111122223333"

func simRole(path, name, session string) event.Identity {
	return event.Identity{
		Type: "AssumedRole", PrincipalID: "AROA" + name + ":" + session, ARN: "arn:aws:sts::" + simAccountID + ":assumed-role/" + name + "/" + session,
		AccountID: simAccountID, AccessKeyID: "ASIA" + name,
		Issuer: event.Issuer{Type: "Role", PrincipalID: "AROA" + name, ARN: "arn:aws:iam::" + simAccountID + ":role" + path + name, AccountID: simAccountID, UserName: name},
	}
}

func simUser(name string) event.Identity {
	return event.Identity{
		Type: "IAMUser", PrincipalID: "AIDA" + name, ARN: "arn:aws:iam::" + simAccountID + ":user/" + name, AccountID: simAccountID,
		AccessKeyID: "AKIA" + name, UserName: name,
	}
}

func makes(weight int, service, api string, targets ...string) simHabit {
	reads := !slices.Contains([]string{"Create", "Delete", "Put", "Update", "Modify", "Attach", "Run", "Termin", "Start", "Send", "Detach", "Add", "Invoke", "Tag", "Chang", "Regist"}, verbOf(api))
	return simHabit{service: service, api: api, targets: targets, reads: reads, weight: weight}
}

func verbOf(api string) string {
	for i := 1; i < len(api); i++ {
		if api[i] >= 'A' && api[i] <= 'Z' {
			return api[:min(i, 6)]
		}
	}
	return api
}

const (
	simGo      = "aws-sdk-go-v2/1.30.3 os/linux lang/go#1.22.5 md/GOARCH#amd64"
	simBoto    = "Boto3/1.34.1 md/Botocore#1.34.1 ua/2.0 os/linux#6.1 lang/python#3.11.2"
	simBrowser = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 Chrome/126.0"
	simCLI     = "aws-cli/2.15.30 md/awscrt#0.19 ua/2.0 os/macos#23.4.0 lang/python#3.11"
	simTF      = "APN/1.0 HashiCorp/1.0 Terraform/1.8.1 (+https://www.terraform.io) terraform-provider-aws/5.50.0 aws-sdk-go-v2/1.26.1 os/linux lang/go#1.22"
)

// simCallers are everybody in an account. Some arrive in the second half.
func simCallers(rnd *rand.Rand, days int) (out []*simCaller) {
	nat := []string{"18.156.10.20", "18.156.10.21"}
	arrival := func(i int) int {
		if i%7 == 6 {
			return days/2 + rnd.IntN(days/2)
		}
		return 0
	}
	controllers := map[string][]simHabit{
		"karpenter":        {makes(40, "ec2", "DescribeInstances"), makes(20, "ec2", "DescribeSubnets"), makes(10, "ec2", "RunInstances"), makes(10, "ec2", "TerminateInstances"), makes(6, "ec2", "CreateLaunchTemplate"), makes(6, "ec2", "DeleteLaunchTemplate"), makes(10, "ssm", "GetParameter", "/aws/service/eks/image"), makes(8, "iam", "GetInstanceProfile", "node-profile"), makes(5, "pricing", "GetProducts")},
		"external-dns":     {makes(50, "route53", "ListResourceRecordSets"), makes(20, "route53", "ListHostedZones"), makes(10, "route53", "ChangeResourceRecordSets")},
		"lb-controller":    {makes(30, "elasticloadbalancing", "DescribeLoadBalancers"), makes(30, "elasticloadbalancing", "DescribeTargetHealth"), makes(10, "elasticloadbalancing", "RegisterTargets"), makes(10, "elasticloadbalancing", "DeregisterTargets"), makes(4, "ec2", "AuthorizeSecurityGroupIngress"), makes(4, "ec2", "RevokeSecurityGroupIngress"), makes(2, "elasticloadbalancing", "CreateTargetGroup", "k8s-shop-#"), makes(2, "elasticloadbalancing", "DeleteTargetGroup", "k8s-shop-#")},
		"ebs-csi":          {makes(20, "ec2", "DescribeVolumes"), makes(10, "ec2", "CreateVolume"), makes(10, "ec2", "AttachVolume"), makes(8, "ec2", "DetachVolume"), makes(6, "ec2", "DeleteVolume"), makes(3, "ec2", "CreateSnapshot")},
		"cluster-metrics":  {makes(40, "monitoring", "GetMetricData"), makes(20, "ec2", "DescribeInstances"), makes(20, "tagging", "GetResources")},
		"external-secrets": {makes(50, "secretsmanager", "GetSecretValue", "shop/db", "shop/api", "pay/db", "pay/stripe", "mail/smtp"), makes(10, "secretsmanager", "ListSecrets"), makes(10, "ssm", "GetParametersByPath", "/shop")},
	}
	for _, name := range sortedKeys(controllers) {
		out = append(out, &simCaller{name: name, id: simRole("/irsa/", name, "1763640000123456789"), agents: []string{simGo}, addrs: nat, habits: controllers[name], perDay: 300 + rnd.IntN(300)})
	}
	for i := range 30 {
		name := fmt.Sprintf("app-%02d", i)
		h := []simHabit{makes(20, "sts", "AssumeRoleWithWebIdentity", name), makes(10, "sqs", "GetQueueAttributes", name), makes(6, "secretsmanager", "GetSecretValue", name+"/db"), makes(4, "kms", "Decrypt"), makes(4, "sns", "ListTopics")}
		if i%3 == 0 {
			h = append(h, makes(6, "dynamodb", "DescribeTable", name), makes(2, "ssm", "GetParameter", "/"+name+"/config"))
		}
		if i%5 == 0 {
			h = append(h, makes(3, "rds", "DescribeDBInstances"), makes(2, "ecr", "GetAuthorizationToken"))
		}
		agent := []string{simGo, simBoto, "aws-sdk-java/2.25.1 Linux/6.1 OpenJDK/17", "aws-sdk-js/3.540.0 os/linux lang/js md/nodejs#20.11.1"}[i%4]
		out = append(out, &simCaller{name: name, id: simRole("/irsa/", name, fmt.Sprint("17636400001234567", i)), agents: []string{agent}, addrs: nat, habits: h, perDay: 20 + rnd.IntN(120), arrives: arrival(i)})
	}
	for i := range 5 {
		name := fmt.Sprintf("deploy-%d", i)
		h := []simHabit{
			makes(20, "sts", "GetCallerIdentity"), makes(20, "ecr", "GetAuthorizationToken"), makes(10, "lambda", "UpdateFunctionCode", fmt.Sprint("fn-", i, "-api"), fmt.Sprint("fn-", i, "-worker")),
			makes(10, "cloudformation", "DescribeStacks", fmt.Sprint("stack-", i)), makes(5, "cloudformation", "UpdateStack", fmt.Sprint("stack-", i)), makes(4, "ecs", "RegisterTaskDefinition"), makes(4, "ecs", "UpdateService", fmt.Sprint("svc-", i)),
			makes(3, "s3", "CreateBucket", "preview-#"), makes(3, "s3", "DeleteBucket", "preview-#"), makes(3, "s3", "PutBucketPolicy", "preview-#"), makes(3, "iam", "PutRolePolicy", fmt.Sprint("fn-", i)), makes(2, "iam", "GetRole", fmt.Sprint("fn-", i)),
			makes(1, "iam", "CreateRole", fmt.Sprint("preview-", i, "-#")), makes(1, "iam", "DeleteRole", fmt.Sprint("preview-", i, "-#")),
		}
		out = append(out, &simCaller{name: name, id: simRole("/ci/", name, "GitHubActions"), agents: []string{simTF, "aws-cli/2.15.30 os/linux#6.5 exec-env/ci"}, addrs: []string{"20.55.10.1", "20.102.3.4", "4.236.1.2", "172.183.4.5", "13.83.1.9"}, habits: h, perDay: 150 + rnd.IntN(150), arrives: arrival(i + 2)})
	}
	for i := range 28 {
		admin := i%6 == 0
		name := fmt.Sprintf("user%02d@example.com", i)
		role := "AWSReservedSSO_Developer_0a1b2c"
		h := []simHabit{
			makes(30, "ec2", "DescribeInstances"), makes(15, "logs", "FilterLogEvents", "/app/shop", "/app/pay"), makes(10, "cloudformation", "DescribeStacks"), makes(8, "lambda", "ListFunctions"), makes(8, "s3", "ListBuckets"),
			makes(8, "monitoring", "GetMetricData"), makes(5, "iam", "GetRole", "app-01", "app-02"), makes(5, "ecs", "DescribeServices"), makes(4, "sts", "GetCallerIdentity"), makes(2, "ssm", "StartSession"),
			makes(2, "secretsmanager", "GetSecretValue", "dev/db"), makes(2, "lambda", "UpdateFunctionCode", "dev-sandbox"),
		}
		if admin {
			role = "AWSReservedSSO_Admin_3d4e5f"
			h = append(h, makes(4, "iam", "ListRoles"), makes(3, "iam", "AttachRolePolicy", "app-03", "app-04"), makes(2, "iam", "CreateRole", "app-#"), makes(2, "ec2", "AuthorizeSecurityGroupIngress"), makes(1, "s3", "PutBucketPolicy", "logs", "data"), makes(1, "iam", "CreateAccessKey", "legacy-1"), makes(1, "rds", "ModifyDBInstance", "shop"))
		}
		id := simRole("/aws-reserved/sso.amazonaws.com/", role, name)
		id.MFA = true
		out = append(out, &simCaller{name: name, id: id, agents: []string{simBrowser, simCLI}, addrs: []string{"192.0.2.10", fmt.Sprintf("%d.%d.7.9", 77+i%9, 20+5*i)}, habits: h, perDay: 40 + rnd.IntN(80), office: true, arrives: arrival(i), curious: 0.02})
	}
	for i := range 6 {
		name := fmt.Sprintf("legacy-%d", i)
		out = append(out, &simCaller{name: name, id: simUser(name), agents: []string{simBoto}, addrs: []string{fmt.Sprintf("194.%d.1.2", 10+i)}, perDay: 30 + rnd.IntN(30),
			habits: []simHabit{makes(20, "s3", "ListBuckets"), makes(10, "ec2", "DescribeInstances"), makes(5, "dynamodb", "ListTables"), makes(3, "sns", "Publish", "reports"), makes(2, "ec2", "DescribeSnapshots")}})
	}
	inventory := &simCaller{name: "inventory", id: simRole("/vendor/", "inventory", "scan"), agents: []string{simBoto}, addrs: []string{"3.91.2.3"}, perDay: 500}
	for _, api := range simReads() {
		inventory.habits = append(inventory.habits, makes(1, api[0], api[1]))
	}
	backup := &simCaller{name: "backup", id: simRole("/ops/", "nightly-backup", "backup"), agents: []string{simBoto}, addrs: nat, perDay: 120,
		habits: []simHabit{makes(20, "ec2", "DescribeVolumes"), makes(20, "ec2", "CreateSnapshot"), makes(10, "ec2", "DeleteSnapshot"), makes(5, "rds", "CreateDBSnapshot", "shop", "pay"), makes(3, "rds", "DescribeDBSnapshots")}}
	return append(out, inventory, backup)
}

// simReads are calls that somebody who looks around makes.
func simReads() [][2]string {
	return [][2]string{
		{"ec2", "DescribeVpcs"}, {"ec2", "DescribeSecurityGroups"}, {"ec2", "DescribeImages"}, {"ec2", "DescribeKeyPairs"}, {"ec2", "DescribeRouteTables"}, {"ec2", "DescribeAddresses"},
		{"iam", "ListUsers"}, {"iam", "ListRoles"}, {"iam", "ListPolicies"}, {"iam", "GetAccountSummary"}, {"iam", "ListAccessKeys"}, {"iam", "GetPolicyVersion"}, {"iam", "ListAttachedRolePolicies"},
		{"s3", "ListBuckets"}, {"s3", "GetBucketPolicy"}, {"s3", "GetBucketAcl"}, {"s3", "GetBucketEncryption"}, {"rds", "DescribeDBInstances"}, {"rds", "DescribeDBClusters"},
		{"lambda", "ListFunctions"}, {"lambda", "GetPolicy"}, {"kms", "ListKeys"}, {"kms", "ListAliases"}, {"eks", "ListClusters"}, {"eks", "DescribeCluster"}, {"ecr", "DescribeRepositories"},
		{"dynamodb", "ListTables"}, {"sqs", "ListQueues"}, {"sns", "ListTopics"}, {"cloudtrail", "DescribeTrails"}, {"cloudtrail", "LookupEvents"}, {"config", "DescribeConfigRules"}, {"guardduty", "ListDetectors"},
		{"route53", "ListHostedZones"}, {"acm", "ListCertificates"}, {"cloudfront", "ListDistributions"}, {"elasticache", "DescribeCacheClusters"}, {"redshift", "DescribeClusters"}, {"glue", "GetDatabases"}, {"athena", "ListWorkGroups"},
		{"stepfunctions", "ListStateMachines"}, {"events", "ListRules"}, {"organizations", "DescribeOrganization"}, {"secretsmanager", "ListSecrets"}, {"ssm", "DescribeParameters"}, {"ses", "ListIdentities"}, {"servicequotas", "ListServiceQuotas"}, {"ce", "GetCostAndUsage"},
	}
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// simLog makes calls into events.
type simLog struct {
	rnd    *rand.Rand
	start  time.Time
	events []event.Event
	n      int
}

func (l *simLog) call(at time.Time, id event.Identity, agent, addr string, h simHabit) *event.Trail {
	l.n++
	t := &event.Trail{
		EventID: fmt.Sprint("sim-", l.n), Name: h.api, Service: h.service + ".amazonaws.com", EventType: "AwsApiCall", Category: "Management", Region: "eu-central-1",
		SourceIP: addr, UserAgent: agent, Recipient: simAccountID, ReadOnly: h.reads, Management: true, Identity: id, Time: at,
	}
	if l.rnd.Float64() < h.denied {
		t.ErrorCode = "AccessDenied"
	}
	if len(h.targets) > 0 {
		name := []byte(h.targets[l.rnd.IntN(len(h.targets))])
		if i := slices.Index(name, '#'); i >= 0 {
			name = append(name[:i:i], fmt.Sprint(1000+l.n)...)
		}
		t.Request = fmt.Appendf(nil, `{%q:%q}`, targetMember(h.service), name)
	}
	l.events = append(l.events, event.Event{
		Source: event.CloudTrail, Scope: event.Scope{Account: simAccountID, Region: "eu-central-1"}, Time: at, Raw: []byte(`{"eventID":"` + t.EventID + `"}`), Trail: t,
	})
	return t
}

func targetMember(service string) string {
	return map[string]string{"s3": "bucketName", "iam": "roleName", "secretsmanager": "secretId", "lambda": "functionName", "sts": "roleArn", "logs": "logGroupName", "dynamodb": "tableName", "rds": "dBInstanceIdentifier", "cloudformation": "stackName"}[service] +
		map[bool]string{true: "name"}[map[string]bool{"ssm": true, "sqs": true, "ecs": true, "sns": true, "elasticloadbalancing": true}[service]]
}

// live makes the calls of one caller on one day.
func (l *simLog) live(c *simCaller, day int) {
	midnight := l.start.AddDate(0, 0, day)
	weekend := midnight.Weekday() == time.Saturday || midnight.Weekday() == time.Sunday
	if day < c.arrives || c.office && weekend {
		return
	}
	total := 0
	for _, h := range c.habits {
		total += h.weight
	}
	away := ""
	if c.office && l.rnd.IntN(25) == 0 { // travels, or sits in a café
		away = fmt.Sprintf("%d.%d.5.5", 60+l.rnd.IntN(150), l.rnd.IntN(250))
	}
	for range c.perDay/2 + l.rnd.IntN(c.perDay/2+1) {
		at := midnight.Add(time.Duration(l.rnd.Int64N(int64(24 * time.Hour))))
		if c.office {
			at = midnight.Add(8*time.Hour + time.Duration(l.rnd.Int64N(int64(10*time.Hour))))
		}
		pick, i := l.rnd.IntN(total), 0
		for ; pick >= c.habits[i].weight; i++ {
			pick -= c.habits[i].weight
		}
		h := c.habits[i]
		if l.rnd.Float64() < c.curious {
			api := simReads()[l.rnd.IntN(len(simReads()))]
			h = simHabit{service: api[0], api: api[1], reads: true, denied: 0.1}
		}
		addr := c.addrs[l.rnd.IntN(len(c.addrs))]
		if away != "" {
			addr = away
		}
		l.call(at.Truncate(time.Second), c.id, c.agents[l.rnd.IntN(len(c.agents))], addr, h)
	}
}
