package detect

import (
	"encoding/base32"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/intel"
)

// ask appends a query of an instance.
func (s *stream) ask(at time.Duration, who, name string, change ...func(*event.Query)) {
	q := &event.Query{Account: "111122223333", VPC: "vpc-1", Name: name, Type: "A", Class: "IN", Rcode: "NOERROR", Transport: "UDP",
		SrcAddr: netip.MustParseAddr(me), Instance: who, Time: t0.Add(at)}
	for _, c := range change {
		c(q)
	}
	s.add(event.Event{Source: event.DNS, Time: q.Time, Query: q})
}

func answer(data, typ string) func(*event.Query) {
	return func(q *event.Query) {
		q.AnswersJSON = fmt.Appendf(nil, `[{"Rdata":"%s","Type":"%s","Class":"IN"}]`, data, typ)
	}
}

func TestDomainLists(t *testing.T) {
	for name, want := range map[string]string{
		"guarddutyc2activityb.com":                           "Backdoor:EC2/C&CActivity.B!DNS ACTOR 8 1",
		"c2.guarddutyc2activityb.com":                        "Backdoor:EC2/C&CActivity.B!DNS ACTOR 8 1",
		"crypto.guarddutyc2activityb.com":                    "CryptoCurrency:EC2/BitcoinTool.B!DNS ACTOR 8 1",
		"abused-rep.guarddutyc2activityb.com":                "Impact:EC2/AbusedDomainRequest.Reputation ACTOR 5 1",
		"crypto-rep.guarddutyc2activityb.com":                "Impact:EC2/BitcoinDomainRequest.Reputation ACTOR 8 1",
		"malicious-rep.guarddutyc2activityb.com":             "Impact:EC2/MaliciousDomainRequest.Reputation ACTOR 8 1",
		"suspicious-rep.guarddutyc2activityb.com":            "Impact:EC2/SuspiciousDomainRequest.Reputation ACTOR 2 1",
		"guarddutydroppointactivity.com":                     "Trojan:EC2/DropPoint!DNS ACTOR 5 1",
		"guarddutyblackholeactivity.com":                     "Trojan:EC2/BlackholeTraffic!DNS ACTOR 5 1",
		"guarddutyphishingactivity.com":                      "Trojan:EC2/PhishingDomainRequest!DNS ACTOR 8 1",
		"guarddutydrivebyactivity.com":                       "Trojan:EC2/DriveBySourceTraffic!DNS ACTOR 8 1",
		"guarddutydgaactivity.com":                           "Trojan:EC2/DGADomainRequest.C!DNS ACTOR 8 1",
		"custom.vedette.test":                                "Impact:EC2/MaliciousDomainRequest.Custom ACTOR 5 1",
		"other.guarddutyc2activityb.com":                     "",
		"guarddutyc2activityb.com.default.svc.cluster.local": "",
		"xguarddutyc2activityb.com":                          "",
	} {
		s := newStream()
		s.ask(0, "i-1", name)
		got := wants(t, s, want)
		if len(got) == 0 {
			continue
		}
		f := got[0].Finding
		if a := f.Service.Action.DNSRequestAction; a.Domain != name || a.Protocol != "UDP" || f.Resource.InstanceDetails.InstanceID != "i-1" ||
			strings.HasSuffix(name, "b.com") && a.DomainWithSuffix != "guarddutyc2activityb.com" {
			t.Errorf("%+v", a)
		}
	}
	s := newStream()
	s.ask(0, "i-1", "guarddutyc2activityb.com", func(q *event.Query) { q.FirewallAction = "BLOCK" })
	if got := s.judge(t, Options{}); !got[0].Finding.Service.Action.DNSRequestAction.Blocked {
		t.Error("not blocked")
	}
	s = newStream()
	s.ask(0, "i-1", "a.evil.example.org")
	s.ask(0, "i-1", "evil.example.org")
	o := Options{Intel: setOf(t, map[string]intel.Category{"*.evil.example.org": intel.Custom})}
	if got := types(s.judge(t, o)); got != "Impact:EC2/MaliciousDomainRequest.Custom ACTOR 5 1" {
		t.Error(got)
	}
}

