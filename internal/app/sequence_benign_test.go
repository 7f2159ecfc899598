package app

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/simulate"
)

// quietMonths are three months of work in two accounts with two clusters each:
// people who look and change, builds, operators, deployments, mistakes, drills,
// a migration and a new team. Much of it is a weak signal, and some a finding.
type quietMonths struct {
	rnd  *rand.Rand
	logs map[string][]string // by file
	n    int
}

const quietDays = 91

var quietStart = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC) // a Monday

// quietCluster is where a call of the Kubernetes API is made.
type quietCluster struct{ account, name string }

// caller is who calls, in both kinds of logs.
type caller struct {
	account, name, role, principal, key, ip string
	pod                                     string // of a service account of Kubernetes, namespace/name
}

func person(account, name string, n int) caller {
	return caller{account: account, name: name, role: "engineers", principal: "AROAENGINEERS" + account[:8] + ":" + name,
		key: fmt.Sprintf("ASIA%s%08d", strings.ToUpper(name)[:4], n), ip: fmt.Sprintf("198.18.4.%d", 10+n)}
}

func (q *quietMonths) at(day, from, to int) time.Time {
	return quietStart.AddDate(0, 0, day).Add(time.Duration(from*3600+q.rnd.IntN((to-from)*3600)) * time.Second)
}

func (q *quietMonths) often(share float64) bool { return q.rnd.Float64() < share }

// kube writes a call of the Kubernetes API. what is "VERB RESOURCE[/SUBRESOURCE]
// NAMESPACE NAME".
func (q *quietMonths) kube(c quietCluster, who caller, at time.Time, what string, code int, body any) {
	p := append(strings.Fields(what), "", "", "")
	resource, sub, _ := strings.Cut(p[1], "/")
	user := map[string]any{"username": "arn:aws:sts::" + who.account + ":assumed-role/" + who.role + "/" + who.name, "groups": []string{"system:authenticated"},
		"extra": map[string]any{"principalId": []string{who.principal}, "sessionName": []string{who.name}, "accessKeyId": []string{who.key}}}
	if who.pod != "" {
		ns, name, _ := strings.Cut(who.pod, "/")
		user = map[string]any{"username": "system:serviceaccount:" + ns + ":" + name, "groups": []string{"system:serviceaccounts", "system:authenticated"}}
	}
	group := map[string]string{"rolebindings": "rbac.authorization.k8s.io", "deployments": "apps", "cronjobs": "batch",
		"selfsubjectaccessreviews": "authorization.k8s.io", "validatingwebhookconfigurations": "admissionregistration.k8s.io"}[resource]
	q.n++
	e := map[string]any{
		"kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "RequestResponse", "auditID": fmt.Sprintf("quiet-%d", q.n), "stage": "ResponseComplete",
		"requestURI": "/apis/quiet", "verb": p[0], "user": user, "sourceIPs": []string{who.ip}, "userAgent": "kubectl/v1.34.4 (linux/amd64)",
		"objectRef":      map[string]any{"resource": resource, "subresource": sub, "namespace": p[2], "name": p[3], "apiGroup": group, "apiVersion": "v1"},
		"responseStatus": map[string]any{"code": code}, "requestReceivedTimestamp": at.Format("2006-01-02T15:04:05.000000Z"), "stageTimestamp": at.Format("2006-01-02T15:04:05.000000Z"),
		"annotations": map[string]any{"authorization.k8s.io/decision": map[bool]string{true: "allow", false: "forbid"}[code < 400]},
	}
	if body != nil {
		e["requestObject"], e["responseObject"] = body, body
	}
	line, _ := json.Marshal(e) // of strings and numbers
	msg, _ := json.Marshal(map[string]any{"messageType": "DATA_MESSAGE", "owner": c.account, "logGroup": "/aws/eks/" + c.name + "/cluster",
		"logStream": "kube-apiserver-audit-1", "logEvents": []any{map[string]any{"id": fmt.Sprint(q.n), "timestamp": at.UnixMilli(), "message": string(line)}}})
	q.write(c.name+".log", at, string(msg))
}

