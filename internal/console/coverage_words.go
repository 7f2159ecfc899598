package console

import (
	"strings"

	"github.com/vedette-project/vedette/internal/event"
)

// sourceName is what people call a kind of records.
func sourceName(source string) string {
	switch event.Source(source) {
	case event.K8sAudit:
		return "Kubernetes audit log"
	case event.CloudTrail:
		return "CloudTrail"
	case event.VPCFlow:
		return "VPC flow logs"
	case event.DNS:
		return "DNS query logs"
	case event.RuntimeEvents:
		return "Runtime sensor"
	case event.Intel:
		return "Threat lists, applied to the past"
	case event.FeedbackGiven:
		return "Feedback on findings"
	case "sqs-queue":
		return "SQS queue"
	case "s3-bucket":
		return "S3 bucket"
	}
	return source
}

// outcomeWords says how a record ended, or what it is marked with.
func outcomeWords(o string) string {
	switch o {
	case event.MarkTruncated:
		return "cut off at the source"
	case event.MarkLate:
		return "came late"
	case event.MarkNoData:
		return "without traffic"
	case event.MarkSkipData:
		return "AWS left some out"
	}
	return strings.ReplaceAll(o, "_", " ")
}

// reasonWords says why a record was not evaluated.
func reasonWords(reason string) string {
	switch event.Reason(reason) {
	case event.ReasonNotJSON:
		return "is not JSON"
	case event.ReasonIncomplete:
		return "ends in the middle"
	case event.ReasonBinary:
		return "is not text"
	case event.ReasonVersion:
		return "audit version that is not read"
	case event.ReasonNotAudit:
		return "is not an audit event"
	case event.ReasonBadField:
		return "has a field of the wrong type"
	case event.ReasonTooLong:
		return "is too long"
	case event.ReasonOtherStream:
		return "is of another log in the same group"
	case event.ReasonDetectorOff:
		return "its analysis is switched off"
	case event.ReasonSeenBefore:
		return "was seen before"
	case event.ReasonLearned:
		return "was only learned from"
	case event.ReasonLearnedBefore:
		return "was learned from before"
	case event.ReasonFault:
		return "judging it failed; the server's log says more"
	case event.ReasonTooOld:
		return "waited too long in the journal"
	case event.ReasonPoison:
		return "was set aside after judging it failed again and again"
	case event.ReasonJournalGap:
		return "lost by the journal before they were judged"
	case event.ReasonJournalCorrupt:
		return "unreadable in the journal, and set aside"
	case event.ReasonBadFormat:
		return "has other fields than its format"
	case event.ReasonMissingFields:
		return "lacks fields without which nothing can be judged"
	case event.ReasonNoTime:
		return "does not say when it happened"
	case event.ReasonDigest:
		return "is a digest file of CloudTrail"
	case event.ReasonNotifications:
		return "is a notification, not a record"
	case event.ReasonSensorGap:
		return "was lost between sensor and server"
	case event.ReasonSensorLost:
		return "was lost on the node"
	case event.ReasonControlRecord:
		return "is a log service's own test message"
	}
	return strings.ReplaceAll(reason, "_", " ")
}
