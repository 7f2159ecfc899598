package event

import (
	"time"

	"github.com/vedette-project/vedette/internal/jsonscan"
)

// Trail is one CloudTrail event: a management, data, network activity or
// insight event.
//
// The fields that most events are judged by are decoded; the rest stays as the
// JSON that was read, and is empty where the record has null or nothing.
type Trail struct {
	EventID       string
	Name          string // eventName, such as RunInstances
	Service       string // eventSource, such as ec2.amazonaws.com
	EventType     string // AwsApiCall, AwsServiceEvent, AwsConsoleSignIn, AwsCloudTrailInsight, …
	Category      string // Management, Data, NetworkActivity or Insight; "" in old records
	Region        string // awsRegion
	SourceIP      string // an address, or the name of an AWS service, or "AWS Internal"
	UserAgent     string
	ErrorCode     string
	ErrorMessage  string
	Recipient     string // recipientAccountId
	SharedEventID string
	VPCEndpoint   string // vpcEndpointId
	// VPCEndpointAccount owns the endpoint; "" in records that do not say.
	VPCEndpointAccount string
	ReadOnly           bool
	// Management is what managementEvent says; true where it says nothing and
	// the category is not Data.
	Management bool
	Identity   Identity
	Time       time.Time // eventTime, whole seconds

	IdentityJSON   []byte
	Request        []byte // requestParameters
	Response       []byte // responseElements
	Additional     []byte // additionalEventData
	Resources      []byte // array of {ARN, accountId, type}
	ServiceDetails []byte // serviceEventDetails
	Insight        []byte // insightDetails
}

// Identity is who called, as CloudTrail's userIdentity names them.
type Identity struct {
	Type        string // Root, IAMUser, AssumedRole, FederatedUser, AWSAccount, AWSService, Role, IdentityCenterUser, WebIdentityUser, SAMLUser, Directory, Unknown
	PrincipalID string
	ARN         string
	AccountID   string
	AccessKeyID string
	UserName    string
	InvokedBy   string // an AWS service that calls on the identity's behalf, or AWS Internal
	// The session, of temporary credentials.
	Issuer       Issuer
	MFA          bool
	SessionAt    time.Time // when the credentials were made; zero if unknown
	RoleDelivery string    // ec2RoleDelivery: "1.0" or "2.0" when the credentials came from instance metadata
	// InScopeOf tells what the credentials were issued to, in newer records.
	IssuedTo  string // credentialsIssuedTo: the ARN of an instance, function or task
	SourceARN string // inScopeOf.sourceArn
}

// Issuer is whose credentials a session has: the role.
type Issuer struct {
	Type, PrincipalID, ARN, AccountID, UserName string
}

// Succeeded reports whether the call was done. Console sign-ins tell in their
// response.
func (t *Trail) Succeeded() bool { return t.ErrorCode == "" && t.ErrorMessage == "" }

// RequestNode parses the request parameters; nil where there are none.
func (t *Trail) RequestNode() *jsonscan.Node { return parsed(t.Request) }

// ResponseNode parses the response elements; nil where there are none.
func (t *Trail) ResponseNode() *jsonscan.Node { return parsed(t.Response) }

// AdditionalNode parses additionalEventData; nil where there is none.
func (t *Trail) AdditionalNode() *jsonscan.Node { return parsed(t.Additional) }

func parsed(b []byte) *jsonscan.Node {
	if len(b) == 0 {
		return nil
	}
	n, _ := jsonscan.Parse(b)
	return n
}

// IsNumbered reports whether the name of a session is one of a series: it has a
// run of nine digits or more, as SDKs write.
func IsNumbered(session string) bool {
	run := 0
	for i := range len(session) {
		if ch := session[i]; ch < '0' || ch > '9' {
			run = 0
		} else if run++; run >= 9 {
			return true
		}
	}
	return false
}