// aws writes a call of the API of AWS.
func (q *quietMonths) aws(who caller, at time.Time, service, name, errorCode string, params any) {
	q.n++
	id := map[string]any{"type": "AssumedRole", "principalId": who.principal, "arn": "arn:aws:sts::" + who.account + ":assumed-role/" + who.role + "/" + who.name,
		"accountId": who.account, "accessKeyId": who.key, "sessionContext": map[string]any{"sessionIssuer": map[string]any{"type": "Role",
			"principalId": strings.Split(who.principal, ":")[0], "arn": "arn:aws:iam::" + who.account + ":role/" + who.role, "accountId": who.account, "userName": who.role}}}
	e := map[string]any{"eventVersion": "1.11", "userIdentity": id, "eventTime": at.Format("2006-01-02T15:04:05Z"), "eventSource": service + ".amazonaws.com",
		"eventName": name, "awsRegion": "eu-central-1", "sourceIPAddress": who.ip, "userAgent": "aws-cli/2.31.5", "requestParameters": params, "responseElements": nil,
		"eventID": fmt.Sprintf("quiet-%d", q.n), "eventType": "AwsApiCall", "managementEvent": true, "recipientAccountId": who.account, "eventCategory": "Management"}
	if errorCode != "" {
		e["errorCode"] = errorCode
	}
	line, _ := json.Marshal(e)
	q.write("trail-"+who.account+".log", at, string(line))
}

func (q *quietMonths) write(file string, at time.Time, line string) {
	q.logs[file] = append(q.logs[file], at.Format(time.RFC3339)+line)
}

// day is what somebody does on a working day.
func (q *quietMonths) day(day int, who caller, clusters []quietCluster) {
	for _, c := range clusters {
		for range q.rnd.IntN(6) {
			q.kube(c, who, q.at(day, 7, 17), "list pods shop", 200, nil)
		}
		for _, x := range []struct {
			share float64
			what  string
		}{{0.25, "get secrets shop db"}, {0.2, "create selfsubjectaccessreviews"}, {0.15, "create pods/exec shop web-1"}, {0.1, "create pods/portforward shop web-1"}} {
			if q.often(x.share) {
				q.kube(c, who, q.at(day, 7, 17), x.what, 201, nil)
			}
		}
		if q.often(0.03) {
			q.kube(c, who, q.at(day, 7, 17), "create rolebindings shop view-"+who.name, 201, map[string]any{
				"metadata": map[string]any{"name": "view-" + who.name}, "roleRef": map[string]any{"kind": "ClusterRole", "name": "view"}})
		}
		if q.often(0.01) { // a finding
			q.kube(c, who, q.at(day, 7, 17), "create pods/exec kube-system coredns-1", 101, nil)
		}
		if q.often(0.02) {
			for i := range 6 {
				q.kube(c, who, q.at(day, 7, 17), fmt.Sprintf("list %s kube-system", []string{"secrets", "configmaps", "nodes", "pods", "roles", "leases"}[i]), 403, nil)
			}
		}
	}
	for _, x := range []struct {
		share         float64
		service, call string
	}{
		{0.5, "sts", "GetCallerIdentity"}, {0.3, "s3", "ListBuckets"}, {0.2, "secretsmanager", "ListSecrets"}, {0.15, "ssm", "StartSession"},
		{0.12, "ec2", "RunInstances"}, {0.05, "iam", "AttachRolePolicy"}, {0.03, "iam", "CreateAccessKey"}, {0.02, "kms", "DisableKey"},
	} {
		if q.often(x.share) {
			q.aws(who, q.at(day, 7, 17), x.service, x.call, "", map[string]any{})
		}
	}
	if q.often(0.1) {
		for i := range 4 {
			q.aws(who, q.at(day, 7, 17), "secretsmanager", "GetSecretValue", "", map[string]any{"secretId": fmt.Sprint("app/", i)})
		}
	}
	if q.often(0.05) {
		for _, name := range []string{"ListUsers", "ListRoles", "ListGroups"} {
			q.aws(who, q.at(day, 7, 17), "iam", name, "", nil)
		}
	}
	if q.often(0.02) {
		for _, name := range []string{"ListUsers", "ListRoles", "GetRole", "GetPolicy", "ListPolicies"} {
			q.aws(who, q.at(day, 7, 17), "iam", name, "AccessDenied", nil)
		}
	}
	if q.often(0.004) { // a finding
		q.aws(who, q.at(day, 7, 17), "cloudtrail", "StopLogging", "", map[string]any{"name": "old-trail"})
	}
}

// machines are what programs do on any day: builds roll out, operators look
// after webhooks and tokens.
func (q *quietMonths) machines(day int, c quietCluster) {
	build := caller{account: c.account, name: "build", ip: "10.40.2.7", pod: "ci/deployer"}
	operator := caller{account: c.account, name: "operator", ip: "10.40.2.9", pod: "cert-manager/cert-manager-cainjector"}
	for i := range 4 {
		at := q.at(day, 6, 19)
		q.kube(c, build, at, fmt.Sprintf("get secrets shop release-%d", i), 200, nil)
		q.kube(c, build, at.Add(time.Minute), fmt.Sprintf("create deployments shop web-%d", i), 201, nil)
		if q.often(0.1) {
			q.kube(c, build, at.Add(2*time.Minute), "create cronjobs shop nightly", 201, nil)
			q.kube(c, build, at.Add(3*time.Minute), "create rolebindings shop web", 201, map[string]any{
				"metadata": map[string]any{"name": "web"}, "roleRef": map[string]any{"kind": "Role", "name": "web"}})
		}
	}
	q.kube(c, operator, q.at(day, 0, 24), "create serviceaccounts/token shop web", 201, nil)
	if q.often(0.1) {
		q.kube(c, operator, q.at(day, 0, 24), "create validatingwebhookconfigurations", 201, nil)
	}
}

