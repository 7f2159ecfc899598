package decode

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/event"
)

// event1 is a record as an API server writes it to its log file; item1 is the
// same as the webhook posts it.
const (
	item1 = `{"level":"RequestResponse","auditID":"0a1b2c3d-0000-4000-8000-000000000001","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/default/pods","verb":"create","user":{"username":"alice","uid":"u1","groups":["devs","system:authenticated"],"extra":{"accessKeyId":["ASIA1"]}},"sourceIPs":["203.0.113.7","10.0.0.1"],"userAgent":"kubectl/v1.34","objectRef":{"resource":"pods","namespace":"default","name":"web","apiVersion":"v1"},"responseStatus":{"metadata":{},"code":201},"requestObject":{"kind":"Pod","spec":{"containers":[{"name":"a \"b\" \\","image":"x"}]}},"responseObject":{"kind":"Pod"},"requestReceivedTimestamp":"2026-01-02T03:04:05.000006Z","stageTimestamp":"2026-01-02T03:04:05.100000Z","annotations":{"authorization.k8s.io/decision":"allow"}}`
)

var event1 = `{"kind":"Event","apiVersion":"audit.k8s.io/v1",` + item1[1:]

// decodeAll decodes one chunk of lines.
func decodeAll(t *testing.T, data string, cut bool) *Batch {
	t.Helper()
	var d Decoder
	b := &Batch{}
	d.Decode(&event.Chunk{Stream: "test", Scope: event.Scope{Account: "a", Region: "r", Cluster: "c"}, Data: []byte(data), FirstLine: 1, Cut: cut}, b)
	return b
}

