package rule

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/vedette-project/vedette/internal/event"
)

// exampleStart is when the first record of a test was made that does not say so;
// the next come a second apart.
const exampleStart = "2026-01-05T12:00:00Z"

// Log writes the records of a test as a log that can be read. A record that is
// a mapping gets what it lacks and every record of its kind has, so that a test
// says only what matters. Members may be written with dots.
func (t *Test) Log() (string, error) {
	start, err := time.Parse(time.RFC3339, exampleStart)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for i, r := range t.Records {
		line := r.Text
		if r.Fields != nil {
			if line, err = r.line(i, start.Add(time.Duration(i)*time.Second)); err != nil {
				return "", &fault{r.Line, err.Error()}
			}
		}
		b.WriteString(strings.TrimRight(line, "\n") + "\n")
	}
	return b.String(), nil
}

func (r *Record) line(n int, at time.Time) (string, error) {
	fields := nested(r.Fields)
	when := at.Format(time.RFC3339)
	var base map[string]any
	switch SourceOf(r.Fields) {
	case event.CloudTrail:
		base = map[string]any{
			"eventVersion": "1.11", "eventID": fmt.Sprintf("00000000-0000-4000-8000-%012d", n), "eventTime": when, "eventSource": "ec2.amazonaws.com",
			"eventName": "DescribeInstances", "awsRegion": "us-east-1", "sourceIPAddress": "192.0.2.10", "userAgent": "example", "eventType": "AwsApiCall",
			"recipientAccountId": "111122223333",
			"userIdentity": map[string]any{
				"type": "IAMUser", "principalId": "AIDAEXAMPLEEXAMPLE", "arn": "arn:aws:iam::111122223333:user/example",
				"accountId": "111122223333", "userName": "example",
			},
		}
	case event.K8sAudit:
		base = map[string]any{
			"kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "RequestResponse", "stage": "ResponseComplete",
			"auditID": fmt.Sprintf("00000000-0000-4000-8000-%012d", n), "requestURI": "/api/v1/example", "verb": "get",
			"user": map[string]any{"username": "example"}, "sourceIPs": []string{"192.0.2.10"}, "userAgent": "example",
			"responseStatus": map[string]any{"code": 200}, "requestReceivedTimestamp": when, "stageTimestamp": when,
		}
	case event.DNS:
		base = map[string]any{
			"version": "1.100000", "account_id": "111122223333", "region": "us-east-1", "vpc_id": "vpc-0123456789abcdef0", "query_timestamp": when,
			"query_type": "A", "query_class": "IN", "rcode": "NOERROR", "srcaddr": "10.0.0.10", "srcport": "40000", "transport": "UDP",
			"srcids": map[string]any{"instance": "i-0123456789abcdef0"},
		}
	case event.RuntimeEvents:
		base = runtimeBase(n, when)
	case event.VPCFlow:
		return flowLine(r.Fields, at), nil
	default:
		return "", fmt.Errorf("the record is of no kind that can be told; write it as a log has it, or with members such as eventName, verb, query_name, srcaddr or process")
	}
	b, err := json.Marshal(merge(base, fields))
	return string(b), err
}

func runtimeBase(n int, when string) map[string]any {
	return map[string]any{
		"runtimeVersion": event.RuntimeVersion, "kind": "exec", "time": when,
		"sensor":    map[string]any{"name": "vedette", "session": "example", "sequence": n + 1},
		"node":      map[string]any{"name": "node-1"},
		"process":   map[string]any{"uuid": fmt.Sprintf("p%d", n), "pid": 1000 + n, "name": "example", "user": "root"},
		"container": map[string]any{"id": "0123456789ab", "name": "app", "image": "example.com/app:1"},
		"pod":       map[string]any{"name": "app-1", "namespace": "default"},
	}
}

// flowLine is a flow record in the default format.
func flowLine(fields map[string]any, at time.Time) string {
	all := map[string]any{
		"version": 2, "account-id": "111122223333", "interface-id": "eni-0123456789abcdef0", "srcaddr": "10.0.0.10", "dstaddr": "198.51.100.7",
		"srcport": 40000, "dstport": 443, "protocol": 6, "packets": 10, "bytes": 1000, "start": at.Unix(), "end": at.Unix() + 59,
		"action": "ACCEPT", "log-status": "OK",
	}
	maps.Copy(all, fields)
	var words []string
	for _, name := range strings.Fields("version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status") {
		words = append(words, fmt.Sprint(all[name]))
	}
	return strings.Join(words, " ")
}

// nested turns members with dots into members of members.
func nested(fields map[string]any) map[string]any {
	out := map[string]any{}
	for name, v := range fields {
		path := strings.Split(name, ".")
		for i := len(path) - 1; i > 0; i-- {
			v = map[string]any{path[i]: v}
		}
		out = merge(out, map[string]any{path[0]: v})
	}
	return out
}

// merge lays one mapping over another.
func merge(base, over map[string]any) map[string]any {
	out := maps.Clone(base)
	for name, v := range over {
		a, ok := out[name].(map[string]any)
		b, also := v.(map[string]any)
		if ok && also {
			out[name] = merge(a, b)
		} else {
			out[name] = v
		}
	}
	return out
}
