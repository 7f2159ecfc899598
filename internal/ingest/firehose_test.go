package ingest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/event"
)

const firehoseARN = "arn:aws:firehose:eu-west-1:444455556666:deliverystream/logs"

// deliveryBody is what Firehose sends.
func deliveryBody(id string, records ...[]byte) []byte {
	d := delivery{RequestID: id, Timestamp: 1578090901599}
	for _, r := range records {
		d.Records = append(d.Records, deliveryRecord{r})
	}
	b, err := json.Marshal(d)
	if err != nil {
		panic(err)
	}
	return b
}

func deliver(h http.Handler, path string, body []byte, change func(http.Header)) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", path, bytes.NewReader(body))
	r.Header.Set("X-Amz-Firehose-Protocol-Version", "1.0")
	r.Header.Set("X-Amz-Firehose-Request-Id", "r1")
	r.Header.Set("X-Amz-Firehose-Access-Key", "good")
	r.Header.Set("X-Amz-Firehose-Source-Arn", firehoseARN)
	r.Header.Set("Content-Type", "application/json")
	if change != nil {
		change(r.Header)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// appended are the records that a sink got, and the chunk of the last ones.
func appended(s *recordingSink) (out []string, last event.Chunk) {
	for _, p := range s.pushes {
		out = append(out, recordsOf(&p.Chunk)...)
		last = p.Chunk
	}
	last.Data, last.Records = nil, nil
	return out, last
}

// TestFirehose takes deliveries in every form, and answers as Firehose asks.
func TestFirehose(t *testing.T) {
	lines := []byte("{\"a\":1}\n{\"a\":2}\n")
	for name, tc := range map[string]struct {
		records [][]byte
		want    []string
	}{
		"a record each":    {[][]byte{[]byte(`{"a":1}`), []byte(`{"a":2}`)}, []string{`{"a":1}`, `{"a":2}`}},
		"lines":            {[][]byte{lines, []byte(`{"a":3}`)}, []string{`{"a":1}`, `{"a":2}`, `{"a":3}`}},
		"without a break":  {[][]byte{[]byte(`{"a":1}{"a":2}`)}, []string{`{"a":1}{"a":2}`}},
		"on several lines": {[][]byte{[]byte("{\n \"a\":1\n}")}, []string{"{\n \"a\":1\n}"}},
		"gzip":             {[][]byte{zip([]byte(`{"messageType":"DATA_MESSAGE"}`)), zip(lines)}, []string{`{"messageType":"DATA_MESSAGE"}`, `{"a":1}`, `{"a":2}`}},
		"base64 once more": {[][]byte{[]byte(base64.StdEncoding.EncodeToString(zip(lines)))}, []string{`{"a":1}`, `{"a":2}`}},
		"flow lines":       {[][]byte{[]byte("2 111 eni-1 - - OK\n2 111 eni-2 - - OK")}, []string{"2 111 eni-1 - - OK", "2 111 eni-2 - - OK"}},
		"damaged gzip":     {[][]byte{{0x1f, 0x8b, 1, 2, 3}}, []string{"\x1f\x8b\x01\x02\x03"}},
		"nothing":          {[][]byte{{}, []byte("\n \n")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := &recordingSink{}
			res := deliver(newTestPush(s), "/ingest/firehose", deliveryBody("r1", tc.records...), nil)
			var answer deliveryAnswer
			if err := json.Unmarshal(res.Body.Bytes(), &answer); err != nil || res.Code != 200 || answer != (deliveryAnswer{RequestID: "r1", Timestamp: 1000}) {
				t.Errorf("%d %s", res.Code, res.Body)
			}
			if h := res.Header(); h.Get("Content-Type") != "application/json" || h.Get("Content-Length") != fmt.Sprint(res.Body.Len()) {
				t.Errorf("%v", h)
			}
			got, c := appended(s)
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Error(d)
			}
			if len(got) > 0 && (c.Scope != (event.Scope{Account: "444455556666", Region: "eu-west-1"}) || c.Stream != "firehose:"+firehoseARN || c.Source != "") {
				t.Errorf("%+v", c)
			}
		})
	}
}

