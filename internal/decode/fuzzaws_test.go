package decode

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/vedette-project/vedette/internal/event"
)

// fuzzBodies decodes any bytes in all the ways that a stream can be, touches
// what is decoded later, and expects the record behind them.
func fuzzBodies(t *testing.T, s string, cut bool, behind string, source event.Source) {
	t.Helper()
	for _, c := range []event.Chunk{{}, {Source: event.CloudTrail}, {Source: event.VPCFlow}, {Source: event.DNS, OneAccount: true}, {Source: event.RuntimeEvents}} {
		var d Decoder
		b := &Batch{}
		c.Data, c.Cut = []byte(s), cut
		d.Decode(&c, b)
		for i := range b.Events {
			bodies := 0
			if tr := b.Events[i].Trail; tr != nil {
				tr.RequestNode()
				tr.ResponseNode()
				tr.AdditionalNode()
				bodies++
			}
			if q := b.Events[i].Query; q != nil {
				q.Answers()
				bodies++
			}
			if b.Events[i].Flow != nil {
				bodies++
			}
			if b.Events[i].Runtime != nil {
				bodies++
			}
			if b.Events[i].Audit != nil {
				bodies++
			}
			if bodies != 1 || b.Events[i].Source == "" {
				t.Errorf("an event with %d bodies", bodies)
			}
		}
		for _, r := range b.Rejects {
			if r.Source == "" || r.Detail == "" {
				t.Errorf("reject %+v", r)
			}
		}
		if cut || c.Source == event.VPCFlow && source != event.VPCFlow {
			continue
		}
		b.Reset()
		c.Data = []byte(s + "\n" + behind)
		if source == event.VPCFlow { // s may have named another format
			c.Data = []byte(s + "\n" + defaultFlow + "\n" + behind)
		}
		d.Decode(&c, b)
		if n := len(b.Events); n == 0 || string(b.Events[n-1].Raw) != behind || b.Events[n-1].Source != source {
			t.Errorf("the record after %q was lost", s)
		}
	}
}

func FuzzCloudTrail(f *testing.F) {
	for _, s := range append(trails, `{"Records":[`+data1+`,7]}`, trail1[:700]+"[Truncated...]", `{"Events":[{"CloudTrailEvent":"{}"}]}`,
		`{"version":"0","detail-type":"x","detail":`+data1+`}`, `{"records":[{"data":"aGk="}]}`, `{"Records":[{"kinesis":{"data":"aGk="}}]}`,
		`{"eventVersion":"1.0`, `{"eventVersion":"2.1","eventSource":"aws:s3"}`, `{"eventName":{},"eventID":1,"eventTime":"x"}`) {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, s string, cut bool) { fuzzBodies(t, s, cut, trail1, event.CloudTrail) })
}

func FuzzQuery(f *testing.F) {
	for _, s := range append(queries, query1[:200]+"[Truncated...]", `{"version":"1.1","query_name":7}`, `{"query_name":"x`, `{"srcaddr":"`) {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, s string, cut bool) { fuzzBodies(t, s, cut, query1, event.DNS) })
}

// FuzzFlow reads any line in any format, and compares what an address and a
// number become with what the standard library makes of them.
func FuzzFlow(f *testing.F) {
	for _, s := range []string{flow1, defaultFlow, "- - - - - - - - - - - - - -", strings.Replace(flow1, "192.0.2.10", "2001:db8::1", 1),
		"2026-01-02T03:04:05.000Z " + flow1, "srcaddr dstaddr\n192.0.2.1 192.0.2.2", "2 1", " ", "2 111122223333 eni-1 1.2.3.4", "\x00\xff"} {
		f.Add("", s)
		f.Add("version ${srcaddr} dst_addr bytes", s)
		f.Add("bytes srcaddr", s)
	}
	f.Fuzz(func(t *testing.T, format, s string) {
		var d Decoder
		b := &Batch{}
		d.Decode(&event.Chunk{Format: format, Data: []byte(s)}, b)
		fields := strings.Split(s, " ")
		for _, e := range b.Events {
			if e.Flow == nil || format != "bytes srcaddr" || len(b.Events) > 1 || string(e.Raw) != s || strings.ContainsAny(s, "\r\n") {
				continue
			}
			if a, err := netip.ParseAddr(fields[1]); fields[1] != "-" && (err != nil || a != e.Flow.Src) {
				t.Errorf("%q became %v", fields[1], e.Flow.Src)
			}
			if digits := strings.TrimLeft(fields[0], "0"); fields[0] != "-" && digits != "" && digits != fmt.Sprint(e.Flow.Bytes) {
				t.Errorf("%q became %d", fields[0], e.Flow.Bytes)
			}
		}
		if !strings.ContainsAny(s, " \t\r\n{}[],\ufeff$") && strings.ContainsAny(s, "abcdef") && len(b.Events) == 0 && totalRejects(b) == 0 {
			t.Errorf("%q left no trace", s)
		}
		fuzzBodies(t, s, false, flow1, event.VPCFlow)
	})
}
