package detect

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/intel"
)

// calling is a machine that calls a host again and again for some hours, a day
// and a half after its account was first seen, with gaps so far off the middle.
func calling(s *stream, r *rand.Rand, who, host string, period time.Duration, jitter float64, hours int, bytes func() int64) {
	at := 36 * time.Hour
	for i := 0; at < time.Duration(36+hours)*time.Hour; i++ {
		s.flow(at, who, fmt.Sprintf("%s:%d", me, 33000+i%20000), host, 6, 8, bytes(), 3)
		at += time.Duration(float64(period) * (1 + jitter*(2*r.Float64()-1)))
	}
}

func settled() *stream {
	s := newStream()
	for h := range 36 {
		s.session(time.Duration(h)*time.Hour, eni, me+":40000", "203.0.113.80:443")
	}
	return s
}

func hintsOf(t *testing.T, s *stream) []Hint {
	t.Helper()
	e := New(Options{Intel: intel.Builtin()})
	r := e.Process(s.batch())
	for _, f := range r.Signals {
		t.Errorf("a finding: %s: %s", f.Type, f.Description)
	}
	return r.Hints
}

// TestBeacon: what calls a rare host at regular times is a hint, and no finding; what people and busy machines do is not.
func TestBeacon(t *testing.T) {
	same := func() int64 { return 812 }
	for _, c := range []struct {
		name   string
		period time.Duration
		jitter float64
		hours  int
		want   bool
	}{
		{"every minute", time.Minute, 0.3, 8, true},
		{"every five minutes", 5 * time.Minute, 0.2, 8, true},
		{"every half an hour", 30 * time.Minute, 0.1, 30, true},
		{"for too short a time", time.Minute, 0.1, 4, false},
	} {
		s := settled()
		calling(s, rand.New(rand.NewPCG(1, 2)), eni, "198.51.100.20:443", c.period, c.jitter, c.hours, same)
		got := hintsOf(t, s)
		if (len(got) > 0) != c.want {
			t.Errorf("%s: %+v", c.name, got)
		}
		for _, w := range got {
			if w.Name != HintRegularCalls || !strings.Contains(w.What, "198.51.100.20:443 every ") || w.Record == "" || w.Event.Flow.Interface != eni {
				t.Errorf("%s: %+v", c.name, w)
			}
		}
	}
	s, r := settled(), rand.New(rand.NewPCG(3, 4))
	at := 36 * time.Hour
	for i := range 400 { // somebody who reads: pages at once, then nothing
		s.flow(at, eni, fmt.Sprintf("%s:%d", me, 33000+i), "198.51.100.21:443", 6, 9, 400+int64(r.IntN(9000)), 3)
		at += time.Duration(r.ExpFloat64()*r.ExpFloat64()*150) * time.Second
	}
	for i := range 300 { // one connection that stays open, in a record a minute
		s.flow(36*time.Hour+time.Duration(i)*2*time.Minute, eni, me+":39999", "198.51.100.22:443", 6, 4, 300, 0)
	}
	if got := hintsOf(t, s); len(got) > 0 {
		t.Errorf("people and open connections: %+v", got)
	}
	s = settled()
	for m := range 5 { // a service that five machines poll
		who, own := fmt.Sprintf("eni-p%d", m), fmt.Sprintf("10.0.7.%d", m+1)
		for i := range 500 {
			s.flow(36*time.Hour+time.Duration(i)*time.Minute, who, fmt.Sprintf("%s:%d", own, 33000+i), "198.51.100.23:443", 6, 8, 700, 3)
		}
	}
	for _, h := range hintsOf(t, s) {
		if h.Event.Flow.Interface == "eni-p4" {
			t.Errorf("a service that many poll: %+v", h)
		}
	}
}

