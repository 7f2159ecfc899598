package decode

import (
	"bytes"
	"time"

	"github.com/vedette-project/vedette/internal/jsonscan"
)

// wrapper holds the members that only other shapes than a plain audit event have.
type wrapper struct {
	kind, apiVersion string
	items            []byte // EventList
	records          []byte // CloudTrail, Firehose
	logEvents        []byte // CloudWatch Logs subscription
	events           []byte // aws logs filter-log-events, get-log-events; aws cloudtrail lookup-events
	message          []byte // one CloudWatch Logs event
	log              []byte // a container log collector's wrapper
	messageType      []byte
	owner, logGroup  []byte
	logStream        []byte
	timestamp        []byte
	odd              *odd

	trail, query int  // how many members of a CloudTrail event, of a DNS query it has
	sensor       bool // it has a member that records of sensors have
	digest       bool // it lists the log files of CloudTrail
	notice       bool // it tells of an object in a bucket

	at     time.Time // of the wrapper
	cut    bool
	listed bool // its items were decoded as they were met
}

// odd holds the members of wrappers that are rare, so that records need not
// carry them all.
type odd struct {
	awslogs            []byte // as Lambda receives it
	data               []byte // base64, of a Firehose or Kinesis record
	kinesis            []byte // a Kinesis record, as Lambda receives it
	trailEvent         []byte // CloudTrailEvent, of aws cloudtrail lookup-events
	detail, detailType []byte // EventBridge
	account, region    []byte
	protoPayload       []byte // Google Cloud Logging
	received           []byte // what a pull from Pub/Sub got
	azure              azure  // a resource log of Azure Monitor
}

// member notes one member.
func (w *wrapper) member(s *jsonscan.Scanner, key []byte) (err error) {
	var at *[]byte
	switch string(key) {
	case "items":
		at = &w.items
	case "Records":
		at = &w.records
	case "logEvents":
		at = &w.logEvents
	case "events":
		at = &w.events
	case "message":
		at = &w.message
	case "log":
		at = &w.log
	case "messageType":
		at = &w.messageType
	case "owner":
		at = &w.owner
	case "logGroup":
		at = &w.logGroup
	case "logStream", "logStreamName":
		at = &w.logStream
	case "timestamp":
		at = &w.timestamp
	case "eventName", "eventTime", "eventID", "eventType", "userIdentity":
		w.trail++
	case "eventSource":
		w.trail++
		var v []byte
		v, err = s.Skip()
		w.notice = w.notice || bytes.HasPrefix(v, []byte(`"aws:`)) // no service, but a queue or a bucket
		return err
	case "query_name", "query_timestamp", "query_type", "rcode":
		w.query++
	case "digestStartTime":
		w.digest = true
	case "s3", "s3Bucket":
		w.notice = true
	case "Event":
		var v []byte
		v, err = s.Skip()
		w.notice = w.notice || string(v) == `"s3:TestEvent"`
		return err
	case "Events":
		at = &w.events
	case "records":
		at = &w.records
	case "Message", "body":
		at = &w.message
	default:
		at = w.oddMember(key)
		w.sensor = w.sensor || at == nil && isSensorKey(key)
	}
	if at == nil {
		_, err = s.Skip()
		return err
	}
	*at, err = s.Skip()
	return err
}

// oddMember is where a rare member goes, nil for one that nobody asks for.
func (w *wrapper) oddMember(key []byte) *[]byte {
	switch string(key) {
	case "awslogs":
		return &w.rare().awslogs
	case "CloudTrailEvent":
		return &w.rare().trailEvent
	case "data":
		return &w.rare().data
	case "kinesis":
		return &w.rare().kinesis
	case "detail":
		return &w.rare().detail
	case "detail-type":
		return &w.rare().detailType
	case "account":
		return &w.rare().account
	case "region":
		return &w.rare().region
	case "protoPayload":
		return &w.rare().protoPayload
	case "receivedMessages":
		return &w.rare().received
	case "category", "Category", "resourceId", "ResourceId", "_ResourceId", "properties", "log_s", "time", "TimeGenerated", "Type":
		return w.rare().azure.member(key)
	}
	return nil
}

func (w *wrapper) rare() *odd {
	if w.odd == nil {
		w.odd = &odd{}
	}
	return w.odd
}

// hasTrailEvent: it is what aws cloudtrail lookup-events prints of one event.
func (w *wrapper) hasTrailEvent() bool { return w.odd != nil && w.odd.trailEvent != nil }

// read notes the members of an object that is known to be a wrapper.
func (w *wrapper) read(b []byte) error {
	s := jsonscan.Scanner{Data: b}
	if err := s.Enter('{'); err != nil {
		return err
	}
	for first := true; ; first = false {
		key, ok, err := s.Next(first)
		if err != nil || !ok {
			return err
		}
		if err := w.member(&s, key); err != nil {
			return err
		}
	}
}
