package push

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/uplink"
)

func auditLine(n int) string {
	at := time.Date(2026, 1, 31, 12, 0, n, 0, time.UTC).Format(time.RFC3339Nano)
	return fmt.Sprintf(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a-%d","level":"Metadata","stage":"ResponseComplete","verb":"list",`+
		`"requestURI":"/api/v1/pods","user":{"username":"jane"},"requestReceivedTimestamp":%q,"stageTimestamp":%[2]q}`, n, at)
}

func auditLines(from, to int) []string {
	var out []string
	for n := from; n < to; n++ {
		out = append(out, auditLine(n))
	}
	return out
}

const (
	trailRecord = `{"eventVersion":"1.11","userIdentity":{"type":"Root","accountId":"111122223333"},"eventTime":"2026-01-01T10:00:00Z","eventSource":"iam.amazonaws.com",` +
		`"eventName":"ListUsers","awsRegion":"us-east-1","sourceIPAddress":"203.0.113.7","eventID":"11111111-2222-3333-4444-555555555555","eventType":"AwsApiCall","recipientAccountId":"111122223333"}`
	flowLine    = `2 111122223333 eni-0a1b2c3d4e5f60718 10.0.0.1 10.0.0.2 49152 443 6 10 4249 1767261600 1767261660 ACCEPT OK`
	queryRecord = `{"version":"1.1","account_id":"111122223333","region":"us-east-1","vpc_id":"vpc-1","query_timestamp":"2026-01-01T10:00:00Z","query_name":"example.com.","query_type":"A","query_class":"IN","rcode":"NOERROR","answers":[],"srcaddr":"10.0.0.1","srcport":"5","transport":"UDP","srcids":{"instance":"i-1"}}`
	sensorLine  = `{"runtimeVersion":"1","kind":"fork","time":"2026-05-01T10:00:01Z","sensor":{"name":"vedette","session":"s","sequence":7},"node":{"name":"node-a"},"process":{"uuid":"p","pid":7,"name":"true"}}`
)

// inputs are shapes that logs come in.
func inputs() map[string]string {
	audit := auditLines(0, 7)
	indented := strings.ReplaceAll(strings.ReplaceAll(audit[0], `,"`, ",\n  \""), "{\"kind", "{\n  \"kind")
	return map[string]string{
		"lines":               strings.Join(audit, "\n") + "\n",
		"no line end":         strings.Join(audit, "\n"),
		"blank lines":         "\n\n" + strings.Join(audit, "\n\n \r\n") + "\n\n",
		"byte order mark":     "\xEF\xBB\xBF" + strings.Join(audit, "\n"),
		"event list":          `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[` + strings.Join(audit, ",") + "]}\n",
		"event lists":         strings.Repeat(`{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[`+strings.Join(audit, ",")+"]}\n", 3),
		"indented":            indented + "\n" + audit[1],
		"array":               "[\n" + strings.Join(audit, ",\n") + "\n]",
		"array in an array":   "[[" + audit[0] + "],3,\"x\"," + audit[1] + "]",
		"torn first line":     audit[0][:40] + "\n" + strings.Join(audit[1:], "\n"),
		"torn, then odd":      audit[0][:40] + "\n \"x\"\n" + strings.Join(audit[1:], "\n"),
		"torn in the middle":  audit[0] + "\n" + audit[1][:50] + "\n" + strings.Join(audit[2:], "\n"),
		"ends in the middle":  "[" + audit[0] + "," + audit[1][:60],
		"list on a line":      audit[0] + "\n[" + audit[1] + "," + audit[2] + "]\n" + audit[3],
		"array begins a text": "[" + audit[1] + "] x\n" + audit[0] + "\nfoo\n" + audit[2],
		"trail":               `{"Records":[` + trailRecord + "," + strings.ReplaceAll(trailRecord, "5555", "5556") + "]}",
		"flows":               flowLine + "\n" + flowLine + "\n",
		"flows of two formats": "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status\n" + flowLine +
			"\nsrcaddr dstaddr srcport dstport protocol start end interface-id action log-status\n10.0.0.1 10.0.0.2 1 2 6 1767261600 1767261660 eni-1 ACCEPT OK\n",
		"queries":         queryRecord + "\n" + queryRecord + "\n",
		"sensor":          sensorLine + "\n",
		"container log":   "2026-05-01T10:00:02Z stdout F " + sensorLine + "\n2026-05-01T10:00:02Z stdout F " + audit[0] + "\n",
		"of all kinds":    strings.Join([]string{audit[0], trailRecord, flowLine, "what is this", queryRecord, sensorLine, audit[1], trailRecord[:30], audit[2]}, "\n"),
		"nothing":         "",
		"garbage":         "what is this\nand this\n",
		"garbage in JSON": `{"a":1}` + "\n" + `[1,2,{"b":2}]`,
		"subscription":    `{"messageType":"DATA_MESSAGE","owner":"111122223333","logGroup":"/aws/eks/other/cluster","logStream":"kube-apiserver-audit-1","logEvents":[{"id":"1","timestamp":1769860800000,"message":` + fmt.Sprintf("%q", audit[0]) + "}]}",
	}
}

