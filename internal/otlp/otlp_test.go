package otlp

import (
	"encoding/json"
	"testing"
	"time"
)

func TestWire(t *testing.T) {
	got, err := json.Marshal([]any{
		Resource{[]Attribute{Text("a", ""), Int("n", -1<<63)}}, Scope{Name: "s"}, Scope{"s", "1"}, Nano(time.Unix(1, 2)),
	})
	const want = `[{"attributes":[{"key":"a","value":{"stringValue":""}},{"key":"n","value":{"intValue":"-9223372036854775808"}}]},` +
		`{"name":"s"},{"name":"s","version":"1"},"1000000002"]`
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s, want\n%s", err, got, want)
	}
}

func TestRejected(t *testing.T) {
	for _, c := range []struct {
		answer  string
		n       int
		message string
	}{
		{``, 0, ""},
		{`{}`, 0, ""},
		{`<html>`, 0, ""},
		{`[]`, 0, ""},
		{`{"partialSuccess":null}`, 0, ""},
		{`{"partialSuccess":{"errorMessage":"a warning"}}`, 0, "a warning"},
		{`{"partialSuccess":{"rejectedSpans":2}}`, 2, ""},
		{`{"partialSuccess":{"rejectedSpans":"2","errorMessage":"no"}}`, 2, "no"},
		{`{"partialSuccess":{"rejectedLogRecords":3,"errorMessage":"no"}}`, 3, "no"},
		{`{"partialSuccess":{"rejectedLogRecords":"3"}}`, 3, ""},
		{`{"partialSuccess":{"rejectedSpans":"-5"}}`, 0, ""},
		{`{"partialSuccess":{"rejectedSpans":null}}`, 0, ""},
		{`{"partialSuccess":{"rejectedSpans":"many","errorMessage":"no"}}`, 0, "no"},
		{`{"partialSuccess":{"rejectedSpans":[1],"errorMessage":"no"}}`, 0, "no"},
		{`{"partialSuccess":{"rejectedSpans":2,"errorMessage":7}}`, 2, ""},
	} {
		if n, message := Rejected([]byte(c.answer)); n != c.n || message != c.message {
			t.Errorf("%s: %d %q", c.answer, n, message)
		}
	}
}
