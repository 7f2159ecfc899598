package simulate

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"time"
)

// trailEvent has the members of a CloudTrail event in the order in which
// CloudTrail writes them.
type trailEvent struct {
	EventVersion string   `json:"eventVersion"`
	Identity     object   `json:"userIdentity"`
	Time         string   `json:"eventTime"`
	Source       string   `json:"eventSource"`
	Name         string   `json:"eventName"`
	Region       string   `json:"awsRegion"`
	IP           string   `json:"sourceIPAddress"`
	UserAgent    string   `json:"userAgent"`
	ErrorCode    string   `json:"errorCode,omitempty"`
	ErrorMessage string   `json:"errorMessage,omitempty"`
	Request      any      `json:"requestParameters"`
	Response     any      `json:"responseElements"`
	Additional   any      `json:"additionalEventData,omitempty"`
	RequestID    string   `json:"requestID"`
	EventID      string   `json:"eventID"`
	ReadOnly     bool     `json:"readOnly"`
	Resources    []object `json:"resources,omitempty"`
	EventType    string   `json:"eventType"`
	Management   bool     `json:"managementEvent"`
	Recipient    string   `json:"recipientAccountId"`
	Endpoint     string   `json:"vpcEndpointId,omitempty"`
	EndpointOf   string   `json:"vpcEndpointAccountId,omitempty"`
	Category     string   `json:"eventCategory"`
}

// apiCall is what differs from one simulated API call to the next.
type apiCall struct {
	service, name string
	who           object // default: IAM user alice
	ip, agent     string // default: those of an administrator
	req, res      any
	extra         any
	errorCode     string
	readOnly      bool
	data          bool // a data event of S3
	kind          string
	resources     []object
	endpoint      string // VPC endpoint, and
	endpointOf    string // the account that owns it
	after         time.Duration
}

const (
	simAccount = "111122223333"
	simRegion  = "eu-central-1"
	simForeign = "999900001111" // nobody's account here
	cliAgent   = "aws-cli/2.27.50 md/awscrt#0.26.1 ua/2.1 os/linux#6.8.0-60-generic md/arch#x86_64 lang/python#3.13.4 md/pyimpl#CPython cfg/retry-mode#standard"
)

// line renders the n-th call of a type as one CloudTrail event. The same type,
// number and time give the same line.
func (c apiCall) line(typ string, n int, at time.Time) (string, error) {
	at = at.UTC().Add(time.Duration(n)*2*time.Second + c.after).Truncate(time.Second)
	id := sha256.Sum256(fmt.Appendf(nil, "trail %s %d %d", typ, n, at.Unix()))
	e := trailEvent{
		EventVersion: "1.11", Identity: c.who, Time: at.Format(time.RFC3339), Source: c.service + ".amazonaws.com", Name: c.name, Region: simRegion,
		IP: cmp.Or(c.ip, "203.0.113.7"), UserAgent: cmp.Or(c.agent, cliAgent), ErrorCode: c.errorCode,
		Request: c.req, Response: c.res, Additional: c.extra, RequestID: uuid(id[16:]), EventID: uuid(id[:]), ReadOnly: c.readOnly,
		Resources: c.resources, EventType: cmp.Or(c.kind, "AwsApiCall"), Management: !c.data, Recipient: simAccount,
		Endpoint: c.endpoint, EndpointOf: c.endpointOf, Category: "Management",
	}
	if c.who == nil {
		e.Identity = iamUser("alice")
	}
	if c.data {
		e.Category = "Data"
	}
	if c.service == "iam" || c.service == "organizations" {
		e.Region = "us-east-1"
	}
	if c.errorCode != "" {
		e.ErrorMessage = "User is not authorized to perform: " + c.service + ":" + c.name
	}
	b, err := json.Marshal(e)
	if err != nil {
		return "", fmt.Errorf("write a record of %s: %w", typ, err)
	}
	return string(b), nil
}

func iamUser(name string) object {
	return object{
		"type": "IAMUser", "principalId": "AIDAEXAMPLEEXAMPLE00", "arn": "arn:aws:iam::" + simAccount + ":user/" + name,
		"accountId": simAccount, "accessKeyId": "AKIAEXAMPLEEXAMPLE00", "userName": name,
	}
}

// rootUser is the root user; short is for credentials of sts:AssumeRoot.
func rootUser(short bool) object {
	session := object{"attributes": object{"creationDate": "2026-01-02T03:00:00Z", "mfaAuthenticated": "true"}}
	if short {
		session = object{"sessionIssuer": object{}, "attributes": object{"creationDate": "2026-01-02T03:00:00Z", "mfaAuthenticated": "false"}, "assumedRoot": "true"}
	}
	return object{
		"type": "Root", "principalId": simAccount, "arn": "arn:aws:iam::" + simAccount + ":root", "accountId": simAccount,
		"accessKeyId": "ASIAEXAMPLEEXAMPLE0R", "sessionContext": session,
	}
}

// roleOf is a session of a role, as machines have.
func roleOf(role, session string, extra object) object {
	ctx := object{
		"sessionIssuer": object{
			"type": "Role", "principalId": "AROAEXAMPLEEXAMPLE00", "arn": "arn:aws:iam::" + simAccount + ":role/" + role, "accountId": simAccount, "userName": role,
		},
		"attributes": object{"creationDate": "2026-01-02T03:00:00Z", "mfaAuthenticated": "false"},
	}
	for k, v := range extra {
		ctx[k] = v
	}
	return object{
		"type": "AssumedRole", "principalId": "AROAEXAMPLEEXAMPLE00:" + session, "arn": "arn:aws:sts::" + simAccount + ":assumed-role/" + role + "/" + session,
		"accountId": simAccount, "accessKeyId": "ASIAEXAMPLEEXAMPLE00", "sessionContext": ctx,
	}
}

const simInstance = "i-0123456789abcdef0"

func instanceRole() object {
	return roleOf("web-server", simInstance, object{"ec2RoleDelivery": "2.0"})
}

func taskRole() object { return roleOf("batch-task", "0f1e2d3c4b5a69788796a5b4c3d2e1f0", nil) }

// trailWriters write lines of CloudTrail events.
func trailWriters() map[string]writer {
	out := inLines(trailScenarios())
	maps.Copy(out, anomalyWriters())
	return out
}
