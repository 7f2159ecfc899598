package detect

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/intel"
)

// office is an account over weeks: groups of machines, each with its ways, in
// subnets of their own. An hour of a connection is one record of each side.
type office struct {
	*stream
	r    *rand.Rand
	at   time.Duration
	hour int
}

func newOffice(seed uint64) *office {
	return &office{stream: newStream(), r: rand.New(rand.NewPCG(seed, 17))}
}

type box struct{ group, n int }

func (b box) eni() string { return fmt.Sprintf("eni-%02d%04d", b.group, b.n) }
func (b box) ip() string  { return fmt.Sprintf("10.%d.%d.%d", b.group, b.n/200, 2+b.n%200) }

func (o *office) in(b box) func(*event.Flow) {
	return func(f *event.Flow) { f.Subnet = fmt.Sprintf("subnet-%02d", b.group) }
}

// calls is a connection of a machine to a host, which sends so much and gets
// an answer.
func (o *office) calls(b box, host string, port int, proto uint8, bytes int64) {
	l, p := fmt.Sprintf("%s:%d", b.ip(), 33000+o.r.IntN(27000)), fmt.Sprintf("%s:%d", host, port)
	at := o.at + time.Duration(o.r.IntN(3500))*time.Second
	flags, back := uint8(3), uint8(19)
	if proto != 6 {
		flags, back = 0, 0
	}
	n := 6 + bytes/1300
	o.flow(at, b.eni(), l, p, proto, n, bytes+n*40, flags, o.in(b))
	o.flow(at, b.eni(), p, l, proto, n/2+4, 5000, back, o.in(b))
}

func (o *office) answers(b box, bytes int64) {
	l, p := b.ip()+":443", fmt.Sprintf("%s:%d", o.anyone(), 1024+o.r.IntN(60000))
	o.flow(o.at, b.eni(), p, l, 6, 20, 2000, 3, o.in(b))
	o.flow(o.at, b.eni(), l, p, 6, 6+bytes/1300, bytes, 19, o.in(b))
}

func (o *office) anyone() string {
	return fmt.Sprintf("%d.%d.%d.%d", 20+o.r.IntN(70), o.r.IntN(256), o.r.IntN(256), 1+o.r.IntN(250))
}

// cloud is one of the many addresses of the provider's services.
func (o *office) cloud() string {
	return fmt.Sprintf("52.%d.%d.%d", 200+o.r.IntN(12), o.r.IntN(256), 1+o.r.IntN(250))
}

// vendor is one of the services that everybody uses, some more than others.
func (o *office) vendor(n int) string {
	k := int(float64(n) * o.r.Float64() * o.r.Float64())
	return fmt.Sprintf("%d.%d.7.%d", 130+k%40, 10+k, 1+o.r.IntN(6))
}

// some is an amount of bytes around one, with a long tail.
func (o *office) some(middle float64) int64 {
	x := middle
	for range 3 {
		x *= 0.4 + 1.2*o.r.Float64()
	}
	if o.r.IntN(50) == 0 {
		x *= 6
	}
	return int64(x)
}

const (
	webBoxes, workBoxes, nodeBoxes, relayBoxes, crawlBoxes, backupBoxes, buildBoxes, pollBoxes, batchBoxes = 0, 1, 2, 3, 4, 5, 6, 7, 8
)

