package rule

import (
	"strconv"
	"strings"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/jsonscan"
)

func trailKind() *kind {
	of := func(get func(*event.Trail) string) getter {
		return func(ev *event.Event, s *sink) { s.text(get(ev.Trail)) }
	}
	return &kind{
		name:    "cloudtrail",
		applies: func(ev *event.Event) bool { return ev.Trail != nil },
		native: map[string]getter{
			keywords:            wholeRecord,
			"eventName":         of(func(t *event.Trail) string { return t.Name }),
			"eventSource":       of(func(t *event.Trail) string { return t.Service }),
			"eventType":         of(func(t *event.Trail) string { return t.EventType }),
			"awsRegion":         of(func(t *event.Trail) string { return t.Region }),
			"sourceIPAddress":   of(func(t *event.Trail) string { return t.SourceIP }),
			"userAgent":         of(func(t *event.Trail) string { return t.UserAgent }),
			"errorCode":         of(func(t *event.Trail) string { return t.ErrorCode }),
			"errorMessage":      of(func(t *event.Trail) string { return t.ErrorMessage }),
			"userIdentity.type": of(func(t *event.Trail) string { return t.Identity.Type }),
			"userIdentity.arn":  of(func(t *event.Trail) string { return t.Identity.ARN }),
		},
		other: map[string][]string{
			"src_ip": {"sourceIPAddress"}, "SourceIp": {"sourceIPAddress"}, "user_agent": {"userAgent"},
		},
		parts: []section{
			{"userIdentity", func(ev *event.Event) []byte { return ev.Trail.IdentityJSON }},
			{"requestParameters", func(ev *event.Event) []byte { return ev.Trail.Request }},
			{"responseElements", func(ev *event.Event) []byte { return ev.Trail.Response }},
			{"additionalEventData", func(ev *event.Event) []byte { return ev.Trail.Additional }},
			{"resources", func(ev *event.Event) []byte { return ev.Trail.Resources }},
			{"serviceEventDetails", func(ev *event.Event) []byte { return ev.Trail.ServiceDetails }},
			{"insightDetails", func(ev *event.Event) []byte { return ev.Trail.Insight }},
		},
		// The members of CloudTrail's record contents, version 1.11.
		top: strings.Fields("eventVersion userIdentity eventTime eventSource eventName awsRegion sourceIPAddress userAgent " +
			"errorCode errorMessage requestParameters responseElements additionalEventData requestID eventID eventType apiVersion " +
			"managementEvent readOnly resources recipientAccountId serviceEventDetails sharedEventID vpcEndpointId " +
			"vpcEndpointAccountId eventCategory addendum sessionCredentialFromConsole edgeDeviceDetails tlsDetails insightDetails eventContext"),
	}
}

// wholeRecord is what keywords are looked for in: the record, with what JSON
// writes as escapes undone.
func wholeRecord(ev *event.Event, s *sink) {
	if len(ev.Raw) == 0 {
		return
	}
	start := len(s.m.scratch)
	s.m.scratch = appendUnescaped(s.m.scratch, ev.Raw)
	s.made(start)
}

