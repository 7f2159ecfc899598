package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/access"
	"github.com/vedette-project/vedette/internal/store"
)

// mark is in everything that is secret, or that may well hold a secret.
const mark = "MARKED-s3cr3t"

// secretBody has something for every operation, with the mark wherever
// a secret may stand: in URLs, in places, in tokens.
func secretBody() string {
	return `{"enable":true,"name":"` + "list" + `","format":"TXT","activate":true,"location":"https://example.com/list.txt?X-Amz-Signature=` + mark + `",
	"clientToken":"` + mark + `","accountIds":["222222222222"],"accountDetails":[{"accountId":"222222222222","email":"a@example.com"}],
	"destinationType":"S3","destinationProperties":{"destinationArn":"arn:aws:s3:::bucket/` + mark + `","kmsKeyArn":"arn:aws:kms:eu-central-1:111122223333:key/` + mark + `"},
	"findingIds":["a"],"feedback":"USEFUL","findingCriteria":{"criterion":{"type":{"equals":["x"]}}},"tags":{"team":"red"},"masterId":"222222222222","administratorId":"222222222222","invitationId":"i",
	"mode":"LIVE","ruleId":"r","role":"arn:aws:iam::111122223333:role/x","protectedResource":{"s3Bucket":{"bucketName":"b"}},"resourceArn":"arn:aws:ec2:eu-central-1:111122223333:instance/i-1",
	"adminAccountId":"111122223333","autoEnableOrganizationMembers":"NEW","usageStatisticType":"SUM_BY_ACCOUNT","usageCriteria":{"dataSources":["DNS_LOGS"]},"statisticsType":["COUNT_BY_COVERAGE_STATUS"]}`
}

// No operation shows a secret: neither the caller's own, nor those in what he
// sends, whether it is taken or refused, in the log, in the audit log, in an error.
// A list's location is told to who may read it, as GuardDuty does, and to nobody else.
func TestNoOperationShowsASecret(t *testing.T) {
	s := newService(t)
	s.enable()
	shown := func(what, text string) {
		t.Helper()
		for _, k := range s.keys {
			if i := strings.Index(text, k.Secret); i >= 0 {
				t.Errorf("%s shows the secret of a key: …%s", what, text[max(0, i-120):i])
			}
		}
		if i := strings.Index(text, mark); i >= 0 {
			t.Errorf("%s shows what is marked: …%s", what, text[max(0, i-120):min(len(text), i+40)])
		}
	}
	ids := map[string]string{"DetectorId": detectorID(), "FilterName": "list", "ResourceArn": "arn:aws:guardduty:" + region + ":" + account + ":detector/" + detectorID()}
	called, taken := 0, 0
	for pass := range 2 { // the second with what the first has made
		for _, row := range table(t) {
			if row.name == "DeleteDetector" || pass == 0 && strings.HasPrefix(row.name, "Delete") {
				continue
			}
			path := row.path
			for name, id := range ids {
				path = strings.ReplaceAll(path, "{"+name+"}", id)
			}
			path = strings.NewReplacer("{", "", "}", "").Replace(path)
			for _, role := range []access.Role{access.RoleAdmin, access.RoleReadOnly} {
				for _, query := range []string{"", "?nextToken=" + mark + "&tagKeys=team"} {
					called++
					r := s.raw(role, row.method, path+query, secretBody())
					if r.status < 300 {
						taken++
					}
					text := strings.ReplaceAll(r.text, "https://example.com/list.txt?X-Amz-Signature="+mark, "")
					if strings.HasPrefix(row.name, "DescribePublishing") {
						text = strings.ReplaceAll(text, "bucket/"+mark, "")
						text = strings.ReplaceAll(text, "key/"+mark, "")
					}
					shown(row.name+" as "+string(role), text)
					var made map[string]any
					if json.Unmarshal([]byte(r.text), &made) == nil {
						for name, id := range made {
							if text, ok := id.(string); ok && strings.HasSuffix(name, "Id") && r.status < 300 {
								ids[strings.ToUpper(name[:1])+name[1:]] = text
							}
						}
					}
				}
			}
		}
	}
	if called < 700 || taken < 100 {
		t.Errorf("of %d calls %d were taken: too few to show anything", called, taken)
	}
	// What proves who somebody is, where it does not belong or is wrong.
	k := s.keys[access.RoleAdmin]
	for _, header := range []string{mark, "Bearer " + mark, "Bearer " + k.Token(), "Basic " + mark, k.Secret, "AWS4-HMAC-SHA256 " + mark, "AWS4-HMAC-SHA256 Credential=" + mark + "/a/b/c/d, SignedHeaders=host, Signature=" + mark} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/detector", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", header)
		answer := s.send(r)
		if answer.status != http.StatusForbidden {
			t.Errorf("%s: %d", header, answer.status)
		}
		shown("a refusal", answer.text)
	}
	for _, query := range []string{"?X-Amz-Signature=" + mark, "?X-Amz-Credential=" + mark} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/detector"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		shown("a refusal", s.send(r).text)
	}
	shown("the log", s.log.String())
	if s.log.String() == "" {
		t.Error("there is no log to look at")
	}
	for _, e := range s.auditLog(store.AuditQuery{Limit: 100_000}) {
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		shown("the audit log", string(text))
	}
}