func TestFirehoseAnswers(t *testing.T) {
	good := deliveryBody("r1", []byte(`{"a":1}`))
	bomb := deliveryBody("r1", zip(bytes.Repeat([]byte(" "), 5<<20)), []byte("{}"))
	for name, tc := range map[string]struct {
		path   string
		body   []byte
		header map[string]string
		err    error
		want   int
		msg    string
	}{
		"bad key":         {body: good, header: map[string]string{"X-Amz-Firehose-Access-Key": "bad"}, want: 401, msg: "no token"},
		"no key":          {body: good, header: map[string]string{"X-Amz-Firehose-Access-Key": ""}, want: 401},
		"other role":      {body: good, header: map[string]string{"X-Amz-Firehose-Access-Key": "reader"}, want: 403},
		"keys unreadable": {body: good, header: map[string]string{"X-Amz-Firehose-Access-Key": "undecided"}, want: 503},
		"new protocol":    {body: good, header: map[string]string{"X-Amz-Firehose-Protocol-Version": "2.0"}, want: 400, msg: "1.0 is"},
		"other id":        {body: good, header: map[string]string{"X-Amz-Firehose-Request-Id": "r2"}, want: 400},
		"no delivery":     {body: []byte("hello"), want: 400, msg: "is not a delivery of Firehose"},
		"no base64":       {body: []byte(`{"requestId":"r1","records":[{"data":"e30="},{"data":"e30!"}]}`), want: 400, msg: "record 2: data is not base64: illegal base64 data at input byte 3"},
		"no text":         {body: []byte(`{"requestId":"r1","records":[{"data":7}]}`), want: 400, msg: "record 1: data is not base64"},
		"unknown source":  {path: "/syslog", body: good, want: 404},
		"bad cluster":     {path: "/k8s-audit?cluster=bad!", body: good, want: 400},
		"bad cluster too": {path: "/runtime?cluster=bad!", body: good, want: 400},
		"too large":       {body: deliveryBody("r1", bytes.Repeat([]byte("x"), 1<<20)), want: 413, msg: "at most"},
		"bomb":            {body: bomb, want: 413, msg: "record 1: the records of a delivery may have 4194304 bytes"},
		"full":            {body: good, err: ErrFull, want: 429, msg: "send the records again"},
		"journal down":    {body: good, err: errors.New("disk"), want: 503},
	} {
		t.Run(name, func(t *testing.T) {
			s := &recordingSink{err: tc.err}
			res := deliver(newTestPush(s), "/ingest/firehose"+tc.path, tc.body, func(h http.Header) {
				for k, v := range tc.header {
					h.Set(k, v)
				}
			})
			var answer deliveryAnswer
			err := json.Unmarshal(res.Body.Bytes(), &answer)
			if err != nil || res.Code != tc.want || answer.Error == "" || !strings.Contains(answer.Error, tc.msg) || answer.RequestID == "" || answer.Timestamp == 0 {
				t.Errorf("%d %s", res.Code, res.Body)
			}
			if len(s.pushes) > 0 {
				t.Error("something was taken")
			}
		})
	}
}

// TestFirehoseAgain: a delivery whose answer was lost changes nothing.
func TestFirehoseAgain(t *testing.T) {
	s := &recordingSink{}
	h := newTestPush(s)
	zipped := zip(deliveryBody("r1", []byte("2 111 eni-1")))
	for range 2 {
		res := deliver(h, "/ingest/firehose/vpc-flow?format=version+account-id+interface-id", zipped, func(h http.Header) { h.Set("Content-Encoding", "gzip") })
		if res.Code != 200 {
			t.Fatalf("%d %s", res.Code, res.Body)
		}
	}
	got, c := appended(s)
	if len(got) != 1 || c.Source != event.VPCFlow || c.Format != "version account-id interface-id" {
		t.Errorf("%q %+v", got, c)
	}
	s.err = ErrFull // what was not taken is not remembered
	body := deliveryBody("r1", []byte("2 111 eni-2"))
	if res := deliver(h, "/ingest/firehose/vpc-flow", body, nil); res.Code != 429 {
		t.Error(res.Code)
	}
	s.err = nil
	if res := deliver(h, "/ingest/firehose/vpc-flow", body, nil); res.Code != 200 || len(s.pushes) != 2 {
		t.Errorf("%d, %d pushes", res.Code, len(s.pushes))
	}
	deliver(h, "/ingest/firehose/k8s-audit?cluster=prod", deliveryBody("r1", []byte("{}")), nil)
	if _, c := appended(s); c.Scope.Cluster != "prod" || c.Source != event.K8sAudit {
		t.Errorf("%+v", c)
	}
	for path, cluster := range map[string]string{"/ingest/firehose/runtime?cluster=prod": "prod", "/ingest/firehose/runtime": ""} {
		res := deliver(h, path, deliveryBody("r1", []byte(`{"rule":"r","output":"`+cluster+`","priority":"Warning"}`)), nil)
		if _, c := appended(s); res.Code != 200 || c.Scope.Cluster != cluster || c.Source != event.RuntimeEvents {
			t.Errorf("%s: %d %+v", path, res.Code, c)
		}
	}
}

