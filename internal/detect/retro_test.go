package detect

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/history"
	"github.com/vedette-project/vedette/internal/intel"
)

// randomFlow is a flow of a few interfaces with a few public peers and each
// other, in any format, direction and state.
func (s *stream) randomFlow(rnd *rand.Rand, i int) {
	n := rnd.IntN(5)
	own := fmt.Sprintf("10.0.0.%d", n+1)
	peer := []string{"203.0.113.7", "203.0.113.8", "198.51.100.3", "10.0.0.77"}[rnd.IntN(4)]
	if rnd.IntN(6) == 0 {
		own, peer = fmt.Sprintf("2001:db8:1::%d", n+1), "2001:db8:2::7"
	}
	ports := []int{443, 22, 40000, 50001, 8080, 3333}
	local, remote := ports[rnd.IntN(len(ports))], ports[rnd.IntN(len(ports))]
	src, dst := endText(own, local), endText(peer, remote)
	out := rnd.IntN(2) == 0
	if !out {
		src, dst = dst, src
	}
	proto := []uint8{6, 6, 6, 17, 1}[rnd.IntN(5)]
	flags := []uint8{2, 18, 3, 19, 24, 4}[rnd.IntN(6)]
	s.flow(time.Duration(i)*97*time.Second, fmt.Sprintf("eni-%d", n), src, dst, proto, 1+rnd.Int64N(9), rnd.Int64N(9000), flags, func(f *event.Flow) {
		if rnd.IntN(2) == 0 {
			f.Has &^= event.FlowTCPFlags
		}
		if rnd.IntN(3) == 0 {
			f.Has |= event.FlowDirections
			f.Direction = event.FlowIngress
			if out {
				f.Direction = event.FlowEgress
			}
		}
		f.Rejected = rnd.IntN(8) == 0
		if rnd.IntN(9) == 0 {
			f.Interface, f.VPC = "", "vpc-1"
		}
		if rnd.IntN(6) == 0 {
			f.Function = "arn:aws:lambda:eu-central-1:111122223333:function:f"
		}
		if rnd.IntN(4) == 0 {
			f.Has |= event.FlowPktAddrs
			f.PktSrc, f.PktDst = f.Src, f.Dst
			if out {
				f.PktSrc = netip.MustParseAddr("10.0.5.9") // a pod
			}
		}
	})
}

func endText(addr string, port int) string {
	return netip.AddrPortFrom(netip.MustParseAddr(addr), uint16(port)).String()
}

var retroLists = []intel.Category{intel.C2, intel.Custom, intel.TorEntry, intel.TorRelay, intel.Cryptocurrency}

// TestFlowsInRetrospectAsLive: whatever flows there were, what lists say of
// their peers is the same when they say it later. What is remembered of a flow
// is found out apart from what the detectors look at, so this compares the two.
func TestFlowsInRetrospectAsLive(t *testing.T) {
	for seed := range uint64(60) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		s := newStream()
		for i := range 300 {
			s.randomFlow(rnd, i)
		}
		b := intel.NewBuilder()
		var told []event.Indicator
		for i, entry := range []string{"203.0.113.7", "198.51.100.0/24", "2001:db8:2::/48"} {
			c := retroLists[(int(seed)+i)%len(retroLists)]
			if err := b.Add(entry, intel.Hit{List: "list", Category: c}); err != nil {
				t.Fatal(err)
			}
			told = append(told, event.Indicator{Category: string(c), Entry: entry, List: "list"})
		}
		want, got := map[string]string{}, map[string]string{}
		live := New(Options{Intel: b.Set()})
		type seen struct {
			n           int64
			first, last time.Time
		}
		all := map[string]*seen{}
		for _, sig := range live.Process(s.batch()).Signals {
			if _, of := sig.Info["threatListName"]; !of {
				continue
			}
			m := all[sig.Identity()]
			if m == nil {
				m = &seen{first: sig.Time, last: sig.Time}
				all[sig.Identity()] = m
			}
			m.n++
			if sig.Time.Before(m.first) {
				m.first = sig.Time
			}
			if sig.Time.After(m.last) {
				m.last = sig.Time
			}
		}
		for id, m := range all {
			want[id] = fmt.Sprintf("%d %s %s", m.n, m.first.Format(time.TimeOnly), m.last.Format(time.TimeOnly))
		}
		for _, c := range inRetrospect(t, s, told, nil) {
			n := int64(0)
			for _, thing := range c.Things {
				for _, d := range thing.Days {
					n += d.Count
				}
			}
			first, last := c.Acts[0].First, time.Time{}
			for _, a := range c.Acts {
				if a.Signal.Time.After(last) {
					last = a.Signal.Time
				}
			}
			got[c.Acts[0].Signal.Identity()] = fmt.Sprintf("%d %s %s", n, first.Format(time.TimeOnly), last.Format(time.TimeOnly))
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("seed %d: live, and in retrospect:\n%s", seed, d)
		}
	}
}

