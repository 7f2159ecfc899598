package decode

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/event"
)

// query1 is a record as the Route 53 Resolver writes it.
const query1 = `{"version":"1.100000","account_id":"111122223333","region":"eu-central-1","vpc_id":"vpc-0123456789abcdef0","query_timestamp":"2026-01-02T03:04:05Z","query_name":"www.example.com.","query_type":"A","query_class":"IN","rcode":"NOERROR","answers":[{"Rdata":"203.0.113.9","Type":"A","Class":"IN"}],"srcaddr":"192.0.2.10","srcport":"56067","transport":"UDP","srcids":{"instance":"i-0123456789abcdef0"}}`

var queries = []string{
	query1,
	`{"version":"1.100000","account_id":"111122223333","region":"eu-central-1","vpc_id":"vpc-0123456789abcdef0","query_timestamp":"2026-01-02T03:04:06Z","query_name":"EXFIL.Example.NET.","query_type":"TXT","query_class":"IN","rcode":"NXDOMAIN","answers":[],"srcaddr":"2001:db8::5","srcport":"53001","transport":"TCP","srcids":{"instance":"i-0123456789abcdef0","resolver_endpoint":"rslvr-in-1"},"firewall_rule_action":"BLOCK","firewall_rule_group_id":"rslvr-frg-1","firewall_domain_list_id":"rslvr-fdl-1"}`,
	`{"srcaddr":"192.0.2.4","vpc_id":"vpc-1","answers":null,"firewall_rule_action":null,"query_name":".","query_class":"IN","version":"1.1","transport":"UDP","srcport":53,"query_type":"NS","account_id":"111122223333","region":"eu-central-1","rcode":"NOERROR","query_timestamp":"2026-01-02T03:04:06Z","srcids":null}`,
	`{"rcode":"NOERROR","query_type":"A","transport":"UDP","query_timestamp":"2026-01-02T03:04:06Z","query_name":"a\u002eexample.org.","account_id":"111122223333","region":"eu-central-1"}`,
}

// TestQueryReference reads the same fields with encoding/json.
func TestQueryReference(t *testing.T) {
	for _, in := range queries {
		var r struct {
			Account_id, Region, Vpc_id, Query_name, Query_type, Query_class, Rcode, Srcaddr, Transport, Firewall_rule_action string
			Query_timestamp                                                                                                  time.Time
			Srcport                                                                                                          any
			Srcids                                                                                                           struct{ Instance, Resolver_endpoint string }
			Answers                                                                                                          json.RawMessage
		}
		if err := json.Unmarshal([]byte(in), &r); err != nil {
			t.Fatal(err)
		}
		want := event.Query{
			Account: r.Account_id, Region: r.Region, VPC: r.Vpc_id, Type: r.Query_type, Class: r.Query_class, Rcode: r.Rcode, Transport: r.Transport,
			Instance: r.Srcids.Instance, ResolverEndpoint: r.Srcids.Resolver_endpoint, FirewallAction: r.Firewall_rule_action, Time: r.Query_timestamp,
		}
		want.SrcAddr, _ = netip.ParseAddr(r.Srcaddr)
		if r.Srcport != nil {
			p, err := strconv.ParseUint(fmt.Sprint(r.Srcport), 10, 16)
			if err != nil {
				t.Fatal(err)
			}
			want.SrcPort = uint16(p)
		}
		if want.Name = strings.ToLower(r.Query_name); want.Name != "." {
			want.Name = strings.TrimSuffix(want.Name, ".")
		}
		if r.Answers != nil && string(r.Answers) != "null" {
			want.AnswersJSON = r.Answers
		}
		b := decodeAll(t, in, false)
		if len(b.Events) != 1 || len(b.Rejects) != 0 {
			t.Fatalf("%s: %+v", in, b.Rejects)
		}
		e := b.Events[0]
		if d := cmp.Diff(want, *e.Query, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
			t.Errorf("%s: %s", in, d)
		}
		if e.Source != event.DNS || e.Scope != (event.Scope{Account: "111122223333", Region: "eu-central-1"}) || !e.Time.Equal(want.Time) || string(e.Raw) != in {
			t.Errorf("envelope %+v", e)
		}
	}
	q := decodeAll(t, queries[1], false).Events[0].Query
	if q.Name != "exfil.example.net" || !q.Blocked() {
		t.Errorf("%+v", q)
	}
}

func TestQueryShapes(t *testing.T) {
	subscription := `{"messageType":"DATA_MESSAGE","owner":"111122223333","logGroup":"dns","logStream":"vpc-0123456789abcdef0_i-0123456789abcdef0","subscriptionFilters":["x"],"logEvents":[{"id":"1","timestamp":1767323045100,"message":` + quote(query1) + `}]}`
	for name, tc := range map[string]struct {
		in string
		n  int
	}{
		"lines":             {strings.Join(queries, "\n"), len(queries)},
		"array":             {"[" + strings.Join(queries, ", ") + "]", len(queries)},
		"CloudWatch export": {"2026-01-02T03:04:05.000Z " + query1, 1},
		"subscription":      {subscription, 1},
		"Firehose":          {`{"records":[{"data":"` + base64.StdEncoding.EncodeToString([]byte(query1)) + `"}]}`, 1},
		"joined":            {query1 + query1, 2},
	} {
		b := decodeAll(t, tc.in, false)
		if len(b.Events) != tc.n || len(b.Rejects) != 0 {
			t.Errorf("%s: %d events, want %d; %+v", name, len(b.Events), tc.n, b.Rejects)
		}
	}
}

func TestQueryRejects(t *testing.T) {
	for old, new := range map[string]string{
		`"query_name":"www`:      `"query_name":7,"x":"www`,
		`"srcaddr":"192.0.2.10"`: `"srcaddr":"192.0.2.300"`,
		`"srcport":"56067"`:      `"srcport":"560670"`,
		`"query_timestamp":"2`:   `"query_timestamp":"x`,
		`"srcids":{`:             `"srcids":[],"x":{`,
	} {
		b := decodeAll(t, query1+"\n"+strings.Replace(query1, old, new, 1)+"\n"+query1, false)
		if len(b.Events) != 2 || len(b.Rejects) != 1 || b.Rejects[0].Reason != event.ReasonBadField || b.Rejects[0].Source != event.DNS {
			t.Errorf("%s: %d events, %+v", new, len(b.Events), b.Rejects)
		}
	}
}

// TestQueryTruncated cuts a record at every byte.
func TestQueryTruncated(t *testing.T) {
	named := strings.Index(query1, `,"query_type"`)
	for i := 1; i < len(query1)-1; i++ {
		b := decodeAll(t, query1[:i]+"[Truncated...]\n"+query1, false)
		if len(b.Events)+int(totalRejects(b)) != 2 || i >= named && (len(b.Events) != 2 || !b.Events[0].Truncated) {
			t.Fatalf("cut at %d: %d events, rejects %+v", i, len(b.Events), b.Rejects)
		}
	}
}