// TestFirehoseLarge: a large delivery goes into the journal in pieces.
func TestFirehoseLarge(t *testing.T) {
	s := &recordingSink{}
	lines := logLines("a", 60000)
	res := deliver(newTestPush(s), "/ingest/firehose", deliveryBody("r1", []byte(`{"first":1}`), zip(lines), []byte(`{"last":1}`)), nil)
	if res.Code != 200 || len(s.pushes) < 3 {
		t.Fatalf("%d %s, %d pushes", res.Code, res.Body, len(s.pushes))
	}
	got, _ := appended(s)
	want := append(append([]byte("{\"first\":1}\n"), lines...), "{\"last\":1}\n"...)
	if strings.Join(got, "\n")+"\n" != string(want) {
		t.Error("records are lost, or in another order")
	}
	for _, p := range s.pushes {
		if len(p.Chunk.Data) > chunkTarget {
			t.Errorf("a piece of %d bytes", len(p.Chunk.Data))
		}
	}
}

func TestFirehoseKey(t *testing.T) {
	for in, want := range map[string]string{"AKIA1.secret": "Bearer AKIA1.secret", "AKIA1:sec:ret": "Bearer AKIA1.sec:ret", "AKIA1.se:cret": "Bearer AKIA1.se:cret", "": ""} {
		r := httptest.NewRequest("POST", "/", nil)
		r.Header.Set("X-Amz-Firehose-Access-Key", in)
		if presentKey(r); r.Header.Get("Authorization") != want {
			t.Errorf("%q: %q", in, r.Header.Get("Authorization"))
		}
	}
}

// TestPlainPushes takes the logs of accounts as they are.
func TestPlainPushes(t *testing.T) {
	for path, want := range map[string]event.Chunk{
		"/ingest/cloudtrail":         {Source: event.CloudTrail},
		"/ingest/dns":                {Source: event.DNS},
		"/ingest/vpc-flow":           {Source: event.VPCFlow, Format: "version account-id srcaddr"},
		"/ingest/vpc-flow?format=id": {Source: event.VPCFlow, Format: "id"},
	} {
		s := &recordingSink{}
		if res := do(newTestPush(s), "POST", path, "good", "", strings.NewReader("version account-id srcaddr\n2 111 10.0.0.1\n")); res.Code != 200 {
			t.Errorf("%s: %d %s", path, res.Code, res.Body)
			continue
		}
		_, c := appended(s)
		want.Stream, want.Received, want.Scope = strings.TrimSuffix(path, "?format=id"), c.Received, event.Scope{Account: "1", Region: "r"}
		if d := cmp.Diff(want, c); d != "" {
			t.Errorf("%s:\n%s", path, d)
		}
	}
	s := &recordingSink{result: Result{Malformed: 1, Detail: "too few fields"}}
	if res := do(newTestPush(s), "POST", "/ingest/vpc-flow", "good", "", strings.NewReader("x")); res.Code != 400 || !strings.Contains(res.Body.String(), "no flow log record in the body: too few") {
		t.Errorf("%d %s", res.Code, res.Body)
	}
	if res := do(newTestPush(s), "GET", "/ingest/firehose", "good", "", nil); res.Code != 405 || res.Header().Get("Allow") != "POST" {
		t.Errorf("%d", res.Code)
	}
}

// FuzzFirehose: a delivery is taken or refused, and no record of it is lost.
func FuzzFirehose(f *testing.F) {
	f.Add(deliveryBody("r1", []byte(`{"a":1}`), zip([]byte("x\ny")), []byte("eyJhIjoxfQ==")))
	f.Add([]byte(`{"requestId":"r","records":[{"data":null},{}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := parseDelivery(b)
		if err != nil {
			return
		}
		s := &splitter{limit: 1 << 20}
		for _, r := range d.Records {
			if s.add(r.Data) != nil {
				return
			}
		}
		data := s.data
		n, end := len(s.records), 0
		for _, r := range s.records {
			if r.Start < end || r.End < r.Start || len(bytes.TrimSpace(data[end:r.Start])) > 0 {
				t.Fatalf("%v after %d", r, end)
			}
			end = r.End
		}
		if len(bytes.TrimSpace(data[end:])) > 0 {
			t.Error("the end is lost")
		}
		if err := s.cut(func(data []byte, records []event.Span) error {
			n -= len(records)
			_ = data[records[len(records)-1].End-1:]
			return nil
		}); err != nil || n != 0 {
			t.Errorf("%d records are lost: %v", n, err)
		}
	})
}
