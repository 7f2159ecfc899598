package event

import "time"

// Source is the kind of log a record comes from.
type Source string

// The sources.
const (
	K8sAudit   Source = "k8s-audit"
	CloudTrail Source = "cloudtrail"
	VPCFlow    Source = "vpc-flow"
	DNS        Source = "dns"
	// RuntimeEvents are the records of sensors on nodes.
	RuntimeEvents Source = "runtime"
	// Intel are entries that lists have from now on: see Indicators.
	Intel Source = "intel"
	// FeedbackGiven are findings that a user gave feedback on: see Feedback.
	FeedbackGiven Source = "feedback"
	// Journal stands in the accounting for messages that the journal lost.
	Journal Source = "journal"
)

// Scope is one Kubernetes cluster, or one AWS account in one Region when
// Cluster is empty. All records of a scope are judged in order, by one goroutine.
type Scope struct {
	Account, Region, Cluster string
}

// String names the scope in messages and as a key.
func (s Scope) String() string {
	if s.Cluster == "" {
		return s.Account + "/" + s.Region
	}
	return s.Account + "/" + s.Region + "/" + s.Cluster
}

// IsAccount reports whether s is the id of an AWS account. Logs also say
// "unknown", "anonymous" and the like, which is no scope.
func IsAccount(s string) bool {
	if len(s) != len("123456789012") {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// Event is one decoded record.
type Event struct {
	Source Source
	Scope  Scope
	// Time is the event time: when the source wrote the record. It is zero for
	// a record that lost its time with its end, until the engine gives it the
	// time of its neighbours.
	Time time.Time
	// Truncated says that the record was cut before it reached us; the body
	// holds what came before the cut.
	Truncated bool
	// Raw is the record as it was read, and Line its line in the stream, from
	// 1; 0 where there are no lines.
	Raw  []byte
	Line int64
	// ID tells the record from all others; zero where it was not worked out yet.
	ID [2]uint64
	// The body; exactly one is set, the one of the source.
	Audit *Audit
	Trail *Trail
	Flow  *Flow
	Query *Query
	// Runtime is the body of a record of a sensor.
	Runtime *Runtime
	// Indicators, in the place of a body, are told by the installation itself.
	Indicators *Indicators
	// Feedback is likewise.
	Feedback *Feedback
}

// Batch is a run of records of one stream, in the order in which they were read.
type Batch struct {
	// Stream names where the records came from, for messages and for telling
	// late from merely parallel: a file, or the push path of one cluster.
	Stream string
	// Received is when the bytes came to us, a fact of the input (an arrival
	// time, a file's modification time). It stands in for the time of a record
	// that has none and has no neighbours.
	Received time.Time
	Events   []Event
	// Rejects are the records that became no event, one entry a reason.
	Rejects []Reject
	Bytes   int64 // of input, after decompression
	// Learn says that the records are of old logs, to learn from what is usual:
	// nothing is found in them, and they are no copies of records to be judged.
	Learn bool
}

// Reject counts records of one reason that never became events.
type Reject struct {
	Source  Source
	Scope   Scope
	Outcome Outcome
	Reason  Reason
	Count   int64
	// Line is the line, counted from 1, of the first such record; 0 when the
	// input has no lines.
	Line int64
	// Detail says what was wrong with that first one.
	Detail string
}
