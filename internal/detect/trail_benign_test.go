package detect

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/intel"
)

// benign makes the calls of an account in which nothing is wrong: two weeks of
// nodes behind NAT gateways, functions, tasks, instances that come and go,
// people, pipelines, services, recorders and a scanner that is trusted.
type benign struct {
	rnd *rand.Rand
	n   int
	now time.Time
}

func (g *benign) event(t event.Trail, req, res any) event.Event {
	g.n++
	t.EventID, t.EventType = fmt.Sprintf("e-%d", g.n), "AwsApiCall"
	t.Request, _ = json.Marshal(req)
	t.Response, _ = json.Marshal(res)
	if t.Category != "Data" {
		t.Management = true
	}
	// Records of the last minutes come in any order.
	at := g.now.Add(-time.Duration(g.rnd.IntN(300)) * time.Second)
	return event.Event{Source: event.CloudTrail, Scope: event.Scope{Account: "111122223333", Region: "eu-central-1"}, Time: at, Trail: &t, Raw: []byte(t.EventID)}
}

func session(role, name string, key int, at time.Time) event.Identity {
	return event.Identity{
		Type: "AssumedRole", PrincipalID: "AROA" + role + ":" + name, ARN: "arn:aws:sts::111122223333:assumed-role/" + role + "/" + name,
		AccountID: "111122223333", AccessKeyID: fmt.Sprintf("ASIA%s%d", role, key), SessionAt: at,
		Issuer: event.Issuer{Type: "Role", ARN: "arn:aws:iam::111122223333:role/" + role, UserName: role},
	}
}