func flowKind() *kind {
	f := func(get func(*event.Flow, *sink)) getter {
		return func(ev *event.Event, s *sink) { get(ev.Flow, s) }
	}
	number := func(has event.FlowFields, get func(*event.Flow) int64) getter {
		return f(func(f *event.Flow, s *sink) {
			if f.Has&has != 0 {
				s.number(get(f))
			}
		})
	}
	of := func(get func(*event.Flow) string) getter {
		return f(func(f *event.Flow, s *sink) { s.text(get(f)) })
	}
	return &kind{
		name: "vpc-flow",
		// Records that tell of no traffic are of no use to a rule.
		applies: func(ev *event.Event) bool { return ev.Flow != nil && ev.Flow.Status == event.FlowOK },
		native: map[string]getter{
			keywords:       wholeRecord,
			"version":      f(func(f *event.Flow, s *sink) { s.number(int64(f.Version)) }),
			"account-id":   of(func(f *event.Flow) string { return f.Account }),
			"interface-id": of(func(f *event.Flow) string { return f.Interface }),
			"instance-id":  of(func(f *event.Flow) string { return f.Instance }),
			"vpc-id":       of(func(f *event.Flow) string { return f.VPC }),
			"subnet-id":    of(func(f *event.Flow) string { return f.Subnet }),
			"region":       of(func(f *event.Flow) string { return f.Region }),
			"az-id":        of(func(f *event.Flow) string { return f.Zone }),
			"srcaddr":      f(func(f *event.Flow, s *sink) { s.addr(f.Src) }),
			"dstaddr":      f(func(f *event.Flow, s *sink) { s.addr(f.Dst) }),
			"pkt-srcaddr":  f(func(f *event.Flow, s *sink) { s.addr(f.PktSrc) }),
			"pkt-dstaddr":  f(func(f *event.Flow, s *sink) { s.addr(f.PktDst) }),
			"srcport":      number(event.FlowPorts, func(f *event.Flow) int64 { return int64(f.SrcPort) }),
			"dstport":      number(event.FlowPorts, func(f *event.Flow) int64 { return int64(f.DstPort) }),
			"protocol":     number(event.FlowProtocol, func(f *event.Flow) int64 { return int64(f.Protocol) }),
			"packets":      number(event.FlowPackets, func(f *event.Flow) int64 { return f.Packets }),
			"bytes":        number(event.FlowBytes, func(f *event.Flow) int64 { return f.Bytes }),
			"start":        number(event.FlowTimes, func(f *event.Flow) int64 { return f.Start.Unix() }),
			"end":          number(event.FlowTimes, func(f *event.Flow) int64 { return f.End.Unix() }),
			"tcp-flags":    number(event.FlowTCPFlags, func(f *event.Flow) int64 { return int64(f.TCPFlags) }),
			"action": f(func(f *event.Flow, s *sink) {
				switch {
				case f.Has&event.FlowAction == 0:
				case f.Rejected:
					s.text("REJECT")
				default:
					s.text("ACCEPT")
				}
			}),
			"blocked": f(func(f *event.Flow, s *sink) {
				if f.Has&event.FlowAction != 0 {
					s.text(strconv.FormatBool(f.Rejected))
				}
			}),
			"flow-direction": f(func(f *event.Flow, s *sink) {
				switch f.Direction {
				case event.FlowIngress:
					s.text("ingress")
				case event.FlowEgress:
					s.text("egress")
				}
			}),
			"pkt-src-aws-service": of(func(f *event.Flow) string { return f.SrcService }),
			"pkt-dst-aws-service": of(func(f *event.Flow) string { return f.DstService }),
			"reject-reason":       of(func(f *event.Flow) string { return f.RejectReason }),
			"ecs-cluster-name":    of(func(f *event.Flow) string { return f.ECSCluster }),
			"ecs-service-name":    of(func(f *event.Flow) string { return f.ECSService }),
			"function":            of(func(f *event.Flow) string { return f.Function }),
		},
		other: map[string][]string{
			"src_ip": {"srcaddr"}, "dst_ip": {"dstaddr"}, "src_port": {"srcport"}, "dst_port": {"dstport"},
			"SourceIp": {"srcaddr"}, "DestinationIp": {"dstaddr"}, "SourcePort": {"srcport"}, "DestinationPort": {"dstport"},
			"source.ip": {"srcaddr"}, "destination.ip": {"dstaddr"}, "source.port": {"srcport"}, "destination.port": {"dstport"},
			"Protocol": {"protocol"}, "account_id": {"account-id"}, "interface_id": {"interface-id"}, "instance_id": {"instance-id"},
			"vpc_id": {"vpc-id"}, "subnet_id": {"subnet-id"}, "pkt_srcaddr": {"pkt-srcaddr"}, "pkt_dstaddr": {"pkt-dstaddr"},
			"tcp_flags": {"tcp-flags"}, "flow_direction": {"flow-direction"},
		},
		silent: strings.Fields("Image User ProcessId ProcessGuid Initiated DestinationHostname SourceHostname dst_hostname src_hostname"),
	}
}

