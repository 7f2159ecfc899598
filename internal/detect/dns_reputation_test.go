package detect

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/idna"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/finding"
	"github.com/vedette-project/vedette/internal/intel"
)

// leadsTo is an answer on the internet.
var leadsTo = answer("203.0.113.7", "A")

func missing(q *event.Query) { q.Rcode = "NXDOMAIN" }

// lived is a stream of an account with some days of queries behind it, and when
// they end.
func lived(days int) (*stream, time.Duration) {
	s := newStream()
	for d := range days {
		for i := range 3 {
			s.ask(time.Duration(d)*day+time.Duration(i)*8*time.Hour, fmt.Sprintf("i-%d", i), "orders.shop.example", leadsTo)
			s.ask(time.Duration(d)*day+time.Duration(i)*8*time.Hour, fmt.Sprintf("i-%d", i), "api.partner-of-ours.com", leadsTo)
		}
	}
	return s, time.Duration(days) * day
}

// poll asks for a name six times an hour, and a bit.
func (s *stream) poll(at time.Duration, n int, who, name string, change ...func(*event.Query)) {
	for i := range n {
		s.ask(at+time.Duration(i)*10*time.Minute, who, name, change...)
	}
}

func TestReputation(t *testing.T) {
	const abused, suspicious = "Impact:EC2/AbusedDomainRequest.Reputation ACTOR 5", "Impact:EC2/SuspiciousDomainRequest.Reputation ACTOR 2"
	pypal, err := idna.Punycode.ToASCII("pаypal") // with a Cyrillic а
	if err != nil {
		t.Fatal(err)
	}
	once := func(name string) func(*stream, time.Duration) {
		return func(s *stream, at time.Duration) { s.ask(at, "i-1", name, leadsTo) }
	}
	polled := func(n int, name string, change ...func(*event.Query)) func(*stream, time.Duration) {
		return func(s *stream, at time.Duration) {
			s.poll(at, n, "i-1", name, append([]func(*event.Query){leadsTo}, change...)...)
		}
	}
	for name, c := range map[string]struct {
		want string
		make func(s *stream, at time.Duration)
	}{
		"a drawn name of dynamic DNS":         {abused + " 1", once("x7f3k9.duckdns.org")},
		"the same again, told once an hour":   {abused + " 2", polled(9, "x7f3k9.duckdns.org")},
		"dynamic DNS that is polled":          {abused + " 1", polled(5, "cedarhouse.ddns.net")},
		"dynamic DNS, three times":            {"", polled(3, "cedarhouse.ddns.net")},
		"a tunnel":                            {abused + " 1", once("4f2a-198-18-0-1.ngrok-free.app")},
		"a tunnel in a region":                {abused + " 1", once("f81bd3.eu.ngrok.io")},
		"another tunnel":                      {abused + " 1", once("quiet-lamps-borrow-tiny.trycloudflare.com")},
		"a tunnel is asked for":               {abused + " 1", once("api.trycloudflare.com")},
		"a callback":                          {abused + " 1", once("a.b.c23b2la0kl1krjcrdj10cndmnioyyyyyn.oast.fun")},
		"a callback that the firewall blocks": {abused + " 1", polled(1, "c23b2la0kl1krjcrdj10.oast.pro", missing, func(q *event.Query) { q.FirewallAction, q.AnswersJSON = "BLOCK", nil })},
		"a digit for a letter":                {suspicious + " 1", once("cdn.paypa1-secure.com")},
		"another":                             {suspicious + " 1", once("micros0ft-update.net")},
		"two letters for one":                 {suspicious + " 1", once("rnicrosoft-login.org")},
		"a letter of another alphabet":        {suspicious + " 1", once(pypal + ".com")},
		"all letters of another alphabet":     {suspicious + " 1", once("www.xn--80ak6aa92e.com")},
		"one letter off, where abuse is":      {suspicious + " 1", polled(4, "githud.top")},
		"a name of a login, where abuse is":   {suspicious + " 1", polled(4, "paypal-login.xyz")},
		"a false login on free hosting":       {abused + " 1", polled(4, "paypa1-login.pages.dev")},
		"drawn letters, where abuse is":       {suspicious + " 1", polled(4, "kq3vzjxwqhtr.top")},
		"drawn letters, asked for once":       {"", once("kq3vzjxwqhtr.top")},
		"drawn letters":                       {"", polled(40, "kqvzjxwqhtr.com")},
		"drawn letters that lead to a sinkhole": {suspicious + " 1", func(s *stream, at time.Duration) {
			s.ask(at, "i-1", "kqvzjxwqhtr.com", answer("148.81.111.9", "A"))
		}},
		"the one of many drawn names that exists": {suspicious + " 1", func(s *stream, at time.Duration) {
			r := rand.New(rand.NewPCG(1, 1))
			for i := range 12 {
				s.ask(at+time.Duration(i)*time.Second, "i-1", drawn(r)+".com", missing)
			}
			s.ask(at+time.Minute, "i-1", "kqvzjxwqhtr.com", leadsTo)
		}},
		"many drawn names, none exists": {"", func(s *stream, at time.Duration) {
			r := rand.New(rand.NewPCG(1, 1))
			for i := range 400 {
				s.ask(at+time.Duration(i)*time.Second, "i-1", drawn(r)+".com", missing)
			}
		}},
		"two machines": {abused + " 1\n" + abused + " 1", func(s *stream, at time.Duration) {
			once("x7f3k9.duckdns.org")(s, at)
			s.ask(at, "i-2", "x7f3k9.duckdns.org", leadsTo)
		}},
		"what does not exist":               {"", polled(9, "x7f3k9.duckdns.org", missing)},
		"what leads inside":                 {"", polled(9, "x7f3k9.duckdns.org", answer("10.0.0.8", "A"))},
		"what leads to this machine":        {"", polled(9, "paypa1-secure.com", answer("127.0.0.1", "A"))},
		"mail records":                      {"", polled(9, "paypa1-secure.com", func(q *event.Query) { q.Type = "MX" })},
		"text records":                      {"", polled(9, "_dmarc.paypa1-secure.com", func(q *event.Query) { q.Type = "TXT" })},
		"the operator of dynamic DNS":       {"", polled(9, "www.duckdns.org")},
		"where it tells addresses":          {"", polled(9, "checkip.dyndns.org")},
		"a new partner":                     {"", polled(9, "api.brightwater-logistics.io")},
		"a partner where abuse is":          {"", polled(9, "api.brightwater.xyz")},
		"a name that has another in it":     {"", polled(9, "github-runners.io")},
		"a name in another country":         {"", polled(9, "paypal.example.nl")},
		"a name of their own, with a login": {"", polled(9, "www.adobelogin.com")},
		"a name one letter off":             {"", polled(9, "www.xiaoyi.com")},
		"a name in another alphabet":        {"", polled(9, "xn--e1afmkfd.com")},
		"a name with an umlaut":             {"", polled(9, "xn--mnchen-3ya.de")},
		"a name of its own alphabet":        {"", polled(9, "xn--d1abbgf6aiiy.xn--p1ai")},
		"a host of free hosting":            {"", polled(9, "a8f3e1b2c9d0.pages.dev")},
		"a listed one":                      {"Impact:EC2/AbusedDomainRequest.Reputation ACTOR 5 9", polled(9, "abused-rep.guarddutyc2activityb.com")},
		"what five machines ask for": {abused + " 1\n" + abused + " 1\n", func(s *stream, at time.Duration) {
			for i := range 5 { // the third takes points off again
				s.poll(at, 9, fmt.Sprintf("i-%d", i), "cedarhouse.ddns.net", leadsTo)
			}
		}},
	} {
		s, at := lived(newDays)
		c.make(s, at)
		want := strings.TrimSpace(c.want)
		if name == "what five machines ask for" {
			want = ""
			interleave(s)
		}
		if got := reputationTypes(s.judge(t, Options{})); got != want {
			t.Errorf("%s:\n%s\nwant:\n%s", name, got, want)
		}
		if want == "" {
			continue
		}
		// Before it is known what is usual, nothing is new.
		s, at = lived(newDays - 1)
		if c.make(s, at); !strings.Contains(name, "listed") {
			if got := reputationTypes(s.judge(t, Options{})); got != "" {
				t.Errorf("%s, while learning: %s", name, got)
			}
		}
	}
}

