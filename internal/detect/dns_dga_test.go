package detect

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/anomaly/dga"
	malware "github.com/vedette-project/vedette/internal/anomaly/dga/families"
	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/intel"
)

const generatedType = "Trojan:EC2/DGADomainRequest.B"

// ordinaryNames are domains of public lists that the model was not trained with.
func ordinaryNames(t testing.TB) []string {
	t.Helper()
	f, err := os.Open("../../hack/dgatrain/benign.txt.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for lines := bufio.NewScanner(z); lines.Scan(); {
		text := lines.Text()
		h := fnv.New32a()
		h.Write([]byte(text[1:]))
		if text[0] != '#' && h.Sum32()>>8%4 == 0 {
			out = append(out, text[1:]+".net")
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// asking judges questions one after the other, without anything but drawn names.
type asking struct {
	draws  *draws
	places places
	set    *intel.Set
}

func newAsking() *asking { return &asking{draws: newDraws("test"), set: intel.Builtin()} }

func (a *asking) ask(at time.Time, who, name string, missing bool) *dnsVerdict {
	q := &dnsQuestion{name: name, typ: "A", rcode: "NOERROR", time: at, asker: dnsAsker{id: who}}
	if missing {
		q.rcode = "NXDOMAIN"
	}
	return a.draws.judge(a.set, &a.places, q)
}

// TestFamiliesAreFound: a machine that asks for the names of a family, of which
// 95 in 100 do not exist, and for an ordinary one after every four, is found.
func TestFamiliesAreFound(t *testing.T) {
	benign := ordinaryNames(t)
	const runs = 20
	var plain []int
	for _, f := range malware.All() {
		labels := f.Draw(50 * runs)
		var took []int
		for run := range runs {
			r, a, n := rand.New(rand.NewPCG(7, uint64(run))), newAsking(), 0
			for i, label := range labels[run*50 : (run+1)*50] {
				if i%4 == 0 {
					a.ask(t0, "i-1", benign[(run*50+i)%len(benign)], r.IntN(20) == 0)
				}
				if n++; a.ask(t0.Add(time.Duration(i)*time.Second), "i-1", label+".info", r.IntN(20) > 0) != nil {
					took = append(took, n)
					break
				}
			}
		}
		slices.Sort(took)
		found := float64(len(took)) / runs
		median := 0
		if len(took) > 0 {
			median = took[len(took)/2]
		}
		t.Logf("%-18s found %.2f, median %d names", f.Name, found, median)
		if f.Words {
			continue
		}
		plain = append(plain, median)
		if found < 1 || median > 9 {
			t.Errorf("%s: found %.2f within 50 names, in the middle after %d", f.Name, found, median)
		}
	}
	slices.Sort(plain)
	if m := plain[len(plain)/2]; m > 7 {
		t.Errorf("half of the families take more than %d names", m)
	}
}

// TestOrdinaryNamesAreNotFound: machines that ask for ordinary names that are new
// each day, some of them mistyped or gone, are never found.
func TestOrdinaryNamesAreNotFound(t *testing.T) {
	benign := ordinaryNames(t)
	r := rand.New(rand.NewPCG(5, 5))
	machines, found := 0, 0
	for _, c := range []struct {
		machines, names int
		missing         float64
	}{{400, 8, 0.03}, {400, 60, 0.05}, {400, 60, 0.2}, {2, 5000, 0.2}} {
		for m := range c.machines {
			machines++
			a, who := newAsking(), fmt.Sprint(c.names, c.missing, m) // to which all names are new
			for i := range c.names {
				if v := a.ask(t0.Add(time.Duration(i)*day/time.Duration(c.names)), who, benign[r.IntN(len(benign))], r.Float64() < c.missing); v != nil {
					found++
					t.Errorf("%s: %s", who, v.description)
				}
			}
		}
	}
	t.Logf("%d of %d machine days", found, machines)
}

// TestNamesOfClouds: what providers draw in front of their domains is not looked
// at, and their domains do not look drawn.
func TestNamesOfClouds(t *testing.T) {
	r, a := rand.New(rand.NewPCG(6, 6)), newAsking()
	odd, n := 0, 0
	for i := range 2000 {
		for k, format := range []string{
			"d%s.cloudfront.net", "internal-k8s-shop-%s.eu-central-1.elb.amazonaws.com", "%s.gr7.eu-central-1.eks.amazonaws.com", "%s.s3.amazonaws.com",
			"%s.blob.core.windows.net", "%s.azureedge.net", "%s.storage.googleapis.com", "e%s.dscb.akamaiedge.net", "%s.fastly.net", "r1---sn-%s.googlevideo.com",
			"%s.execute-api.eu-west-1.amazonaws.com", "%s.lambda-url.us-east-1.on.aws", "%s.a.run.app", "%s.azurewebsites.net", "%s.cdn.cloudflare.net",
			"%s.shop.svc.cluster.local", "ip-10-0-0-%s.eu-central-1.compute.internal", "%s.hash.vendor.example.com", "%s.pages.dev", "%s.vercel.app",
			"%s.oss-cn-hangzhou.aliyuncs.com", "%s.b-cdn.net", "%s.trafficmanager.net", "%s.azurecr.io", "%s.ngrok.io", "%s.in-addr.arpa",
		} {
			name := fmt.Sprintf(format, secret(r, 14))
			if where := a.places.of(a.set, name); where != nil && where.kind == "" {
				if n++; dga.Default().Evidence(dga.Default().Score(where.label)) > 0 {
					odd++
				}
			}
			if v := a.ask(t0.Add(time.Duration(i)*time.Minute), "i-1", name, (i+k)%3 == 0); v != nil {
				t.Fatalf("%s: %s", name, v.why)
			}
		}
	}
	if odd > 0 {
		t.Errorf("%d of %d look drawn", odd, n)
	}
}

// TestGeneratedNames are the rules apart from the sums.
func TestGeneratedNames(t *testing.T) {
	labels := malware.All()[18].Draw(40)
	all := func(change ...func(*event.Query)) func(*stream) {
		return func(s *stream) {
			for i, l := range labels {
				s.ask(time.Duration(i)*time.Second, "i-1", l+".com", change...)
			}
		}
	}
	const found = generatedType + " ACTOR 8 1"
	for name, c := range map[string]struct {
		want string
		make func(*stream)
	}{
		"none exists":           {found, all(missing)},
		"without an id":         {found, func(s *stream) { all(missing, func(q *event.Query) { q.Instance = "" })(s) }},
		"a firewall blocks all": {found, all(func(q *event.Query) { q.FirewallAction = "BLOCK" })},
		"all exist":             {"", all(leadsTo)},
		"nobody knows":          {"", all(func(q *event.Query) { q.Rcode = "SERVFAIL" })},
		"mail records":          {"", all(missing, func(q *event.Query) { q.Type = "MX" })},
		"four names, over and over": {"", func(s *stream) {
			for i := range 400 {
				s.ask(time.Duration(i)*time.Second, "i-1", labels[i%4]+".com", missing)
			}
		}},
		"below one domain": {"", func(s *stream) {
			for i, l := range labels {
				s.ask(time.Duration(i)*time.Second, "i-1", l[:8]+".example.org", missing)
			}
		}},
		"below dynamic DNS": {found, func(s *stream) {
			for i, l := range labels {
				s.ask(time.Duration(i)*time.Second, "i-1", l+".ddns.net", missing)
			}
		}},
		"on free hosting": {"", func(s *stream) {
			for i, l := range labels {
				s.ask(time.Duration(i)*time.Second, "i-1", l+".pages.dev", missing)
			}
		}},
		"a day apart": {"", func(s *stream) {
			for i, l := range labels {
				s.ask(time.Duration(i)*2*day, "i-1", l+".com", missing)
			}
		}},
		"one by many machines": {"", func(s *stream) {
			for i, l := range labels {
				s.ask(time.Duration(i)*time.Second, fmt.Sprint("i-", i), l+".com", missing)
			}
		}},
		"two machines": {found + "\n" + found, func(s *stream) {
			for i, l := range labels {
				s.ask(time.Duration(i)*time.Second, "i-1", l+".com", missing)
				s.ask(time.Duration(i)*time.Second, "i-2", l+".com", missing)
			}
		}},
		"every day, by all": {"", func(s *stream) {
			for d := range 5 {
				for i, l := range labels {
					s.ask(time.Duration(d)*day+time.Duration(i)*time.Second, fmt.Sprint("i-", d), l+".com", leadsTo)
				}
			}
			for i, l := range labels {
				s.ask(5*day+time.Duration(i)*time.Second, "i-9", l+".com", missing)
			}
		}},
	} {
		s := newStream()
		c.make(s)
		if got := types(s.judge(t, Options{})); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestGeneratedNamesTell: a finding shows the names, their shares and the codes.
func TestGeneratedNamesTell(t *testing.T) {
	s := newStream()
	for i, l := range malware.All()[18].Draw(5) {
		s.ask(time.Duration(i)*time.Second, "i-1", "www."+l+".com", missing)
	}
	r := s.judge(t, Options{})
	if len(r) != 1 {
		t.Fatalf("%d findings", len(r))
	}
	info := r[0].Merge.Info["generatedNames"].(map[string]any)
	shown := info["names"].([]map[string]any)
	if info["missing"] != int64(5) || info["existing"] != int64(0) || info["sum"].(float64) < 16 || len(shown) != 5 || shown[0]["answer"] != "NXDOMAIN" ||
		shown[0]["share"].(float64) < 3 || !strings.Contains(r[0].Finding.Description, shown[0]["name"].(string)) || info["style"] != "letters as drawn at random" {
		t.Errorf("%v", info)
	}
	if !strings.Contains(r[0].Merge.Why, "the threshold is 16.0") {
		t.Error(r[0].Merge.Why)
	}
}

// TestFaded: a sum halves in six hours, and never grows.
func TestFaded(t *testing.T) {
	for seconds, want := range map[int64]int64{0: 1 << 20, 6 * 3600: 1 << 19, 12 * 3600: 1 << 18, 3 * 3600: 3 << 18, 400 * 3600: 0, 1 << 40: 0} {
		if got := faded(1<<20, seconds); got != want {
			t.Errorf("after %d s: %d, want %d", seconds, got, want)
		}
	}
	last := int64(1 << 20)
	for s := range int64(60_000) {
		if got := faded(1<<20, s); got > last {
			t.Fatalf("after %d s it is %d, before %d", s, got, last)
		} else {
			last = got
		}
	}
}

// TestDNSRestore: an engine that is brought back from its logs behind every few
// records finds what one finds that lives through.
func TestDNSRestore(t *testing.T) {
	s := newStream()
	for i, l := range malware.All()[15].Draw(12) {
		s.ask(time.Duration(i)*time.Minute, "i-1", l+".com", missing)
		s.ask(time.Duration(i)*time.Minute, "i-2", l+".com", missing)
	}
	names(s, 90, "%s.t.example.org", 60)
	names(s, 30, "%s.u.example.org", 60)
	o, scope := Options{Intel: intel.Builtin(), Durable: true}, s.events[0].Scope
	whole := New(o).Process(s.batch()).Signals
	if len(whole) < 3 {
		t.Fatalf("only %d signals", len(whole))
	}
	var got []*finding.Signal
	var runs []Run
	for i := range s.events {
		e := New(o)
		for _, run := range runs {
			if err := e.RestoreRun(scope, run); err != nil {
				t.Fatal(err)
			}
		}
		got = append(got, e.Process(&event.Batch{Stream: "flows", Events: s.events[i : i+1]}).Signals...)
		delta, err := e.Delta(scope)
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, delta...)
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

// FuzzDNSMemory: what tables read of their logs they write alike.
func FuzzDNSMemory(f *testing.F) {
	a := drawing{sum: 5, at: 6, told: 7, all: 8, shown: []drawnShare{{"a.example", 9, 10, answerThere}}}
	b, _ := a.MarshalBinary()
	f.Add(b)
	n := drawnName{last: 20_000, days: 2, askers: []uint32{1, 2}}
	b, _ = n.MarshalBinary()
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, c := range []struct {
			a, b interface {
				MarshalBinary() ([]byte, error)
				UnmarshalBinary([]byte) error
			}
		}{{&drawing{}, &drawing{}}, {&drawnName{}, &drawnName{}}, {&tunnel{}, &tunnel{}}, {&tunnelHabit{}, &tunnelHabit{}}} {
			if c.a.UnmarshalBinary(b) != nil {
				continue
			}
			out, err := c.a.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.b.UnmarshalBinary(out); err != nil || !reflect.DeepEqual(c.a, c.b) {
				t.Errorf("%v\n%+v\n%+v", err, c.a, c.b)
			}
		}
	})
}
