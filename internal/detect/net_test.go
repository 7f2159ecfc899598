package detect

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/intel"
)

const (
	basicFields = event.FlowAddrs | event.FlowPorts | event.FlowProtocol | event.FlowPackets | event.FlowBytes | event.FlowTimes | event.FlowAction | event.FlowInterface
	allFields   = basicFields | event.FlowPktAddrs | event.FlowTCPFlags | event.FlowDirections
)

// stream makes records of one account, each different from all before.
type stream struct {
	events []event.Event
	fields event.FlowFields
	n      int
}

func newStream() *stream { return &stream{fields: basicFields | event.FlowTCPFlags} }

// flow appends a record: "src:port dst:port protocol packets bytes flags".
func (s *stream) flow(at time.Duration, eni, src, dst string, proto uint8, packets, bytes int64, flags uint8, change ...func(*event.Flow)) {
	from, to := endOf(src), endOf(dst)
	f := &event.Flow{
		Has: s.fields, Interface: eni, Src: from.Addr(), Dst: to.Addr(), SrcPort: from.Port(), DstPort: to.Port(), Protocol: proto,
		Packets: packets, Bytes: bytes, TCPFlags: flags, Start: t0.Add(at), End: t0.Add(at + 30*time.Second),
	}
	for _, c := range change {
		c(f)
	}
	s.add(event.Event{Source: event.VPCFlow, Time: f.Start, Flow: f})
}

func endOf(s string) netip.AddrPort {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.AddrPortFrom(a, 0)
	}
	return netip.MustParseAddrPort(s)
}

func (s *stream) add(e event.Event) {
	s.n++
	e.Scope = event.Scope{Account: "111122223333", Region: "eu-central-1"}
	e.Raw, e.Line = fmt.Appendf(nil, "record %d", s.n), int64(s.n)
	s.events = append(s.events, e)
}

// session appends both directions of a connection that exchanged data.
func (s *stream) session(at time.Duration, eni, client, server string, change ...func(*event.Flow)) {
	s.flow(at, eni, client, server, 6, 12, 2400, 3, change...)
	s.flow(at, eni, server, client, 6, 10, 8400, 19, change...)
}

func (s *stream) batch() *event.Batch { return &event.Batch{Stream: "flows", Events: s.events} }

// judge returns the findings of a stream.
func (s *stream) judge(t testing.TB, o Options) []*finding.Record {
	t.Helper()
	if o.Intel == nil {
		o.Intel = intel.Builtin()
	}
	return recordsOf(t, New(o).Process(s.batch()))
}

func recordsOf(t testing.TB, r Result) []*finding.Record {
	t.Helper()
	for _, err := range r.Faults {
		t.Fatal(err)
	}
	var out []*finding.Record
	known := map[string]*finding.Record{}
	for _, s := range r.Signals {
		complete(t, s)
		if old := known[s.Identity()]; old != nil {
			finding.Merge(old, s)
			continue
		}
		rec := finding.NewRecord(s)
		known[s.Identity()] = rec
		out = append(out, rec)
	}
	return out
}

// complete fails for a signal that is no whole finding.
func complete(t testing.TB, s *finding.Signal) {
	t.Helper()
	if _, ok := finding.Lookup(s.Type); !ok || s.Key == "" || s.Severity == 0 || s.Title == "" || s.Description == "" || s.Why == "" || s.Occurrence == "" ||
		s.Action.ActionType == "" || s.Resource.ResourceType == "" {
		t.Errorf("an incomplete signal: %+v", s)
	}
}

// types writes what was found as "type role severity count" lines.
func types(rs []*finding.Record) string {
	var b strings.Builder
	for _, r := range rs {
		f := r.Finding
		fmt.Fprintf(&b, "%s %s %v %d\n", f.Type, f.Service.ResourceRole, f.Severity, f.Service.Count)
	}
	return strings.TrimSpace(b.String())
}