func dnsKind() *kind {
	both := func(query func(*event.Query, *sink), lookup func(*event.Lookup, *sink)) getter {
		return func(ev *event.Event, s *sink) {
			if ev.Query != nil {
				query(ev.Query, s)
			} else {
				lookup(ev.Runtime.DNS, s)
			}
		}
	}
	query := func(get func(*event.Query) string) getter {
		return both(func(q *event.Query, s *sink) { s.text(get(q)) }, func(*event.Lookup, *sink) {})
	}
	k := &kind{
		name: "dns",
		applies: func(ev *event.Event) bool {
			return ev.Query != nil || ev.Runtime != nil && ev.Runtime.Kind == event.KindDNS && ev.Runtime.DNS != nil
		},
		native: map[string]getter{
			keywords:                   wholeRecord,
			"query":                    both(func(q *event.Query, s *sink) { s.text(q.Name) }, func(l *event.Lookup, s *sink) { s.text(l.Name) }),
			"record_type":              both(func(q *event.Query, s *sink) { s.text(q.Type) }, func(l *event.Lookup, s *sink) { s.text(l.Type) }),
			"rcode":                    both(func(q *event.Query, s *sink) { s.text(q.Rcode) }, func(l *event.Lookup, s *sink) { s.text(l.Rcode) }),
			"transport":                both(func(q *event.Query, s *sink) { s.text(q.Transport) }, func(l *event.Lookup, s *sink) { s.text(l.Transport) }),
			"query_class":              query(func(q *event.Query) string { return q.Class }),
			"answer":                   both(answers, lookupAnswers),
			"srcaddr":                  both(func(q *event.Query, s *sink) { s.addr(q.SrcAddr) }, func(l *event.Lookup, s *sink) { s.addr(l.Local.Addr()) }),
			"srcport":                  both(func(q *event.Query, s *sink) { s.number(int64(q.SrcPort)) }, func(l *event.Lookup, s *sink) { s.number(int64(l.Local.Port())) }),
			"dst_ip":                   both(func(*event.Query, *sink) {}, func(l *event.Lookup, s *sink) { s.addr(l.Server.Addr()) }),
			"vpc_id":                   query(func(q *event.Query) string { return q.VPC }),
			"account_id":               query(func(q *event.Query) string { return q.Account }),
			"region":                   query(func(q *event.Query) string { return q.Region }),
			"srcids.instance":          query(func(q *event.Query) string { return q.Instance }),
			"srcids.resolver_endpoint": query(func(q *event.Query) string { return q.ResolverEndpoint }),
			"firewall_rule_action":     query(func(q *event.Query) string { return q.FirewallAction }),
		},
		other: map[string][]string{
			"query_name": {"query"}, "QueryName": {"query"}, "dns.question.name": {"query"}, "query_type": {"record_type"},
			"QueryStatus": {"rcode"}, "QueryResults": {"answer"}, "answers": {"answer"}, "src_ip": {"srcaddr"}, "SourceIp": {"srcaddr"},
			"instance_id": {"srcids.instance"},
		},
		silent: strings.Fields("ttl parent_domain"),
	}
	process := processFields()
	for _, name := range strings.Fields("Image CommandLine User ProcessId ProcessGuid ContainerImage PodName PodNamespace NodeName") {
		get := process[name]
		k.native[name] = func(ev *event.Event, s *sink) {
			if ev.Runtime != nil {
				get(ev, s)
			}
		}
	}
	return k
}

func answers(q *event.Query, s *sink) {
	n, _ := jsonscan.Parse(q.AnswersJSON) // few rules ask
	for _, a := range n.Items() {
		s.text(a.Text("Rdata"))
	}
}

func lookupAnswers(l *event.Lookup, s *sink) {
	for i := range l.Answers {
		s.text(l.Answers[i].Data)
	}
}