func (g *benign) next() event.Event {
	hours := int(g.now.Sub(t0) / time.Hour)
	fresh := g.now.Truncate(6 * time.Hour)
	pick := func(list ...string) string { return list[g.rnd.IntN(len(list))] }
	switch g.rnd.IntN(10) {
	case 0, 1, 2: // nodes of a cluster; each is replaced after a day or two, and all share three NAT addresses
		n := g.rnd.IntN(40)
		id := fmt.Sprintf("i-%017x", n+1000*((hours+n)/36+1))
		t := event.Trail{Name: pick("DescribeInstances", "DescribeVolumes", "DescribeNetworkInterfaces"), Service: "ec2.amazonaws.com", ReadOnly: true,
			SourceIP: pick("203.0.113.11", "203.0.113.12", "203.0.113.13"), UserAgent: pick("kubelet/v1.34", "aws-vpc-cni/1.20", "ebs-csi/1.44"), Identity: session("node", id, hours/6, fresh)}
		t.Identity.RoleDelivery = "2.0"
		switch g.rnd.IntN(8) {
		case 0:
			t.Name, t.Service, t.SourceIP, t.VPCEndpoint, t.VPCEndpointAccount = "GetAuthorizationToken", "ecr.amazonaws.com", fmt.Sprintf("10.0.%d.%d", n, n), "vpce-1", "111122223333"
		case 1:
			t.SourceIP = fmt.Sprintf("2a05:d014:1:%x::%x", n, g.rnd.IntN(3))
		}
		return g.event(t, map[string]any{}, nil)
	case 3: // an instance with an address of its own, which is stopped every night
		day := hours / 24
		t := event.Trail{Name: "UpdateInstanceInformation", Service: "ssm.amazonaws.com", SourceIP: fmt.Sprintf("198.51.100.%d", 10+day), UserAgent: "amazon-ssm-agent/3.3"}
		t.Identity = session("bastion", "i-0bbbbbbbbbbbbbbbb", hours/6, fresh)
		if h := hours % 24; h < 6 || h > 20 { // asleep
			return g.event(event.Trail{Name: "ListRoles", Service: "iam.amazonaws.com", ReadOnly: true, SourceIP: "203.0.113.200", Identity: session("ci", "run-1", 1, g.now)}, nil, nil)
		}
		return g.event(t, nil, nil)
	case 4: // a function outside a VPC, and tasks with addresses of their own
		if g.rnd.IntN(2) == 0 {
			return g.event(event.Trail{Name: "DescribeTable", Service: "dynamodb.amazonaws.com", ReadOnly: true, SourceIP: fmt.Sprintf("203.0.113.%d", g.rnd.IntN(250)),
				UserAgent: "Boto3/1.38 exec-env/AWS_Lambda_python3.13", Identity: session("fn", "orders", 1, fresh)}, nil, nil)
		}
		task := g.rnd.IntN(5000)
		return g.event(event.Trail{Name: "ListBuckets", Service: "s3.amazonaws.com", ReadOnly: true, SourceIP: fmt.Sprintf("198.18.%d.%d", task/250, task%250+1),
			UserAgent: "aws-sdk-java/2.31 exec-env/AWS_ECS_FARGATE", Identity: session("task", fmt.Sprintf("%032x", task), 1, fresh)}, nil, nil)
	case 5: // a pipeline that applies its configuration
		t := event.Trail{Service: "s3.amazonaws.com", SourceIP: "203.0.113.200", UserAgent: "APN/1.0 HashiCorp/1.0 Terraform/1.12", Identity: session("ci", "GitHubActions", hours, g.now)}
		block := map[string]any{"BlockPublicAcls": true, "IgnorePublicAcls": true, "BlockPublicPolicy": true, "RestrictPublicBuckets": true}
		bucket := fmt.Sprintf("app-%d", g.rnd.IntN(50))
		switch t.Name = pick("PutBucketPolicy", "PutBucketPublicAccessBlock", "PutBucketLogging", "PutBucketEncryption", "PutBucketLifecycle", "PutBucketAcl"); t.Name {
		case "PutBucketPolicy":
			return g.event(t, map[string]any{"bucketName": bucket, "bucketPolicy": map[string]any{"Statement": []any{
				map[string]any{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", "Condition": map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}}},
				map[string]any{"Effect": "Allow", "Principal": map[string]any{"Service": "cloudfront.amazonaws.com"}, "Action": "s3:GetObject", "Resource": "*"},
				map[string]any{"Effect": "Allow", "Principal": map[string]any{"AWS": "arn:aws:iam::111122223333:role/app"}, "Action": "s3:*", "Resource": "*"},
			}}}, nil)
		case "PutBucketPublicAccessBlock":
			return g.event(t, map[string]any{"bucketName": bucket, "PublicAccessBlockConfiguration": block}, nil)
		case "PutBucketLogging":
			return g.event(t, map[string]any{"bucketName": bucket, "BucketLoggingStatus": map[string]any{"LoggingEnabled": map[string]any{"TargetBucket": "logs"}}}, nil)
		case "PutBucketEncryption":
			return g.event(t, map[string]any{"bucketName": bucket, "ServerSideEncryptionConfiguration": map[string]any{"Rule": map[string]any{"BlockedEncryptionTypes": map[string]any{"EncryptionType": "SSE-C"}}}}, nil)
		case "PutBucketLifecycle":
			return g.event(t, map[string]any{"bucketName": bucket, "LifecycleConfiguration": map[string]any{"Rule": []any{map[string]any{"Status": "Enabled", "Filter": map[string]any{"Prefix": "tmp/"}, "Expiration": map[string]any{"Days": 1}}}}}, nil)
		}
		return g.event(t, map[string]any{"bucketName": bucket, "x-amz-acl": "private"}, nil)
	case 6: // services and recorders
		id := session("config", "AWSConfig-Describe", 1, fresh)
		id.InvokedBy = "config.amazonaws.com"
		return g.event(event.Trail{Name: pick("GetBucketAcl", "GetBucketPolicy", "DescribeTrails", "ListAccessKeys"), Service: pick("s3.amazonaws.com", "cloudtrail.amazonaws.com"), ReadOnly: true,
			SourceIP: "config.amazonaws.com", UserAgent: "config.amazonaws.com", Identity: id}, map[string]any{"bucketName": "app-1"}, nil)
	case 7: // people in the console
		return g.event(event.Trail{Name: pick("ListUsers", "GetAccountPasswordPolicy", "DescribeInstances", "LookupEvents"), Service: pick("iam.amazonaws.com", "ec2.amazonaws.com"), ReadOnly: true,
			SourceIP: "203.0.113.7", UserAgent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", Identity: session("AWSReservedSSO_Admin", pick("alice", "bob")+"@shop.example", hours, g.now)}, nil, nil)
	case 8: // a scanner on the trusted list, and a vendor's role
		return g.event(event.Trail{Name: pick("GetBucketPolicyStatus", "ListRoles", "DescribeSnapshots"), Service: "s3.amazonaws.com", ReadOnly: true,
			SourceIP: "198.51.100.241", UserAgent: "Boto3/1.38", Identity: session("scanner", "weekly", 1, fresh)}, nil, nil)
	}
	return g.event(event.Trail{Name: pick("GetObject", "PutObject", "HeadObject", "ListObjects"), Service: "s3.amazonaws.com", Category: "Data", ReadOnly: g.rnd.IntN(2) == 0,
		SourceIP: pick("203.0.113.11", "203.0.113.12"), UserAgent: "aws-sdk-go-v2/1.36", Identity: session("app", "backup-1767322800", 1, fresh)}, map[string]any{"bucketName": "app-1", "key": "a"}, nil)
}

// TestBenignTrail: 200,000 ordinary calls raise nothing.
func TestBenignTrail(t *testing.T) {
	lists := intel.NewBuilder()
	if err := lists.Add("198.51.100.241", intel.Hit{List: "bad", Category: intel.Malicious}); err != nil {
		t.Fatal(err)
	}
	if err := lists.Trust("198.51.100.241"); err != nil {
		t.Fatal(err)
	}
	e := New(Options{Intel: lists.Set()})
	g := &benign{rnd: rand.New(rand.NewPCG(7, 11)), now: t0}
	const calls = 200_000
	found := map[string]int{}
	for range calls / 500 {
		b := &event.Batch{Stream: "s"}
		for range 500 {
			g.now = g.now.Add(14 * 24 * time.Hour / calls)
			b.Events = append(b.Events, g.next())
		}
		for _, s := range e.Process(b).Signals {
			if found[s.Type]++; found[s.Type] <= 3 {
				t.Errorf("%s: %s (%s)", s.Type, s.Description, s.Why)
			}
		}
	}
	if len(found) > 0 {
		t.Error(found)
	}
}
