package rule

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestDocs: the examples of the documentation load as they stand, and their
// tests pass.
func TestDocs(t *testing.T) {
	text, err := os.ReadFile("../../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	var files []File
	for _, m := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		files = append(files, File{"docs/rules.md", []byte(m[1])})
	}
	set, problems := Load(files)
	if len(problems) > 0 || len(set.Rules()) != 5 {
		t.Fatalf("%d rules, problems %v", len(set.Rules()), problems)
	}
	ran := 0
	for _, r := range set.Rules() {
		for i := range r.Vedette.Tests {
			ran++
			tryOut(t, set, r, &r.Vedette.Tests[i])
		}
	}
	if ran != 2 {
		t.Errorf("%d tests ran, want 2", ran)
	}
}

// tryOut runs a test of a rule about single events.
func tryOut(t *testing.T, set *Set, r *Rule, test *Test) {
	t.Helper()
	log, err := test.Log()
	if err != nil {
		t.Fatal(err)
	}
	m := NewMatcher(set)
	fired := false
	for _, ev := range eventsOf(t, strings.TrimSpace(log)) {
		for _, x := range m.Match(&ev) {
			fired = fired || x == r
		}
	}
	if fired != test.Fires {
		t.Errorf("%s, %s: fired %v", r.Title, test.Name, fired)
	}
}

// TestKinds: the fields of each kind of event, by a record as tests have them.
func TestKinds(t *testing.T) {
	const process = "{process: {executable: /usr/bin/curl, args: [curl, -s, http://x], cwd: /tmp, user: bob, uid: 7}, ancestors: [{uuid: q, name: sh, executable: /bin/sh, args: [sh, -c, x]}, {uuid: r, name: sshd}]"
	for _, tt := range []struct{ source, record, fires, silent string }{
		{"product: linux, category: process_creation", process + "}",
			"Image: /usr/bin/curl, CommandLine: curl -s http://x, CurrentDirectory: /tmp, User: bob, UserId: 7, ParentImage|endswith: /sh, ParentCommandLine|contains: -c, GrandparentImage: sshd, AncestorImage: sshd, PodNamespace: default, ContainerName: app, process.name: example", "ParentImage: sshd"},
		{"category: process_creation", process + ", kind: exit}", "", "Image|contains: curl"},
		{"product: linux, category: network_connection", "{kind: connect, process: {executable: /bin/x}, network: {socket: {family: AF_INET, protocol: 6, local: '10.0.0.1:40000', remote: '198.51.100.7:443'}}}",
			"DestinationIp|cidr: 198.51.100.0/24, DestinationPort: 443, SourceIp: 10.0.0.1, SourcePort: 40000, Initiated: true, Protocol: tcp, Image: /bin/x", "DestinationPort: 40000"},
		{"category: network_connection", "{srcaddr: 10.0.0.1, dstaddr: 198.51.100.7, dstport: 443}", "SourceIp: 10.0.0.1, DestinationPort: 443", "DestinationPort: 44"},
		{"product: linux, category: file_event", "{kind: open, process: {executable: /bin/x}, file: {path: /etc/passwd}}", "TargetFilename: /etc/passwd, Image: /bin/x", "TargetFilename: /bin/x"},
		{"product: linux, category: file_event", "{kind: rename, process: {executable: /bin/x}, file: {path: /tmp/a, newPath: /etc/b}}", "TargetFilename: /etc/b, SourceFilename: /tmp/a", "TargetFilename: /tmp/a"},
		{"product: linux, category: file_delete", "{kind: unlink, process: {executable: /bin/x}, file: {path: /tmp/a}}", "TargetFilename: /tmp/a", "TargetFilename: /tmp/b"},
		{"product: vedette, service: runtime", "{kind: unlink, process: {executable: /bin/x}, file: {path: /tmp/a}}", "EventType: unlink, file.path: /tmp/a", "EventType: exec"},
		{"product: aws, service: vpcflow", "{srcaddr: 10.0.0.1, dstaddr: 198.51.100.7, dstport: 22, action: REJECT, bytes: 4000}",
			"dst_port: 22, action: REJECT, blocked: true, bytes|gt: 3999, protocol: 6, src_ip|cidr: 10.0.0.0/8, account-id: 111122223333, interface_id|startswith: eni-", "action: ACCEPT"},
		{"category: firewall", "{srcaddr: 10.0.0.1, dstaddr: 198.51.100.7, dstport: 22}", "dst_port: 22, blocked: false", "blocked: true"},
		{"category: dns", "{query_name: A.Example.com., answers: [{Rdata: 192.0.2.1, Type: A, Class: IN}]}", "query: a.example.com, answer: 192.0.2.1, record_type: A, src_ip: 10.0.0.10, rcode: NOERROR", "answer: 192.0.2.2"},
		{"product: linux, category: dns_query", "{kind: dns, process: {executable: /bin/dig}, dns: {transport: UDP, id: 1, name: a.example.com, type: TXT}}", "QueryName: a.example.com, record_type: TXT, Image: /bin/dig", "QueryName: b"},
		{"product: kubernetes, service: audit", "{verb: create, objectRef: {resource: deployments, apiGroup: apps}, requestObject: {spec: {template: {spec: {hostPID: true, volumes: [{name: a}, {hostPath: {path: /}}], containers: [{image: a}, {image: b}]}}}}, annotations: {authorization.k8s.io/decision: allow}}",
			"verb: create, apiGroup: apps, hostPath: '*', hostPID: true, image: b, requestObject.spec.template.spec.containers.image: a, annotations.authorization.k8s.io/decision: allow, responseStatus.code: 200, sourceIPs|cidr: 192.0.2.0/24, user.username: example", "image: c"},
		{"product: aws, service: cloudtrail", "{eventName: X, userIdentity: {sessionContext: {attributes: {mfaAuthenticated: 'true'}}}}",
			"userIdentity.sessionContext.attributes.mfaAuthenticated: true, userIdentity.userName: example, src_ip: 192.0.2.10", "userIdentity.type: Root"},
	} {
		for _, fires := range []bool{true, false} {
			ask := tt.silent
			if fires {
				ask = tt.fires
			}
			if ask == "" {
				continue
			}
			word := map[bool]string{true: "fires", false: "silent"}[fires]
			set := load(t, "title: '"+tt.source+"'\nlogsource: {"+tt.source+"}\ndetection: {s: {"+ask+"}, condition: s}\nx-vedette: {tests: [{name: "+word+", "+word+": "+tt.record+"}]}")
			r := set.Rules()[0]
			tryOut(t, set, r, &r.Vedette.Tests[0])
		}
	}
}