// reputationTypes are the types without that of machines which ask for drawn names.
func reputationTypes(all []*finding.Record) string {
	return types(slices.DeleteFunc(all, func(r *finding.Record) bool { return r.Finding.Type == "Trojan:EC2/DGADomainRequest.B" }))
}

// interleave puts the queries of a stream in the order of their times.
func interleave(s *stream) {
	events := s.events
	for i := 1; i < len(events); i++ {
		for k := i; k > 0 && events[k].Time.Before(events[k-1].Time); k-- {
			events[k], events[k-1] = events[k-1], events[k]
		}
	}
}

// drawn is a label of letters drawn at random, all of them rare in names.
func drawn(r *rand.Rand) string {
	b := make([]byte, 12)
	for i := range b {
		b[i] = "qxzjkvwfbh"[r.IntN(10)]
	}
	return string(b)
}

// TestReputationUsual: what an account does from the first day, and what much is
// asked for, is no finding.
func TestReputationUsual(t *testing.T) {
	for name, make := range map[string]func(s *stream, at time.Duration){
		"dynamic DNS of the operator's own": func(s *stream, at time.Duration) {
			for d := range 30 {
				s.ask(time.Duration(d)*day, "i-1", "x7f3k9.duckdns.org", leadsTo)
			}
		},
		"new tunnels where tunnels are usual": func(s *stream, at time.Duration) {
			r := rand.New(rand.NewPCG(2, 2))
			for d := range 30 {
				s.poll(time.Duration(d)*day, 20, "i-1", secret(r, 12)+".ngrok-free.app", leadsTo)
			}
		},
		"a crawler": func(s *stream, at time.Duration) {
			r := rand.New(rand.NewPCG(3, 3))
			for d := range newDays + 4 {
				for i := range 400 {
					s.ask(time.Duration(d)*day+time.Duration(i)*time.Minute, "i-crawl", secret(r, 12)+[]string{".top", ".xyz", ".com", ".duckdns.org"}[i%4], leadsTo)
				}
			}
		},
		"new tunnels, and nothing found of the first": func(s *stream, at time.Duration) {
			r := rand.New(rand.NewPCG(2, 2))
			for d := range 20 {
				s.ask(time.Duration(newDays+1+d)*day, "i-1", secret(r, 12)+".ngrok-free.app", leadsTo, missing)
				s.ask(time.Duration(newDays+1+d)*day, "i-1", "host"+fmt.Sprint(d)+".ngrok-free.app", answer("10.0.0.9", "A"))
			}
			s.poll(at, 9, "i-2", secret(r, 12)+".ngrok-free.app", leadsTo)
		},
	} {
		s, at := lived(40)
		make(s, at)
		interleave(s)
		if got := types(s.judge(t, Options{})); got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestReputationZone: after a finding, other names below the same domain are no
// less new for a week.
func TestReputationZone(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	found := map[int]bool{}
	s, at := lived(newDays)
	for d := range 14 {
		s.ask(at+time.Duration(d)*day, "i-1", fmt.Sprintf("d%d-%s.trycloudflare.com", d, secret(r, 6)), leadsTo)
	}
	for _, f := range s.judge(t, Options{}) {
		d := 0
		if _, err := fmt.Sscanf(f.Finding.Service.Action.DNSRequestAction.Domain, "d%d-", &d); err != nil {
			t.Fatal(err)
		}
		found[d] = true
	}
	for d := range 14 {
		if found[d] != (d <= 7) {
			t.Errorf("on day %d: found %v", d, found[d])
		}
	}
}

// TestReputationTells: a finding says what made the sum.
func TestReputationTells(t *testing.T) {
	s, at := lived(newDays)
	s.ask(at, "i-1", "a.x7f3k9.duckdns.org", leadsTo)
	f := s.judge(t, Options{})[0]
	for _, want := range []string{"10 points", "+4 nobody here asked", "+4 duckdns.org is dynamic DNS (Duck DNS)", "+2 letters and digits take turns 5 times"} {
		if !strings.Contains(f.Merge.Why, want) {
			t.Errorf("%q is not in %q", want, f.Merge.Why)
		}
	}
	info := f.Merge.Info["reputation"].(map[string]any)
	odds := info["features"].([]odd)
	if info["domain"] != "x7f3k9.duckdns.org" || info["points"] != int64(10) || info["threshold"] != int64(lowReputation) || sum(odds) != 10 || len(odds) != 3 {
		t.Errorf("%v", info)
	}
	if a := f.Finding.Service.Action.DNSRequestAction; a.Domain != "a.x7f3k9.duckdns.org" {
		t.Errorf("%+v", a)
	}
}

// TestReputationAlone: no feature makes a finding alone.
func TestReputationAlone(t *testing.T) {
	for _, points := range []int{pointsNew, pointsTunnel, pointsDynamic, pointsHosting, pointsTLD, pointsDrawn, pointsTurns, pointsShape, pointsLures, pointsPolled,
		pointsMissed, pointsNets, pointsSink, pointsForeign, pointsFolded} {
		if points >= lowReputation {
			t.Errorf("%d points are enough alone", points)
		}
	}
}

// benignNames are names that look odd and are ordinary, as format, with what is
// drawn in them.
func benignNames(r *rand.Rand) string {
	hex := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "0123456789abcdef"[r.IntN(16)]
		}
		return string(b)
	}
	n := r.IntN(1000)
	return []string{
		"d" + secret(r, 13) + ".cloudfront.net", "e" + fmt.Sprint(n) + ".dscb.akamaiedge.net", secret(r, 10) + ".execute-api.eu-west-1.amazonaws.com",
		"internal-k8s-shop-" + hex(10) + "-" + fmt.Sprint(n) + ".eu-central-1.elb.amazonaws.com", "k8s-shop-" + hex(10) + ".elb.eu-west-1.amazonaws.com",
		hex(32) + ".gr7.eu-central-1.eks.amazonaws.com", "vpce-0" + hex(16) + "-" + hex(8) + ".s3.eu-west-1.vpce.amazonaws.com", "b-" + hex(8) + ".mq.eu-west-1.amazonaws.com",
		"my-bucket-" + hex(12) + ".s3.eu-central-1.amazonaws.com", hex(12) + ".lambda-url.eu-west-1.on.aws", hex(10) + ".eu-west-1.awsapprunner.com",
		"shop-" + hex(10) + "-ew.a.run.app", "fn-" + hex(8) + ".azurewebsites.net", "st" + hex(12) + ".blob.core.windows.net", "shop-" + hex(5) + ".web.app", "shop-" + hex(5) + "-default-rtdb.firebaseio.com",
		hex(8) + ".shop.pages.dev", "api-worker." + secret(r, 8) + ".workers.dev", "project" + fmt.Sprint(n) + ".github.io", "deploy-" + hex(24) + "--shop.netlify.app", "shop-" + hex(9) + "-team.vercel.app",
		"acme" + fmt.Sprint(n) + ".zendesk.com", "acme" + fmt.Sprint(n) + ".atlassian.net", "acme.my.salesforce.com", hex(20) + ".supabase.co", "o" + fmt.Sprint(n) + ".ingest.sentry.io", "cluster0." + secret(r, 5) + ".mongodb.net",
		hex(16) + ".ads.doubleclick.net", hex(24) + ".telemetry.vendor.io", secret(r, 20) + ".metrics.vendor-two.com",
		fmt.Sprintf("%d.0.113.203.zen.spamhaus.org", n%256), secret(r, 30) + ".dbl.example-lists.net", "_acme-challenge.host" + fmt.Sprint(n) + ".acme-shop.com",
		"_ldap._tcp.dc.corp.acme-shop.com", "host" + fmt.Sprint(n) + ".corp", hex(8) + ".printer.local", "ip-10-0-0-" + fmt.Sprint(n%256) + ".ec2.internal", fmt.Sprintf("%d.0.0.10.in-addr.arpa", n%256), hex(12) + ".internal",
		"orders.shop.svc.cluster.local", "deb.debian.org", "dl-cdn.alpinelinux.org", "registry-1.docker.io", "proxy.golang.org", "files.pythonhosted.org", "mirror" + fmt.Sprint(n%9) + ".leaseweb.net",
		"xn--mller-kva.de", "xn--80aswg.xn--p1ai", "xn--fiqs8s.xn--fiqz9s", "xn--bcher-kva.ch", "xn--caf-dma.fr", "xn--wgv71a119e.jp",
	}[r.IntN(52)]
}