func TestFields(t *testing.T) {
	b := decodeAll(t, event1, false)
	if len(b.Events) != 1 || len(b.Rejects) != 0 {
		t.Fatalf("got %d events, rejects %v", len(b.Events), b.Rejects)
	}
	ev := b.Events[0]
	a := ev.Audit
	got := []any{a.AuditID, a.Stage, a.Level, a.RequestURI, a.Verb, a.User.Username, a.User.UID, a.User.Groups(), a.User.Extra("accessKeyId"),
		a.SourceIPs(), a.UserAgent, a.Object, a.Code, string(a.ResponseObject), a.Annotation("authorization.k8s.io/decision"),
		a.Received.Format(time.RFC3339Nano), ev.Time.Format(time.RFC3339Nano), ev.Truncated, ev.Scope.Cluster, string(ev.Raw) == event1}
	want := []any{"0a1b2c3d-0000-4000-8000-000000000001", "ResponseComplete", "RequestResponse", "/api/v1/namespaces/default/pods", "create", "alice", "u1",
		[]string{"devs", "system:authenticated"}, "ASIA1", []string{"203.0.113.7", "10.0.0.1"}, "kubectl/v1.34",
		event.ObjectRef{Resource: "pods", Namespace: "default", Name: "web", APIVersion: "v1"}, 201, `{"kind":"Pod"}`, "allow",
		"2026-01-02T03:04:05.000006Z", "2026-01-02T03:04:05.1Z", false, "c", true}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func quote(s string) string { b, _ := json.Marshal(s); return string(b) }

func lambdaData(plain string) string {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	fmt.Fprint(w, plain)
	w.Close()
	return base64.StdEncoding.EncodeToString(z.Bytes())
}

// TestShapes decodes the same record in every shape in which it is delivered.
func TestShapes(t *testing.T) {
	subscription := `{"messageType":"DATA_MESSAGE","owner":"111122223333","logGroup":"/aws/eks/prod/cluster","logStream":"kube-apiserver-audit-0a1b","subscriptionFilters":["x"],"logEvents":[{"id":"1","timestamp":1767323045100,"message":` + quote(event1) + `},{"id":"2","timestamp":1767323045100,"message":` + quote(event1) + `}]}`
	for name, tc := range map[string]struct {
		in      string
		n       int
		cluster string
		account string
	}{
		"line":                    {event1 + "\n", 1, "c", "a"},
		"no line end":             {event1, 1, "c", "a"},
		"windows line ends":       {event1 + "\r\n" + event1 + "\r\n", 2, "c", "a"},
		"blank lines":             {"\n\n" + event1 + "\n \n", 1, "c", "a"},
		"byte order mark":         {"\ufeff" + event1, 1, "c", "a"},
		"v1beta1":                 {strings.Replace(event1, "audit.k8s.io/v1", "audit.k8s.io/v1beta1", 1), 1, "c", "a"},
		"item without kind":       {item1, 1, "c", "a"},
		"members in other order":  {`{"auditID":"x","verb":"get","stage":"ResponseComplete","stageTimestamp":"2026-01-02T03:04:05.1Z","apiVersion":"audit.k8s.io/v1","kind":"Event"}`, 1, "c", "a"},
		"joined on one line":      {event1 + event1 + " " + event1, 3, "c", "a"},
		"event list":              {`{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[` + item1 + `,` + item1 + `]}`, 2, "c", "a"},
		"empty event list":        {`{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[]}`, 0, "c", "a"},
		"null event list":         {`{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":null}`, 0, "c", "a"},
		"array":                   {"[" + event1 + "," + item1 + "]", 2, "c", "a"},
		"list a line":             {`{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[` + item1 + `]}` + "\n" + `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[` + item1 + `]}`, 2, "c", "a"},
		"CloudWatch export":       {"2026-01-02T03:04:05.100Z " + event1 + "\n2026-01-02T03:04:05.200Z " + event1, 2, "c", "a"},
		"CloudWatch subscription": {subscription, 2, "prod", "111122223333"},
		"subscriptions joined":    {subscription + subscription, 4, "prod", "111122223333"},
		"Lambda":                  {`{"awslogs":{"data":"` + lambdaData(subscription) + `"}}`, 2, "prod", "111122223333"},
		"aws logs output":         {`{"events":[{"logStreamName":"kube-apiserver-audit-1","timestamp":1,"message":` + quote(event1) + `}],"searchedLogStreams":[]}`, 1, "c", "a"},
		"one log event":           {`{"timestamp":1767323045100,"message":` + quote(event1) + `}`, 1, "c", "a"},
		"container log":           {"2026-01-02T03:04:05.100200300Z stdout F " + event1, 1, "c", "a"},
		"log collector":           {`{"log":` + quote(event1+"\n") + `,"stream":"stdout"}`, 1, "c", "a"},
	} {
		t.Run(name, func(t *testing.T) {
			b := decodeAll(t, tc.in, false)
			if len(b.Events) != tc.n || len(b.Rejects) != 0 {
				t.Fatalf("got %d events, want %d; rejects %+v", len(b.Events), tc.n, b.Rejects)
			}
			for _, ev := range b.Events {
				if ev.Scope.Cluster != tc.cluster || ev.Scope.Account != tc.account {
					t.Errorf("scope %v, want cluster %s of %s", ev.Scope, tc.cluster, tc.account)
				}
				if ev.Audit.AuditID == "" || name != "members in other order" && ev.Audit.User.Username != "alice" {
					t.Errorf("fields are missing: %+v", ev.Audit)
				}
			}
		})
	}
}

// TestRejects says how each kind of bad record ends, and that its neighbours
// are there.
func TestRejects(t *testing.T) {
	for name, tc := range map[string]struct {
		bad     string
		outcome event.Outcome
		reason  event.Reason
		n       int64
		line    int64
	}{
		"not JSON":            {"hello", event.Malformed, event.ReasonNotJSON, 1, 2},
		"half a line":         {event1[:len(event1)/2], event.Malformed, event.ReasonIncomplete, 1, 2},
		"unclosed string":     {`{"kind":"Event`, event.Malformed, event.ReasonIncomplete, 1, 2},
		"torn and joined":     {event1[:300] + event1, event.Malformed, event.ReasonIncomplete, 1, 2},
		"wrong version":       {strings.Replace(event1, "audit.k8s.io/v1", "audit.k8s.io/v1alpha1", 1), event.Malformed, event.ReasonVersion, 1, 2},
		"wrong list version":  {`{"kind":"EventList","apiVersion":"audit.k8s.io/v2","items":[` + item1 + `]}`, event.Malformed, event.ReasonVersion, 1, 2},
		"another kind":        {`{"kind":"Pod","apiVersion":"v1","metadata":{}}`, event.Malformed, event.ReasonNotAudit, 1, 2},
		"a core event":        {`{"kind":"Event","apiVersion":"v1","metadata":{"name":"x"},"reason":"Started"}`, event.Malformed, event.ReasonNotAudit, 1, 2},
		"bad field":           {strings.Replace(event1, `"verb":"create"`, `"verb":{}`, 1), event.Malformed, event.ReasonBadField, 1, 2},
		"bad user":            {strings.Replace(event1, `"user":{`, `"user":"x","u":{`, 1), event.Malformed, event.ReasonBadField, 1, 2},
		"bad code":            {strings.Replace(event1, `"code":201`, `"code":"201"`, 1), event.Malformed, event.ReasonBadField, 1, 2},
		"bad time":            {strings.Replace(event1, "2026-01-02T03:04:05.1", "2026-13-02T03:04:05.1", 1), event.Malformed, event.ReasonBadField, 1, 2},
		"bad element":         {`{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[7]}`, event.Malformed, event.ReasonNotAudit, 1, 2},
		"other log stream":    {`{"messageType":"DATA_MESSAGE","owner":"111122223333","logGroup":"/aws/eks/c/cluster","logStream":"authenticator-1","logEvents":[{"message":"time=…"},{"message":"x"}]}`, event.Dropped, event.ReasonOtherStream, 2, 2},
		"other log, exported": {"2026-01-02T03:04:05.100Z I0102 03:04:05 controller.go:1] hello", event.Dropped, event.ReasonOtherStream, 1, 2},
		"control message":     {`{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logGroup":"","logStream":"","logEvents":[{"id":"","timestamp":1,"message":"CWL CONTROL MESSAGE: Checking health of destination Firehose."}]}`, event.Dropped, event.ReasonControlRecord, 1, 2},
		"CloudTrail":          {`{"Records":[{"eventVersion":"1.08"}]}`, event.Malformed, event.ReasonNotAudit, 1, 2},
	} {
		t.Run(name, func(t *testing.T) {
			b := decodeAll(t, event1+"\n"+tc.bad+"\n"+event1, false)
			want := 2
			if name == "torn and joined" {
				want = 3
			}
			if len(b.Events) != want {
				t.Errorf("got %d events, want %d: a neighbour was lost", len(b.Events), want)
			}
			if len(b.Rejects) != 1 {
				t.Fatalf("got rejects %+v, want one", b.Rejects)
			}
			r := b.Rejects[0]
			if r.Outcome != tc.outcome || r.Reason != tc.reason || r.Count != tc.n || r.Line != tc.line {
				t.Errorf("got %s %s ×%d at line %d, want %s %s ×%d at line %d", r.Outcome, r.Reason, r.Count, r.Line, tc.outcome, tc.reason, tc.n, tc.line)
			}
			if r.Detail == "" {
				t.Error("no detail")
			}
		})
	}
}

// TestTruncated cuts a record at every byte, as CloudWatch Logs does, and
// expects what came before the cut.
func TestTruncated(t *testing.T) {
	named := strings.Index(event1, `"stage"`) // from here on the record says what it is
	for i := 1; i < len(event1)-1; i++ {
		b := decodeAll(t, event1[:i]+"[Truncated...]\n"+event1, false)
		if i < named {
			if len(b.Events)+int(totalRejects(b)) != 2 {
				t.Fatalf("cut at %d: %d events, rejects %+v", i, len(b.Events), b.Rejects)
			}
			continue
		}
		if len(b.Events) != 2 || !b.Events[0].Truncated || b.Events[1].Truncated {
			t.Fatalf("cut at %d: got %d events, rejects %+v", i, len(b.Events), b.Rejects)
		}
	}
	b := decodeAll(t, event1[:strings.Index(event1, `,"responseObject"`)]+"[Truncated...]", false)
	a := b.Events[0].Audit
	if a.Verb != "create" || a.User.Username != "alice" || a.Code != 201 || len(a.RequestObject) == 0 || !b.Events[0].Time.IsZero() {
		t.Errorf("the cut record lost fields: %+v", a)
	}
	b = decodeAll(t, "2026-01-02T03:04:05.100Z "+event1[:400]+"[Truncated...]", false)
	if len(b.Events) != 1 || b.Events[0].Time.IsZero() {
		t.Errorf("the log service's time was not used: %+v", b.Events)
	}
}

func totalRejects(b *Batch) (n int64) {
	for _, r := range b.Rejects {
		n += r.Count
	}
	return n
}

// TestTooLong decodes the head of a record that was longer than the limit.
func TestTooLong(t *testing.T) {
	b := decodeAll(t, event1[:strings.Index(event1, `"requestObject"`)+30], true)
	if len(b.Events) != 1 || !b.Events[0].Truncated || b.Events[0].Audit.Code != 201 {
		t.Fatalf("got %+v %+v", b.Events, b.Rejects)
	}
	if b = decodeAll(t, strings.Repeat("x", 1000), true); len(b.Events) != 0 || totalRejects(b) != 1 || b.Rejects[0].Reason != event.ReasonTooLong {
		t.Fatalf("got %+v %+v", b.Events, b.Rejects)
	}
}

// TestBatchReuse decodes into the same batch twice: nothing of the first may show.
func TestBatchReuse(t *testing.T) {
	var d Decoder
	b := &Batch{}
	d.Decode(&event.Chunk{Data: []byte(strings.Repeat(event1+"\n", 300))}, b)
	if len(b.Events) != 300 {
		t.Fatal(len(b.Events))
	}
	b.Reset()
	d.Decode(&event.Chunk{Data: []byte(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"z","stage":"ResponseComplete","stageTimestamp":"2026-01-02T03:04:05Z"}`)}, b)
	if a := b.Events[0].Audit; len(b.Events) != 1 || a.User.Username != "" || a.Code != 0 || a.RequestObject != nil {
		t.Errorf("left over: %+v", a)
	}
}

func TestTimes(t *testing.T) {
	var p timeParser
	for _, s := range []string{"2026-01-02T03:04:05Z", "2026-01-02T03:04:05.1Z", "2026-01-02T03:04:05.123456Z", "2026-01-02T23:59:59.999999999Z",
		"2024-02-29T00:00:00.000000Z", "2026-01-02T03:04:05+02:00", "1969-12-31T23:59:59.5Z", "2026-12-31T23:59:60Z", "2026-02-30T00:00:00Z", "x", ""} {
		want, err := time.Parse(time.RFC3339Nano, s)
		got, ok := p.parse([]byte(s))
		if ok != (err == nil) || ok && !got.Equal(want) {
			t.Errorf("%s: got %v %v, want %v %v", s, got, ok, want, err)
		}
	}
}

// TestBrokenLists: a fault in or behind a list costs what is broken, and what
// was read before the fault does not count twice.
func TestBrokenLists(t *testing.T) {
	item := func(n int) string {
		return fmt.Sprintf(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a%d","verb":"get","stage":"ResponseComplete","stageTimestamp":"2026-01-02T03:04:05Z"}`, n)
	}
	const head = `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[`
	for name, tc := range map[string]struct {
		in                string
		events, malformed int
	}{
		"whole":                {head + item(1) + "," + item(2) + "]}", 2, 0},
		"a bad element":        {head + item(1) + `,{"auditID":7,"verb":"x"},4,` + item(2) + "]}", 2, 2},
		"a fault behind":       {head + item(1) + "," + item(2) + `],"x":}`, 2, 1},
		"a fault between":      {head + item(1) + " " + item(2) + "]}", 2, 1},
		"no end":               {head + item(1) + "," + item(2), 2, 1},
		"items before kind":    {`{"items":[` + item(1) + `],"kind":"EventList","apiVersion":"audit.k8s.io/v1"}`, 1, 0},
		"another version":      {strings.Replace(head, "v1", "v7", 1) + item(1) + "]}", 0, 1},
		"twice":                {head + item(1) + `],"items":[` + item(2) + "]}", 1, 0},
		"lists inside lists":   {head + head + item(1) + "]}" + "]}", 1, 0},
		"too many inside":      {strings.Repeat(head, 5000) + item(1) + strings.Repeat("]}", 5000), 0, 1},
		"a list, then another": {head + item(1) + "]}" + head + item(2) + "]}", 2, 0},
	} {
		b := &Batch{}
		var d Decoder
		d.Decode(&event.Chunk{Data: []byte(tc.in), Records: []event.Span{{End: len(tc.in)}}}, b)
		bad := 0
		for _, r := range b.Rejects {
			bad += int(r.Count)
		}
		ids := map[string]bool{}
		for _, e := range b.Events {
			if ids[e.Audit.AuditID] {
				t.Errorf("%s: %s twice", name, e.Audit.AuditID)
			}
			ids[e.Audit.AuditID] = true
		}
		if len(b.Events) != tc.events || bad != tc.malformed {
			t.Errorf("%s: %d events and %d malformed, want %d and %d: %+v", name, len(b.Events), bad, tc.events, tc.malformed, b.Rejects)
		}
	}
}

// TestNoTime: a whole record that does not say when it happened cannot be put
// in order, unless its log service noted that. One that was cut is judged.
func TestNoTime(t *testing.T) {
	const at = "2026-01-02T03:04:05Z"
	audit := `{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"x","verb":"get","stage":"ResponseComplete"}`
	trail := `{"eventVersion":"1.11","eventSource":"s3.amazonaws.com","eventName":"ListBuckets","awsRegion":"eu-central-1","eventID":"e","recipientAccountId":"111122223333"}`
	query := `{"version":"1.100000","account_id":"111122223333","region":"eu-central-1","vpc_id":"vpc-1","query_name":"example.com.","query_type":"A"}`
	for _, tc := range []struct {
		source        event.Source
		record, field string
	}{{event.K8sAudit, audit, "stageTimestamp"}, {event.CloudTrail, trail, "eventTime"}, {event.DNS, query, "query_timestamp"}} {
		timed := strings.TrimSuffix(tc.record, "}") + fmt.Sprintf(",%q:%q}", tc.field, at)
		for what, in := range map[string]string{
			"alone": tc.record, "null": strings.TrimSuffix(tc.record, "}") + fmt.Sprintf(",%q:null}", tc.field),
			"between others": timed + "\n" + tc.record + "\n" + timed, "joined": timed + tc.record + timed, "in a list": "[" + timed + "," + tc.record + "]",
		} {
			b := decodeAll(t, in, false)
			if len(b.Events) != strings.Count(in, at) || len(b.Rejects) != 1 {
				t.Errorf("%s, %s: %d events, %+v", tc.source, what, len(b.Events), b.Rejects)
				continue
			}
			r := b.Rejects[0]
			if r.Source != tc.source || r.Outcome != event.Malformed || r.Reason != event.ReasonNoTime || r.Count != 1 || !strings.Contains(r.Detail, "without "+tc.field) {
				t.Errorf("%s, %s: %+v", tc.source, what, r)
			}
		}
		b := decodeAll(t, "2026-01-02T03:04:06.000Z "+tc.record, false)
		if len(b.Events) != 1 || b.Events[0].Time.Second() != 6 || len(b.Rejects) != 0 {
			t.Errorf("%s, with the time of a log service: %d events, %+v", tc.source, len(b.Events), b.Rejects)
		}
		if b = decodeAll(t, strings.TrimSuffix(tc.record, "}")+`,"rest":"`, true); len(b.Events) != 1 || !b.Events[0].Truncated {
			t.Errorf("%s, cut: %d events, %+v", tc.source, len(b.Events), b.Rejects)
		}
	}
}
