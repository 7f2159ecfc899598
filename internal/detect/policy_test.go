package detect

import (
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/jsonscan"
)

// TestEvaluatePolicy: whom a policy lets in, one policy a line: the statements
// in short, what is expected.
func TestEvaluatePolicy(t *testing.T) {
	const (
		allow = `{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"`
		deny  = `{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::b","arn:aws:s3:::b/*"],"Condition":`
	)
	cond := func(c string) string { return allow + `,"Condition":` + c + `}` }
	for _, tc := range []struct {
		name, statements string
		want             reach
		accounts         string
	}{
		{"plain", allow + `}`, reachAnyone, ""},
		{"as AWS", `{"Effect":"Allow","Principal":{"AWS":["*"]},"Action":"s3:*","Resource":"*"}`, reachAnyone, ""},
		{"not principal", `{"Effect":"Allow","NotPrincipal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"s3:*","Resource":"*"}`, reachAnyone, ""},
		{"not action", `{"Effect":"Allow","Principal":"*","NotAction":"s3:DeleteBucket","Resource":"*"}`, reachAnyone, ""},
		{"service", `{"Effect":"Allow","Principal":{"Service":"logging.s3.amazonaws.com"},"Action":"s3:PutObject","Resource":"*"}`, reachNobody, ""},
		{"account", `{"Effect":"Allow","Principal":{"AWS":"999900001111"},"Action":"s3:GetObject","Resource":"*"}`, reachNobody, "999900001111"},
		{"account in an organization", `{"Effect":"Allow","Principal":{"AWS":"999900001111"},"Action":"s3:GetObject","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-abcdefghij"}}}`, reachNobody, ""},
		{"account by condition", cond(`{"StringEquals":{"aws:PrincipalAccount":["999900001111","111122223333"]}}`), reachNobody, "111122223333,999900001111"},
		{"organization", cond(`{"StringEquals":{"aws:PrincipalOrgID":"o-abcdefghij"}}`), reachNobody, ""},
		{"organization, any", cond(`{"StringLike":{"aws:PrincipalOrgID":"o-*"}}`), reachAuthenticated, ""},
		{"if exists", cond(`{"StringEqualsIfExists":{"aws:PrincipalOrgID":"o-abcdefghij"}}`), reachAnyone, ""},
		{"for all values", cond(`{"ForAllValues:StringEquals":{"aws:PrincipalOrgPaths":"o-a/*"}}`), reachAnyone, ""},
		{"for any value", cond(`{"ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"o-abcdefghij/r-ab12/*"}}`), reachNobody, ""},
		{"network", cond(`{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`), reachNobody, ""},
		{"whole network", cond(`{"IpAddress":{"aws:SourceIp":["203.0.113.0/24","0.0.0.0/1"]}}`), reachAnyone, ""},
		{"IPv6", cond(`{"IpAddress":{"aws:SourceIp":"2001:db8::/32"}}`), reachNobody, ""},
		{"not a network", cond(`{"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`), reachAnyone, ""},
		{"endpoint", cond(`{"StringEquals":{"aws:SourceVpce":"vpce-0123456789abcdef0"}}`), reachNobody, ""},
		{"any endpoint", cond(`{"StringLike":{"aws:SourceVpce":"vpce-*"}}`), reachAnyone, ""},
		{"own ARN", cond(`{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/x-*"}}`), reachNobody, "111122223333"},
		{"any account's ARN", cond(`{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/x"}}`), reachAuthenticated, ""},
		{"one fixed, one not", cond(`{"StringLike":{"aws:PrincipalArn":["arn:aws:iam::111122223333:role/x","*"]}}`), reachAuthenticated, ""},
		{"variable", cond(`{"StringEquals":{"aws:PrincipalAccount":"${aws:PrincipalAccount}"}}`), reachAuthenticated, ""},
		{"has a principal", cond(`{"Null":{"aws:PrincipalArn":"false"}}`), reachAuthenticated, ""},
		{"has none", cond(`{"Null":{"aws:PrincipalArn":"true"}}`), reachAnyone, ""},
		{"MFA", cond(`{"Bool":{"aws:MultiFactorAuthPresent":"true"}}`), reachAuthenticated, ""},
		{"services", cond(`{"Bool":{"aws:PrincipalIsAWSService":"true"}}`), reachNobody, ""},
		{"transport", cond(`{"Bool":{"aws:SecureTransport":"true"}}`), reachAnyone, ""},
		{"referer", cond(`{"StringLike":{"aws:Referer":"https://shop.example/*"}}`), reachAnyone, ""},
		{"access point", cond(`{"StringEquals":{"s3:DataAccessPointAccount":"111122223333"}}`), reachNobody, ""},
		{"two conditions", cond(`{"Bool":{"aws:SecureTransport":"true"},"StringEquals":{"aws:SourceVpc":"vpc-0123456789abcdef0"}}`), reachNobody, ""},
		{"guarded", allow + `},` + deny + `{"StringNotEquals":{"aws:PrincipalOrgID":"o-abcdefghij"}}}`, reachNobody, ""},
		{"guarded with exceptions", allow + `},` + deny + `{"StringNotEqualsIfExists":{"aws:SourceVpce":"vpce-0123456789abcdef0"},"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"},"Bool":{"aws:ViaAWSService":"false"}}}`, reachNobody, ""},
		{"guard for any value", allow + `},` + deny + `{"ForAnyValue:StringNotEquals":{"aws:PrincipalOrgPaths":"o-abcdefghij/"}}}`, reachAnyone, ""},
		{"guard of transport", allow + `},` + deny + `{"Bool":{"aws:SecureTransport":"false"}}}`, reachAnyone, ""},
		{"guard of anonymous", allow + `},` + deny + `{"Null":{"aws:PrincipalArn":"true"}}}`, reachAuthenticated, ""},
		{"guard of another action", allow + `},{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"*","Condition":{"StringNotEquals":{"aws:PrincipalOrgID":"o-abcdefghij"}}}`, reachAnyone, ""},
		{"guard of another resource", allow + `},{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::b/private/*"}`, reachAnyone, ""},
		{"denied to all", allow + `},{"Effect":"Deny","Principal":"*","Action":"s3:Get*","Resource":"arn:aws:s3:::b/*"}`, reachNobody, ""},
		{"denied to all but", allow + `},{"Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"s3:*","Resource":"*"}`, reachNobody, ""},
		{"deny only", `{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}`, reachNobody, ""},
	} {
		doc, err := jsonscan.Parse([]byte(`{"Version":"2012-10-17","Statement":[` + tc.statements + `]}`))
		if err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		a := evaluatePolicy(doc)
		if a.reach != tc.want || strings.Join(a.accounts, ",") != tc.accounts {
			t.Errorf("%s: reach %d, accounts %v; want %d, %s (%s)", tc.name, a.reach, a.accounts, tc.want, tc.accounts, a.why)
		}
	}
}

