package decode

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/event"
)

const flow1 = "2 111122223333 eni-0a1b2c3d4e5f60718 192.0.2.10 198.51.100.23 49152 443 6 10 8400 1767323045 1767323105 ACCEPT OK"

// randomFlow is a line of the given fields.
func randomFlow(rnd *rand.Rand, fields []string) string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = randomField(rnd, f)
	}
	return strings.Join(out, " ")
}

func randomField(rnd *rand.Rand, field string) string {
	switch field {
	case "version":
		return fmt.Sprint(2 + rnd.IntN(9))
	case "account-id":
		return "111122223333"
	case "interface-id":
		return fmt.Sprintf("eni-0%016x", rnd.Uint64())
	case "vpc-id":
		return "vpc-0123456789abcdef0"
	case "subnet-id":
		return fmt.Sprintf("subnet-0%016x", rnd.Uint64()%8)
	case "instance-id":
		return fmt.Sprintf("i-0%016x", rnd.Uint64()%64)
	case "srcaddr", "dstaddr", "pkt-srcaddr", "pkt-dstaddr":
		if rnd.IntN(20) == 0 {
			var a [16]byte
			for i := range a {
				a[i] = byte(rnd.IntN(3) * rnd.IntN(256))
			}
			return netip.AddrFrom16(a).String()
		}
		return netip.AddrFrom4([4]byte{byte(rnd.IntN(256)), byte(rnd.IntN(256)), byte(rnd.IntN(256)), byte(rnd.IntN(256))}).String()
	case "srcport", "dstport":
		if rnd.IntN(2) == 0 {
			return "443"
		}
		return fmt.Sprint(rnd.IntN(65536))
	case "protocol":
		return []string{"6", "17", "1", "58", "255"}[rnd.IntN(5)]
	case "packets":
		return fmt.Sprint(1 + rnd.IntN(1<<rnd.IntN(16)))
	case "bytes":
		return fmt.Sprint(40 + rnd.Int64N(1<<rnd.IntN(40)))
	case "start", "end":
		return fmt.Sprint(1767323000 + rnd.IntN(600))
	case "action":
		return []string{"ACCEPT", "REJECT"}[rnd.IntN(8)/7]
	case "log-status":
		return "OK"
	case "tcp-flags":
		return fmt.Sprint(rnd.IntN(64))
	case "traffic-path":
		return fmt.Sprint(1 + rnd.IntN(8))
	case "flow-direction":
		return []string{"ingress", "egress"}[rnd.IntN(2)]
	case "region":
		return "eu-central-1"
	case "az-id":
		return "euc1-az2"
	case "type":
		return "IPv4"
	}
	return fmt.Sprintf("%s-%d", strings.ToUpper(field[:1]), rnd.IntN(1000))
}

// allFields are the names of all fields there are, and one to come.
var allFields = strings.Fields(defaultFlow + " vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr region az-id sublocation-type sublocation-id" +
	" pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path ecs-cluster-arn ecs-cluster-name ecs-container-instance-arn" +
	" ecs-container-instance-id ecs-container-id ecs-second-container-id ecs-service-name ecs-task-definition-arn ecs-task-arn ecs-task-id" +
	" reject-reason resource-id encryption-status next-hop-mood")

// TestFlowProperty formats random values in random formats and reads them back.
func TestFlowProperty(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 7))
	for range 3000 {
		names := slices.Clone(allFields)
		rnd.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		names = append(names[:1+rnd.IntN(len(names))], "dstaddr", "srcaddr")
		values := strings.Fields(randomFlow(rnd, names))
		for i := range values {
			if rnd.IntN(12) == 0 {
				values[i] = "-"
			}
		}
		line := strings.Join(values, " ")
		format := strings.Join(names, " ")
		switch rnd.IntN(3) { // the ways to name fields
		case 0:
			format = "${" + strings.ReplaceAll(format, " ", "} ${") + "}"
		case 1:
			format = strings.ReplaceAll(format, "-", "_")
		}
		want := referenceFlow(t, names, values)
		for _, in := range []event.Chunk{
			{Format: format, Data: []byte(line)},
			{Data: []byte(format + "\n" + line + "\n")},
			{Format: format, Data: []byte(line + "\r\n")},
			{Format: format, Data: []byte("  " + line + " \n")},
		} {
			var d Decoder
			b := &Batch{}
			d.Decode(&in, b)
			if len(b.Events) != 1 || len(b.Rejects) != 0 {
				t.Fatalf("%q: %d events, %+v", in.Data, len(b.Events), b.Rejects)
			}
			e := b.Events[0]
			e.Flow.Has = 0
			if diff := cmp.Diff(want, *e.Flow, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
				t.Fatalf("%q: %s", in.Data, diff)
			}
			if string(e.Raw) != line || e.Source != event.VPCFlow || !e.Time.Equal(either(want.Start, want.End)) {
				t.Fatalf("envelope %+v", e)
			}
		}
	}
}

