package config_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/config"
)

// TestTargets reads targets of every type as an operator writes them.
func TestTargets(t *testing.T) {
	c, err := config.Parse([]byte(`
publish:
  file: /var/log/events.jsonl
  targets:
  - {name: hook, type: webhook, url: "https://siem.example/in", headers: {X-Token: "${SIEM_TOKEN}"}, signingKeyFile: /etc/k, format: ocsf, parallel: 8, maxPerSecond: 20}
  - {name: tmpl, type: webhook, urlFile: /etc/u, format: template, template: '{"a": 1}'}
  - {name: log, type: file, path: /var/log/cef.log, format: cef}
  - {name: slack, type: slack, urlFile: /etc/slack, minSeverity: 4, group: entity, groupWindow: 30m, frequency: ONE_HOUR}
  - {name: teams, type: teams, url: "${TEAMS_URL}"}
  - {name: pager, type: pagerduty, tokenFile: /etc/pd, filter: {severity: {greaterThanOrEqual: 7}}}
  - {name: ops, type: opsgenie, token: "${OPS}", team: soc}
  - {name: jira, type: jira, url: "https://x.atlassian.net", user: a@b.c, tokenFile: /etc/j, project: SEC, issueType: Bug, labels: {soc: ""}}
  - {name: am, type: alertmanager, url: "http://am:9093", hold: 6h}
  - {name: syslog, type: syslog, address: "siem:6514", protocol: tls, format: cef, caFile: /etc/ca}
  - {name: nats, type: nats, url: "nats://n1:4222,nats://n2:4222", subject: sec.findings, stream: true}
  - {name: otlp, type: otlp, url: "http://collector:4318"}
  - {name: bus, type: eventbridge, bus: default, region: eu-central-1}
  - {name: queue, type: sqs, queueURL: "https://sqs.eu-central-1.amazonaws.com/111122223333/q"}
  - {name: topic, type: sns, topicARN: "arn:aws:sns:eu-central-1:111122223333:t"}
  - {name: hub, type: securityhub, roleARN: "arn:aws:iam::111122223333:role/x"}
  - {name: bucket, type: s3, bucket: findings, prefix: a, gather: 1m, events: [findings]}
  - {name: lake, type: s3, bucket: findings, prefix: ext/vedette, format: ocsf-parquet}
  - {name: kafka, type: kafka, brokers: ["k1:9093", "k2:9093"], topic: sec.findings, protocol: tls, mechanism: plain, user: u, tokenFile: /etc/k, format: ocsf}
  - {name: events, type: kubernetes-events, cluster: prod}
  - {name: reports, type: policyreport, cluster: prod, url: "https://api:6443", tokenFile: /etc/t, caFile: /etc/ca, api: openreports.io/v1alpha1, resolve: false}
  - {name: closing, type: jira, url: "https://x.atlassian.net", tokenFile: /etc/j, project: SEC, transition: Done}
`))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(c.Publish.Targets); n != 22 || c.Publish.Targets[3].GroupWindow != 30*time.Minute || len(config.TargetTypes()) != 19 {
		t.Errorf("%d targets of %d types", n, len(config.TargetTypes()))
	}
}