func wants(t *testing.T, s *stream, want string) []*finding.Record {
	t.Helper()
	got := s.judge(t, Options{})
	if types(got) != want {
		t.Errorf("found:\n%s\nwant:\n%s", types(got), want)
	}
	return got
}

const (
	eni = "eni-0a"
	me  = "10.0.0.5"
)

func on(d event.FlowDirection) func(*event.Flow) {
	return func(f *event.Flow) { f.Direction = d; f.Has |= event.FlowDirections }
}
func reject(f *event.Flow) { f.Rejected = true }
func noFlags(f *event.Flow) {
	f.Has &^= event.FlowTCPFlags
	f.TCPFlags = 0
}

// TestLists: each category of address has its type, raised by who calls it;
// functions have their own.
func TestLists(t *testing.T) {
	for addr, typ := range map[string]string{
		"198.51.100.243": "Backdoor:EC2/C&CActivity.B ACTOR 8 1", "198.51.100.244": "CryptoCurrency:EC2/BitcoinTool.B ACTOR 8 1",
		"198.51.100.248": "Trojan:EC2/BlackholeTraffic ACTOR 5 1", "198.51.100.249": "Trojan:EC2/DropPoint ACTOR 5 1",
		"198.51.100.246": "UnauthorizedAccess:EC2/TorClient ACTOR 8 1", "198.51.100.247": "UnauthorizedAccess:EC2/TorRelay ACTOR 8 1",
		"198.51.100.242": "UnauthorizedAccess:EC2/MaliciousIPCaller.Custom ACTOR 5 1",
	} {
		s := newStream()
		s.session(0, eni, me+":40000", addr+":443")
		wants(t, s, typ)
		s = newStream()
		s.session(0, "", me+":40000", addr+":443", func(f *event.Flow) {
			f.Function = "arn:aws:lambda:eu-central-1:111122223333:function:shop:1"
			f.Has = basicFields
		})
		got := wants(t, s, strings.Replace(typ, ":EC2/", ":Lambda/", 1))
		if l := got[0].Finding.Resource.LambdaDetails; got[0].Finding.Resource.ResourceType != "Lambda" || l.FunctionName != "shop" {
			t.Errorf("%+v", l)
		}
		s = newStream() // a refused attempt is an attempt
		s.flow(0, eni, me+":40000", addr+":443", 6, 1, 60, 2, reject)
		if got := wants(t, s, typ); !got[0].Finding.Service.Action.NetworkConnectionAction.Blocked {
			t.Error("not blocked")
		}
		s = newStream() // noise
		s.flow(0, eni, addr+":40000", me+":443", 6, 1, 60, 2, reject)
		wants(t, s, "")
		s = newStream() // a listed host that knocks at an open port
		s.session(0, eni, addr+":40000", me+":443")
		want := ""
		if strings.Contains(typ, ".Custom") {
			want = "UnauthorizedAccess:EC2/MaliciousIPCaller.Custom TARGET 5 1"
		}
		wants(t, s, want)
	}
}

