package decode

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/event"
)

// trail1 is an event as CloudTrail writes it.
const trail1 = `{"eventVersion":"1.11","userIdentity":{"type":"AssumedRole","principalId":"AROAEXAMPLEROLEID1:alice","arn":"arn:aws:sts::111122223333:assumed-role/Admin/alice","accountId":"111122223333","accessKeyId":"ASIAEXAMPLEKEYID0001","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEROLEID1","arn":"arn:aws:iam::111122223333:role/Admin","accountId":"111122223333","userName":"Admin"},"webIdFederationData":{},"attributes":{"creationDate":"2026-01-02T02:00:00Z","mfaAuthenticated":"true"},"ec2RoleDelivery":"2.0"},"inScopeOf":{"issuerType":"AWS::EC2::Instance","credentialsIssuedTo":"arn:aws:ec2:eu-central-1:111122223333:instance/i-0123456789abcdef0"}},"eventTime":"2026-01-02T03:04:05Z","eventSource":"ec2.amazonaws.com","eventName":"RunInstances","awsRegion":"eu-central-1","sourceIPAddress":"198.51.100.23","userAgent":"aws-cli/2.22.0 md/awscrt#0.23.4 ua/2.0 os/linux#6.8.0","requestParameters":{"instancesSet":{"items":[{"imageId":"ami-0123456789abcdef0","minCount":1,"maxCount":1,"keyName":"ops"}]},"instanceType":"m7i.large","blockDeviceMapping":{},"monitoring":{"enabled":false},"disableApiTermination":false},"responseElements":{"requestId":"11111111-2222-4333-8444-555555555555","reservationId":"r-0123456789abcdef0","ownerId":"111122223333","groupSet":{},"instancesSet":{"items":[{"instanceId":"i-0fedcba9876543210","imageId":"ami-0123456789abcdef0","instanceState":{"code":0,"name":"pending"},"privateIpAddress":"192.0.2.77"}]}},"requestID":"11111111-2222-4333-8444-555555555555","eventID":"66666666-7777-4888-9999-aaaaaaaaaaaa","readOnly":false,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management","tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"ec2.eu-central-1.amazonaws.com"},"sessionCredentialFromConsole":"true"}`

const (
	insight1 = `{"eventVersion":"1.09","eventTime":"2026-01-02T03:04:00Z","awsRegion":"eu-central-1","eventID":"55555555-aaaa-4bbb-8ccc-dddddddddddd","eventType":"AwsCloudTrailInsight","recipientAccountId":"111122223333","sharedEventID":"e1","insightDetails":{"state":"Start","eventSource":"ec2.amazonaws.com","eventName":"DescribeInstances","insightType":"ApiCallRateInsight"},"eventCategory":"Insight"}`
	data1    = `{"eventVersion":"1.11","userIdentity":{"type":"AWSAccount","principalId":"","accountId":"anonymous"},"eventTime":"2026-01-02T03:04:06Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"eu-central-1","sourceIPAddress":"203.0.113.9","userAgent":"[curl/8.5.0]","errorCode":"AccessDenied","errorMessage":"Access Denied","requestParameters":{"bucketName":"b","key":"k"},"responseElements":null,"additionalEventData":{"bytesTransferredIn":0},"requestID":"R1","eventID":"55555555-aaaa-4bbb-8ccc-eeeeeeeeeeee","readOnly":true,"resources":[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::b/k"}],"eventType":"AwsApiCall","managementEvent":false,"recipientAccountId":"111122223333","eventCategory":"Data"}`
	network1 = `{"eventVersion":"1.11","userIdentity":{"type":"AWSAccount","principalId":"AIDAEXAMPLE","accountId":"111122223333"},"eventTime":"2026-01-02T03:04:07Z","eventSource":"s3.amazonaws.com","eventName":"ListBuckets","awsRegion":"eu-central-1","sourceIPAddress":"192.0.2.7","errorCode":"VpceAccessDenied","requestID":"R2","eventID":"55555555-aaaa-4bbb-8ccc-ffffffffffff","eventType":"AwsVpceEvent","recipientAccountId":"111122223333","vpcEndpointId":"vpce-0123456789abcdef0","vpcEndpointAccountId":"111122223333","eventCategory":"NetworkActivity"}`
	root1    = `{"eventVersion":"1.08","userIdentity":{"type":"Root","principalId":"111122223333","arn":"arn:aws:iam::111122223333:root","accountId":"111122223333"},"eventTime":"2026-01-02T03:04:08Z","eventSource":"signin.amazonaws.com","eventName":"ConsoleLogin","awsRegion":"us-east-1","sourceIPAddress":"2001:db8::7","userAgent":"Mozilla/5.0 (\u00e9)","requestParameters":null,"responseElements":{"ConsoleLogin":"Success"},"additionalEventData":{"MFAUsed":"No"},"eventID":"55555555-aaaa-4bbb-8ccc-111111111111","readOnly":"false","eventType":"AwsConsoleSignIn","managementEvent":"true","recipientAccountId":"111122223333"}`
	service1 = `{"eventVersion":"1.08","userIdentity":{"accountId":"111122223333","invokedBy":"kms.amazonaws.com"},"eventTime":"2026-01-02T03:04:09Z","eventSource":"kms.amazonaws.com","eventName":"RotateKey","awsRegion":"eu-central-1","sourceIPAddress":"kms.amazonaws.com","userAgent":"kms.amazonaws.com","requestParameters":null,"responseElements":null,"eventID":"55555555-aaaa-4bbb-8ccc-222222222222","readOnly":false,"resources":null,"eventType":"AwsServiceEvent","recipientAccountId":"111122223333","serviceEventDetails":{"keyId":"k"}}`
)