// referenceFlow reads the values the simple way.
func referenceFlow(t *testing.T, names, values []string) event.Flow {
	t.Helper()
	var f event.Flow
	get := func(name string) string {
		v := ""
		for i, n := range names { // the last one counts
			if n == name && values[i] != "-" {
				v = values[i]
			}
		}
		return v
	}
	num := func(name string) int64 {
		if get(name) == "" {
			return 0
		}
		n, err := strconv.ParseInt(get(name), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	addr := func(name string) netip.Addr {
		a, _ := netip.ParseAddr(get(name))
		return a
	}
	when := func(name string) (v time.Time) {
		if get(name) != "" {
			v = time.Unix(num(name), 0).UTC()
		}
		return v
	}
	last := func(s string) string { return s[strings.LastIndex(s, "/")+1:] }
	f.Version, f.Account, f.Interface, f.Instance, f.VPC, f.Subnet = int(num("version")), get("account-id"), get("interface-id"), get("instance-id"), get("vpc-id"), get("subnet-id")
	f.Region, f.Zone, f.Src, f.Dst, f.PktSrc, f.PktDst = get("region"), get("az-id"), addr("srcaddr"), addr("dstaddr"), addr("pkt-srcaddr"), addr("pkt-dstaddr")
	f.SrcService, f.DstService = get("pkt-src-aws-service"), get("pkt-dst-aws-service")
	f.SrcPort, f.DstPort, f.Protocol = uint16(num("srcport")), uint16(num("dstport")), uint8(num("protocol"))
	f.Packets, f.Bytes, f.Start, f.End = num("packets"), num("bytes"), when("start"), when("end")
	f.Rejected, f.TCPFlags, f.TrafficPath, f.RejectReason = get("action") == "REJECT", uint8(num("tcp-flags")), uint8(num("traffic-path")), get("reject-reason")
	f.Direction = map[string]event.FlowDirection{"ingress": event.FlowIngress, "egress": event.FlowEgress}[get("flow-direction")]
	f.ECSCluster, f.ECSService, f.ECSTask, f.ECSContainer = get("ecs-cluster-name"), get("ecs-service-name"), get("ecs-task-id"), get("ecs-container-id")
	if f.ECSCluster == "" {
		f.ECSCluster = last(get("ecs-cluster-arn"))
	}
	if f.ECSTask == "" {
		f.ECSTask = last(get("ecs-task-arn"))
	}
	return f
}

func TestFlowFields(t *testing.T) {
	b := decodeAll(t, flow1, false)
	if len(b.Events) != 1 {
		t.Fatalf("%+v", b.Rejects)
	}
	e := b.Events[0]
	if e.Scope != (event.Scope{Account: "111122223333", Region: "r"}) || e.Time.Unix() != 1767323045 {
		t.Errorf("%v %v", e.Scope, e.Time)
	}
	all := event.FlowAddrs | event.FlowPorts | event.FlowProtocol | event.FlowPackets | event.FlowBytes | event.FlowTimes | event.FlowAction | event.FlowInterface
	if e.Flow.Has != all {
		t.Errorf("has %b, want %b", e.Flow.Has, all)
	}
	b = decodeAll(t, "region srcaddr dstaddr tcp-flags account_id\neu-west-1 192.0.2.1 192.0.2.2 2 444455556666\n- 192.0.2.1 192.0.2.2 - unknown\n", false)
	if len(b.Events) != 2 || b.Events[0].Scope != (event.Scope{Account: "444455556666", Region: "eu-west-1"}) || b.Events[1].Scope != (event.Scope{Account: "a", Region: "r"}) {
		t.Fatalf("%+v %+v", b.Events, b.Rejects)
	}
	if h := b.Events[0].Flow.Has; h != event.FlowAddrs|event.FlowTCPFlags {
		t.Errorf("has %b", h)
	}
	var d Decoder
	one := &Batch{}
	d.Decode(&event.Chunk{Scope: event.Scope{Account: "999988887777", Region: "r"}, OneAccount: true, Data: []byte(flow1)}, one)
	if one.Events[0].Scope.Account != "999988887777" || one.Events[0].Flow.Account != "111122223333" {
		t.Errorf("one account: %+v", one.Events[0].Scope)
	}
}

// TestFlowShapes reads lines as they come from files, log groups and agents.
func TestFlowShapes(t *testing.T) {
	noData := "2 111122223333 eni-0a1b2c3d4e5f60718 - - - - - - - 1767323045 1767323105 - NODATA"
	v6 := "2 111122223333 eni-0a1b2c3d4e5f60718 2001:db8::1 2001:db8::ff00:42:8329 34892 22 6 54 8855 1767323045 1767323105 REJECT OK"
	header := "dstaddr srcaddr action"
	subscription := `{"messageType":"DATA_MESSAGE","owner":"111122223333","logGroup":"vpc-flow","logStream":"eni-0a1b2c3d4e5f60718-all","subscriptionFilters":["x"],"logEvents":[{"id":"1","timestamp":1767323045100,"message":"` + flow1 + `"},{"id":"2","timestamp":1767323045100,"message":"` + noData + `","extractedFields":{"a":"b"}}]}`
	for name, tc := range map[string]struct {
		in string
		n  int
	}{
		"line":              {flow1, 1},
		"lines":             {flow1 + "\n" + v6 + "\n" + noData + "\n", 3},
		"windows":           {defaultFlow + "\r\n" + flow1 + "\r\n" + v6 + "\r\n", 2},
		"byte order mark":   {"\ufeff" + header + "\n192.0.2.1 192.0.2.2 ACCEPT", 1},
		"header again":      {defaultFlow + "\n" + flow1 + "\n" + header + "\n192.0.2.1 192.0.2.2 ACCEPT\n" + defaultFlow + "\n" + flow1, 3},
		"header alone":      {header + "\n", 0},
		"CloudWatch export": {"2026-01-02T03:04:05.000Z " + flow1 + "\n2026-01-02T03:04:06.000Z " + noData, 2},
		"subscription":      {subscription, 2},
		"Lambda":            {`{"awslogs":{"data":"` + lambdaData(subscription) + `"}}`, 2},
		"Firehose":          {`{"requestId":"r","timestamp":1,"records":[{"data":"` + lambdaData(subscription) + `"},{"data":"` + base64.StdEncoding.EncodeToString([]byte(flow1+"\n"+noData+"\n")) + `"}]}`, 4},
		"aws logs output":   {`{"events":[{"logStreamName":"eni-0a1b2c3d4e5f60718-all","timestamp":1,"message":"` + flow1 + `"}]}`, 1},
		"container":         {"2026-01-02T03:04:05.100200300Z stdout F " + flow1, 1},
		"collector":         {`{"log":"` + flow1 + `\n","stream":"stdout"}`, 1},
		"with audit events": {event1 + "\n" + flow1 + "\n" + event1, 3},
	} {
		b := decodeAll(t, tc.in, false)
		if len(b.Events) != tc.n || len(b.Rejects) != 0 {
			t.Errorf("%s: %d events, want %d; %+v", name, len(b.Events), tc.n, b.Rejects)
		}
		for _, e := range b.Events {
			if e.Source == event.VPCFlow && !e.Flow.Src.IsValid() && e.Flow.Status != event.FlowNoData {
				t.Errorf("%s: %+v", name, e.Flow)
			}
		}
	}
}

func TestFlowRejects(t *testing.T) {
	for name, tc := range map[string]struct{ in, detail string }{
		"too few":       {strings.TrimSuffix(flow1, " OK"), "13 fields, the default format has 14"},
		"too many":      {flow1 + " x", "15 fields, the default format has 14"},
		"an address":    {strings.Replace(flow1, "192.0.2.10", "192.0.2.256", 1), `srcaddr "192.0.2.256" is not an IPv4 or IPv6 address`},
		"leading zeros": {strings.Replace(flow1, "192.0.2.10", "192.0.02.10", 1), `srcaddr "192.0.02.10" is not`},
		"a port":        {strings.Replace(flow1, " 443 ", " 65536 ", 1), `dstport "65536" is not a port`},
		"a protocol":    {strings.Replace(flow1, " 6 ", " tcp ", 1), `protocol "tcp" is not a protocol`},
		"bytes":         {strings.Replace(flow1, " 8400 ", " 99999999999999999999 ", 1), `bytes "99999999999999999999" is not a number`},
		"negative":      {strings.Replace(flow1, " 8400 ", " -8400 ", 1), `bytes "-8400" is not a number`},
		"a time":        {strings.Replace(flow1, " 1767323045 ", " 999999999999 ", 1), `start "999999999999" is not a time`},
		"an action":     {strings.Replace(flow1, "ACCEPT", "ACCEPTED", 1), `action "ACCEPTED" is not ACCEPT or REJECT`},
		"a short one":   {strings.Replace(flow1, "ACCEPT", "OK", 1), `action "OK" is not ACCEPT or REJECT`},
		"a status":      {strings.Replace(flow1, " OK", " FINE", 1), `log-status "FINE" is not OK, NODATA or SKIPDATA`},
		"a double gap":  {strings.Replace(flow1, " 6 ", "  6 ", 1), "15 fields, the default format has 14"},
		"cut":           {flow1[:60], "fields, the default format has 14"},
		"other format":  {"5 vpc-0123456789abcdef0 eni-0a1b2c3d4e5f60718 192.0.2.1 ACCEPT OK", "name its fields, as a header line does"},
	} {
		b := decodeAll(t, flow1+"\n"+tc.in+"\n"+flow1, false)
		if len(b.Events) != 2 || len(b.Rejects) != 1 {
			t.Errorf("%s: %d events, %+v", name, len(b.Events), b.Rejects)
			continue
		}
		r := b.Rejects[0]
		if r.Source != event.VPCFlow || r.Outcome != event.Malformed || r.Reason != event.ReasonBadFormat || r.Line != 2 || !strings.Contains(r.Detail, tc.detail) {
			t.Errorf("%s: %+v", name, r)
		}
	}
	// Without anything that says what the stream is.
	for in, reason := range map[string]event.Reason{
		"hello world": event.ReasonNotJSON,
		"5 vpc-0123456789abcdef0 eni-0a1b2c3d4e5f60718 192.0.2.1 ACCEPT OK":                          event.ReasonBadFormat,
		"2026-01-02T03:04:05.000Z 5 vpc-0123456789abcdef0 eni-0a1b2c3d4e5f60718 192.0.2.1 ACCEPT OK": event.ReasonBadFormat,
		"2026-01-02T03:04:05.000Z I0102 03:04:05 controller.go:1] hello":                             event.ReasonOtherStream,
		"version of the start of the end":                                                            event.ReasonNotJSON,
		`{"message":"5 vpc-0123456789abcdef0 eni-0a1b2c3d4e5f60718 192.0.2.1 ACCEPT OK"}`:            event.ReasonBadFormat,
		`{"message":"REPORT RequestId: 1","logStream":"2026/01/02/[$LATEST]0123","timestamp":1}`:     event.ReasonOtherStream,
		"START RequestId: 1 Version: $LATEST " + strings.Repeat("x ", 1<<16):                         event.ReasonNotJSON,
		strings.Repeat("1", 1<<20): event.ReasonNotJSON,
	} {
		b := decodeAll(t, in, false)
		if len(b.Rejects) != 1 || b.Rejects[0].Reason != reason {
			t.Errorf("%.80q: %+v", in, b.Rejects)
		}
	}
	var d Decoder
	b := &Batch{}
	d.Decode(&event.Chunk{Format: "colour weight", Data: []byte("red 7\n")}, b)
	if len(b.Rejects) != 1 || !strings.Contains(b.Rejects[0].Detail, "names no field") {
		t.Errorf("%+v %+v", b.Events, b.Rejects)
	}
}

// TestNumbers compares with the standard library, at the end of the input too.
func TestNumbers(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 3))
	for range 200000 {
		s := fmt.Sprint(rnd.Uint64() >> rnd.IntN(64))
		if rnd.IntN(4) == 0 {
			b := []byte(s)
			b[rnd.IntN(len(b))] = byte(rnd.IntN(256))
			s = string(b)
		}
		for _, rest := range []string{"", " ", " and so on"} {
			in := "x" + s + rest
			digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
			want, err := strconv.ParseUint(s[:digits], 10, 64)
			v, end := number([]byte(in), 1)
			if digits > maxDigits || err != nil {
				digits, want = 0, 0
			}
			if digits == 0 && end != 1 || digits > 0 && (v != want || end != 1+digits) {
				t.Fatalf("%q: %d to %d, want %d of %d digits", in, v, end, want, digits)
			}
		}
	}
}

