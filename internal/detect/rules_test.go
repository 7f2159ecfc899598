package detect

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/decode"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/rule"
)

const ownRules = `
title: A call that we do not make
id: 0b3c1d5e-0000-4000-8000-000000000001
level: high
tags: [attack.t1537, attack.exfiltration]
description: It is for accounts that are closed.
falsepositives: [The day of the move]
references: [https://example.com/why]
logsource: {product: aws, service: cloudtrail}
detection: {selection: {eventName: CloseAccount, requestParameters.reason|contains: move}, condition: selection}
x-vedette: {remediation: [Ask who moved.]}
---
title: Secret of the vault
level: low
tags: [attack.credential_access]
logsource: {product: kubernetes, service: audit}
detection: {selection: {objectRef.resource: secrets, objectRef.name: vault}, condition: selection}
x-vedette: {key: [user.username]}
---
title: Telnet
logsource: {product: aws, service: vpcflow}
detection: {selection: {dstport: 23}, condition: selection}
---
title: Name of a tunnel, which is longer than a type of findings can be
level: critical
tags: [attack.command-and-control]
logsource: {category: dns}
detection: {selection: {query|endswith: .tunnel.example}, condition: selection}
---
title: Netcat
logsource: {product: linux, category: process_creation}
detection: {selection: {Image|endswith: /nc, CommandLine|contains: '-e'}, condition: selection}
x-vedette: {type: Execution:Runtime/Netcat, severity: 7.5}
---
title: Denied
name: denied
logsource: {product: aws, service: cloudtrail}
detection: {selection: {errorCode: AccessDenied}, condition: selection}
---
title: Many denied
level: informational
correlation: {type: event_count, rules: [denied], group-by: [userIdentity.arn], timespan: 10m, condition: {gte: 3}}
`

func ownSet(t testing.TB) *rule.Set {
	t.Helper()
	set, problems := rule.Load([]rule.File{{Name: "own.yml", Data: []byte(ownRules)}})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return set
}

// ruleBatch is a log of records as tests of rules have them.
func ruleBatch(t testing.TB, records ...map[string]any) *event.Batch {
	t.Helper()
	var example rule.Test
	for _, r := range records {
		example.Records = append(example.Records, rule.Record{Fields: r})
	}
	log, err := example.Log()
	if err != nil {
		t.Fatal(err)
	}
	var d decode.Decoder
	b := &decode.Batch{}
	d.Decode(&event.Chunk{Stream: "test", Data: []byte(log), Scope: event.Scope{Account: "111122223333", Region: "us-east-1", Cluster: "c"}}, b)
	if len(b.Rejects) > 0 || len(b.Events) != len(records) {
		t.Fatalf("%d events of %d records: %+v", len(b.Events), len(records), b.Rejects)
	}
	return &b.Batch
}

// byRules are the signals that rules of the operator made.
func byRules(all []*finding.Signal) (out []*finding.Signal) {
	for _, s := range all {
		if s.Info["rule"] != nil {
			out = append(out, s)
		}
	}
	return out
}

type fields = map[string]any