// steady is an hour of everybody.
func (o *office) steady() {
	r, day, clock := o.r, o.hour/24, o.hour%24
	o.at = time.Duration(o.hour) * time.Hour
	scaled := day * 2 // machines of the day: old ones are gone
	for i := range 8 {
		b := box{webBoxes, scaled + i}
		if i < 4 {
			b.n = i
		}
		for range 3 {
			o.answers(b, o.some(200_000))
		}
		o.calls(b, o.cloud(), 443, 6, o.some(30_000))
		o.calls(b, o.vendor(12), 443, 6, o.some(20_000))
		o.calls(b, "169.254.169.123", 123, 17, 76)
	}
	for i := range 10 {
		b := box{workBoxes, i}
		if i >= 7 {
			b.n += scaled
		}
		o.calls(b, o.vendor(25), 443, 6, o.some(60_000))
		o.calls(b, o.cloud(), 443, 6, o.some(900_000))
		o.calls(b, "140.20.3.4", 6379, 6, o.some(40_000))
		if day >= 15 { // a deployment: everybody begins in one hour
			o.calls(b, fmt.Sprintf("185.40.2.%d", 1+r.IntN(9)), 9092, 6, o.some(300_000))
		}
	}
	for i := range 10 {
		b := box{nodeBoxes, i}
		for range 3 {
			o.calls(b, o.vendor(60), 443, 6, o.some(80_000))
		}
		o.calls(b, o.cloud(), []int{443, 443, 443, 80}[r.IntN(4)], 6, o.some(400_000))
		if r.IntN(24*12) == 0 { // a pod of another sort lands here
			o.calls(b, o.vendor(60), []int{5671, 8883, 27017, 9243, 8086, 6380, 4317, 22}[r.IntN(8)], 6, 30_000)
		}
	}
	relay := box{relayBoxes, 0}
	for range 6 {
		o.calls(relay, o.anyone(), 25, 6, o.some(60_000))
	}
	o.calls(relay, "131.12.7.1", 587, 6, 9000)
	for i := range 2 {
		for range 8 {
			o.calls(box{crawlBoxes, i}, o.anyone(), []int{443, 443, 443, 80, 8443, 8080, 8000 + r.IntN(500)}[r.IntN(7)], 6, 2000)
		}
	}
	for i := range 2 {
		b := box{backupBoxes, i}
		o.calls(b, o.cloud(), 443, 6, 20_000)
		if clock == 2 {
			n := int64(40<<30 + r.Int64N(30<<30))
			if day%30 == 25 { // the end of the month
				n *= 4
			}
			o.calls(b, o.cloud(), 443, 6, n)
		}
	}
	for i := range 3 {
		b := box{buildBoxes, i}
		if clock < 7 || day%7 > 4 {
			continue
		}
		o.calls(b, "140.82.7.3", 22, 6, o.some(50_000))
		o.calls(b, o.vendor(90), 443, 6, o.some(200_000))
		o.calls(b, o.anyone(), []int{80, 443, 9418, 11371, 8081, 5000}[r.IntN(6)], 6, 9000)
		if r.IntN(20) == 0 { // a release is pushed
			o.calls(b, o.cloud(), 443, 6, o.some(900<<20))
		}
	}
	for i := range 5 {
		o.calls(box{pollBoxes, 0}, fmt.Sprintf("133.7.%d.9", i), []int{443, 9100, 161, 123, 22}[i], []uint8{6, 6, 17, 17, 6}[i], 900)
	}
	if clock == 4 {
		n := o.some(30 << 20)
		if day%30 == 27 { // all of the month, to the partner who gets every day's
			n *= 40
		}
		o.calls(box{batchBoxes, 0}, "146.9.9.9", 22, 6, n)
		o.calls(box{batchBoxes, 0}, o.cloud(), 443, 6, 9000)
	}
}

// run judges so many days, and returns what was found in hours past a day.
func (o *office) run(t testing.TB, e *Engine, from, to int, act func(hour int)) []*finding.Signal {
	var out []*finding.Signal
	for o.hour = from; o.hour < to; o.hour++ {
		o.events = o.events[:0]
		o.steady()
		if act != nil {
			act(o.hour)
		}
		r := e.Process(o.batch())
		for _, err := range r.Faults {
			t.Fatal(err)
		}
		for _, s := range r.Signals {
			complete(t, s)
			out = append(out, s)
		}
	}
	return out
}

// TestOfficeIsUsual: five weeks of an account with deployments, machines of a
// day, backups, month ends and pollers raise next to nothing.
func TestOfficeIsUsual(t *testing.T) {
	const weeks = 5
	incidents, days := map[string]string{}, 0
	seeds := uint64(2)
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		o := newOffice(seed)
		for _, s := range o.run(t, New(Options{Intel: intel.Builtin()}), 0, weeks*7*24, nil) {
			incidents[fmt.Sprint(seed, s.Identity())] = s.Time.Format("2006-01-02 15h ") + s.Type + ": " + s.Description + " (" + s.Why + ")"
		}
		days += (weeks - 1) * 7 * 38
	}
	for _, why := range incidents {
		t.Log(why)
	}
	// Of the deployment, whose port and peer nobody had called, so many are due.
	more := len(incidents) - int(seeds)*rollout
	t.Logf("%d incidents in %d days of machines, %d of them not of the deployment", len(incidents), days, more)
	if more*1000 > days {
		t.Errorf("%d incidents in %d days of machines: more than one in a thousand", more, days)
	}
}