func TestAddresses(t *testing.T) {
	rnd := rand.New(rand.NewPCG(4, 4))
	for range 200000 {
		s := randomField(rnd, "srcaddr")
		if rnd.IntN(2) == 0 {
			b := []byte(s)
			b[rnd.IntN(len(b))] = "0123456789.: abcdef-%\x00\xff"[rnd.IntN(23)]
			s = string(b)
		}
		for _, rest := range []string{"", " ", " 443 6 10 20"} {
			field, _, _ := strings.Cut(s, " ")
			want, err := netip.ParseAddr(field)
			a, end := address([]byte("x"+s+rest), 1)
			if want.Zone() != "" {
				err = strconv.ErrSyntax
			}
			good := end == 1+len(field) && end > 1
			if good != (err == nil) || good && a != want {
				t.Fatalf("%q: %v %v, want %v %v", s+rest, a, good, want, err)
			}
		}
	}
}

// TestFlowWithoutAddresses: records that nobody can judge are not counted as
// judged, whatever says what their format is.
func TestFlowWithoutAddresses(t *testing.T) {
	const line = "2 123456789012 eni-1 192.0.2.1 443 6 ACCEPT OK 1767323045 1767323105"
	const rest = " srcport protocol action log-status start end"
	for _, tc := range []struct{ format, missing string }{
		{"version account-id interface-id pkt-srcaddr" + rest, "srcaddr and dstaddr"},
		{"version account-id interface-id srcaddr" + rest, "dstaddr"},
		{"version account_id interface_id dstaddr" + rest, "srcaddr"},
	} {
		for what, c := range map[string]event.Chunk{
			"a header":   {Data: []byte(tc.format + "\n" + line + "\n" + line + "\n"), FirstLine: 1},
			"configured": {Format: tc.format, Source: event.VPCFlow, Data: []byte(line + "\n" + line)},
			"CloudWatch": {Format: tc.format, Data: []byte("2026-01-02T03:04:05.000Z " + line + "\n2026-01-02T03:04:05.000Z " + line)},
		} {
			var d Decoder
			b := &Batch{}
			d.Decode(&c, b)
			if len(b.Events) != 0 || len(b.Rejects) != 1 {
				t.Errorf("%s, %s: %d events, %+v", tc.format, what, len(b.Events), b.Rejects)
				continue
			}
			r := b.Rejects[0]
			if r.Source != event.VPCFlow || r.Outcome != event.Dropped || r.Reason != event.ReasonMissingFields || r.Count != 2 || !strings.Contains(r.Detail, "has no "+tc.missing+", so") {
				t.Errorf("%s, %s: %+v", tc.format, what, r)
			}
		}
	}
	b := decodeAll(t, "srcaddr dstaddr end\n192.0.2.1 192.0.2.2 1767323105\n", false)
	if len(b.Events) != 1 || b.Events[0].Time.Unix() != 1767323105 {
		t.Errorf("a record that says only when it ended: %+v %+v", b.Events, b.Rejects)
	}
}
