package detect

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vedette-project/vedette/internal/event"
	"github.com/vedette-project/vedette/internal/intel"
)

// setOf is the built-in lists with more of the operator's.
func setOf(t *testing.T, add map[string]intel.Category, trust ...string) *intel.Set {
	t.Helper()
	b := intel.NewBuilder()
	if err := b.Builtin(); err != nil {
		t.Fatal(err)
	}
	for e, c := range add {
		if err := b.Add(e, intel.Hit{List: "mine", Category: c}); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range trust {
		if err := b.Trust(e); err != nil {
			t.Fatal(err)
		}
	}
	return b.Set()
}

func minute(f *event.Flow) { f.End = f.Start.Add(time.Minute) }

func TestFloods(t *testing.T) {
	// each minute one record with this many packets and bytes
	send := func(port int, proto uint8, packets, bytes, back int64, flags uint8) func(*stream) {
		return func(s *stream) {
			for i := range 3 {
				at := time.Duration(i+1) * time.Minute
				s.flow(at, eni, me+":50000", fmt.Sprintf("%s:%d", victim, port), proto, packets, bytes, flags, minute)
				if back > 0 {
					s.flow(at, eni, fmt.Sprintf("%s:%d", victim, port), me+":50000", proto, back, back*60, 0, minute)
				}
			}
		}
	}
	// each minute this many records of one packet, as hping3 makes them
	small := func(n int, proto uint8, port int, per int64) func(*stream) {
		return func(s *stream) {
			for i := range 3 {
				for k := range n {
					s.flow(time.Duration(i+1)*time.Minute, eni, fmt.Sprintf("%s:%d", me, 1024+k), fmt.Sprintf("%s:%d", victim, port), proto, per, per*60, 2, func(f *event.Flow) { f.End = f.Start })
				}
			}
		}
	}
	for name, c := range map[string]struct {
		want string
		make func(*stream)
	}{
		"UDP":                       {"Backdoor:EC2/DenialOfService.Udp ACTOR 8 2", send(4444, 17, 700_000, 70_000_000, 0, 0)},
		"UDP, answered":             {"", send(51820, 17, 700_000, 700_000_000, 90_000, 0)},
		"UDP, less":                 {"", send(4444, 17, 500_000, 50_000_000, 0, 0)},
		"UDP to a port of TCP":      {"Backdoor:EC2/DenialOfService.UdpOnTcpPorts ACTOR 8 2", send(80, 17, 700_000, 70_000_000, 0, 0)},
		"UDP in single packets":     {"Backdoor:EC2/DenialOfService.Udp ACTOR 8 1", small(60_000, 17, 4444, 11)},
		"SYNs that are answered":    {"Backdoor:EC2/DenialOfService.Tcp ACTOR 8 2", send(443, 6, 700_000, 42_000_000, 700_000, 2)},
		"TCP":                       {"Backdoor:EC2/DenialOfService.Tcp ACTOR 8 2", send(443, 6, 700_000, 42_000_000, 10, 0)},
		"a backup":                  {"", send(443, 6, 5_000_000, 7_000_000_000, 200_000, 2)},
		"a big download":            {"", send(443, 6, 900_000, 46_800_000, 5_000_000, 0)},
		"DNS":                       {"Backdoor:EC2/DenialOfService.Dns ACTOR 8 2", send(53, 17, 80_000, 6_000_000, 0, 0)},
		"a resolver":                {"", send(53, 17, 80_000, 6_000_000, 80_000, 0)},
		"IGMP":                      {"Backdoor:EC2/DenialOfService.UnusualProtocol ACTOR 8 2", send(0, 2, 70_000, 3_000_000, 0, 0)},
		"a tunnel":                  {"", send(0, 47, 7_000_000, 3_000_000_000, 0, 0)},
		"absurd numbers, no answer": {"Backdoor:EC2/DenialOfService.Udp ACTOR 8 2", send(4444, 17, 1<<62, 1<<62, 0, 0)},
	} {
		s := known()
		c.make(s)
		got := types(s.judge(t, Options{}))
		if head, _, _ := strings.Cut(c.want, " 8"); c.want == "" && got != "" || !strings.HasPrefix(got, head) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	inside := known()
	for i := range 3 {
		inside.flow(time.Duration(i+1)*time.Minute, eni, me+":50000", "10.0.4.4:4444", 17, 9_000_000, 900_000_000, 0, minute)
	}
	wants(t, inside, "")
}

func TestSpambot(t *testing.T) {
	mails := func(s *stream, at time.Duration, n int) {
		for i := range n {
			s.session(at+time.Duration(i)*time.Second, eni, fmt.Sprintf("%s:%d", me, 42000+i), hostOn(25)(i))
		}
	}
	const found = "Backdoor:EC2/Spambot ACTOR 5 1"
	s := known()
	mails(s, 25*time.Hour, 3)
	wants(t, s, found)
	s = known() // one host: a cron job that writes to its owner
	mails(s, 25*time.Hour, 1)
	mails(s, 26*time.Hour, 1)
	wants(t, s, "")
	takes := func(s *stream) { s.session(30*time.Minute, eni, "10.0.1.7:40000", me+":25") }
	s = known() // a relay, learned
	takes(s)
	mails(s, time.Hour, 90)
	for d := range 30 {
		mails(s, time.Duration(d)*day, 9)
	}
	wants(t, s, "")
	s = known() // one that was, long ago
	takes(s)
	mails(s, time.Hour, 90)
	s.session(10*day, eni, me+":40000", "10.0.1.1:5432")
	mails(s, 20*day, 3)
	wants(t, s, found)
	s = known() // to many in the first hours, and nobody sends it any
	mails(s, time.Hour, bulkHosts-1)
	wants(t, s, "")
	mails(s, 90*time.Minute, 90)
	wants(t, s, found)
	s = known() // mail that comes in
	for i := range 90 {
		s.session(25*time.Hour, eni, fmt.Sprintf("203.0.113.%d:40000", i), me+":25")
	}
	wants(t, s, "")
}

func TestResolvers(t *testing.T) {
	ask := func(s *stream, at time.Duration, from, server string, proto uint8) {
		s.flow(at, from, me+":42000", server, proto, 2, 120, 2)
		s.flow(at, from, server, me+":42000", proto, 2, 300, 18)
	}
	for server, c := range map[string]struct {
		proto uint8
		want  string
	}{
		"8.8.8.8:53":                 {17, "DefenseEvasion:EC2/UnusualDNSResolver ACTOR 5 1"},
		"1.1.1.1:53":                 {6, "DefenseEvasion:EC2/UnusualDNSResolver ACTOR 5 1"},
		"9.9.9.9:443":                {6, "DefenseEvasion:EC2/UnusualDoHActivity ACTOR 5 1"},
		"94.140.14.14:853":           {6, "DefenseEvasion:EC2/UnusualDoTActivity ACTOR 5 1"},
		"[2606:4700:4700::1111]:443": {6, "DefenseEvasion:EC2/UnusualDoHActivity ACTOR 5 1"},
		"8.8.8.8:80":                 {6, ""},
		"203.0.113.53:853":           {6, ""},
		"10.0.0.2:53":                {17, ""},
		"203.0.113.53:53":            {17, ""},
	} {
		s := known()
		if server[0] == '[' {
			s.flow(25*time.Hour, eni, "[2600::5]:42000", server, c.proto, 9, 900, 2, on(event.FlowEgress))
		} else {
			ask(s, 25*time.Hour, eni, server, c.proto)
		}
		wants(t, s, c.want)
	}
	s := known() // learned, and kept up for weeks
	for d := range 40 {
		ask(s, time.Duration(d)*10*time.Hour, eni, "8.8.8.8:53", 17)
	}
	wants(t, s, "")
	s = known() // what others do
	for i := range 3 {
		ask(s, time.Hour, fmt.Sprintf("eni-other%d", i), "8.8.4.4:53", 17)
	}
	ask(s, 26*time.Hour, eni, "8.8.8.8:53", 17)
	wants(t, s, "")
	s = known() // a machine of today, like one of yesterday
	ask(s, time.Hour, "eni-old", "8.8.4.4:53", 17)
	ask(s, 26*time.Hour, "eni-new", "8.8.8.8:53", 17)
	ask(s, 26*time.Hour, "eni-new", "1.1.1.1:53", 17)
	wants(t, s, "DefenseEvasion:EC2/UnusualDNSResolver ACTOR 5 1")
}