// TestBeaconStrengthens: a finding on a listed host says that it is called at
// regular times, from the first hour of an account on.
func TestBeaconStrengthens(t *testing.T) {
	s, r := newStream(), rand.New(rand.NewPCG(1, 2))
	for i := range 500 {
		at := time.Duration(i)*time.Minute + time.Duration(r.IntN(4))*time.Second
		s.flow(at, eni, fmt.Sprintf("%s:%d", me, 33000+i), "198.51.100.243:443", 6, 8, 812, 3)
	}
	got := s.judge(t, Options{})
	if types(got) != "Backdoor:EC2/C&CActivity.B ACTOR 8 500" {
		t.Fatal(types(got))
	}
	if why := got[0].Merge.Why; !strings.Contains(why, "every 60 s ± 3 %, for 8 hours") && !strings.Contains(why, "every 60 s ± 2 %, for 8 hours") {
		t.Error(why)
	}
}

// TestUsualRestore: an engine that is stopped after any record, late in a week
// in which much was learned, finds what one that goes on finds.
func TestUsualRestore(t *testing.T) {
	o := newOffice(3)
	for o.hour = range 8 * 24 {
		o.steady()
	}
	past := len(o.events)
	o.at = time.Duration(o.hour) * time.Hour
	o.calls(box{webBoxes, 1}, "45.11.1.1", 4444, 6, 4000)
	for range 6 {
		o.calls(box{workBoxes, 1}, "45.12.1.1", 443, 6, 300<<20)
	}
	calling(o.stream, o.r, box{pollBoxes, 0}.eni(), "198.51.100.243:443", time.Minute, 0, 1, func() int64 { return 812 })
	o.steady()
	opts := Options{Intel: intel.Builtin(), Durable: true}
	scope := o.events[0].Scope
	whole := New(opts).Process(o.batch()).Signals
	kinds := map[string]bool{}
	for _, s := range whole {
		kinds[s.Type] = true
	}
	if !kinds["Behavior:EC2/NetworkPortUnusual"] || !kinds["Behavior:EC2/TrafficVolumeUnusual"] {
		t.Fatalf("%d signals of the types %v", len(whole), kinds)
	}
	var runs []Run
	save := func(e *Engine) {
		delta, err := e.Delta(scope)
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, delta...)
	}
	e := New(opts)
	got := e.Process(&event.Batch{Stream: "flows", Events: o.events[:past]}).Signals
	save(e)
	for i := past; i < len(o.events); i++ {
		if i%5 == 0 {
			save(e)
			e = New(opts)
			for _, run := range runs {
				if err := e.RestoreRun(scope, run); err != nil {
					t.Fatal(err)
				}
			}
		}
		got = append(got, e.Process(&event.Batch{Stream: "flows", Events: o.events[i : i+1]}).Signals...)
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

// TestUsualRows: rows of the tables come back as they were, and a row that was
// cut or grown is an error.
func TestUsualRows(t *testing.T) {
	o, e := newOffice(5), New(Options{Intel: intel.Builtin()})
	o.run(t, e, 0, 9*24, func(hour int) {
		if hour == 8*24 {
			o.calls(box{webBoxes, 1}, "45.11.1.1", 4444, 6, 4000)
			o.calls(box{workBoxes, 1}, "45.12.1.1", 443, 6, 3<<30)
		}
	})
	n := e.accountOf(event.Scope{Account: "111122223333", Region: "eu-central-1"}).net
	rows(t, n.usages)
	rows(t, n.usual)
	rows(t, n.sent)
	rows(t, n.rhythms)
	rows(t, n.age)
}

func rows[V any](t *testing.T, table *table[V]) {
	t.Helper()
	if table.len() == 0 {
		t.Errorf("%s: nothing in it", table.name())
	}
	for key, row := range table.rows {
		b, err := encodeValue(&row.value)
		if err != nil {
			t.Fatal(err)
		}
		var back, bad V
		if err := decodeValue(b, &back); err != nil || !reflect.DeepEqual(back, row.value) {
			t.Fatalf("%s of %q: %v\n%+v\n%+v", table.name(), key, err, back, row.value)
		}
		if decodeValue(b[:len(b)-1], &bad) == nil || decodeValue(append(b, 0), &bad) == nil {
			t.Fatalf("%s of %q: a row that was cut or grown is read", table.name(), key)
		}
	}
}

// TestNoHabitOfAnAttack: what raised a finding is no habit the day after, even
// if it goes on; a week later it is.
func TestNoHabitOfAnAttack(t *testing.T) {
	o, e := newOffice(7), New(Options{Intel: intel.Builtin()})
	found := map[int]bool{}
	for _, s := range o.run(t, e, 0, 18*24, func(hour int) {
		if hour >= 8*24 && hour%6 == 0 {
			o.calls(box{webBoxes, 1}, "45.11.1.1", 4444, 6, 4000)
		}
	}) {
		if s.Type == "Behavior:EC2/NetworkPortUnusual" && s.Action.NetworkConnectionAction.RemotePortDetails.Port == 4444 {
			found[int(s.Time.Sub(t0)/day)] = true
		}
	}
	for d, want := range map[int]bool{8: true, 10: true, 13: true, 16: false, 17: false} {
		if found[d] != want {
			t.Errorf("day %d: %v", d, found[d])
		}
	}
}

// TestUsualBounded: machines, hosts and ports without end change how much is
// remembered only up to the bounds.
func TestUsualBounded(t *testing.T) {
	e := New(Options{Intel: intel.Builtin()})
	s := newStream()
	for i := range 120_000 {
		at := time.Duration(i) * 10 * time.Second
		host := fmt.Sprintf("%d.%d.%d.%d:%d", 20+i%90, i/7%256, i/11%256, 1+i%250, 1024+i%20000)
		s.flow(at, eni, fmt.Sprintf("%s:%d", me, 33000+i%27000), host, 6, 900, 1<<20, 3)
		if i%10_000 == 9_999 {
			e.Process(s.batch())
			s.events = s.events[:0]
		}
	}
	n := e.accountOf(event.Scope{Account: "111122223333", Region: "eu-central-1"}).net
	u := n.usages.get(eni)
	if len(u.ports.list) > maxUsedPorts || len(u.nets.list) > maxUsedNets || n.sent.len() > maxSent || n.rhythms.len() > maxRhythms || n.usual.len() > maxUsual {
		t.Errorf("%d ports, %d networks, %d pairs, %d rhythms, %d tallies", len(u.ports.list), len(u.nets.list), n.sent.len(), n.rhythms.len(), n.usual.len())
	}
	b, err := u.MarshalBinary()
	if err != nil || len(b) > 3000 {
		t.Errorf("%d bytes of one machine, %v", len(b), err)
	}
	var worst rhythm
	worst.n, worst.first, worst.last = 99, 1<<33, 1<<33+1<<20
	for i := range worst.gaps {
		worst.gaps[i], worst.amount[i] = 1<<14-1, 1<<14-1
	}
	if b, err := worst.MarshalBinary(); err != nil || len(b) > 160 {
		t.Errorf("%d bytes of a rhythm, %v", len(b), err)
	}
}

// TestUsualTrusts: what the operator trusts is nothing unusual.
func TestUsualTrusts(t *testing.T) {
	for _, c := range []struct {
		trusted []string
		want    int
	}{{nil, 2}, {[]string{"45.11.1.1", "45.12.1.1"}, 0}} {
		o, e := newOffice(5), New(Options{Intel: setOf(t, nil, c.trusted...)})
		types := map[string]bool{}
		for _, s := range o.run(t, e, 0, 9*24, func(hour int) {
			if hour == 8*24 {
				o.calls(box{webBoxes, 1}, "45.11.1.1", 4444, 6, 4000)
				o.calls(box{workBoxes, 1}, "45.12.1.1", 443, 6, 3<<30)
			}
		}) {
			types[s.Type] = true
		}
		if len(types) != c.want {
			t.Errorf("trusting %v: %v", c.trusted, types)
		}
	}
}

// FuzzUsualRows: whatever bytes a log has, a row is read or an error.
func FuzzUsualRows(f *testing.F) {
	u := usage{sizes: make([]sizes, sizeClasses)}
	u.ports.note(6<<16|443, 9, learnedValue, 4)
	b, _ := u.MarshalBinary()
	f.Add(b)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, v := range []interface{ UnmarshalBinary([]byte) error }{&usage{}, &tally{}, &sent{}, &rhythm{}, &accountAge{}} {
			_ = v.UnmarshalBinary(b)
		}
	})
}
