package simulate

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// sequenceWriters write the records of attacks of several steps, as the logs
// of the sources they pass through have them.
func sequenceWriters() map[string]writer {
	return map[string]writer{
		"AttackSequence:EKS/CompromisedCluster":       minerByStolenToken,
		"AttackSequence:IAM/CompromisedCredentials":   takenKey,
		"AttackSequence:S3/CompromisedData":           ransomedBucket,
		"AttackSequence:EC2/CompromisedInstanceGroup": infectedInstance,
		"AttackSequence:ECS/CompromisedCluster":       infectedTask,
	}
}

// story collects lines; the first fault ends it.
type story struct {
	typ   string
	n     int
	lines []string
	err   error
}

func (s *story) add(a act, at time.Time) {
	line, err := a.line(s.typ, s.n, at)
	s.n++
	s.lines, s.err = append(s.lines, line), cmp.Or(s.err, err)
}

// minerByStolenToken: a service is broken into, its token asks what it may and
// reads secrets, and a miner runs in the end.
func minerByStolenToken(typ string, at time.Time) ([]string, error) {
	l := newRuntimeLog(typ, at)
	l.node.Account, l.node.Region = "", "" // those of the audit log, whatever they are
	l.ordinary()
	bashToSocket(l)
	who := user{
		Username: "system:serviceaccount:shop:checkout", UID: uuid(l.bytes("account")),
		Groups: []string{"system:serviceaccounts", "system:serviceaccounts:shop", "system:authenticated"},
		Extra:  map[string][]string{"authentication.kubernetes.io/pod-name": {l.pod.Name}},
	}
	s := &story{typ: typ}
	at = at.Add(2 * time.Minute)
	s.add(call{verb: "create", uri: "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", who: who, code: 201, from: l.pod.Address,
		ref: ref("authorization.k8s.io", "v1", "selfsubjectrulesreviews", "", "", "")}, at)
	s.add(call{verb: "list", uri: "/api/v1/namespaces/shop/secrets?limit=500", who: who, code: 200, level: "Metadata", from: l.pod.Address,
		ref: ref("", "v1", "secrets", "shop", "", "")}, at.Add(time.Minute))
	before := len(l.lines)
	l.at = at.Add(5 * time.Minute)
	processScripts()["Impact:Runtime/CryptoMinerExecuted"](l)
	lines := append(append(l.lines[:before:before], s.lines...), l.lines[before:]...)
	return lines, cmp.Or(l.err, s.err)
}

// keyOf is an IAM user of its own for each type.
func keyOf(typ, name string) object {
	id := iamUser(name)
	sum := strings.ToUpper(sumOf(typ)[:13])
	id["principalId"], id["accessKeyId"] = "AIDASIM"+sum, "AKIASIM"+sum
	return id
}

// takenKey: a key of a build is used from a distribution for attacks; who has
// it looks around, makes an administrator and ends the logging.
func takenKey(typ string, at time.Time) ([]string, error) {
	who := keyOf(typ, "build")
	s := &story{typ: typ}
	for i, c := range []apiCall{
		{service: "sts", name: "GetCallerIdentity", agent: distro("kali"), readOnly: true},
		{service: "iam", name: "ListUsers", req: object{"maxItems": 100}, readOnly: true},
		{service: "iam", name: "GetAccountAuthorizationDetails", req: object{"maxItems": 100}, readOnly: true},
		{service: "iam", name: "CreateUser", req: object{"userName": "backup"}},
		{service: "iam", name: "CreateLoginProfile", req: object{"userName": "backup", "passwordResetRequired": false}},
		{service: "iam", name: "AttachUserPolicy", req: object{"userName": "backup", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}},
		{service: "cloudtrail", name: "StopLogging", req: object{"name": "management-events"}},
	} {
		c.who, c.ip = who, "198.51.100.77"
		s.add(c, at.Add(time.Duration(i)*3*time.Minute))
	}
	return s.lines, s.err
}

// ransomedBucket: from a listed address a bucket is listed, read, opened to any
// encryption and set to delete itself.
func ransomedBucket(typ string, at time.Time) ([]string, error) {
	who := keyOf(typ, "reports")
	req := func(more object) object {
		out := object{"bucketName": simBucket, "Host": simBucket + ".s3." + simRegion + ".amazonaws.com"}
		for k, v := range more {
			out[k] = v
		}
		return out
	}
	calls := []apiCall{{service: "s3", name: "ListObjects", req: req(object{"prefix": ""}), readOnly: true, data: true}}
	for i := range 10 {
		calls = append(calls, apiCall{service: "s3", name: "GetObject", req: req(object{"key": fmt.Sprintf("2026/%02d.parquet", i)}), readOnly: true, data: true})
	}
	cat := catalogCalls()
	calls = append(calls, cat["DefenseImpairment:S3/DisableOrModifyTools"]...)
	calls = append(calls, cat["Impact:S3/DataDestruction"]...)
	s := &story{typ: typ}
	for i, c := range calls {
		c.who, c.ip = who, listedBad
		s.add(c, at.Add(time.Duration(i)*time.Minute))
	}
	return s.lines, s.err
}

// infectedInstance: a machine asks for where it was infected, for who commands
// it and for whom it mines.
func infectedInstance(typ string, at time.Time) ([]string, error) {
	s := &story{typ: typ}
	for i, name := range []string{"guarddutydrivebyactivity.com", "guarddutyc2activityb.com", "crypto.guarddutyc2activityb.com"} {
		s.add(asked{name: "orders.shop.example.com", answer: "203.0.113.80"}, at.Add(time.Duration(i)*20*time.Minute))
		s.add(asked{name: name}, at.Add(time.Duration(i)*20*time.Minute))
	}
	return s.lines, s.err
}

// infectedTask: a task of ECS calls who commands it and for whom it mines, and
// its credentials are used elsewhere.
func infectedTask(typ string, at time.Time) ([]string, error) {
	task := sumOf(typ)[:32]
	l := newFlowLog(typ)
	l.ordinary(at)
	l.call(at.Add(10*time.Second), "198.51.100.243", 40116, 443, tcp)
	l.call(at.Add(10*time.Minute), "198.51.100.244", 40118, 3333, tcp)
	lines := []string{l.lines[0] + " ecs-cluster-name ecs-task-id"}
	for _, line := range l.lines[1:] {
		lines = append(lines, line+" shop "+task)
	}
	who := roleOf("shop-worker", task, nil)
	own := strings.ToUpper(task[:13])
	who["principalId"], who["accessKeyId"] = "AROASIM"+own+":"+task, "ASIASIM"+own
	who["inScopeOf"] = object{"issuerType": "AWS::ECS::Task", "credentialsIssuedTo": "arn:aws:ecs:" + simRegion + ":" + simAccount + ":task/shop/" + task}
	s := &story{typ: typ}
	s.add(apiCall{service: "sqs", name: "ListQueues", who: who, ip: "192.0.2.41", readOnly: true}, at)
	s.add(with1(look(), func(c *apiCall) { c.who, c.ip = who, listedBad }), at.Add(5*time.Minute))
	return append(lines, s.lines...), s.err
}
