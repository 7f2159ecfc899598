package detect

import (
	"maps"
	"slices"
	"testing"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/intel"
)

// FuzzTrail gives every detector of API calls bodies that AWS would not write:
// nothing panics, and every signal can become a finding.
func FuzzTrail(f *testing.F) {
	for _, body := range []string{
		`{"bucketName":"b","bucketPolicy":{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]},"x-amz-acl":["public-read"]}`,
		`{"instancesSet":{"items":[{"instanceId":"i-1","networkInterfaceSet":{"items":[{"networkInterfaceId":"eni-1"}]}}]},"publicIp":"1.2.3.4"}`,
		`{"launchPermission":{"add":{"items":[{"group":"all"}]}},"createVolumePermission":{"add":{"items":[{"userId":"999900001111"}]}}}`,
		`{"ipPermissions":{"items":[{"ipProtocol":"-1","ipRanges":{"items":[{"cidrIp":"0.0.0.0/0"}]}}]},"valuesToAdd":["all"],"attributeName":"restore"}`,
		`{"name":"t","trailName":"t","enable":false,"eventSelectors":[{"includeManagementEvents":false}],"policyDocument":"%7B%22Statement%22:[]}"}`,
		`{"LifecycleConfiguration":{"Rule":{"Status":"Enabled","Expiration":{"Days":1}}},"ConsoleLogin":"Success","principal":"*","authType":"NONE"}`,
		`[]`, `"x"`, `{"items":{"items":{"items":[]}}}`,
	} {
		f.Add(body, body, "198.51.100.241", "AROA:i-0123456789abcdef0", "Linux/6-kali1")
		f.Add(body, `null`, "2001:db8::1", "AROA:0123456789abcdef0123456789abcdef", "exec-env/AWS_Lambda_go")
		f.Add(body, body, "", ":0123456789", "")
	}
	f.Fuzz(func(t *testing.T, request, response, ip, principal, agent string) {
		e := New(Options{Intel: intel.Builtin()})
		names := slices.Sorted(maps.Keys(e.trail.byName))
		for i, name := range names {
			for j, rule := range e.trail.byName[name] {
				kind := []string{"AssumedRole", "Root", "IAMUser"}[(i+j)%3]
				tr := &event.Trail{
					EventID: name + rule.service, Name: name, Service: rule.service + ".amazonaws.com", SourceIP: ip, UserAgent: agent, Management: i%2 == 0,
					Request: []byte(request), Response: []byte(response), Additional: []byte(response), Resources: []byte(request), IdentityJSON: []byte(request),
					Identity: event.Identity{Type: kind, PrincipalID: principal, AccessKeyID: "ASIA", AccountID: "111122223333", ARN: "arn:aws:sts::111122223333:assumed-role/r/s"},
				}
				b := &event.Batch{Events: []event.Event{{Source: event.CloudTrail, Scope: event.Scope{Account: "111122223333", Region: "eu-central-1"}, Time: t0, Trail: tr, Raw: []byte(request)}}}
				r := e.Process(b)
				for _, err := range r.Faults {
					t.Fatal(err)
				}
				for _, s := range r.Signals {
					if s.Type == "" || s.Key == "" || s.Severity == 0 || s.Title == "" || s.Description == "" || s.Why == "" || s.Occurrence == "" {
						t.Errorf("an incomplete signal: %+v", s)
					}
				}
			}
		}
	})
}