// TestTargetFaults: each fault is named with its key and what to do, and no
// secret that somebody wrote there is repeated.
func TestTargetFaults(t *testing.T) {
	for text, want := range map[string]string{
		`{name: A, type: slack, urlFile: /u}`:                                                           `publish.targets[0].name: "A" is not a name: small letters`,
		`{name: a, type: pigeon}`:                                                                       `publish.targets[0].type: "pigeon" is not a type of targets; there are alertmanager, eventbridge`,
		`{name: a, type: slack}`:                                                                        `publish.targets[0]: a target of type slack needs url or urlFile`,
		`{name: a, type: slack, urlFile: /u, url: "${U}"}`:                                              `publish.targets[0]: set one of url and urlFile, not both`,
		`{name: a, type: slack, urlFile: /u, bucket: b}`:                                                `publish.targets[0].bucket: a target of type slack has no such key`,
		`{name: a, type: slack, url: "https://hooks.slack.com/services/s3cr3t"}`:                        `publish.targets[0].url: the URL of a webhook of slack is a secret; put it into a file`,
		`{name: a, type: pagerduty, token: s3cr3t}`:                                                     `publish.targets[0].token: a secret does not stand here`,
		`{name: a, type: webhook, url: "https://u:s3cr3t@x/"}`:                                          `publish.targets[0].url: credentials do not stand in a URL`,
		`{name: a, type: webhook, url: "https://x/", headers: {Authorization: Bearer s3cr3t}}`:          `publish.targets[0].headers.Authorization: a secret does not stand here`,
		`{name: a, type: webhook, url: "ftp://x/"}`:                                                     `publish.targets[0].url: it is not an https or http URL`,
		`{name: a, type: webhook, url: "https://x/", format: xml}`:                                      `publish.targets[0].format: "xml" is not known; use eventbridge`,
		`{name: a, type: webhook, url: "https://x/", format: template}`:                                 `publish.targets[0].format: format: template and a template`,
		`{name: a, type: webhook, url: "https://x/", frequency: DAILY}`:                                 `publish.targets[0].frequency: "DAILY" is not known; use detector, immediate`,
		`{name: a, type: webhook, url: "https://x/", events: [health]}`:                                 `publish.targets[0].events: leave findings in`,
		`{name: a, type: webhook, url: "https://x/", minSeverity: 11}`:                                  `publish.targets[0].minSeverity: 11 is not a severity`,
		`{name: a, type: webhook, url: "https://x/", timeout: 1h}`:                                      `publish.targets[0].timeout: 1h0m0s is not from 1s to 5m0s`,
		`{name: a, type: sqs, queueURL: q}`:                                                             `publish.targets[0].queueURL: it is not an https or http URL`,
		`{name: a, type: sns, topicARN: q}`:                                                             `publish.targets[0].topicARN: "q" is not the ARN`,
		`{name: a, type: eventbridge, bus: b, source: aws.guardduty}`:                                   `publish.targets[0].source: "aws.guardduty": AWS keeps sources`,
		`{name: a, type: nats, url: "nats://x", subject: "a.>"}`:                                        `publish.targets[0].subject: "a.>" is not a subject`,
		`{name: a, type: nats, url: "nats://n1,nats://u:s3cr3t@n2", subject: a}`:                        `publish.targets[0].url: credentials do not stand in a URL`,
		`{name: a, type: syslog, address: siem}`:                                                        `publish.targets[0].address: "siem" is not host:port`,
		`{name: a, type: slack, urlFile: /u, resolve: false}`:                                           `publish.targets[0].resolve: a target of type slack has no such key`,
		`{name: a, type: s3, bucket: b, format: ocsf}`:                                                  `publish.targets[0].format: a bucket takes ocsf-parquet`,
		`{name: a, type: file, path: /a, format: ocsf-parquet}`:                                         `publish.targets[0].format: ocsf-parquet is for targets of type s3`,
		`{name: a, type: kafka, topic: t}`:                                                              `publish.targets[0]: a target of type kafka needs brokers`,
		`{name: a, type: kafka, topic: "a b", brokers: ["k:1"]}`:                                        `publish.targets[0].topic: "a b" is not a topic of Kafka`,
		`{name: a, type: kafka, topic: t, brokers: ["kafka://u:s3cr3t@k:1"]}`:                           `publish.targets[0].brokers: "…@k:1" is not host:port`,
		`{name: a, type: kafka, topic: t, brokers: ["k:1"], user: u, token: s3cr3t}`:                    `publish.targets[0].token: a secret does not stand here`,
		`{name: a, type: kafka, topic: t, brokers: ["k:1"], user: u}`:                                   `publish.targets[0].user: user and tokenFile (its password) belong together`,
		`{name: a, type: kafka, topic: t, brokers: ["k:1"], protocol: udp}`:                             `publish.targets[0].protocol: Kafka has no udp`,
		`{name: a, type: kafka, topic: t, brokers: ["k:1"], caFile: /ca}`:                               `publish.targets[0].protocol: certificates are for protocol: tls`,
		`{name: a, type: kafka, topic: t, brokers: ["k:1"], mechanism: gssapi, user: u, tokenFile: /k}`: `publish.targets[0].mechanism: "gssapi" is not known`,
		`{name: a, type: kafka, topic: t, brokers: ["k:1"], mechanism: plain, user: u, tokenFile: /k}`:  `publish.targets[0].mechanism: plain sends the password as it is`,
		`{name: a, type: kubernetes-events}`:                                                            `publish.targets[0]: a target of type kubernetes-events needs cluster`,
		`{name: a, type: policyreport, cluster: c, url: "http://api", tokenFile: /t}`:                   `publish.targets[0].url: an API server is reached by https`,
		`{name: a, type: policyreport, cluster: c, url: "https://u:s3cr3t@api", tokenFile: /t}`:         `publish.targets[0].url: credentials do not stand in a URL`,
		`{name: a, type: policyreport, cluster: c, url: "https://api"}`:                                 `publish.targets[0].tokenFile: an API server that is named by url needs a tokenFile`,
		`{name: a, type: policyreport, cluster: c, api: v1}`:                                            `publish.targets[0].api: "v1" is not known`,
		`{name: a, type: slack, urlFile: /u}, {name: a, type: teams, urlFile: /u}`:                      `publish.targets[1].name: another target is called a, too`,
	} {
		_, err := config.Parse([]byte("publish: {targets: [" + text + "]}\n"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: the error repeats the secret: %v", text, err)
		}
	}
}

// TestTargetExamples: the targets in the documentation are as they must be, and
// there is one of each type.
func TestTargetExamples(t *testing.T) {
	page, err := os.ReadFile("../../docs/publishing.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for i, part := range strings.Split(string(page), "```") {
		text, ok := strings.CutPrefix(part, "yaml\n")
		if i%2 == 0 || !ok || !strings.HasPrefix(text, "- ") {
			continue
		}
		c, err := config.Parse([]byte("publish:\n  targets:\n  " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ") + "\n"))
		if err != nil {
			t.Errorf("%s%v", text, err)
			continue
		}
		for _, x := range c.Publish.Targets {
			seen[x.Type] = true
		}
	}
	for _, name := range config.TargetTypes() {
		if !seen[name] {
			t.Errorf("no example of type %s", name)
		}
	}
}
