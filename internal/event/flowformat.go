package event

import (
	"bytes"
	"strings"
)

// FlowField brings the name of a flow log field into the form that headers
// have: without ${}, with hyphens, in lower case. It reports whether the field
// is one that is known.
func FlowField(name string) (string, bool) {
	name = strings.TrimSuffix(strings.TrimPrefix(name, "${"), "}")
	if strings.ContainsAny(name, "_ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		name = strings.ToLower(strings.ReplaceAll(name, "_", "-"))
	}
	return name, knownFlowField(name)
}

func knownFlowField(name string) bool {
	switch name {
	case "version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes",
		"start", "end", "action", "log-status",
		"vpc-id", "subnet-id", "instance-id", "tcp-flags", "type", "pkt-srcaddr", "pkt-dstaddr",
		"region", "az-id", "sublocation-type", "sublocation-id",
		"pkt-src-aws-service", "pkt-dst-aws-service", "flow-direction", "traffic-path",
		"ecs-cluster-arn", "ecs-cluster-name", "ecs-container-instance-arn", "ecs-container-instance-id", "ecs-container-id",
		"ecs-second-container-id", "ecs-service-name", "ecs-task-definition-arn", "ecs-task-arn", "ecs-task-id",
		"reject-reason", "resource-id", "encryption-status",
		"function-arn", "function-name", "lambda-function-arn", "lambda-function-name":
		return true
	}
	return false
}

// maxFlowHeader bounds a header: all the fields there are make some 700 bytes.
const maxFlowHeader = 4 << 10

// IsFlowHeader reports whether a line names the fields of the flow log lines
// behind it, as the first line of a flow log file does. Most lines are told by
// their first byte.
func IsFlowHeader(line []byte) bool {
	if len(line) == 0 || line[0] != '$' && (line[0] < 'a' || line[0] > 'z') || len(line) > maxFlowHeader {
		return false
	}
	known, all := 0, 0
	for rest := bytes.TrimRight(line, " \r\n"); len(rest) > 0; all++ {
		var name []byte
		if name, rest, _ = bytes.Cut(rest, []byte(" ")); !isFieldName(name) {
			return false
		}
		if knownFlowField(string(name)) {
			known++
		} else if _, ok := FlowField(string(name)); ok {
			known++
		}
	}
	// Fields of versions to come are stepped over, words of a sentence are not.
	return known > 1 && 2*known > all
}

// isFieldName tells names from values: those have digits or capitals, or are "-".
func isFieldName(b []byte) bool {
	b = bytes.TrimSuffix(bytes.TrimPrefix(b, []byte("${")), []byte("}"))
	for _, c := range b {
		if c != '-' && c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return len(b) > 0 && b[0] >= 'a' && b[0] <= 'z'
}