func TestWild(t *testing.T) {
	for _, tc := range []struct {
		pattern, text string
		want          bool
	}{{"*", "", true}, {"s3:*", "s3:getobject", true}, {"s3:get*t", "s3:getobject", true}, {"s3:?etobject", "s3:getobject", true}, {"s3:get", "s3:getobject", false}, {"", "", true}, {"a*b*c", "axxbyybzc", true}, {"a*b*c", "axxbyybz", false}} {
		if got := wild(tc.pattern, tc.text); got != tc.want {
			t.Errorf("%s %s: %v", tc.pattern, tc.text, got)
		}
	}
}

// FuzzPolicy: hostile documents end in a verdict.
func FuzzPolicy(f *testing.F) {
	f.Add(`{"Statement":{"Effect":"Allow","Principal":"*","Action":["s3:*"],"Resource":"*","Condition":{"StringLike":{"aws:PrincipalArn":["*"]}}}}`)
	f.Add(`{"Statement":[{"Effect":"Deny","NotPrincipal":{"AWS":1},"Condition":[]},{"Effect":"Allow","Principal":{"AWS":{"x":1}},"NotAction":{}}]}`)
	f.Add(`"{\"Statement\":[]}"`)
	f.Fuzz(func(t *testing.T, text string) {
		doc, _ := jsonscan.Parse([]byte(text))
		a := evaluatePolicy(policyNode(doc))
		if a.reach > reachNobody && (a.why == "" || !a.read && !a.write) {
			t.Errorf("open without a reason: %+v", a)
		}
	})
}