// inRetrospect judges a stream with some lists and then tells entries.
func inRetrospect(t *testing.T, s *stream, told []event.Indicator, lists *intel.Set) []Recalled {
	t.Helper()
	e := New(Options{Durable: true, History: 10_000, Intel: lists})
	sc := s.events[0].Scope
	hours := map[int64]*history.Hour{}
	take := func() {
		runs, err := e.Delta(sc)
		if err != nil {
			t.Fatal(err)
		}
		for _, run := range runs {
			if run.Log != HistoryRuns {
				continue
			}
			if hours[run.Generation] == nil {
				hours[run.Generation] = &history.Hour{}
			}
			if err := hours[run.Generation].Run(run.Data); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range s.events {
		one := *s
		one.events = s.events[i : i+1]
		e.Process(one.batch())
		if i%7 == 0 {
			take()
		}
	}
	take()
	ev := &event.Event{Source: event.Intel, Scope: sc, Time: t0, Indicators: &event.Indicators{List: told}}
	r := e.Recall(sc, []*event.Event{ev}, nil)
	n := 0
	for number, h := range hours {
		if n++; n%2 == 0 {
			r.Hour(number, h)
		} else if err := r.Block(number, h.Encode(10_000)); err != nil {
			t.Fatal(err)
		}
	}
	if sum := r.Summary(); sum.Fault != nil || sum.Faults > 0 || sum.Left > 0 {
		t.Errorf("%+v", sum)
	}
	return r.Claims()
}

// TestGatewaysHaveNoPast: what a gateway carries for others is not its own
// contact, also where that shows only later.
func TestGatewaysHaveNoPast(t *testing.T) {
	s := newStream()
	s.flow(0, "eni-nat", "10.0.0.5:40000", "203.0.113.7:443", 6, 10, 2000, 3)
	for i := range 6 { // more than one machine calls through it
		s.flow(time.Duration(i+1)*time.Second, "eni-nat", fmt.Sprintf("10.0.1.%d:40001", i+1), "203.0.113.7:443", 6, 10, 2000, 3)
	}
	s.session(time.Minute, "eni-1", "10.0.0.9:40002", "203.0.113.7:443")
	got := inRetrospect(t, s, []event.Indicator{{Category: "c2", Entry: "203.0.113.7", List: "l"}}, nil)
	if len(got) != 1 || got[0].Acts[0].Signal.Key != "eni-1|l" {
		t.Errorf("%d findings: %+v", len(got), got)
	}
}

// TestNotToldTwice: what a list said when a record was judged is not said again
// by another list with the same meaning; what only another list says is.
func TestNotToldTwice(t *testing.T) {
	s := newStream()
	s.ask(0, "i-1", "evil.example.org")
	s.session(time.Minute, eni, me+":40000", "203.0.113.7:443")
	b := intel.NewBuilder()
	for _, entry := range []string{"evil.example.org", "203.0.113.7"} {
		if err := b.Add(entry, intel.Hit{List: "old", Category: intel.Custom}); err != nil {
			t.Fatal(err)
		}
	}
	again := []event.Indicator{{Category: "custom", Entry: "evil.example.org", List: "new"}, {Category: "custom", Entry: "203.0.113.7", List: "old"}}
	if got := inRetrospect(t, s, again, b.Set()); len(got) != 0 {
		t.Errorf("told again: %+v", got[0].Acts[0].Signal)
	}
	more := []event.Indicator{{Category: "c2", Entry: "evil.example.org", List: "new"}, {Category: "c2", Entry: "203.0.113.7", List: "new"}}
	if got := inRetrospect(t, s, more, b.Set()); len(got) != 2 {
		t.Errorf("%d findings of another kind", len(got))
	}
}

// TestTightNames: names that one machine makes up are remembered by the domain
// they have in common, and the other machines' contacts stay.
func TestTightNames(t *testing.T) {
	s := newStream()
	for i := range 9000 {
		s.ask(time.Duration(i)*100*time.Millisecond, "i-noisy", fmt.Sprintf("x%d.tunnel.example.org", i))
	}
	s.ask(time.Hour/2, "i-2", "c2.example.net")
	got := inRetrospect(t, s, []event.Indicator{{Category: "c2", Entry: "example.org", List: "l", Below: true}, {Category: "c2", Entry: "c2.example.net", List: "l"}}, nil)
	n := map[string]int64{}
	for _, c := range got {
		for _, thing := range c.Things {
			for _, d := range thing.Days {
				n[c.Acts[0].Signal.Resource.InstanceDetails.InstanceID] += d.Count
			}
		}
	}
	if n["i-2"] != 1 || n["i-noisy"] != 9000 {
		t.Errorf("%v", n)
	}
}

// BenchmarkRemember compares judging with and without remembering, commits of
// 20,000 records included.
func BenchmarkRemember(b *testing.B) {
	flows, inside, queries := newStream(), newStream(), newStream()
	for i := range 20_000 {
		who, own := fmt.Sprintf("eni-%017d", i%200), fmt.Sprintf("10.0.0.%d:40000", i%200+1)
		at := time.Duration(i) * time.Millisecond
		flows.session(at, who, own, fmt.Sprintf("203.0.%d.%d:443", i%25, i*7%200))
		inside.session(at, who, own, fmt.Sprintf("10.1.%d.%d:443", i%25, i*7%200))
		queries.ask(at, fmt.Sprintf("i-%d", i%200), fmt.Sprintf("service-%d.shop.example.org", i%40))
	}
	for _, s := range []struct {
		name string
		*stream
	}{{"flow", flows}, {"inside", inside}, {"query", queries}} {
		for _, limit := range []int{0, 1 << 16} {
			b.Run(fmt.Sprintf("%s/%d", s.name, limit), func(b *testing.B) {
				e := New(Options{Intel: intel.Builtin(), Durable: true, History: limit})
				sc := e.scope(s.events[0].Scope)
				b.ReportAllocs()
				for i := range b.N {
					e.judgeAccount(sc, &s.events[i%len(s.events)])
					if i%20_000 == 19_999 {
						if _, err := e.Delta(sc.self); err != nil {
							b.Fatal(err)
						}
					}
				}
			})
		}
	}
}

// TestRetrospectNamesTheFile: what a list says later names the list's file as
// what it says live does.
func TestRetrospectNamesTheFile(t *testing.T) {
	s := newStream()
	s.ask(0, "i-1", "evil.example.org")
	sum := fmt.Sprintf("%064x", 171)
	got := inRetrospect(t, s, []event.Indicator{{Category: "c2", Entry: "evil.example.org", List: "l", SHA256: sum}}, nil)
	if len(got) != 1 || got[0].Acts[0].Signal.Info["threatListSha256"] != sum {
		t.Errorf("%d findings: %+v", len(got), got)
	}
}