// TestReputationBenign: a month of names that look odd and are ordinary, asked by
// machines that come and go, raises nothing.
func TestReputationBenign(t *testing.T) {
	e, r, s := New(Options{Intel: intel.Builtin()}), rand.New(rand.NewPCG(8, 8)), newStream()
	for i := range 60_000 {
		at := time.Duration(i) * 43 * time.Second
		s.ask(at, fmt.Sprintf("i-%d", i/3000+r.IntN(20)), benignNames(r), leadsTo)
		if len(s.events) == 5000 {
			for _, f := range recordsOf(t, e.Process(s.batch())) {
				t.Errorf("%s: %s", f.Finding.Type, f.Merge.Why)
			}
			s.events = s.events[:0]
		}
	}
}

// TestReputationRestore: an engine that is stopped after any query, and another
// that goes on from what it saved, find the same.
func TestReputationRestore(t *testing.T) {
	s, at := lived(newDays)
	r := rand.New(rand.NewPCG(4, 4))
	for i := range 300 {
		at := at + time.Duration(i)*7*time.Minute
		s.ask(at, fmt.Sprintf("i-%d", i%6), []string{"x7f3k9.duckdns.org", "githud.top", secret(r, 9) + ".trycloudflare.com", "kqvzjxwqhtr.xyz", drawn(r) + ".xyz"}[r.IntN(5)],
			[]func(*event.Query){leadsTo, leadsTo, missing}[r.IntN(3)])
	}
	o := Options{Intel: intel.Builtin(), Durable: true}
	scope := s.events[0].Scope
	whole := New(o).Process(s.batch()).Signals
	if len(whole) < 10 {
		t.Fatalf("only %d signals", len(whole))
	}
	var got []*finding.Signal
	var runs []Run
	e := New(o)
	for i := range s.events {
		got = append(got, e.Process(&event.Batch{Stream: "flows", Events: s.events[i : i+1]}).Signals...)
		delta, err := e.Delta(scope)
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, delta...)
		if i%13 == 0 {
			e = New(o)
			for _, run := range runs {
				if err := e.RestoreRun(scope, run); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if !reflect.DeepEqual(got, whole) {
		t.Errorf("%d signals, %d without stops", len(got), len(whole))
	}
}

// TestReputationBounded: whatever is asked for, the tables keep to their limits,
// and where they are full nothing is new.
func TestReputationBounded(t *testing.T) {
	p := newReputation("dns")
	p.sites.limit = 100
	rnd := rand.New(rand.NewPCG(5, 5))
	for i := range 20_000 {
		q := &event.Query{Name: secret(rnd, 10) + []string{".top", ".ddns.net"}[i%2], Type: "A", Rcode: "NOERROR", Instance: fmt.Sprintf("i-%d", i), SrcAddr: netip.MustParseAddr(me)}
		leadsTo(q)
		if v := p.judge(intel.Builtin(), questionOf(q, t0.Add(time.Duration(i)*90*time.Second))); v != nil {
			t.Errorf("%+v", v)
		}
	}
	if p.sites.len() > 100 {
		t.Errorf("%d sites", p.sites.len())
	}
}

func TestPlaceOf(t *testing.T) {
	for name, want := range map[string]string{
		"a.b.example.co.uk": "example.co.uk", "a.b.duckdns.org": "b.duckdns.org", "duckdns.org": "", "a.eu.ngrok.io": "a.eu.ngrok.io", "eu.ngrok.io": "",
		"x.y.oast.fun": "y.oast.fun", "a.cloudfront.net": "a.cloudfront.net", "a.amazonaws.com": "", "host": "", "a.b.local": "", "_a.example.org": "", "a._tcp.example.org": "", "com": "", "ipinfo.io": "",
		"..oast.fun": ".oast.fun",
	} {
		p, _ := judgedPlace(intel.Builtin(), name)
		if ok := p.site == want; !ok && want != ".oast.fun" {
			t.Errorf("%s: %q, want %q", name, p.site, want)
		}
	}
}

func TestLikeness(t *testing.T) {
	for label, want := range map[string]int{
		"paypal": 0, "paypa1": pointsFolded, "paypai": pointsNear, "paypall": pointsNear, "papyal": pointsNear, "paypal-files": pointsInside, "payments": 0, "mypal": 0,
		"g00gle": pointsFolded, "rnicrosoft": pointsFolded, "vvhatsapp": pointsFolded, "1cloud": 0, "plastic": 0, "twitch1": pointsNear, "app13": 0, "secureupdate": 0, "securepaypa1": pointsFolded,
		"update": 0, "xn--80ak6aa92e": pointsForeign, "xn--mnchen-3ya": 0, "xn--": 0, "xn--a": 0, "": 0, "-": 0, "docker1": pointsNear,
	} {
		if got := likenessOf(intel.Builtin(), label); got.points != want {
			t.Errorf("%s: %+v, want %d", label, got, want)
		}
	}
	for _, pairs := range []string{foreignLetters, accentedLetters} {
		letters := []rune(pairs)
		for i := 0; i < len(letters); i += 2 {
			if i+1 == len(letters) || letters[i] < 128 || letters[i+1] < 'a' || letters[i+1] > 'z' {
				t.Fatalf("the pair at %d of %q is no letter and its like", i, pairs)
			}
		}
	}
	for name := range imitated() {
		if len(name) < 5 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			t.Errorf("%q is no name of five letters", name)
		}
	}
	for tld := range abusedTLDs() {
		if icannSuffix("a."+tld) != tld {
			t.Errorf("%q is no top-level domain", tld)
		}
	}
}

// TestSpelling: drawn labels are told from words, in the shares that are
// documented.
func TestSpelling(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	found := 0
	for range 2000 {
		b := make([]byte, 12)
		for i := range b {
			b[i] = byte('a' + r.IntN(26))
		}
		if spelling(string(b)).Points == pointsDrawn {
			found++
		}
	}
	if found < 1200 {
		t.Errorf("only %d of 2000 drawn names", found)
	}
	for _, word := range []string{"brightwater", "deutschepost", "kubernetes", "partnerportal", "zeitschrift", "przelewy24", "szymborska", "kjøp", "abc", "mxqzk", "x86-64", "win32"} {
		if o := spelling(word); o.Points >= pointsDrawn {
			t.Errorf("%s: %+v", word, o)
		}
	}
	for v, want := range map[uint64]int64{1: 0, 2: 256, 3: 405, 1 << 40: 40 * 256, 1<<64 - 1: 64*256 - 1} {
		if got := log256(v); got != want {
			t.Errorf("log256(%d) = %d, want %d", v, got, want)
		}
	}
}

// FuzzReputation: no name that a log can hold breaks anything.
func FuzzReputation(f *testing.F) {
	for _, name := range []string{"x7f3k9.duckdns.org", "xn--80ak6aa92e.com", "..oast.fun", "-.-.top", "xn--.com", "_a._b.c", strings.Repeat("a.", 120) + "xyz", "ab\xff.ngrok.io"} {
		f.Add(name, []byte(`[{"Rdata":"1.2.3.4","Type":"A","Class":"IN"}]`))
	}
	f.Fuzz(func(t *testing.T, name string, answers []byte) {
		s, at := lived(newDays)
		s.poll(at, 6, "i-1", name, func(q *event.Query) { q.AnswersJSON = answers })
		s.judge(t, Options{})
	})
}

// BenchmarkReputation: what a query costs of which nothing is to be said, and the
// first for a domain.
func BenchmarkReputation(b *testing.B) {
	p, set := newReputation("dns"), intel.Builtin()
	query := func(name string) *event.Query {
		q := &event.Query{Name: name, Type: "A", Rcode: "NOERROR", Instance: "i-0a1b2c3d4e5f60718"}
		leadsTo(q)
		return q
	}
	for _, name := range []string{"www.google.com", "sqs.eu-central-1.amazonaws.com", "orders.shop.svc.cluster.local", "orders.shop-of-ours.com", "a.x7f3k9.duckdns.org"} {
		b.Run(name, func(b *testing.B) {
			q := query(name)
			for b.Loop() {
				p.judge(set, questionOf(q, t0))
			}
		})
	}
	b.Run("new", func(b *testing.B) {
		i := 0
		for b.Loop() {
			p.judge(set, questionOf(query(fmt.Sprintf("shop-number%d.com", i)), t0))
			i++
		}
	})
}