// TestSameRecords: what the server decodes is what a scan decodes, record for
// record, whatever shape it had.
func TestSameRecords(t *testing.T) {
	for name, input := range inputs() {
		t.Run(name, func(t *testing.T) {
			same(t, event.Chunk{Scope: event.Scope{Cluster: "prod"}}, []byte(input))
		})
	}
}

func same(t testing.TB, kind event.Chunk, input []byte) {
	sum, got, there := sendDirect(t, kind, input)
	want, all := direct(t, kind, input)
	for _, list := range [][]seen{want, got} { // a cluster is for audit records; the server names its own otherwise
		for i := range list {
			if list[i].Source != event.K8sAudit {
				list[i].Cluster = ""
			}
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("scanned, and at the server:\n%s", d)
	}
	if there.good != all.good || sum.Records != all.records || sum.Sent+sum.Refused != all.records || sum.Unsent != 0 {
		t.Errorf("scanned %+v, at the server %+v, %+v", all, there, sum)
	}
}

// TestBodies: bodies are full, and no larger than that.
func TestBodies(t *testing.T) {
	r := newReceiver(t)
	input := strings.Join(auditLines(0, 20000), "\n")
	sum, err := send(t, r.options(t), event.Chunk{}, []byte(input))
	if err != nil || sum.Sent != 20000 || sum.Malformed != 0 {
		t.Fatalf("%+v, %v", sum, err)
	}
	if least := int64(len(input) / fullBody); sum.Bodies < least || sum.Bodies > least+2 || sum.Posted > sum.Bytes/5 {
		t.Errorf("%+v of %d bytes", sum, len(input))
	}
	// Small inputs travel together.
	s, err := New(r.options(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for n := range 1000 {
		if err := s.Take(t.Context(), &event.Chunk{Stream: fmt.Sprint(n), Data: []byte(trailRecord), Records: []event.Span{{Start: 0, End: len(trailRecord)}}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Flush(t.Context()); err != nil || s.Summary().Bodies != 1 {
		t.Errorf("%+v, %v", s.Summary(), err)
	}
}

// TestLongRecord: of a record that is longer than what is kept of one, the head
// is judged, as in a scan.
func TestLongRecord(t *testing.T) {
	long := strings.TrimSuffix(auditLine(1), "}") + `,"requestObject":"` + strings.Repeat("x", 17<<20) + `"}`
	same(t, event.Chunk{Scope: event.Scope{Cluster: "prod"}}, []byte(auditLine(0)+"\n"+long+"\n"+auditLine(2)+"\n"))
	same(t, event.Chunk{Scope: event.Scope{Cluster: "prod"}}, []byte("["+auditLine(0)+","+long+","+auditLine(2)+"]"))
}

// TestTooLarge: a body that the server finds too large comes in parts; a record
// that is too large by itself is refused, named and counted.
func TestTooLarge(t *testing.T) {
	for name, input := range map[string]string{"lines": strings.Join(auditLines(0, 100), "\n"), "list": "[" + strings.Join(auditLines(0, 100), ",") + "]"} {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t)
			big := 0
			r.answers(func(req *http.Request) int { // compressed: 100 lines are some 700 bytes
				if req.ContentLength > 420 {
					big++
					return http.StatusRequestEntityTooLarge
				}
				return 0
			})
			sum, err := send(t, r.options(t), event.Chunk{}, []byte(input))
			got, _ := r.got()
			if err != nil || sum.Sent != 100 || big == 0 || sum.Bodies < 2 || len(got) != 100 {
				t.Fatalf("%+v, %d records, %d too big, %v", sum, len(got), big, err)
			}
			for i, ev := range got {
				if ev.Raw != auditLine(i) {
					t.Fatalf("record %d is %s", i, ev.Raw)
				}
			}
		})
	}
	r := newReceiver(t)
	r.answers(func(*http.Request) int { return http.StatusRequestEntityTooLarge })
	o, said := r.options(t), &bytes.Buffer{}
	o.Log = slog.New(slog.NewTextHandler(said, nil))
	sum, err := send(t, o, event.Chunk{}, []byte(strings.Join(auditLines(0, 3), "\n")))
	if err != nil || sum.Refused != 3 || sum.Sent != 0 || sum.Reasons[reasonTooLarge] != 3 || sum.Whole() {
		t.Errorf("%+v, %v", sum, err)
	}
	for _, want := range []string{"at=in.log:1 ", "at=in.log:2 ", "at=in.log:3 ", "status=413"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("no %q in\n%s", want, said)
		}
	}
}

// TestAgain: what may be taken later is sent again, in order.
func TestAgain(t *testing.T) {
	for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusBadGateway} {
		r := newReceiver(t)
		tries := 0
		r.answers(func(*http.Request) int {
			if tries++; tries <= 3 {
				return status
			}
			return 0
		})
		sum, err := send(t, r.options(t), event.Chunk{}, []byte(strings.Join(auditLines(0, 10), "\n")))
		if err != nil || sum.Sent != 10 || sum.Retries != 3 || sum.Bodies != 1 {
			t.Errorf("%d: %+v, %v", status, sum, err)
		}
	}
}

// TestRetryAfter: a server that says when to come again is not asked before.
func TestRetryAfter(t *testing.T) {
	if !mayCome(uplink.Answer{Status: http.StatusTooManyRequests}, nil) || mayCome(uplink.Answer{Status: http.StatusUnauthorized}, nil) {
		t.Fatal("429 may come, 401 may not")
	}
	tries := 0
	var first time.Time
	var waited time.Duration
	r := newReceiver(t)
	r.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if tries++; tries == 1 {
			first = time.Now()
			w.Header().Set("Retry-After", "2")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		waited = time.Since(first)
	})
	if sum, err := send(t, r.options(t), event.Chunk{}, []byte(auditLine(1))); err != nil || sum.Sent != 1 {
		t.Fatalf("%+v, %v", sum, err)
	}
	if waited < 1900*time.Millisecond {
		t.Errorf("it came again after %s", waited)
	}
}

