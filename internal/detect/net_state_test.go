package detect

import (
	"fmt"
	"net/netip"
	"reflect"
	"runtime"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/intel"
)

// everything is a stream in which most types of network findings are raised.
func everything() *stream {
	s := known()
	s.session(0, eni, me+":40000", "198.51.100.243:443")
	s.probes(30, time.Second, portsOn(victim))
	s.probes(30, time.Second, hostOn(23))
	s.login(60, time.Second, victim, me+":22")
	s.login(30, time.Second, me, victim+":3389")
	for i := range 5 {
		s.flow(time.Duration(i+1)*time.Minute, eni, me+":50000", victim+":4444", 17, 700_000, 70_000_000, 0, minute)
		s.ask(time.Duration(i)*time.Minute, "i-1", "guarddutyc2activityb.com")
	}
	names(s, 90, "%s.t.example.org", 60)
	for i := range 9 {
		s.session(25*time.Hour, eni, fmt.Sprintf("%s:%d", me, 42000+i), hostOn(25)(i))
		s.flow(25*time.Hour, eni, me+":42000", "8.8.8.8:53", 17, 2, 120, 0)
	}
	return s
}

// TestFlowRestore: an engine that is stopped after any record, and another that
// goes on from what it saved, find the same.
func TestFlowRestore(t *testing.T) {
	s := everything()
	o := Options{Intel: intel.Builtin(), Durable: true}
	scope := s.events[0].Scope
	whole := New(o).Process(s.batch()).Signals
	if len(whole) < 10 {
		t.Fatalf("only %d signals", len(whole))
	}
	one := func(e *Engine, i int) []*finding.Signal {
		return e.Process(&event.Batch{Stream: "flows", Events: s.events[i : i+1]}).Signals
	}
	e := New(o)
	var got []*finding.Signal
	var runs []Run
	for i := range s.events {
		got = append(got, one(e, i)...)
		if i%7 != 0 && i%11 != 0 {
			continue
		}
		delta, err := e.Delta(scope)
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, delta...)
		if i%11 == 0 {
			e = New(o)
			for _, run := range runs {
				if err := e.RestoreRun(scope, run); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if len(got) != len(whole) {
		t.Fatalf("%d signals, %d without stops", len(got), len(whole))
	}
	for i := range got {
		if !reflect.DeepEqual(got[i], whole[i]) {
			t.Errorf("signal %d:\n%+v\n%+v", i, got[i], whole[i])
		}
	}
}

// TestBoundedByAttackers: a million addresses that talk to, scan and log in to
// machines change how much is remembered only up to the bounds.
func TestBoundedByAttackers(t *testing.T) {
	if testing.Short() {
		t.Skip("a million records")
	}
	e := New(Options{Intel: intel.Builtin(), Durable: true})
	var s *stream
	for i := range 1_000_000 {
		if i%10_000 == 0 {
			if s != nil {
				e.Process(s.batch())
				if _, err := e.Delta(s.events[0].Scope); err != nil {
					t.Fatal(err)
				}
			}
			n := 0
			if s != nil {
				n = s.n
			}
			s = newStream()
			s.n = n
		}
		at := time.Duration(i) * 10 * time.Millisecond
		who := netip.AddrFrom4([4]byte{byte(20 + i>>24), byte(i >> 16), byte(i >> 8), byte(i)}).String()
		switch i % 5 {
		case 0:
			s.flow(at, eni, who+":40000", me+":22", 6, 14, 2300, 3)
		case 1:
			s.flow(at, fmt.Sprintf("eni-%d", i%300_000), me+":40000", who+":23", 6, 1, 60, 2)
		case 2:
			s.flow(at, eni, who+":40000", me+":443", 6, 14, 2300, 3)
		case 3:
			s.flow(at, eni, me+":40000", who+":4444", 17, 1, 60, 0)
		case 4:
			s.ask(at, fmt.Sprintf("i-%d", i), fmt.Sprintf("a-long-name-%d.example%d.org", i, i%100_000))
		}
	}
	a := e.accountOf(event.Scope{Account: "111122223333", Region: "eu-central-1"})
	s.events = nil
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	if t.Logf("%d MiB in use", m.HeapAlloc>>20); m.HeapAlloc > 512<<20 {
		t.Errorf("%d MiB in use", m.HeapAlloc>>20)
	}
	for name, size := range map[string][2]int{
		"endpoints": {a.net.endpoints.len(), maxEndpoints}, "contacts": {a.net.contacts.len(), maxOdd}, "logins": {a.net.logins.len(), maxLogins},
		"habits": {a.net.habits.len(), maxHabits}, "tunnels": {a.dns.tunnels.len(), maxTunnels}, "askers": {a.dns.askers.len(), maxTunnels},
	} {
		t.Logf("%s: %d rows", name, size[0])
		if size[0] > size[1] {
			t.Errorf("%s: %d rows, the bound is %d", name, size[0], size[1])
		}
	}
	list := a.net.endpoints.get(eni)
	if len(list.floods) > maxFloods || len(a.net.contacts.get(eni+"x").listOrNil()) > maxContacts {
		t.Error("a row grew")
	}
}

func (l *contacts) listOrNil() []contact {
	if l == nil {
		return nil
	}
	return l.list
}

// TestOddTimes: records from the future, of the year 1, out of order and
// without numbers break nothing.
func TestOddTimes(t *testing.T) {
	s := everything()
	for _, at := range []time.Time{{}, time.Unix(0, 0), time.Unix(253402300799, 0), t0.AddDate(100, 0, 0), time.Unix(1<<40, 0)} {
		for i, p := range []uint8{0, 1, 6, 17, 255} {
			for _, ports := range [][2]uint16{{0, 0}, {0, 22}, {65535, 25}, {25, 0}, {53, 53}} {
				f := &event.Flow{Has: s.fields, Interface: eni, Src: netip.MustParseAddr(me), Dst: netip.MustParseAddr("8.8.8.8"), SrcPort: ports[0], DstPort: ports[1],
					Protocol: p, Packets: -1 << 63, Bytes: 1<<63 - 1, Start: at, End: at.Add(-time.Duration(i) * time.Hour)}
				s.add(event.Event{Source: event.VPCFlow, Time: at, Flow: f})
			}
		}
		s.ask(at.Sub(t0), "", "")
		s.ask(at.Sub(t0), "", ".")
	}
	s.judge(t, Options{})
}

// TestOutOfOrder: records of a quarter of an hour in any order find the same
// types of incidents.
func TestOutOfOrder(t *testing.T) {
	s := known()
	s.probes(30, time.Second, portsOn(victim))
	s.probes(30, time.Second, hostOn(23))
	s.login(30, 2*time.Second, victim, me+":22")
	late := s.events[4:]
	for i := range late { // as several files at once
		j := (i * 7919) % len(late)
		late[i], late[j] = late[j], late[i]
	}
	found := map[string]bool{}
	for _, r := range s.judge(t, Options{}) {
		found[r.Finding.Type] = true
	}
	for _, typ := range []string{"Recon:EC2/Portscan", "Impact:EC2/PortSweep", "UnauthorizedAccess:EC2/SSHBruteForce"} {
		if !found[typ] {
			t.Errorf("no %s", typ)
		}
	}
}

func FuzzJudgeFlow(f *testing.F) {
	f.Add([]byte{10, 0, 0, 5, 8, 8, 8, 8, 160, 0, 0, 22, 6, 1, 60, 2, 0}, int64(1767323045), uint16(0xffff))
	f.Fuzz(func(t *testing.T, b []byte, at int64, has uint16) {
		e := New(Options{Intel: intel.Builtin()})
		s := newStream()
		for len(b) >= 17 {
			x := b[:17]
			b = b[17:]
			fl := &event.Flow{Has: event.FlowFields(has), Src: netip.AddrFrom4([4]byte(x[0:4])), Dst: netip.AddrFrom4([4]byte(x[4:8])),
				SrcPort: uint16(x[8])<<8 | uint16(x[9]), DstPort: uint16(x[10])<<8 | uint16(x[11]), Protocol: x[12],
				Packets: int64(x[13]) << (x[16] & 63), Bytes: int64(x[14]) << (x[16] >> 2), TCPFlags: x[15], Rejected: x[16]&1 != 0,
				Direction: event.FlowDirection(x[16] >> 1 & 3), Interface: []string{"", "eni-1", "eni-2"}[x[16]%3], Start: time.Unix(at, 0), End: time.Unix(at+int64(x[14]), 0)}
			if x[16]&32 != 0 {
				fl.PktSrc, fl.PktDst = fl.Dst, fl.Src
			}
			if x[16]&64 != 0 {
				fl.Function = "f"
			}
			at += int64(x[13]) - 100
			s.add(event.Event{Source: event.VPCFlow, Time: fl.Start, Flow: fl})
		}
		recordsOf(t, e.Process(s.batch()))
	})
}

func FuzzJudgeQuery(f *testing.F) {
	f.Add("a.example.org", `[{"Rdata":"169.254.169.254","Type":"A"}]`, "i-1", int64(1767323045))
	f.Add("guarddutyc2activityb.com", `[{"Rdata":"::ffff:a9fe:a9fe","Type":"AAAA"}]`, "", int64(0))
	f.Add("..co.uk", `[[]]`, "x", int64(-1))
	f.Fuzz(func(t *testing.T, name, answers, who string, at int64) {
		e := New(Options{Intel: intel.Builtin()})
		s := newStream()
		for i := range 40 {
			n := name
			if i > 0 {
				n = fmt.Sprint(i, name, ".", name)
			}
			s.add(event.Event{Source: event.DNS, Time: time.Unix(at%(1<<40)+int64(i), 0), Query: &event.Query{Name: n, Instance: who, AnswersJSON: []byte(answers)}})
		}
		recordsOf(t, e.Process(s.batch()))
	})
}

// BenchmarkJudge: what an ordinary record costs its detectors.
func BenchmarkJudge(b *testing.B) {
	benign := func(fields event.FlowFields, rejected bool) *stream {
		s := newStream()
		s.fields = fields
		for i := range 512 {
			who := fmt.Sprintf("eni-%017d", i)
			own := fmt.Sprintf("10.0.%d.%d", i/200, i%200+1)
			if rejected {
				s.flow(time.Duration(i)*time.Millisecond, who, fmt.Sprintf("203.0.113.%d:40000", i%250), own+":23", 6, 1, 60, 2, reject)
				continue
			}
			s.session(time.Duration(i)*time.Millisecond, who, own+":40000", fmt.Sprintf("203.0.113.%d:443", i%250), func(f *event.Flow) {
				if f.Has&event.FlowPktAddrs != 0 {
					f.PktSrc, f.PktDst = f.Src, f.Dst
				}
			})
		}
		return s
	}
	queries := newStream()
	for i := range 512 {
		queries.ask(0, "i-1", fmt.Sprintf("service-%d.eu-central-1.shop.example.org", i%5), answer("10.0.0.9", "A"))
		queries.ask(0, "i-1", "d111111abcdef8.cloudfront.net", answer("203.0.113.7", "A"))
	}
	for name, s := range map[string]*stream{
		"flow": benign(basicFields, false), "flow-all-fields": benign(allFields&^event.FlowDirections, false), "rejected": benign(basicFields, true), "query": queries,
	} {
		b.Run(name, func(b *testing.B) {
			e := New(Options{Intel: intel.Builtin()})
			e.Process(s.batch())
			r := &record{account: e.accountOf(s.events[0].Scope), opts: &e.opts}
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				ev := &s.events[i%len(s.events)]
				r.ev = ev
				if ev.Flow != nil {
					r.judgeFlow(ev.Flow)
				} else {
					r.judgeQuery(ev.Query)
				}
			}
			if len(r.out) > 0 {
				b.Fatal("findings")
			}
		})
	}
}