func TestRules(t *testing.T) {
	denied := fields{"eventName": "GetThing", "errorCode": "AccessDenied"}
	for _, tt := range []struct {
		records          []map[string]any
		typ, resource    string
		severity         float64
		title, says, why string
	}{
		{
			[]map[string]any{{"eventName": "CloseAccount", "requestParameters.reason": "a MOVE"}},
			"Exfiltration:IAMUser/ACallThatWeDoNotMake.Custom", "AccessKey", 8, "A call that we do not make",
			"IAM user example called CloseAccount from 192.0.2.10. It is for accounts that are closed.", `requestParameters.reason is "a MOVE"`,
		},
		{
			[]map[string]any{{"verb": "get", "objectRef": fields{"resource": "secrets", "name": "vault", "namespace": "a"}}},
			"CredentialAccess:Kubernetes/SecretOfThe.Custom", "EKSCluster", 2, "Secret of the vault", "example called get secrets", `objectRef.name is "vault"`,
		},
		{
			[]map[string]any{{"srcaddr": "10.0.0.1", "dstaddr": "198.51.100.7", "dstport": 23}},
			"Policy:EC2/Telnet.Custom", "Instance", 5, "Telnet", "had traffic with 198.51.100.7", `dstport is "23"`,
		},
		{
			[]map[string]any{{"query_name": "a.tunnel.example."}},
			"CommandAndControl:EC2/NameOfATunnelWhichIs.Custom", "Instance", 9, "Name of a tunnel, which is longer than a type of findings can be", "asked for a.tunnel.example", `query is "a.tunnel.example"`,
		},
		{
			[]map[string]any{{"process": fields{"executable": "/bin/nc", "args": []string{"nc", "-e", "sh"}}}},
			"Execution:Runtime/Netcat", "EKSCluster", 7.5, "Netcat", "/bin/nc in container app of pod app-1", `CommandLine is "nc -e sh"`,
		},
		{
			[]map[string]any{denied, denied, denied},
			"Policy:IAMUser/ManyDenied.Custom", "AccessKey", 1, "Many denied", "IAM user example", `event count within 10m0s; userIdentity.arn is "arn:aws:iam::111122223333:user/example"`,
		},
	} {
		t.Run(tt.title, func(t *testing.T) {
			got := byRules(New(Options{Rules: ownSet(t)}).Process(ruleBatch(t, tt.records...)).Signals)
			if len(got) != 1 {
				t.Fatalf("%d signals, want 1: %v", len(got), got)
			}
			s := got[0]
			if s.Key == "" || s.Occurrence == "" || s.Evidence.Raw == "" {
				t.Errorf("an incomplete signal: %+v", s)
			}
			if s.Type != tt.typ || len(s.Type) > rule.MaxType || s.Resource.ResourceType != tt.resource || s.Severity != tt.severity || s.Title != tt.title || s.Rule != tt.title {
				t.Errorf("%s of %s, severity %v, title %q, rule %q", s.Type, s.Resource.ResourceType, s.Severity, s.Title, s.Rule)
			}
			if !strings.Contains(s.Description, tt.says) || !strings.Contains(s.Why, tt.why) {
				t.Errorf("it says %q, because %q", s.Description, s.Why)
			}
		})
	}
}

// TestRulesTellApart: findings of a rule are one for each who does it, or for
// each value of the fields that the rule names.
func TestRulesTellApart(t *testing.T) {
	secret := func(user, namespace string) map[string]any {
		return fields{"verb": "get", "user.username": user, "objectRef": fields{"resource": "secrets", "name": "vault", "namespace": namespace}}
	}
	keys := map[string]bool{}
	for _, s := range byRules(New(Options{Rules: ownSet(t)}).Process(ruleBatch(t, secret("a", "x"), secret("a", "y"), secret("b", "x"))).Signals) {
		keys[s.Key] = true
	}
	if len(keys) != 2 {
		t.Errorf("keys %v, want one for each user", keys)
	}
}

// TestRulesHideCommandLines: what is not to be shown is in no part of a claim.
func TestRulesHideCommandLines(t *testing.T) {
	batch := ruleBatch(t, fields{"process": fields{"executable": "/bin/nc", "args": []string{"nc", "-e", "geheim"}}})
	got := byRules(New(Options{Rules: ownSet(t), HideCommandLines: true}).Process(batch).Signals)
	if len(got) != 1 {
		t.Fatalf("%d signals", len(got))
	}
	all, err := json.Marshal(got[0])
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(all), "geheim") {
		t.Errorf("the command line is in %s", all)
	}
}

// TestRulesRestore: an engine that is stopped after any record, and another
// that goes on from what it saved, find the same.
func TestRulesRestore(t *testing.T) {
	var records []map[string]any
	for range 7 {
		records = append(records, fields{"eventName": "GetThing", "errorCode": "AccessDenied"})
	}
	b := ruleBatch(t, records...)
	o := Options{Rules: ownSet(t), Durable: true}
	whole := byRules(New(o).Process(b).Signals)
	if len(whole) != 2 {
		t.Fatalf("%d signals, want 2: with the third and the sixth", len(whole))
	}
	scope := b.Events[0].Scope
	var runs []Run
	var got []*finding.Signal
	for i := range b.Events {
		e := New(o)
		for _, run := range runs {
			if err := e.RestoreRun(scope, run); err != nil {
				t.Fatal(err)
			}
		}
		got = append(got, byRules(e.Process(&event.Batch{Stream: "test", Events: b.Events[i : i+1]}).Signals)...)
		delta, err := e.Delta(scope)
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, delta...)
	}
	if !reflect.DeepEqual(got, whole) {
		t.Errorf("%d signals, %d without stops", len(got), len(whole))
	}
}

func TestRuleFamily(t *testing.T) {
	for title, want := range map[string]string{
		"AWS S3 bucket made public": "AWSS3BucketMadePublic", "7zip used": "Rule7zipUsed", "—": "Rule", "Ünder": "Nder",
		"Incomprehensibilities of one very long word more": "IncomprehensibilitiesOfOne",
	} {
		if got := ruleFamily(title, 26); got != want {
			t.Errorf("%s: %s, want %s", title, got, want)
		}
	}
}