// drill: two people look into one system pod after the other, and read secrets.
func (q *quietMonths) drill(day int, c quietCluster, people []caller) {
	for i := range 6 {
		q.kube(c, people[i%2], q.at(day, 13, 15), fmt.Sprintf("create pods/exec kube-system proxy-%d", i), 101, nil)
		q.kube(c, people[(i+1)%2], q.at(day, 13, 15), fmt.Sprintf("get secrets shop s%d", i), 200, nil)
	}
}

// migration: a build's role makes and removes what an account has, for days.
func (q *quietMonths) migration(day int, account string) {
	who := caller{account: account, name: "migrate", role: "migration", principal: "AROAMIGRATION0000:migrate", key: "ASIAMIGRATION0001", ip: "198.18.4.99"}
	for _, name := range []string{"ListUsers", "ListRoles", "CreateUser", "CreateAccessKey", "AttachUserPolicy", "PutRolePolicy"} {
		q.aws(who, q.at(day, 8, 18), "iam", name, "", map[string]any{"userName": "service"})
	}
	for i := range 12 {
		q.aws(who, q.at(day, 8, 18), "ec2", "DeleteSnapshot", "", map[string]any{"snapshotId": fmt.Sprint("snap-", day, i)})
	}
}

// TestThreeQuietMonths: nothing in them is an attack sequence, although there
// are findings, and beginnings of sequences.
func TestThreeQuietMonths(t *testing.T) {
	t.Parallel()
	q := &quietMonths{rnd: rand.New(rand.NewPCG(91, 4)), logs: map[string][]string{}}
	accounts := map[string][]quietCluster{}
	for _, c := range []quietCluster{{"111122223333", "prod"}, {"111122223333", "staging"}, {"444455556666", "data"}, {"444455556666", "lab"}} {
		accounts[c.account] = append(accounts[c.account], c)
	}
	q.play(t, accounts)
	dir := t.TempDir()
	for file, lines := range q.logs {
		slices.Sort(lines)
		var b strings.Builder
		for _, l := range lines {
			b.WriteString(l[len("2006-01-02T15:04:05Z"):] + "\n")
		}
		if err := os.WriteFile(filepath.Join(dir, file), []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := scanPaths(t, dir)
	for _, f := range onlySequences(r.Findings) {
		t.Errorf("%s\n%s", f.Description, f.Service.AdditionalInfo.Value)
	}
	half := len(r.Sequences)
	t.Logf("%d records, %d findings, %d beginnings of sequences", q.n, len(r.Findings), half)
	if len(r.Findings) < 30 || half == 0 {
		t.Errorf("%d findings and %d beginnings of sequences; the test says little", len(r.Findings), half)
	}
}

func (q *quietMonths) play(t *testing.T, accounts map[string][]quietCluster) {
	names := []string{"alice", "benedikt", "carla", "dmitri", "esther"}
	for a, account := range []string{"111122223333", "444455556666"} {
		var people []caller
		for i, name := range names {
			people = append(people, person(account, name, 10*a+i))
		}
		for day := range quietDays {
			for _, c := range accounts[account] {
				q.machines(day, c)
			}
			if day%7 < 5 {
				for _, who := range people {
					q.day(day, who, accounts[account])
				}
			}
			switch {
			case day == 23+a:
				q.drill(day, accounts[account][0], people)
			case day == 42: // a new team
				for i, name := range []string{"farid", "gudrun", "hanno"} {
					people = append(people, person(account, name, 10*a+6+i))
				}
			case day >= 60 && day < 64:
				q.migration(day, account)
			}
		}
	}
	for i, typ := range []string{"Execution:Runtime/NewBinaryExecuted", "Execution:Runtime/SuspiciousCommand", "Trojan:EC2/DNSDataExfiltration",
		"Discovery:Runtime/SuspiciousCommand", "UnauthorizedAccess:EC2/TorClient", "Policy:IAMUser/RootCredentialUsage", "Recon:IAMUser/TorIPCaller"} {
		at := quietStart.AddDate(0, 0, 8+11*i).Add(10 * time.Hour)
		lines, err := simulate.Records(typ, at)
		if err != nil {
			t.Fatal(err)
		}
		for n, l := range lines {
			q.write(fmt.Sprintf("alert-%d.log", i), at.Add(time.Duration(n)*time.Second), l)
		}
	}
}