func TestTrustedWins(t *testing.T) {
	b := intel.NewBuilder()
	for _, err := range []error{b.Add("198.51.100.0/24", intel.Hit{List: "l", Category: intel.C2}), b.Trust("198.51.100.7")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	s := newStream()
	s.session(0, eni, me+":40000", "198.51.100.7:443")
	if got := s.judge(t, Options{Intel: b.Set()}); len(got) > 0 {
		t.Error(types(got))
	}
}

// TestWhoseSide: the local side is found with and without directions, also
// where both addresses are private; carriers of others' traffic have none.
func TestWhoseSide(t *testing.T) {
	look := func(s *stream) (local string, ok bool) {
		e := New(Options{Intel: intel.Builtin()})
		e.Process(&event.Batch{Events: s.events[:len(s.events)-1]})
		ev := &s.events[len(s.events)-1]
		r := &record{ev: ev, account: e.accountOf(ev.Scope), opts: &e.opts}
		var v view
		ok = r.look(ev.Flow, &v)
		return v.local.String(), ok
	}
	both := func(change ...func(*event.Flow)) *stream {
		s := newStream()
		s.session(0, eni, me+":40000", "10.0.1.9:5432", change...)
		return s
	}
	s := both()
	if l, ok := look(s); !ok || l != me {
		t.Error("two private addresses, and one called:", l, ok)
	}
	s.flow(time.Second, eni, "10.0.2.2:50000", me+":22", 6, 5, 400, 2)
	if l, ok := look(s); !ok || l != me {
		t.Error("not learned:", l, ok)
	}
	s = newStream()
	s.flow(0, eni, "10.0.1.9:5432", me+":40000", 6, 5, 400, 19, on(event.FlowIngress))
	if l, ok := look(s); !ok || l != me {
		t.Error("the direction says it:", l, ok)
	}
	s = newStream() // IPv6, learned
	s.session(0, eni, "[2600::5]:40000", "[2a00::1]:443")
	s.session(0, eni, "[2600::5]:40000", "[2a00::2]:443")
	if l, ok := look(s); !ok || l != "2600::5" {
		t.Error("IPv6:", l, ok)
	}
	s = newStream() // a NAT gateway, by the packets' addresses
	s.fields |= event.FlowPktAddrs
	s.flow(0, eni, "10.0.1.5:40000", "10.0.0.220:443", 6, 5, 500, 2, func(f *event.Flow) {
		f.PktSrc, f.PktDst = netip.MustParseAddr("10.0.1.5"), netip.MustParseAddr("203.0.113.5")
	})
	s.flow(0, eni, "10.0.0.220:40000", "203.0.113.5:443", 6, 5, 500, 2)
	if _, ok := look(s); ok {
		t.Error("a NAT gateway is no instance")
	}
	s = newStream() // a router, by the many addresses
	for i := range 6 {
		s.session(0, eni, fmt.Sprintf("10.0.%d.5:40000", i), fmt.Sprintf("203.0.113.%d:443", i))
	}
	if _, ok := look(s); ok {
		t.Error("a router is no instance")
	}
	s = newStream() // a pod behind its node's interface
	s.fields |= event.FlowPktAddrs
	s.flow(0, eni, me+":40000", "203.0.113.5:443", 6, 5, 500, 2, func(f *event.Flow) { f.PktSrc = netip.MustParseAddr("10.0.0.77") })
	if l, ok := look(s); !ok || l != "10.0.0.77" {
		t.Error("a pod:", l, ok)
	}
}

func TestOpener(t *testing.T) {
	for _, c := range []struct {
		src, dst uint16
		flags    uint8
		want     int
	}{
		{40000, 22, 2, 1}, {22, 40000, 18, -1}, {40000, 22, 0, 1}, {22, 40000, 0, -1}, {8443, 1999, 0, -1}, {2000, 8443, 0, 1},
		{40000, 7777, 0, 1}, {7777, 40000, 0, -1}, {40000, 50000, 0, 0}, {7777, 2000, 0, 0}, {443, 8443, 0, -1}, {40000, 50000, 3, 1}, {22, 25, 0, 0},
	} {
		f := &event.Flow{Has: allFields, Protocol: 6, SrcPort: c.src, DstPort: c.dst, TCPFlags: c.flags}
		if got := opener(f); got != c.want {
			t.Errorf("%d > %d, flags %d: %d, want %d", c.src, c.dst, c.flags, got, c.want)
		}
	}
}

// TestPorts: every line of the table of ports is whole.
func TestPorts(t *testing.T) {
	n := 0
	for line := range strings.Lines(portsTSV) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		n++
	}
	if got := len(ports()); got != n {
		t.Errorf("%d of %d lines are whole and of different ports", got, n)
	}
	m := portMarks()
	if !m[80].tcpOnly || m[443].tcpOnly || !m[6881].peer || m[6881].service || !m[8088].emr || !m[700].service || m[40000].service || portName(22) != "SSH" || portName(1389) != "Unknown" {
		t.Error("wrong marks")
	}
}