// TestGivesUp: what waiting does not mend ends a push at once, and what is away
// too long ends it, too. The summary says what was not sent.
func TestGivesUp(t *testing.T) {
	for _, tt := range []struct {
		status int
		want   string
	}{
		{http.StatusUnauthorized, "in.log:1: the server answers 401: told to"},
		{http.StatusForbidden, "answers 403"}, {http.StatusNotFound, "answers 404"}, {http.StatusFound, "answers 302"},
		{http.StatusBadRequest, "answers 400"}, // although there are good records: it is somebody else's 400
		{http.StatusServiceUnavailable, "gave up after 0s: in.log:1: the server answers 503"},
	} {
		r := newReceiver(t)
		r.answers(func(*http.Request) int { return tt.status })
		o := r.options(t)
		o.RetryFor = 0
		sum, err := send(t, o, event.Chunk{}, []byte(strings.Join(auditLines(0, 10), "\n")))
		if err == nil || !strings.Contains(err.Error(), tt.want) || sum.Records != 10 || sum.Unsent != 10 || sum.Sent+sum.Refused != 0 {
			t.Errorf("%d: %+v, %v", tt.status, sum, err)
		}
	}
	r := newReceiver(t)
	o := r.options(t)
	r.Close()
	o.RetryFor = 0
	if _, err := send(t, o, event.Chunk{}, []byte(auditLine(1))); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("%v", err)
	}
}

// TestWithoutCluster: audit records are of a cluster, which must be named;
// other records need none.
func TestWithoutCluster(t *testing.T) {
	r := newReceiver(t)
	o := r.options(t)
	o.Cluster = ""
	if _, err := send(t, o, event.Chunk{}, []byte(auditLine(1))); err == nil || !strings.Contains(err.Error(), "name it with --cluster") {
		t.Errorf("%v", err)
	}
	if sum, err := send(t, o, event.Chunk{}, []byte(trailRecord+"\n"+flowLine+"\n"+sensorLine)); err != nil || sum.Sent != 3 {
		t.Errorf("%+v, %v", sum, err)
	}
	if sum, err := send(t, o, event.Chunk{}, []byte("what is this\n")); err != nil || sum.Refused != 1 || sum.Reasons[reasonMalformed] != 1 {
		t.Errorf("%+v, %v", sum, err)
	}
}

// TestEnds: the end of the context ends a push that waits.
func TestEnds(t *testing.T) {
	r := newReceiver(t)
	ctx, cancel := context.WithCancel(t.Context())
	r.answers(func(*http.Request) int { cancel(); return http.StatusServiceUnavailable })
	s, err := New(r.options(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	data := []byte(auditLine(1))
	if err := s.Take(ctx, &event.Chunk{Data: data}); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(ctx); err != context.Canceled {
		t.Errorf("%v", err)
	}
}