func TestMetadataRebind(t *testing.T) {
	const found = "UnauthorizedAccess:EC2/MetadataDNSRebind TARGET 8 1"
	for _, c := range []struct{ name, data, typ, want string }{
		{"a.example.org", "169.254.169.254", "A", found},
		{"169.254.169.254.nip.io", "169.254.169.254", "A", found},
		{"a.example.org", "fd00:ec2::254", "AAAA", found},
		{"a.example.org", "FD00:EC2:0:0:0:0:0:254", "AAAA", found},
		{"a.example.org", "::ffff:169.254.169.254", "AAAA", found},
		{"a.example.org", "::FFFF:A9FE:A9FE", "AAAA", found},
		{"a.example.org", "64:ff9b::a9fe:a9fe", "AAAA", found},
		{"instance-data.ec2.internal", "169.254.169.254", "A", ""},
		{"instance-data.eu-central-1.compute.internal", "169.254.169.254", "A", ""},
		{"instance-data.example.org", "169.254.169.254", "A", found},
		{"a.example.org", "169.254.169.253", "A", ""},
		{"a.example.org", "169.254.169.254.example.org", "CNAME", ""},
		{"a.example.org", "fd00:ec2::253", "AAAA", ""},
		{"a.example.org", "169.254.169.254", "TXT", ""},
	} {
		s := newStream()
		s.ask(0, "i-1", c.name, answer(c.data, c.typ))
		if got := types(s.judge(t, Options{})); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

// secret is a label of n characters, as tools for tunnels make them.
func secret(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return strings.ToLower(base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(b))[:n]
}

func TestDNSDataExfiltration(t *testing.T) {
	const found = "Trojan:EC2/DNSDataExfiltration ACTOR 8 1"
	tunnel := func(n, length int, every time.Duration, who string) func(*stream) {
		return func(s *stream) {
			r := rand.New(rand.NewPCG(1, 2))
			for i := range n {
				s.ask(time.Duration(i)*every, who, secret(r, length)+".t.example.org")
			}
		}
	}
	for name, c := range map[string]struct {
		want string
		make func(*stream)
	}{
		"long names":                             {found, tunnel(20, 108, time.Second, "i-1")},
		"short names":                            {found, tunnel(160, 16, time.Second, "i-1")},
		"slowly":                                 {found, tunnel(400, 40, 210*time.Second, "i-1")},
		"just over, in an hour, in short parts":  {found, tunnel(125, 16, 28*time.Second, "i-1")},
		"just under, in an hour, in short parts": {"", tunnel(100, 16, 28*time.Second, "i-1")},
		"just over, in a day, in short parts":    {found, tunnel(500, 16, 170*time.Second, "i-1")},
		"just under, in a day, in short parts":   {"", tunnel(410, 16, 210*time.Second, "i-1")},
		"without an id":                          {found, tunnel(20, 108, time.Second, "")},
		"too little":                             {"", tunnel(18, 108, time.Second, "i-1")},
		"too slowly":                             {"", tunnel(230, 40, time.Hour, "i-1")},
		"the same again": {"", func(s *stream) {
			for i := range 900 {
				s.ask(time.Duration(i)*time.Second, "i-1", fmt.Sprintf("a-rather-long-name-of-a-host-%d.eu.example.org", i%9))
			}
		}},
		"what four others ask, too": {"", func(s *stream) {
			r := rand.New(rand.NewPCG(1, 2))
			for i := range 900 {
				s.ask(time.Duration(i)*time.Second, fmt.Sprintf("i-%d", i%5), secret(r, 40)+".telemetry.example.org")
			}
		}},
		"a wide domain":    {"", func(s *stream) { names(s, 900, "%s.cloudfront.net", 14) }},
		"antivirus":        {"", func(s *stream) { names(s, 900, "%s.avqs.mcafee.com", 40) }},
		"lists of senders": {"", func(s *stream) { names(s, 900, "4.3.2.%s.zen.spamhaus.org", 3) }},
		"inside":           {"", func(s *stream) { names(s, 900, "%s.eu-central-1.compute.internal", 20) }},
		"reverse":          {"", func(s *stream) { names(s, 900, "%s.10.in-addr.arpa", 20) }},
		"search domains": {"", func(s *stream) {
			for i := range 300 {
				s.ask(time.Duration(i)*time.Second, "i-1", fmt.Sprintf("service%d.partner.com.corp.example.org", i), func(q *event.Query) { q.Rcode = "NXDOMAIN" })
				s.ask(time.Duration(i)*time.Second, "i-1", fmt.Sprintf("orders%d.shop.svc.cluster.local.corp.example.org", i), func(q *event.Query) { q.Rcode = "NXDOMAIN" })
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

func names(s *stream, n int, format string, length int) {
	r := rand.New(rand.NewPCG(3, 4))
	for i := range n {
		s.ask(time.Duration(i)*time.Second, "i-1", fmt.Sprintf(format, secret(r, length)))
	}
}

// TestDistinct: the sketch is as near as its size allows, and does not lean.
func TestDistinct(t *testing.T) {
	const runs = 40
	for _, n := range []int{1, 64, 65, 80, 114, 200, 455, 1000, 10_000} {
		mean, spread := 0.0, 0.0
		for run := range runs {
			var d distinct
			for i := range n {
				d.add(uint32(mixSeed.string(fmt.Sprint(run, " ", i)).sum()), 20)
				d.add(uint32(mixSeed.string(fmt.Sprint(run, " ", i/2)).sum()), 20)
			}
			off := float64(d.count())/float64(n) - 1
			mean += (off + 1) / runs
			spread += off * off / runs
			if d.bytes() != d.count()*20 {
				t.Errorf("%d bytes of %d", d.bytes(), d.count())
			}
			s := saved{b: d.append(nil)}
			if again := s.distinct(); s.err() != nil || again.count() != d.count() || again.size != d.size {
				t.Error("it does not come back")
			}
		}
		if off := mean - 1; off < -0.03 || off > 0.03 || spread > 0.07*0.07 || n <= maxExact && off*off > 1e-9 {
			t.Errorf("%d things: off by %.3f, spread %.3f", n, off, math.Sqrt(spread))
		}
	}
}

func TestRegistered(t *testing.T) {
	for name, want := range map[string]string{
		"d1.cloudfront.net": "cloudfront.net", "a.b.co.uk": "b.co.uk", "x.eu.blogspot.com": "blogspot.com", "co.uk": "", "com": "", "": "", ".": "",
		"a.corp": "", "a.b.example.org": "example.org", "ip-10-0-0-1.eu-central-1.compute.internal": "", "..example.org": "example.org", "a..org": "",
	} {
		if got := registered(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestWideDomains(t *testing.T) {
	for d := range wideDomains() {
		if registered(d) != d {
			t.Errorf("%s is no registered domain", d)
		}
	}
}
