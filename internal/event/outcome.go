package event

// Outcome is how a record ended. Every record received ends in exactly one.
type Outcome string

// The outcomes. An evaluated record may besides be marked truncated or late.
const (
	Evaluated Outcome = "evaluated"
	Duplicate Outcome = "duplicate"
	Malformed Outcome = "malformed"
	Dropped   Outcome = "dropped"
	// Received counts the same records once more, as ingest took them: it must
	// be the sum of the outcomes.
	Received Outcome = "received"
)

// Marks of an evaluated record, counted beside the outcomes.
const (
	MarkTruncated = "truncated"
	MarkLate      = "late"
	MarkNoData    = "no_data"   // a flow log record of an interval without traffic
	MarkSkipData  = "skip_data" // a flow log record that says that AWS left some out
)

// Reason says why a record ended as it did. Reasons are labels of metrics:
// their number is fixed and no part of the input ever becomes one.
type Reason string

// The reasons.
const (
	ReasonNotJSON        Reason = "not_json"            // bytes that are no JSON
	ReasonIncomplete     Reason = "incomplete"          // JSON that ends in the middle, without a log service's cut mark
	ReasonBinary         Reason = "binary"              // a file that is no text at all
	ReasonVersion        Reason = "unsupported_version" // an audit version other than v1 and v1beta1
	ReasonNotAudit       Reason = "not_an_audit_event"  // JSON of another shape
	ReasonBadField       Reason = "bad_field"           // an audit event with a field of the wrong type
	ReasonTooLong        Reason = "record_too_long"     // longer than the limit, and its head says nothing
	ReasonOtherStream    Reason = "other_log_stream"    // a record of another log in the same group
	ReasonDetectorOff    Reason = "detector_disabled"   // the operator switched the analysis off
	ReasonSeenBefore     Reason = "seen_before"         // the same record again
	ReasonLearned        Reason = "learned"             // evaluated to learn from it only: nothing is found in it
	ReasonLearnedBefore  Reason = "learned_before"      // it was learned from, or judged, before
	ReasonFault          Reason = "judging_failed"      // a detector broke on it; the log has the details
	ReasonTooOld         Reason = "waited_too_long"     // longer in the journal than journal.maxAge
	ReasonPoison         Reason = "set_aside"           // judging it failed again and again; it is kept aside
	ReasonJournalGap     Reason = "journal_gap"         // messages that the journal lost; their records cannot be counted
	ReasonJournalCorrupt Reason = "journal_corrupt"     // a message of the journal that cannot be read; it is kept aside
	ReasonBadFormat      Reason = "wrong_format"        // a line with other fields than its format has
	ReasonMissingFields  Reason = "missing_fields"      // a flow log record of a format without which nothing can be judged
	ReasonNoTime         Reason = "no_time"             // a whole record that does not say when it happened, nor does its log service
	ReasonDigest         Reason = "digest_file"         // a digest file of CloudTrail, which lists log files
	ReasonNotifications  Reason = "notification"        // a message about an object, not a record
	ReasonSensorGap      Reason = "sensor_gap"          // a record that a sensor numbered and that never came
	ReasonSensorLost     Reason = "sensor_lost"         // what a sensor says it saw and could not record
	ReasonControlRecord  Reason = "control_message"     // a log service's own test message
)