// TestOfficeUnderAttack: what does not belong in the same account is found.
func TestOfficeUnderAttack(t *testing.T) {
	type attack struct {
		name string
		who  box
		typ  string
		act  func(o *office, b box)
	}
	port := func(host string, port int, proto uint8) func(o *office, b box) {
		return func(o *office, b box) { o.calls(b, host, port, proto, 4000) }
	}
	sends := func(host string, bytes int64, parts int) func(o *office, b box) {
		return func(o *office, b box) {
			for range parts {
				o.calls(b, host, 443, 6, bytes/int64(parts))
			}
		}
	}
	const portType, volumeType = "Behavior:EC2/NetworkPortUnusual", "Behavior:EC2/TrafficVolumeUnusual"
	attacks := []attack{
		{"a shell calls back", box{webBoxes, 1}, portType, port("45.11.1.1", 4444, 6)},
		{"log4j", box{webBoxes, 2}, portType, port("45.12.1.1", 1389, 6)},
		{"IRC", box{workBoxes, 1}, portType, port("45.13.1.1", 6667, 6)},
		{"a team server", box{nodeBoxes, 3}, portType, port("45.14.1.1", 50050, 6)},
		{"a shell on the backup server", box{backupBoxes, 0}, portType, port("45.15.1.1", 9001, 6)},
		{"a tunnel", box{workBoxes, 2}, portType, port("45.16.1.1", 51820, 17)},
		{"SSH from a web server", box{webBoxes, 0}, portType, port("45.17.1.1", 2222, 6)},
		{"a shell on the poller", box{pollBoxes, 0}, portType, port("45.18.1.1", 8888, 6)},
		{"a miner", box{nodeBoxes, 5}, portType, port("45.19.1.1", 3333, 6)},
		{"5 GB", box{workBoxes, 3}, volumeType, sends("45.21.2.1", 5<<30, 1)},
		{"1 GB of a web server", box{webBoxes, 3}, volumeType, sends("45.22.2.1", 1<<30, 3)},
		{"1 GB in requests of 40 KB", box{workBoxes, 4}, volumeType, sends("45.23.2.1", 1<<30, 25_000)},
		{"2 GB of a node", box{nodeBoxes, 6}, volumeType, sends("45.24.2.1", 2<<30, 5)},
		{"500 MB of the poller", box{pollBoxes, 0}, volumeType, sends("45.25.2.1", 500<<20, 5)},
		{"20 GB of a partner's batch", box{batchBoxes, 0}, volumeType, sends("45.26.2.1", 20<<30, 2)},
		{"500 GB of the backup server", box{backupBoxes, 1}, volumeType, sends("45.27.2.1", 500<<30, 9)},
	}
	found := 0
	o, e := newOffice(99), New(Options{Intel: intel.Builtin()})
	at := func(i int) int { return 12*24 + 9 + i*7 }
	got := o.run(t, e, 0, at(len(attacks)), func(hour int) {
		for i, a := range attacks {
			if hour == at(i) {
				a.act(o, a.who)
			}
		}
	})
	for i, a := range attacks {
		hit := false
		for _, s := range got {
			hit = hit || s.Type == a.typ && s.Action.NetworkConnectionAction.LocalNetworkInterface == a.who.eni() && s.Time.Sub(t0.Add(time.Duration(at(i))*time.Hour)).Abs() <= time.Hour
		}
		if hit {
			found++
		} else {
			t.Logf("not found: %s", a.name)
		}
	}
	more := map[string]bool{}
	for _, s := range got {
		if !strings.HasPrefix(s.Action.NetworkConnectionAction.RemoteIPDetails.IPAddressV4, "45.") {
			if !more[s.Identity()] {
				t.Logf("found, too: %s: %s", s.Type, s.Description)
			}
			more[s.Identity()] = true
		}
	}
	if t.Logf("%d of %d", found, len(attacks)); found < 15 {
		t.Errorf("only %d of %d attacks found", found, len(attacks))
	}
}