var trails = []string{trail1, insight1, data1, network1, root1, service1}

// TestTrailReference reads the same fields with encoding/json.
func TestTrailReference(t *testing.T) {
	for _, in := range append(trails, reordered(t, trail1), reordered(t, insight1)) {
		b := decodeAll(t, in, false)
		if len(b.Events) != 1 {
			t.Fatalf("%s: %+v", in, b.Rejects)
		}
		e := b.Events[0]
		if d := cmp.Diff(referenceTrail(t, in), *e.Trail); d != "" {
			t.Errorf("%s: %s", in, d)
		}
		if e.Source != event.CloudTrail || e.Scope != (event.Scope{Account: "111122223333", Region: e.Trail.Region}) || !e.Time.Equal(e.Trail.Time) || string(e.Raw) != in {
			t.Errorf("envelope: %+v", e)
		}
	}
	if !decodeAll(t, trail1, false).Events[0].Trail.Identity.MFA {
		t.Error("no MFA")
	}
}

// reordered has the members in the order of their names.
func reordered(t *testing.T, s string) string {
	t.Helper()
	var m map[string]json.RawMessage
	if err := json.Unmarshal([]byte(s), &m); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func referenceTrail(t *testing.T, s string) event.Trail {
	t.Helper()
	type issuer struct{ Type, PrincipalID, Arn, AccountID, UserName string }
	var r struct {
		EventID, EventName, EventSource, EventType, EventCategory, AwsRegion, SourceIPAddress, UserAgent string
		ErrorCode, ErrorMessage, RecipientAccountID, SharedEventID, VpcEndpointID, VpcEndpointAccountID  string
		ReadOnly, ManagementEvent                                                                        any
		EventTime                                                                                        time.Time
		UserIdentity, RequestParameters, ResponseElements, AdditionalEventData                           json.RawMessage
		Resources, ServiceEventDetails, InsightDetails                                                   json.RawMessage
	}
	var id struct {
		Type, PrincipalID, Arn, AccountID, AccessKeyID, UserName, InvokedBy string
		SessionContext                                                      struct {
			SessionIssuer   issuer
			Attributes      struct{ CreationDate, MfaAuthenticated string }
			Ec2RoleDelivery string
		}
		InScopeOf struct{ SourceArn, CredentialsIssuedTo string }
	}
	if err := json.Unmarshal([]byte(s), &r); err != nil {
		t.Fatal(err)
	}
	if r.UserIdentity != nil {
		if err := json.Unmarshal(r.UserIdentity, &id); err != nil {
			t.Fatal(err)
		}
	}
	raw := func(m json.RawMessage) []byte {
		if string(m) == "null" {
			return nil
		}
		return m
	}
	said := func(v any) (yes, no bool) { return v == true || v == "true", v == false || v == "false" }
	management, not := said(r.ManagementEvent)
	readOnly, _ := said(r.ReadOnly)
	at, _ := time.Parse(time.RFC3339, id.SessionContext.Attributes.CreationDate)
	i := id.SessionContext.SessionIssuer
	return event.Trail{
		EventID: r.EventID, Name: r.EventName, Service: r.EventSource, EventType: r.EventType, Category: r.EventCategory, Region: r.AwsRegion,
		SourceIP: r.SourceIPAddress, UserAgent: r.UserAgent, ErrorCode: r.ErrorCode, ErrorMessage: r.ErrorMessage, Recipient: r.RecipientAccountID,
		SharedEventID: r.SharedEventID, VPCEndpoint: r.VpcEndpointID, VPCEndpointAccount: r.VpcEndpointAccountID,
		ReadOnly: readOnly, Management: management || !not && r.EventCategory != "Data", Time: r.EventTime,
		Identity: event.Identity{
			Type: id.Type, PrincipalID: id.PrincipalID, ARN: id.Arn, AccountID: id.AccountID, AccessKeyID: id.AccessKeyID, UserName: id.UserName, InvokedBy: id.InvokedBy,
			Issuer: event.Issuer{Type: i.Type, PrincipalID: i.PrincipalID, ARN: i.Arn, AccountID: i.AccountID, UserName: i.UserName},
			MFA:    id.SessionContext.Attributes.MfaAuthenticated == "true", SessionAt: at, RoleDelivery: id.SessionContext.Ec2RoleDelivery,
			IssuedTo: id.InScopeOf.CredentialsIssuedTo, SourceARN: id.InScopeOf.SourceArn,
		},
		IdentityJSON: raw(r.UserIdentity), Request: raw(r.RequestParameters), Response: raw(r.ResponseElements), Additional: raw(r.AdditionalEventData),
		Resources: raw(r.Resources), ServiceDetails: raw(r.ServiceEventDetails), Insight: raw(r.InsightDetails),
	}
}

// TestTrailShapes decodes the same record in every shape in which it is delivered.
func TestTrailShapes(t *testing.T) {
	subscription := `{"messageType":"DATA_MESSAGE","owner":"111122223333","logGroup":"trail","logStream":"111122223333_CloudTrail_eu-central-1","subscriptionFilters":["x"],"logEvents":[{"id":"1","timestamp":1767323045100,"message":` + quote(trail1) + `},{"id":"2","timestamp":1767323045100,"message":` + quote(data1) + `}]}`
	pretty := &bytes.Buffer{}
	if err := json.Indent(pretty, []byte(`{"Records":[`+trail1+`]}`), "", "  "); err != nil {
		t.Fatal(err)
	}
	bus := `{"version":"0","id":"12345678-1234-1234-1234-111122223333","detail-type":"AWS API Call via CloudTrail","source":"aws.ec2","account":"111122223333","time":"2026-01-02T03:04:05Z","region":"eu-central-1","resources":[],"detail":` + trail1 + `}`
	lookup := `{"EventId":"66666666-7777-4888-9999-aaaaaaaaaaaa","EventName":"RunInstances","ReadOnly":"false","AccessKeyId":"ASIAEXAMPLEKEYID0001","EventTime":"2026-01-02T03:04:05+00:00","EventSource":"ec2.amazonaws.com","Username":"alice","Resources":[],"CloudTrailEvent":` + quote(trail1) + `}`
	for name, tc := range map[string]struct {
		in string
		n  int
	}{
		"file":               {`{"Records":[` + strings.Join(trails, ",") + `]}`, len(trails)},
		"empty file":         {`{"Records":[]}`, 0},
		"null file":          {`{"Records":null}`, 0},
		"file with more":     {`{"Records":[` + trail1 + `],"x":{"y":1}}`, 1},
		"files joined":       {`{"Records":[` + trail1 + `]}{"Records":[]}{"Records":[` + data1 + `]}`, 2},
		"line":               {trail1 + "\n" + data1 + "\r\n", 2},
		"array":              {"[" + trail1 + "," + data1 + "]", 2},
		"other order":        {reordered(t, trail1) + "\n" + reordered(t, data1), 2},
		"others between":     {trail1 + "\n" + event1 + "\n" + flow1 + "\n" + query1 + "\n" + trail1, 5},
		"CloudWatch export":  {"2026-01-02T03:04:05.000Z " + trail1, 1},
		"subscription":       {subscription, 2},
		"Lambda":             {`{"awslogs":{"data":"` + lambdaData(subscription) + `"}}`, 2},
		"Firehose":           {`{"requestId":"r","timestamp":1,"records":[{"data":"` + lambdaData(subscription) + `"}]}`, 2},
		"Firehose transform": {`{"invocationId":"i","deliveryStreamArn":"arn:aws:firehose:eu-central-1:111122223333:deliverystream/d","region":"eu-central-1","records":[{"recordId":"1","approximateArrivalTimestamp":1,"data":"` + lambdaData(subscription) + `"}]}`, 2},
		"Kinesis":            {`{"Records":[{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":"p","data":"` + lambdaData(subscription) + `"},"eventSource":"aws:kinesis","eventName":"aws:kinesis:record"}]}`, 2},
		"pretty in Firehose": {`{"records":[{"data":"` + base64.StdEncoding.EncodeToString(pretty.Bytes()) + `"}]}`, 1},
		"event bus":          {bus + "\n" + bus, 2},
		"bus in a queue":     {`{"Records":[{"messageId":"m","body":` + quote(bus) + `,"eventSource":"aws:sqs"}]}`, 1},
		"lookup-events":      {`{"Events":[` + lookup + "," + lookup + `],"NextToken":"n"}`, 2},
		"one of them":        {lookup, 1},
		"aws logs output":    {`{"events":[{"logStreamName":"111122223333_CloudTrail_eu-central-1","timestamp":1,"message":` + quote(trail1) + `}]}`, 1},
		"collector":          {`{"log":` + quote(trail1+"\n") + `,"stream":"stdout"}`, 1},
	} {
		b := decodeAll(t, tc.in, false)
		if len(b.Events) != tc.n || len(b.Rejects) != 0 {
			t.Errorf("%s: %d events, want %d; %+v", name, len(b.Events), tc.n, b.Rejects)
			continue
		}
		for _, e := range b.Events {
			if e.Source == event.CloudTrail && (e.Trail.EventID == "" || e.Scope.Account != "111122223333" || e.Scope.Cluster != "" || e.Time.IsZero()) {
				t.Errorf("%s: %+v %+v", name, e, e.Trail)
			}
		}
	}
}

func TestTrailRejects(t *testing.T) {
	change := func(old, new string) string {
		if !strings.Contains(trail1, old) {
			t.Fatal(old)
		}
		return strings.Replace(trail1, old, new, 1)
	}
	s3 := `{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"eu-central-1","eventTime":"2026-01-02T03:04:05.000Z","eventName":"ObjectCreated:Put","userIdentity":{"principalId":"AWS:AIDAEXAMPLE"},"requestParameters":{"sourceIPAddress":"192.0.2.1"},"responseElements":{"x-amz-request-id":"C3"},"s3":{"s3SchemaVersion":"1.0","bucket":{"name":"b"},"object":{"key":"k"}}}]}`
	for name, tc := range map[string]struct {
		in      string
		outcome event.Outcome
		reason  event.Reason
		source  event.Source
		detail  string
	}{
		"eventName":      {change(`"eventName":"RunInstances"`, `"eventName":7`), event.Malformed, event.ReasonBadField, event.CloudTrail, "eventName is not a string"},
		"eventTime":      {change(`"eventTime":"2026`, `"eventTime":"26`), event.Malformed, event.ReasonBadField, event.CloudTrail, "eventTime"},
		"userIdentity":   {change(`"userIdentity":{`, `"userIdentity":7,"x":{`), event.Malformed, event.ReasonBadField, event.CloudTrail, "userIdentity is not an object"},
		"arn":            {change(`"arn":"arn`, `"arn":[],"x":"arn`), event.Malformed, event.ReasonBadField, event.CloudTrail, "arn is not a string"},
		"mfa":            {change(`"mfaAuthenticated":"true"`, `"mfaAuthenticated":1`), event.Malformed, event.ReasonBadField, event.CloudTrail, "mfaAuthenticated"},
		"readOnly":       {change(`"readOnly":false`, `"readOnly":"no"`), event.Malformed, event.ReasonBadField, event.CloudTrail, "readOnly is neither true nor false"},
		"other order":    {strings.Replace(reordered(t, trail1), `"eventID":"`, `"eventID":{},"x":"`, 1), event.Malformed, event.ReasonBadField, event.CloudTrail, "eventID is not a string"},
		"no JSON":        {change(`"eventID":`, `"eventID" `), event.Malformed, event.ReasonNotJSON, event.CloudTrail, "this is not JSON"},
		"half":           {trail1[:900], event.Malformed, event.ReasonIncomplete, event.CloudTrail, "ends in the middle"},
		"torn, joined":   {trail1[:900] + trail1, event.Malformed, event.ReasonNotJSON, event.CloudTrail, "this is not JSON"},
		"digest":         {`{"awsAccountId":"111122223333","digestStartTime":"2026-01-02T03:00:00Z","digestEndTime":"2026-01-02T04:00:00Z","logFiles":[{"s3Bucket":"b","s3Object":"o","hashValue":"00"}]}`, event.Dropped, event.ReasonDigest, event.CloudTrail, "digest"},
		"notification":   {s3, event.Dropped, event.ReasonNotifications, event.CloudTrail, "about an object"},
		"one of SNS":     {`{"Type":"Notification","MessageId":"m","TopicArn":"arn:aws:sns:eu-central-1:111122223333:t","Message":` + quote(s3) + `}`, event.Dropped, event.ReasonNotifications, event.CloudTrail, "about an object"},
		"test event":     {`{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-01-02T03:04:05.000Z","Bucket":"b","RequestId":"r","HostId":"h"}`, event.Dropped, event.ReasonNotifications, event.CloudTrail, "about an object"},
		"bus, an object": {`{"version":"0","id":"i","detail-type":"Object Created","source":"aws.s3","account":"111122223333","region":"eu-central-1","detail":{"bucket":{"name":"b"}}}`, event.Dropped, event.ReasonNotifications, event.CloudTrail, "about an object"},
		"bus, else":      {`{"version":"0","id":"i","detail-type":"Scheduled Event","source":"aws.events","account":"111122223333","region":"eu-central-1","detail":{}}`, event.Malformed, event.ReasonNotAudit, event.CloudTrail, "no record that is read here"},
		"another object": {`{"a":1}`, event.Malformed, event.ReasonNotAudit, event.CloudTrail, "no record that is read here"},
		"no list":        {`{"Records":7}`, event.Malformed, event.ReasonNotAudit, event.CloudTrail, "no record that is read here"},
		"a number":       {`{"Records":[7]}`, event.Malformed, event.ReasonNotAudit, event.CloudTrail, "no object"},
	} {
		for _, first := range []bool{false, true} {
			in := trail1 + "\n" + tc.in + "\n" + trail1
			if first {
				in = tc.in + "\n" + trail1 + "\n" + trail1
			}
			b := decodeAll(t, in, false)
			want := 2
			if name == "torn, joined" {
				want = 3
			}
			if len(b.Events) != want || len(b.Rejects) != 1 {
				t.Errorf("%s: %d events, %+v", name, len(b.Events), b.Rejects)
				continue
			}
			if r := b.Rejects[0]; r.Outcome != tc.outcome || r.Reason != tc.reason || r.Source != tc.source || !strings.Contains(r.Detail, tc.detail) {
				t.Errorf("%s: %+v", name, r)
			}
		}
	}
}

// TestTrailTruncated cuts a record at every byte.
func TestTrailTruncated(t *testing.T) {
	named := strings.Index(trail1, `,"eventName"`)
	for i := 1; i < len(trail1)-1; i++ {
		b := decodeAll(t, trail1[:i]+"[Truncated...]\n"+trail1, false)
		if len(b.Events)+int(totalRejects(b)) != 2 {
			t.Fatalf("cut at %d: %d events, rejects %+v", i, len(b.Events), b.Rejects)
		}
		if i >= named && (len(b.Events) != 2 || !b.Events[0].Truncated || b.Events[1].Truncated) {
			t.Fatalf("cut at %d: %d events, rejects %+v", i, len(b.Events), b.Rejects)
		}
	}
	b := decodeAll(t, trail1[:strings.Index(trail1, `"responseElements"`)], true)
	if len(b.Events) != 1 || !b.Events[0].Truncated || b.Events[0].Trail.RequestNode().Text("instanceType") != "m7i.large" {
		t.Errorf("%+v %+v", b.Events, b.Rejects)
	}
}

// TestBombs: compressed data inside records grows to a bound and no further.
func TestBombs(t *testing.T) {
	bomb := `{"awslogs":{"data":"` + lambdaData(`{"x":"`+strings.Repeat("y", 70<<20)+`"}`) + `"}}`
	b := decodeAll(t, strings.Repeat(bomb+"\n", 20)+trail1, false)
	if len(b.Events) != 1 || totalRejects(b) != 20 {
		t.Errorf("%d events, %+v", len(b.Events), b.Rejects)
	}
}

func TestOneAccount(t *testing.T) {
	var d Decoder
	b := &Batch{}
	d.Decode(&event.Chunk{Scope: event.Scope{Account: "999988887777", Region: "r", Cluster: "c"}, OneAccount: true, Data: []byte(trail1 + "\n" + query1)}, b)
	for _, e := range b.Events {
		if e.Scope != (event.Scope{Account: "999988887777", Region: "eu-central-1"}) {
			t.Errorf("%s: %v", e.Source, e.Scope)
		}
	}
}
